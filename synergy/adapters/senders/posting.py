"""What others are told of runs, as one POST: taken, not now, or never."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Final

from synergy import __version__
from synergy.adapters.senders.requests import NoAnswer, ask
from synergy.core.secret_url import SecretUrl
from synergy.ports.telemetry import NotTaken

#: Of a whole attempt.
SECONDS_MAX: Final = 5.0
#: What is not taken however often it is sent. 401, 403 and 404 are not among them: a key, or an
#: address, may be corrected.
_FINAL: Final = frozenset({400, 413, 415, 422})
_COMPRESSED_FROM: Final = 2_000


def post(
    url: SecretUrl,
    kind: str,
    body: bytes,
    headers: Mapping[str, str],
    seconds_max: float = SECONDS_MAX,
) -> None:
    """Send `body`, of the media type `kind`; raise NotTaken unless the answer is a 2xx.

    Of an answer nothing but its status is told, of an address its host.
    """
    sent = {'Content-Type': kind, 'User-Agent': f'synergy-scheduler/{__version__}', **headers}
    if len(body) >= _COMPRESSED_FROM:
        body = gzip.compress(body, 3)
        sent['Content-Encoding'] = 'gzip'
    try:
        answer = ask('POST', url.url, seconds_max, body, sent)
    except NoAnswer as error:
        raise NotTaken(f'{url}: {error}') from None
    if not 200 <= answer.status < 300:
        why = f'{url} answers with status {answer.status}'
        raise NotTaken(why, is_final=answer.status in _FINAL)
