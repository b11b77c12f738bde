"""Answers as they travel: compressed for whoever offers to read that.

Of a compressed answer that holds a secret beside what somebody else has written, the length tells
how alike the two are, so that the secret can be guessed piece by piece (BREACH). Therefore nothing
is compressed that a page of another site has asked for, and the one secret that pages hold, the
form token, is spelled otherwise in each answer; see `synergy.mx.web.security`.
"""

from __future__ import annotations

import gzip
from typing import Final

from werkzeug.wrappers import Request, Response

#: Less fits into one packet whether it is compressed or not.
BYTES_MIN: Final = 1_400
#: Quick, and a tenth of the bytes all the same.
_LEVEL: Final = 1
#: What of an answer is text. A stream of events is sent piece by piece, and never held back.
_TYPES: Final = frozenset(
    {
        'text/html',
        'text/plain',
        'application/json',
        'application/openmetrics-text',
        'application/problem+json',
    }
)
#: What browsers say of a request that a page of another site has made.
_ELSEWHERE: Final = frozenset({'cross-site', 'same-site'})


def compressed(content: bytes) -> bytes:
    """Return content as it is sent to those who read gzip; the same for the same content."""
    return gzip.compress(content, _LEVEL, mtime=0)


def reads_gzip(http: Request) -> bool:
    """Tell whether the answer to a request may be compressed."""
    is_from_elsewhere = http.headers.get('Sec-Fetch-Site') in _ELSEWHERE
    return not is_from_elsewhere and http.accept_encodings['gzip'] > 0


def compress(http: Request, response: Response) -> None:
    """Compress an answer if it is worth it; what is a stream, or compressed already, stays."""
    if (
        response.mimetype not in _TYPES
        or response.is_streamed
        or 'Content-Encoding' in response.headers
    ):
        return
    # A cache in between must not hand what is compressed to somebody who does not read that.
    response.vary.add('Accept-Encoding')
    if response.status_code == 304 or not reads_gzip(http):
        return
    content = response.get_data()
    if len(content) >= BYTES_MIN:
        response.set_data(compressed(content))
        response.headers['Content-Encoding'] = 'gzip'
