"""Live tabs that show the same page get the same rendering, made at most once a second.

When something changes, every tab reads its page anew at about the same time. Only pages whose live
regions are the same for everybody of a role are shared, and they are rendered without the form
token of any session: what a tab does not swap in, it ignores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from werkzeug.wrappers import Response

AGE_SECONDS_MAX: Final = 1.0
PAGES_MAX: Final = 64
#: Sent by tabs that read their page anew to swap its live regions.
LIVE_HEADER: Final = 'X-Live'


@dataclass(slots=True)
class SharedPages:
    """The newest renderings by address and role."""

    _lock: Lock = field(default_factory=Lock)
    _made: dict[tuple[str, str], tuple[float, bytes]] = field(default_factory=dict)

    def answer(
        self, key: tuple[str, str], now_seconds: float, make: Callable[[], Response]
    ) -> Response:
        """Return a page made a moment ago, or make it; others who want one wait for it."""
        with self._lock:
            found = self._made.get(key)
            if found is None or now_seconds - found[0] > AGE_SECONDS_MAX:
                response = make()
                if response.status_code != 200:
                    return response
                if len(self._made) >= PAGES_MAX:
                    self._made.clear()
                found = self._made[key] = (now_seconds, response.get_data())
        response = Response(found[1], mimetype='text/html')
        response.headers['Cache-Control'] = 'no-store'
        return response
