"""Style sheets and scripts, from the package itself; addresses carry a hash, so caches may keep
them.
"""

from __future__ import annotations

import gzip
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Final

from werkzeug.wrappers import Response

from synergy.mx.web.errors import unknown
from synergy.mx.web.request_context import RequestContext

#: The folder of what others have made; its README.txt says what, and under which licences.
VENDOR: Final = 'vendor'
_TYPES: Final = {
    'css': 'text/css',
    'js': 'text/javascript',
    'svg': 'image/svg+xml',
    'txt': 'text/plain',
}


def static(request: RequestContext, name: str) -> Response:
    """Return one file of the package."""
    content = _content(name)
    if content is None:
        raise unknown(f'{name!r:.80} is not a file of this dashboard', 'reload the page')
    is_compressed = request.http.accept_encodings['gzip'] > 0
    response = Response(
        _compressed(name) if is_compressed else content,
        mimetype=_TYPES[name.rpartition('.')[2]],
    )
    response.headers['Cache-Control'] = 'public, max-age=31536000, immutable'
    response.headers['Vary'] = 'Accept-Encoding'
    if is_compressed:
        response.headers['Content-Encoding'] = 'gzip'
    response.set_etag(f'{_hash(name)}{"-gzip" if is_compressed else ""}')
    return response.make_conditional(request.http)


def static_url(name: str) -> str:
    """Return the address of a file, another one for another content."""
    return f'/static/{name}?v={_hash(name)}'


@cache
def _content(name: str) -> bytes | None:
    folder = files('synergy.mx') / 'static'
    known = {item.name: item for item in folder.iterdir()}
    known |= {f'{VENDOR}/{item.name}': item for item in (folder / VENDOR).iterdir()}
    if name not in known or name.rpartition('.')[2] not in _TYPES:
        return None
    return known[name].read_bytes()


@cache
def _compressed(name: str) -> bytes:
    return gzip.compress(_content(name) or b'')


@cache
def _hash(name: str) -> str:
    return blake2b(_content(name) or b'', digest_size=6).hexdigest()
