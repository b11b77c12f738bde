"""The dashboard of another machine as the command line reaches it: its API over HTTP.

Nothing but the standard library; no redirect is followed, so a token never reaches another host.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from synergy.cli.command import CommandError, ExitCode
from synergy.core.bounded import ANSWER, BODY, loads
from synergy.core.printable import printable
from synergy.operations.refusal import OperationRefused, RefusalKind

TIMEOUT_SECONDS: Final = 30.0
#: How often to look whether something has come about.
LOOK_SECONDS: Final = 0.2
PAGE_ROWS: Final = 1000
#: Other statuses refuse nothing that was asked for: the dashboard cannot be used.
_KIND_BY_STATUS: Final = {
    kind.status: kind
    for kind in (
        RefusalKind.MALFORMED, RefusalKind.UNKNOWN, RefusalKind.CONFLICT, RefusalKind.NOTHING,
    )
}  # fmt: skip


class _Unfollowed(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow nothing: the answer is then an HTTPError."""


class HttpClient:
    """One dashboard, spoken to with one token."""

    def __init__(self, url: str, token: str | None, key: str | None = None) -> None:
        """Keep the address; raise CommandError when it is none.

        key: of the one change that is asked for, if it has one of its own.
        """
        parts = urlsplit(url)
        if parts.scheme not in ('http', 'https') or not parts.netloc:
            raise CommandError(
                f'{url!r} is not the address of a dashboard; give --server http://HOST:5000',
                ExitCode.USAGE,
            )
        self._url = url.rstrip('/')
        self._token = token
        self._key = key
        self._opener: OpenerDirector = build_opener(_Unfollowed)

    def get(self, *path: str, **query: object) -> Any:
        """Return what is at a path; query: None is left out."""
        given = {name: value for name, value in query.items() if value is not None}
        return self._send('GET', path, f'?{urlencode(given, doseq=True)}' if given else '')

    def items(self, *path: str, limit: int | None = None, **query: object) -> Iterator[Any]:
        """Yield the items of a list, page by page, `limit` at most."""
        cursor: str | None = None
        left = limit
        while left is None or left > 0:
            rows = PAGE_ROWS if left is None else min(left, PAGE_ROWS)
            page = self.get(*path, limit=rows, cursor=cursor, **query)
            before, cursor = cursor, page['next_cursor']
            yield from page['items'][:left]
            for row in page.get('unreadable', ()):
                text = f'row {row["row"]} of {row["table"]} cannot be read: {row["problem"]}'
                print(text, file=sys.stderr)
            unnamed = page.get('unreadable_count', 0) - len(page.get('unreadable', ()))
            if unnamed > 0:
                print(f'... {unnamed:,} more rows cannot be read', file=sys.stderr)
            left = None if left is None else left - len(page['items'])
            if cursor is None or cursor == before:
                return

    def post(self, *path: str, key: str | None = None, **body: object) -> Any:
        """Ask for a change. key: asking again by the same one does nothing."""
        given = {name: value for name, value in body.items() if value is not None}
        return self._send('POST', path, '', given, key or self._key or uuid.uuid4().hex)

    def _send(
        self,
        method: str,
        path: tuple[str, ...],
        query: str,
        body: Mapping[str, object] | None = None,
        key: str | None = None,
    ) -> Any:
        place = '/'.join(quote(part, safe='') for part in path)
        request = Request(f'{self._url}/api/v1/{place}{query}', method=method)
        request.add_header('Accept', 'application/json')
        if self._token is not None:
            request.add_header('Authorization', f'Bearer {self._token}')
        if body is not None and key is not None:
            request.data = json.dumps(body).encode()
            request.add_header('Content-Type', 'application/json')
            request.add_header('Idempotency-Key', key)
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return loads(answer.read(ANSWER.length + 1), ANSWER)
        except HTTPError as error:
            raise self._refused(error) from error
        except (URLError, HTTPException, OSError) as error:
            reason = getattr(error, 'reason', error)
            raise CommandError(
                f'the dashboard {self._url} cannot be reached ({reason}); check --server or '
                'SYNERGY_SERVER, and that MX runs there',
                ExitCode.UNAVAILABLE,
            ) from error
        except ValueError as error:
            raise CommandError(
                f'{self._url} does not speak the API of Synergy ({error}); check --server',
                ExitCode.UNAVAILABLE,
            ) from error

    def _refused(self, error: HTTPError) -> Exception:
        """Return why nothing was done; the dashboard says so, as it would say it on a page."""
        try:
            problem: Any = loads(error.read(BODY.length + 1), BODY)
            what, advice = printable(problem['detail']), printable(problem['advice'])
        except (ValueError, KeyError, TypeError):
            what, advice = f'{self._url} answered {error.code} {error.reason}', 'check --server'
        if error.code == 401:
            advice += '; then give it by --token or SYNERGY_TOKEN'
        kind = _KIND_BY_STATUS.get(error.code)
        if kind is None:
            return CommandError(f'{what}; {advice}', ExitCode.UNAVAILABLE)
        return OperationRefused(kind, what, advice)
