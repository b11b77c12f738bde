"""Live tabs that show the same page get the same rendering, compressed once for all of them.

When something changes, every tab reads its page again within a moment. Only pages whose live
regions are the same for everybody of a role are shared, and they are rendered without the form
token of any session: what is not in a live region, a tab ignores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from werkzeug.wrappers import Request, Response

from synergy.core.structs import Struct
from synergy.mx.web.compression import compressed, reads_gzip

PAGES_MAX: Final = 64
#: Sent by tabs that read their page again; what is around its live regions, they do not get.
LIVE_HEADER: Final = 'X-Live'


class _Rendering(Struct, frozen=True):
    made_at: float
    plain: bytes
    compressed: bytes


@dataclass(slots=True)
class _Page:
    """A page that is shared. lock: held while it is rendered, so that it is rendered once."""

    lock: Lock = field(default_factory=Lock)
    newest: _Rendering | None = None


@dataclass(slots=True)
class PageCache:
    """The newest renderings by address and role; a slow page holds up only those who want it."""

    _lock: Lock = field(default_factory=Lock)
    _pages: dict[tuple[str, str], _Page] = field(default_factory=dict)

    def answer(
        self,
        http: Request,
        role: str,
        now_seconds: float,
        age_seconds_max: float,
        make: Callable[[], Response],
    ) -> Response:
        """Return a page made a moment ago, or make it; others who want one wait for it."""
        page = self._page((http.full_path, role))
        with page.lock:
            found = page.newest
            if found is None or now_seconds - found.made_at > age_seconds_max:
                response = make()
                if response.status_code != 200:
                    return response
                plain = response.get_data()
                found = _Rendering(now_seconds, plain, compressed(plain))
                page.newest = found
        is_compressed = reads_gzip(http)
        response = Response(found.compressed if is_compressed else found.plain)
        response.mimetype = 'text/html'
        response.headers['Vary'] = 'Accept-Encoding'
        if is_compressed:
            response.headers['Content-Encoding'] = 'gzip'
        return response

    def _page(self, key: tuple[str, str]) -> _Page:
        with self._lock:
            if key not in self._pages and len(self._pages) >= PAGES_MAX:
                self._pages.clear()
            return self._pages.setdefault(key, _Page())
