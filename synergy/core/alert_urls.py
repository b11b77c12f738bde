"""Addresses of receivers: our own webhook, and those that the library apprise knows.

What they mean is told apart here by form alone; whether apprise can make something of one is asked
where apprise may be imported. Messages never repeat more of an address than its scheme.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from synergy.core.nearest import nearest

URL_LENGTH_MAX: Final = 2_048
#: Our own webhook, over http and https.
HOOK: Final = 'hook'
HOOKS: Final = 'hooks'
#: Schemes of ours, by what apprise calls them.
_MAIL: Final = {'mail': 'mailto', 'mails': 'mailtos'}
_SCHEME: Final = re.compile(r'([A-Za-z][A-Za-z0-9+.-]{0,30})://')
_HOST: Final = re.compile(
    r'\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?'
)
#: Of messages, where apprise is not there to ask.
_FREQUENT: Final = (
    'hook', 'hooks', 'mail', 'mails', 'mailto', 'mailtos', 'slack', 'msteams', 'workflows',
    'pagerduty', 'opsgenie', 'tgram', 'ntfy', 'ntfys', 'discord', 'json', 'jsons', 'signal',
)  # fmt: skip
#: A label of a host; longer ones, and empty ones, cannot be looked up.
_LABEL_LENGTH_MAX: Final = 63
#: What no service that sends to people is called, whether apprise is there to ask or not.
_NOBODY: Final = frozenset({'data', 'file', 'ftp', 'ftps', 'javascript', 'sftp', 'ssh', 'tcp'})
#: Taken for what people mean by them.
_MEANT: Final = {'http': HOOK, 'https': HOOKS, 'telegram': 'tgram', 'teams': 'msteams'}


class Hook(NamedTuple):
    """A webhook of our own. url: http or https, without the secret. secret: signs what is sent."""

    url: str
    secret: str | None


def scheme_of(url: str) -> str:
    """Return the scheme of an address, in small letters; empty: it has none."""
    found = _SCHEME.match(url)
    return '' if found is None else found[1].lower()


def is_hook(url: str) -> bool:
    """Tell whether an address is of our own webhook."""
    return scheme_of(url) in (HOOK, HOOKS)


def url_problem(url: str) -> str | None:
    """Return what makes no sense about an address, by its form alone; None: nothing does."""
    if len(url) > URL_LENGTH_MAX:
        return f'it is longer than {URL_LENGTH_MAX:,} characters'
    if any(not character.isprintable() for character in url) or url != url.strip():
        return 'it begins or ends with a blank, or holds a character that cannot be printed'
    scheme = scheme_of(url)
    if not scheme:
        return "it does not begin with a scheme; write it as in 'hooks://example.com/alerts'"
    if scheme in _MEANT:
        return f'{scheme}:// says where and not how; write {_MEANT[scheme]}://'
    if scheme in _NOBODY:
        return f'nobody is told through {scheme}://; give a service, or hooks:// of a program'
    if scheme not in (HOOK, HOOKS):
        return 'nothing follows its scheme' if not url[len(scheme) + 3 :] else None
    return _hook_problem(url)


def unknown_scheme(url: str) -> str:
    """Return that apprise makes nothing of an address, with the scheme that was meant, if any."""
    scheme = scheme_of(url)
    if scheme in _FREQUENT:
        return f'apprise cannot read it; see there how an address of {scheme} is written'
    hint = nearest(scheme, _FREQUENT)
    return f'apprise knows nobody who sends to {scheme}{hint}; see its list of services'


def hook_of(url: str) -> Hook:
    """Return the webhook that a sound address of one means.

    `hooks://SECRET@example.com/alerts`: the secret stands before the host.
    """
    parts = urlsplit(url)
    scheme = 'https' if scheme_of(url) == HOOKS else 'http'
    credentials, at, place = parts.netloc.rpartition('@')
    query = f'?{parts.query}' if parts.query else ''
    secret = unquote(credentials) if at else None
    return Hook(url=f'{scheme}://{place}{parts.path or "/"}{query}', secret=secret)


def for_apprise(url: str) -> str:
    """Return an address as apprise calls it."""
    scheme = scheme_of(url)
    return _MAIL.get(scheme, scheme) + url[len(scheme) :]


def _hook_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return 'its host or its port cannot be read; write it as in hooks://example.com/path'
    return _hook_parts_problem(parts, port)


def _hook_parts_problem(parts: SplitResult, port: int | None) -> str | None:
    host = parts.netloc.rpartition('@')[2]
    host = host.removesuffix(f':{port}') if port is not None else host.removesuffix(':')
    if not host:
        return 'it names no host; write it as in hooks://example.com/path'
    if _HOST.fullmatch(host) is None or not _are_labels(host):
        return 'its host cannot be one; write it as in hooks://example.com/path'
    if port == 0:
        return 'its port is 0; give one from 1 to 65535'
    if not (told := parts.path + parts.query).isascii() or ' ' in told:
        return 'its path holds a blank, or a letter that is not ASCII; write %20, or %C3%A4 for ä'
    if parts.fragment:
        return 'it has a part behind #, which is never sent; leave that out, or write it as %23'
    if '@' in parts.netloc and not parts.netloc.rpartition('@')[0]:
        return 'its secret is empty; leave the @ out, or give one'
    return None


def _are_labels(host: str) -> bool:
    if host.startswith('['):
        return True
    return all(0 < len(label) <= _LABEL_LENGTH_MAX for label in host.split('.'))
