"""Asks a dead man's switch for its address."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from synergy.adapters.senders.requests import NoAnswer, ask
from synergy.core.secret_url import SecretUrl

TIME_MAX: Final = timedelta(seconds=10)


class HttpPinger:
    """Asks over http and https."""

    def __init__(self, time_max: timedelta = TIME_MAX) -> None:
        """time_max: of one attempt."""
        self._seconds_max = time_max.total_seconds()

    def ping(self, url: SecretUrl) -> str | None:
        """Ask once; return what went wrong, without anything of the address."""
        try:
            status = ask('GET', url.url, self._seconds_max).status
        except NoAnswer as error:
            return str(error)
        return None if 200 <= status < 300 else f'it answered {status}'
