"""Texts that steer a terminal or hide letters, in a store, as others may have written them."""

from __future__ import annotations

from datetime import datetime, timedelta

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.records import Box, ProcessName
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.ports.store import Store


def write(store: Store, text: str, now: datetime, *, request: str, box_id: str) -> None:
    """Write `text` as all that is said of a request that is done, and of a box."""
    stamp = containing_utc(Qualifier.REAL_TIME, now)
    store.insert_command(
        Command(
            id=CommandId(request),
            kind=CommandKind.BOX,
            process=ProcessName('dev'),
            start=stamp,
            end=stamp.shift(1),
            actor=text,
            reason=text,
            state=CommandState.DONE,
            created_at=now,
            finished_at=now,
            outcome=text,
        )
    )
    box = Box(box_id=box_id, host=text, home=text, pid=1, version=text)
    store.heartbeat(box, timedelta(seconds=15))
