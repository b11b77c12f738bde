"""Who asks for an action, through which store, at which instant, and for which reason."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

from synergy.conf.model import Context
from synergy.core.commands import CommandId, CommandKind
from synergy.core.structs import Struct
from synergy.ports.store import Store


def random_id(_kind: CommandKind, _thing: str) -> CommandId:
    """Return an id that no other command has."""
    return CommandId(secrets.token_hex(6))


class Caller(Struct, frozen=True, kw_only=True):
    """What every action is asked with.

    actor: who, and from where, for the audit. ring: tells the Scheduler of a command. id_of: the id
    of the command that does something to a thing; the same for what is asked twice, by which it is
    known again. has_key, fingerprint: the id is of a key that the caller has chosen, and
    fingerprint of all that it asks for under it. has_name: the id itself was chosen. is_admin: may
    write arguments that are code. own_box: the box that the caller works on; it counts as known
    before it was ever seen.
    """

    store: Store
    context: Context
    actor: str
    now: datetime
    ring: Callable[[CommandId], None]
    reason: str | None = None
    id_of: Callable[[CommandKind, str], CommandId] = random_id
    has_key: bool = False
    fingerprint: str | None = None
    has_name: bool = False
    is_admin: bool = True
    own_box: str | None = None
