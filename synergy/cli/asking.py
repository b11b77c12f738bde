"""Asking the Scheduler for something: insert a command, ring, and wait for its first answer."""

from __future__ import annotations

import getpass
import os
import socket
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from synergy import bootstrap
from synergy.bootstrap import Runtime
from synergy.cli.command import ExitCode
from synergy.cli.console import print_json
from synergy.cli.tables import sentence
from synergy.conf.model import Context
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.records import Json, ProcessName, is_led
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.core.timetable import Timetable
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.ports.errors import BrokerError
from synergy.ports.store import Store
from synergy.view.encode import encode_command
from synergy.view.index import load_index

#: How long to wait for the Scheduler's first answer.
ANSWER_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Asking:
    """An open store and broker, as of `now`."""

    runtime: Runtime
    store: Store
    now: datetime

    @property
    def context(self) -> Context:
        """Return the context."""
        return self.runtime.context

    def index(self) -> Timetable:
        """Return the index of the store."""
        return load_index(self.context.hierarchy, self.store, self.now)

    def ask(self, command: Command) -> Command:
        """Insert a command and ring; return it as it stands after a short wait."""
        self.store.insert_command(command)
        try:
            broker = self.runtime.open_broker()
            broker.declare([REPORT_ROUTE])
            broker.publish([Message(REPORT_ROUTE, {'command': command.id})])
        except BrokerError as error:
            print(f'the Scheduler could not be rung ({error}); it looks by itself', file=sys.stderr)
        clock = self.runtime.clock
        until = clock.monotonic() + ANSWER_SECONDS
        while self._is_led():
            found = self.store.command(command.id)
            assert found is not None, 'it was inserted above'
            if found.state is not CommandState.REQUESTED or clock.monotonic() >= until:
                return found
            clock.sleep(_LOOK_SECONDS)
        return self.store.command(command.id) or command

    def _is_led(self) -> bool:
        return is_led(self.store.leadership(), self.store.store_now())


@contextmanager
def asking() -> Iterator[Asking]:
    """Yield the store of this home, which must exist."""
    settings, context = bootstrap.load()
    with bootstrap.open_runtime(settings, context) as runtime:
        yield Asking(runtime, runtime.open_store(create=False), runtime.clock.now())


def actor() -> str:
    """Return who asks, for the audit: user@host."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # As in a container that runs under a number: the password database does not know it.
        name = str(os.getuid())
    return f'{name}@{socket.gethostname()}'


def new_id() -> CommandId:
    """Return an id that no other command has."""
    return CommandId(uuid.uuid4().hex[:12])


def record(
    store: Store, now: datetime, kind: CommandKind, process: str, details: Mapping[str, Json],
    reason: str | None = None,
) -> None:  # fmt: skip
    """Write down what has been done already, for the audit."""
    stamp = containing_utc(Qualifier.REAL_TIME, now)
    store.insert_command(
        Command(
            id=new_id(),
            kind=kind,
            process=ProcessName(process),
            start=stamp,
            end=stamp.shift(1),
            details=details,
            actor=actor(),
            reason=reason,
            state=CommandState.DONE,
            created_at=now,
            finished_at=now,
            outcome='done',
        )
    )


def tell(command: Command, *, is_json: bool) -> ExitCode:
    """Print how a command stands; return the exit code that says the same."""
    if is_json:
        print_json(encode_command(command))
    else:
        print(sentence(encode_command(command)))
    return ExitCode.FOUND if command.state is CommandState.REFUSED else ExitCode.OK
