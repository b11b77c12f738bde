"""Is what the store promises kept? A look at all of its rows, while others write them.

One look is one snapshot (`synergy.ports.store.snapshots`), for rows of different instants
contradict each other beside any working system. Where commits take effect in stages, as on MongoDB,
even a snapshot may lie between two stages of one; so while a Scheduler leads, jobs that a look
suspects are looked at twice more, a moment later each, and only what is wrong every time is a
violation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

from synergy.core.commands import CommandState
from synergy.core.hierarchy import Hierarchy
from synergy.core.invariants import JobLevel, Under, Violation, check, other_levels
from synergy.core.journal_replay import Replay
from synergy.core.led_context import is_led_so
from synergy.core.overrides import applied
from synergy.core.records import is_led
from synergy.core.structs import Struct, replace
from synergy.ports.clock import Clock
from synergy.ports.errors import SnapshotLost
from synergy.ports.rows import IllegalRow
from synergy.ports.store import Reader, Store
from synergy.view.journal import replayed
from synergy.view.whole import all_commands

#: Clocks of boxes may differ by so much: intervals begin by that of the box that leads.
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
#: Looks that must all find the same, and the pause between two; a commit takes milliseconds.
_LOOKS: Final = 3
_PAUSE_SECONDS: Final = 0.5

#: What to do about a broken promise, by what is broken.
ADVICE: Final[Mapping[str, str]] = {
    'I1': 'a row that is one too many, or of an interval that has not begun, was written by '
    'something else than a Scheduler, or under a clock that was ahead: set the clocks right; one '
    'that has not begun is right once it begins',
    'I2': './launch.py reprocess PROCESS TIMEPERIOD runs what ended too early again, after all '
    'that it waits for; everything may go on running meanwhile',
    'I3': './launch.py reprocess PROCESS TIMEPERIOD runs what was skipped, and what ran too early '
    'after it, again; everything may go on running meanwhile',
    'I4': 'the Scheduler looks after units every sweep_seconds: verify again then, and report what '
    'is still there, with a copy of the store; everything may go on running meanwhile',
    'I5': './launch.py db --update corrects what was taken over from Synergy 2.x; report anything '
    'else, with a copy of the store; everything may go on running meanwhile',
    'I7': 'somebody has edited these rows, or this is a fault of Synergy: '
    './launch.py reprocess PROCESS TIMEPERIOD makes what is final right; report it, with a copy of '
    'the store; everything may go on running meanwhile',
    'I10': 'what happened was not all written down, or somebody has edited rows or journal; the '
    'present is right, only what is told of the past is not: report it, with a copy of the store; '
    'everything may go on running meanwhile',
}


class Verdict(Struct, frozen=True, kw_only=True):
    """What a look at the whole store has found.

    other_levels: rows that are not judged, of processes that have another level now. is_led_so: the
    store was last led with this context.
    """

    violations: Sequence[Violation]
    unreadable: Sequence[IllegalRow]
    other_levels: Mapping[JobLevel, int]
    is_led_so: bool


def circumstances(store: Reader) -> Under:
    """Return under what rows are to be judged: requests that may be half applied, what was led."""
    states = (CommandState.REQUESTED, CommandState.APPLYING)
    return Under(applying=tuple(all_commands(store, states)), led=store.led_context())


def verified(hierarchy: Hierarchy, store: Store, clock: Clock) -> Verdict:
    """Return what is wrong with a store that others may be writing.

    Cost: one pass over all rows; three, and two pauses, when something is wrong while somebody
    leads.
    """
    found = look(hierarchy, store, clock)
    for _ in range(_LOOKS - 1):
        if not found.violations or not is_led(store.leadership(), store.store_now()):
            break
        # Not by their texts: those tell states, too, which change while things go on.
        suspects = {(item.invariant, item.key) for item in found.violations}
        clock.sleep(_PAUSE_SECONDS)
        again = look(hierarchy, store, clock)
        kept = (item for item in again.violations if (item.invariant, item.key) in suspects)
        found = replace(again, violations=tuple(kept))
    return found


def look(hierarchy: Hierarchy, store: Store, clock: Clock) -> Verdict:
    """Return what one snapshot of a store shows."""
    for _ in range(_LOOKS):
        with suppress(SnapshotLost):
            return _look(hierarchy, store, clock)
        clock.sleep(_PAUSE_SECONDS)
    return _look(hierarchy, store, clock)


def _look(hierarchy: Hierarchy, store: Store, clock: Clock) -> Verdict:
    counts: dict[JobLevel, int] = {}
    with store.snapshot():
        under = circumstances(store)
        hierarchy = applied(hierarchy, store.overrides())
        now = clock.now() + _CLOCKS_DIFFER
        replay = Replay()
        broken = [*replayed(store, replay)]
        broken += replay.against((), store.freeruns())
        rows = replay.compared(store.scanned_jobs(), broken)
        jobs = other_levels(hierarchy, rows, counts)
        found = (*check(hierarchy, jobs, store.scanned_units(), now, under), *broken)
        unreadable = illegal_rows(store)
    return Verdict(
        violations=found,
        unreadable=unreadable,
        other_levels=counts,
        is_led_so=is_led_so(hierarchy, under.led),
    )


def illegal_rows(store: Store) -> Sequence[IllegalRow]:
    """Read all tables but those of jobs and units, and return the rows that were illegal so far.

    Those of jobs and units are among them if they were read before. Log lines and events are not
    looked at: nothing depends on them.
    """
    store.leadership()
    store.standing()
    store.overrides()
    store.freeruns()
    store.boxes()
    store.box_processes()
    store.users()
    store.tokens()
    for _ in all_commands(store, list(CommandState)):
        pass
    return sorted(store.illegal_rows(), key=lambda row: (row.table, row.row))


def advice(violations: Sequence[Violation]) -> Sequence[tuple[str, int, str]]:
    """Return for each kind of broken promise how many there are and what to do."""
    counts = Counter(item.invariant for item in violations)
    return [(kind, count, ADVICE[kind]) for kind, count in sorted(counts.items())]
