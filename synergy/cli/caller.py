"""Who asks for a change on this machine, and how its Scheduler is rung."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from functools import partial

from synergy.bootstrap import Runtime
from synergy.core.commands import CommandId
from synergy.operations.caller import Caller
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.ports.errors import BrokerError
from synergy.ports.store import Store


def caller_of(runtime: Runtime, store: Store, reason: str | None = None) -> Caller:
    """Return who asks, as of now."""
    return Caller(
        store=store,
        context=runtime.context,
        actor=actor(),
        now=runtime.clock.now(),
        reason=reason,
        ring=partial(_ring, runtime),
        own_box=runtime.settings.box_id,
    )


def actor() -> str:
    """Return who asks, for the audit: user@host."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # As in a container that runs under a number: the password database does not know it.
        name = str(os.getuid())
    return f'{name}@{socket.gethostname()}'


def _ring(runtime: Runtime, command_id: CommandId) -> None:
    try:
        broker = runtime.open_broker(create=False)
        broker.declare([REPORT_ROUTE])
        broker.publish([Message(REPORT_ROUTE, {'command': command_id})])
    except BrokerError as error:
        print(f'the Scheduler could not be rung ({error}); it looks by itself', file=sys.stderr)
