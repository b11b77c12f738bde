"""Secrets within URIs: passwords, tokens in the address of a webhook, `user:password@host`."""

from __future__ import annotations

import re
from typing import Final

from synergy.core.late_pattern import late_pattern
from synergy.core.uri import MASK, without_password

_HOOK: Final = late_pattern(
    r'(hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/'
    r'|webhook\.office\.com/|api\.telegram\.org/bot|outlook\.office\.com/webhook/)[^\s"\'<>]+',
    re.I,
)
#: A URI up to a space or a quote. What follows its scheme is looked at by itself.
_URI: Final = late_pattern(
    r'(?<![A-Za-z0-9+.-])([a-z][a-z0-9+.-]{0,30}):(//|\\\\)([^\s"\'<>`|]+)', re.I
)
_URI_SPACED: Final = late_pattern(
    r'(?<![A-Za-z0-9+.-])([a-z][a-z0-9+.-]{0,30}:(?://|\\\\))([^\s/@"\'<>:]*+:(?!\d{1,5}(?:[/?#\s,]|$))'
    r'[^\s@"\'<>]{0,200}[ \t][^\n@"\'<>]{1,200}@)',
    re.I,
)
_URI_OF_STORE: Final = late_pattern(
    r'(?<![A-Za-z0-9+.-])((?:mongodb(?:\+srv)?|amqps?|sqlite|embedded|rediss?|postgres(?:ql)?|mysql'
    r'|mariadb|https?|ftps?|sftp|ldaps?|smtps?)(?![\w+.-])[ \t]?:?[ \t]?/{0,2})'
    r'([^\s/@"\'<>:,]{1,200}:[^\s"\'<>]*@)',
    re.I,
)
_MAIL_WORDS: Final = 'mailto|from|to|cc|bcc|by|email|e-mail|mail|contact|sender|author|actor|user'
#: `user:password@host` without a scheme; not `Cleaner::nightly@20261122010203`.
_BARE: Final = late_pattern(
    rf'(?<![\w.:/@%+-])(?!(?:{_MAIL_WORDS}):)([A-Za-z0-9_.%+-]{{1,80}}+):(?!:|//)([^\s:@"\'<>,;][^\s@"\'<>,;]{{0,200}})'
    r'@(?!\d{10}\b|\d{14}\b)(?=[A-Za-z0-9\[%])',
    re.I,
)


def without_uris(text: str) -> str:
    """Return a text whose URIs, and what looks like one without its scheme, hold no secret."""
    if '://' in text or '\\\\' in text:
        text = _URI_SPACED.sub(rf'\1{MASK}@', text)
        text = _URI.sub(_hidden_uri, text)
        text = _HOOK.sub(rf'\1{MASK}', text)
    # With a colon before it: most that have an `@` are names of jobs and addresses.
    if any(':' in word[: word.rfind('@')] for word in text.split() if '@' in word):
        text = _URI_OF_STORE.sub(_hidden_store, text)
        text = _BARE.sub(_hidden_bare, text)
    return text


def _hidden_uri(found: re.Match[str]) -> str:
    scheme, slashes, rest = found.groups()
    before, at, after = rest.rpartition('@')
    place = before.find('/')
    # https://example.com/@anna holds no password; one with slashes in it follows a colon.
    if at and (place < 0 or ':' in before[:place]):
        user, colon, _ = before.partition(':')
        shown = user if colon and MASK not in user else ''
        rest = f'{shown}{colon}{MASK}@{after}' if colon else f'{MASK}@{after}'
    elif not at and scheme.lower().startswith(('mongodb', 'amqp', 'redis', 'postgres', 'mysql')):
        return without_password(found[0]) if MASK not in rest else found[0]
    return f'{scheme}:{slashes}{rest}'


def _hidden_store(found: re.Match[str]) -> str:
    return found[0] if MASK in found[2] else f'{found[1]}{MASK}@'


def _hidden_bare(found: re.Match[str]) -> str:
    # `at 12:30@host` is a time.
    is_time = found[1].isdecimal() and found[2].isdecimal()
    return found[0] if is_time else f'{found[1]}:{MASK}@'
