"""Links in messages by which whoever has one says that somebody sees to the alerts of it.

A link is signed: it names one group of alerts and when it was made, and needs no login, for who is
told at night is not at a dashboard. So it is worth as little as can be: it acknowledges that group,
for so long, and does nothing else. Looking at it changes nothing: mail scanners open every link.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from itsdangerous import BadData, URLSafeSerializer

from synergy.core.alert_records import Alert
from synergy.core.structs import Struct

#: A message may be on its way for a week; then there is still another one.
LIFETIME: Final = timedelta(days=14)
#: Where a link leads to, before its token.
PATH: Final = '/acknowledge/'
TOKEN_LENGTH_MAX: Final = 1_000
#: Another one than of sessions: neither can stand for the other.
_SALT: Final = 'acknowledge alerts'
_MEMBERS: Final = 2


class AlertLink(Struct, frozen=True, kw_only=True):
    """What a link says. group: which it acknowledges. made_at: to the second."""

    group: str
    made_at: datetime

    def is_about(self, alerts: Sequence[Alert]) -> bool:
        """Tell whether a group of alerts is the one that it was made for.

        What is remembered may have been lost since: then numbers begin again.
        """
        return any(alert.began_at < self.made_at + timedelta(seconds=1) for alert in alerts)


class LinkRefused(Exception):
    """A link is not one of ours, or too old. is_old: it was one."""

    def __init__(self, *, is_old: bool) -> None:
        """Say which of the two."""
        super().__init__('the link is too old' if is_old else 'the link is not one of ours')
        self.is_old = is_old


class AlertLinks:
    """Makes and reads the links of one installation."""

    def __init__(self, secret: str) -> None:
        """Sign with the secret of the installation, as the store keeps it."""
        self._serializer = URLSafeSerializer(
            secret, salt=_SALT, signer_kwargs={'digest_method': sha256}
        )

    def address(self, site: str, group: str, at: datetime) -> str:
        """Return the link that acknowledges a group. site: address of the dashboard."""
        token = self._serializer.dumps([group, int(at.timestamp())])
        return f'{site.rstrip("/")}{PATH}{token}'

    def read(self, token: str, now: datetime) -> AlertLink:
        """Return what a link says; raise LinkRefused."""
        if len(token) > TOKEN_LENGTH_MAX:
            raise LinkRefused(is_old=False)
        try:
            found: Any = self._serializer.loads(token)
        except BadData as error:
            raise LinkRefused(is_old=False) from error
        match found:
            case [str(group), int(seconds)] if len(found) == _MEMBERS:
                link = AlertLink(group=group, made_at=datetime.fromtimestamp(seconds, UTC))
            case _:
                raise LinkRefused(is_old=False)
        if now - link.made_at > LIFETIME:
            raise LinkRefused(is_old=True)
        return link
