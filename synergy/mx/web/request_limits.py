"""What a request may be at most, looked at before anything reads it.

The server itself ends a request whose header or body is too long (`synergy.mx.main`); here the rest
is refused with a reason, as a page or as a problem document: long addresses, many parameters, long
values, the character 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from werkzeug.wrappers import Request

from synergy.mx.web.errors import Refused, wrong

#: Forms and JSON are no longer than this.
BODY_BYTES_MAX: Final = 256 * 1024
#: Twice as much is read, so that there is an answer with a reason; more ends the connection.
SERVER_BYTES_MAX: Final = 2 * BODY_BYTES_MAX
#: Request line and headers.
HEADER_BYTES_MAX: Final = 64 * 1024
PATH_LENGTH_MAX: Final = 2_000
QUERY_LENGTH_MAX: Final = 16 * 1024
#: Of one parameter of an address; texts that may be longer come in forms.
PARAMETER_LENGTH_MAX: Final = 2_000
#: Parameters of an address, and fields of a form.
COUNT_MAX: Final = 200
_NAME_LENGTH_MAX: Final = 200


def check_request(http: Request) -> None:
    """Refuse a request that is longer, or has more parts, than any page or program sends."""
    if (http.content_length or 0) > BODY_BYTES_MAX:
        raise _too_long(413, 'Too large', 'the body', http.content_length, BODY_BYTES_MAX)
    if len(http.path) > PATH_LENGTH_MAX:
        raise _too_long(414, 'Too long', 'the path', len(http.path), PATH_LENGTH_MAX)
    if len(http.query_string) > QUERY_LENGTH_MAX:
        raise _too_long(414, 'Too long', 'the address', len(http.query_string), QUERY_LENGTH_MAX)
    if '\0' in http.path:
        raise wrong('the path contains NUL, the character 0', 'leave it out')
    _check('parameter', http.args.items(multi=True), PARAMETER_LENGTH_MAX)
    if http.method == 'POST' and http.mimetype != 'application/json':
        _check('field', http.form.items(multi=True), BODY_BYTES_MAX)


def _check(what: str, given: Iterable[tuple[str, str]], length_max: int) -> None:
    for number, (name, value) in enumerate(given):
        if number >= COUNT_MAX:
            raise wrong(f'there are more than {COUNT_MAX} {what}s', 'send fewer')
        if len(name) > _NAME_LENGTH_MAX:
            raise wrong(
                f'the name of a {what} has {len(name)} characters',
                f'give one of at most {_NAME_LENGTH_MAX}',
            )
        if len(value) > length_max:
            raise wrong(f'{name!r:.60} has {len(value)} characters', f'give at most {length_max}')
        if '\0' in name or '\0' in value:
            raise wrong(f'{name!r:.60} contains NUL, the character 0', 'leave it out')
        if not (name.isascii() and value.isascii()):
            _check_encodable(name, value)


def _check_encodable(name: str, value: str) -> None:
    try:
        f'{name}{value}'.encode()
    except UnicodeEncodeError as error:
        raise wrong(
            f'{name!r:.60} contains half of a surrogate pair', 'send texts in UTF-8'
        ) from error


def _too_long(status: int, title: str, what: str, length: int | None, most: int) -> Refused:
    return Refused(status, title, f'{what} has {length:,} bytes', f'send at most {most:,}')
