"""Boxes as people see them: which live, which have vanished, who leads and who stands by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Final

from synergy.conf.names import PROCESS_SCHEDULER
from synergy.core.records import Box, BoxProcess, Leadership
from synergy.core.structs import Struct
from synergy.core.supervision import ProcessStatus
from synergy.ports.store import Reader

#: What a process without a row or a report is shown as.
NEVER_STARTED: Final = 'never started'
_UP: Final = (ProcessStatus.RUNNING.value, ProcessStatus.DRAINING.value)
_ILL: Final = (ProcessStatus.FATAL.value, ProcessStatus.BACKOFF.value)


class Presence(StrEnum):
    """What is known of a box's Supervisor."""

    ALIVE = 'alive'
    VANISHED = 'vanished'
    STOPPED = 'stopped'
    UNSEEN = 'never seen'


class BoxView(Struct, frozen=True, kw_only=True):
    """A box with its processes. silent_for: since its last heartbeat, by the store's clock."""

    box: Box
    presence: Presence
    silent_for: timedelta | None
    processes: Sequence[BoxProcess]

    def is_up(self, row: BoxProcess) -> bool:
        """Tell whether a process runs: of a box that has vanished, nothing is known to."""
        return self.presence is Presence.ALIVE and row.state in _UP

    def is_wanted(self, row: BoxProcess) -> bool:
        """Tell whether a process ought to run now: on, reported once, and its box neither stopped
        in order nor drained.
        """
        is_drained = self.box.is_draining and row.state == ProcessStatus.STOPPED.value
        is_meant = row.is_on and row.state is not None and not is_drained
        return is_meant and self.presence in (Presence.ALIVE, Presence.VANISHED)

    def is_ill(self, row: BoxProcess) -> bool:
        """Tell whether a process does not come up or stay up, on a box that lives."""
        is_ill = row.state in _ILL or row.reason is not None
        return self.presence is Presence.ALIVE and row.is_on and is_ill


class SchedulerView(Struct, frozen=True, kw_only=True):
    """A Scheduler that runs: the one that leads, or a standby. owner: `box:pid`."""

    owner: str
    is_leading: bool


def box_views(store: Reader, vanished_after: timedelta) -> list[BoxView]:
    """Return every box by id: those that were seen, and those for which something is desired."""
    rows_by_box: dict[str, list[BoxProcess]] = {}
    for row in store.box_processes():
        rows_by_box.setdefault(row.box_id, []).append(row)
    box_by_id = {box.box_id: box for box in store.boxes()}
    now = store.store_now()
    views = []
    for box_id in sorted({*box_by_id, *rows_by_box}):
        box = box_by_id.get(box_id) or Box(box_id=box_id)
        silent_for = None if box.seen_at is None else now - box.seen_at
        views.append(
            BoxView(
                box=box,
                presence=_presence(box, silent_for, vanished_after),
                silent_for=silent_for,
                processes=rows_by_box.get(box_id, []),
            )
        )
    return views


def schedulers(
    views: Sequence[BoxView], leadership: Leadership | None, *, is_led: bool
) -> list[SchedulerView]:
    """Return the leader, if one leads, then the standbys on boxes that live.

    A standby that was started without a Supervisor is not seen.
    """
    leader = leadership.owner if is_led and leadership is not None else None
    running = [
        f'{row.box_id}:{pid}'
        for view in views
        if view.presence is Presence.ALIVE
        for row in view.processes
        if row.process == PROCESS_SCHEDULER
        for pid in row.pids
    ]
    standbys = [SchedulerView(owner=item, is_leading=False) for item in running if item != leader]
    if leader is None:
        return standbys
    return [SchedulerView(owner=leader, is_leading=True), *standbys]


def mixed_versions(views: Sequence[BoxView]) -> list[str]:
    """Return that boxes run different versions, as a sentence; nothing when they do not."""
    versions: dict[str, list[str]] = {}
    for view in views:
        if view.presence is Presence.ALIVE:
            versions.setdefault(view.box.version, []).append(view.box.box_id)
    if len(versions) < 2:
        return []
    told = '; '.join(f'{name} on {", ".join(boxes)}' for name, boxes in sorted(versions.items()))
    return [f'mixed versions: {told}. Finish the upgrade (docs/operating.md, Upgrade)']


def does_not_start(row: BoxProcess) -> str:
    """Return what is said of a process that does not come up, in its own last words."""
    reason = row.reason or 'it ended again and again'
    log = f', its log: {row.log_file}' if row.log_file else '; its log says more'
    is_given_up = row.state == ProcessStatus.FATAL.value
    told = 'was given up' if is_given_up else 'does not start'
    return f'{row.process} on box {row.box_id} {told}: {reason}{log}'


def start_advice(row: BoxProcess) -> str:
    """Return what to do about a process that does not come up."""
    if row.state != ProcessStatus.FATAL.value:
        return 'It is tried again and again; correct what it says'
    return f'Correct that, then ./launch.py super --start {row.process} --box {row.box_id}'


def _presence(box: Box, silent_for: timedelta | None, vanished_after: timedelta) -> Presence:
    if silent_for is None:
        return Presence.UNSEEN
    if box.pid is None:
        return Presence.STOPPED
    return Presence.ALIVE if silent_for < vanished_after else Presence.VANISHED
