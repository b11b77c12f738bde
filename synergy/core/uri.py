"""URIs as people may see them: without user, password and options that may be secret.

Who mistypes a URI must not be shown its password either. So nothing is taken for what the URI's
grammar says: all before the last `@` is hidden, and what then does not look like hosts and a
database is hidden, too.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

from synergy.core.late_pattern import late_pattern

MASK: Final = '•••'
#: Longer than any URI that anybody wrote.
_LENGTH_MAX: Final = 4096
_START: Final = late_pattern(r'\s*([a-z][a-z0-9+.-]{0,30})\s*:\s*([/\\]{0,2})', re.I)
#: Schemes that count without the slashes.
_KNOWN: Final = frozenset(
    [
        'mongodb', 'mongodb+srv', 'amqp', 'amqps', 'sqlite', 'embedded', 'file', 'http', 'https',
        'ftp', 'ftps', 'sftp', 'ssh', 'redis', 'rediss', 'postgres', 'postgresql', 'mysql',
        'mariadb', 'mssql', 'oracle', 'ldap', 'ldaps', 'smtp', 'smtps', 'kafka', 'nats', 'mqtt',
        'mqtts', 'rabbitmq', 'memcached', 's3', 'jdbc'
    ]
)  # fmt: skip
_FILES: Final = frozenset(('sqlite', 'embedded', 'file'))
_HOST: Final = late_pattern(r'(?:\[[0-9a-f:.%]+\]|%2F[\w.%-]+|[\w.-]*)(?::(\d{1,5}))?', re.I)
_PATH: Final = late_pattern(r'(?:/[\w.%+~ -]*)*')
_PORT_MAX: Final = 65_535
#: Options of drivers that are shown with their values; of all others, the name alone.
_SHOWN_OPTIONS: Final = frozenset(
    [
        'replicaset', 'authsource', 'authmechanism', 'tls', 'ssl', 'w', 'wtimeoutms', 'journal',
        'readpreference', 'readconcernlevel', 'directconnection', 'retrywrites', 'retryreads',
        'connecttimeoutms', 'sockettimeoutms', 'serverselectiontimeoutms', 'heartbeatfrequencyms',
        'maxpoolsize', 'heartbeat', 'connection_attempts', 'retry_delay', 'socket_timeout',
        'blocked_connection_timeout', 'mode'
    ]
)  # fmt: skip
_OPTION: Final = late_pattern(r'([\w.-]{1,40})=([\w.,-]{0,60})')
_PIECES: Final = late_pattern(r'[/\\:@?#&=,;\s\'"]+')
_PIECE_LENGTH_MIN: Final = 3


def without_password(uri: str) -> str:
    """Return a URI without its secrets, for logs, errors and pages."""
    text = str(uri).strip()
    if len(text) > _LENGTH_MAX:
        return MASK
    head, rest = _parted(text)
    if head.partition(':')[0].lower() in _FILES and rest.startswith(('/', '\\')):
        return head + _shown_path(rest)
    _, at, place = rest.rpartition('@')
    shown = _shown_place(place)
    return f'{head}{MASK}{at}{shown}' if at and shown != MASK else head + shown


def without_secrets_of(text: str, uri: str) -> str:
    """Return a text, such as a driver's error, without the parts of `uri` that are hidden."""
    shown = without_password(uri)
    if uri:
        text = text.replace(uri, shown)
    pieces: set[str] = set()
    for whole in (uri, unquote(uri)):
        _, rest = _parted(whole)
        credentials, at, _ = rest.rpartition('@')
        if at:
            pieces |= {credentials, credentials.partition(':')[2], unquote(credentials)}
        pieces |= set(_PIECES.split(rest[:_LENGTH_MAX]))
    pieces |= {quote(piece, safe='', errors='replace') for piece in pieces}
    known = set(_PIECES.split(shown)) | {name for name, _ in _OPTION.findall(shown)}
    # A scheme that lost its colon is not a secret; without it messages could not say what to write.
    for piece in sorted(pieces - known - _KNOWN, key=len, reverse=True):
        if len(piece) >= _PIECE_LENGTH_MIN:
            # Within longer words, too: a driver may have cut elsewhere.
            text = text.replace(piece, MASK)
    return text


def _parted(text: str) -> tuple[str, str]:
    """Return scheme and slashes, and what follows; a scheme that is none may be a user's name."""
    start = _START.match(text)
    if start is None or (len(start[2]) < 2 and start[1].lower() not in _KNOWN):
        return '', text
    return text[: start.end()].strip(), text[start.end() :]


def _shown_path(path: str) -> str:
    place, mark, options = path.partition('?')
    before, at, after = place.rpartition('@')
    if at and ':' in before:
        place = f'{MASK}@{after}'
    return place + (_shown_options(options) if mark else '')


def _shown_place(place: str) -> str:
    """Return hosts, database and options; the mask when they do not look like that."""
    end = re.search(r'[/?#]', place)
    hosts, rest = (place, '') if end is None else (place[: end.start()], place[end.start() :])
    path, mark, options = rest.partition('?')
    matches = [_HOST.fullmatch(host) for host in hosts.split(',')]
    are_hosts = all(found and int(found[1] or 0) <= _PORT_MAX for found in matches)
    if not are_hosts or _PATH.fullmatch(path) is None:
        return MASK
    return hosts + path + (_shown_options(options) if mark else '')


def _shown_options(options: str) -> str:
    shown = []
    for option in re.split(r'[&;]', options):
        found = _OPTION.fullmatch(option)
        if found is not None and found[1].lower() in _SHOWN_OPTIONS:
            shown.append(option)
        else:
            name, is_named, _ = option.partition('=')
            is_name = is_named and re.fullmatch(r'[A-Za-z_.]{1,40}', name)
            shown.append(f'{name}={MASK}' if is_name else MASK)
    return '?' + '&'.join(shown)
