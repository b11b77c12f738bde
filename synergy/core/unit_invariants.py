"""What must hold for units: one live one for each job, which waits for it, and one lease for each.

See `synergy.core.invariants`, of which this is a part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from synergy.core.records import Unit
from synergy.core.states import UnitState
from synergy.core.timetable import Timetable
from synergy.core.violations import Violation


def unit_violations(timetable: Timetable, units: Iterable[Unit]) -> Iterator[Violation]:
    """Yield what is wrong with units, by job. timetable: holds the jobs."""
    live: list[Unit] = []
    found: list[Violation] = []
    for unit in units:
        if unit.process in timetable.hierarchy.nodes:
            found += _lease_violations(unit)
            if unit.state.is_live:
                live.append(unit)
    live.sort(key=lambda unit: (unit.key, unit.run))
    found += _live_violations(timetable, live)
    # Stores tell of units as they lie.
    return iter(sorted(found, key=lambda item: item.key))


def _live_violations(timetable: Timetable, live: Sequence[Unit]) -> Iterator[Violation]:
    """Yield what is wrong between live units, by job and run, and with their jobs."""
    before: Unit | None = None
    for unit in live:
        if before is not None and before.key == unit.key:
            text = f'runs {before.run} and {unit.run} are both live'
            yield Violation(invariant='I4', key=unit.key, text=text)
        before = unit
        state = timetable.state(unit.key)
        job = timetable.open_job(unit.key)
        # A commit that broke off may leave a unit without its job; it was never announced,
        # and is adopted by the job's next start or cancelled by the next sweep.
        is_stray = unit.fence == 0 and unit.announced_at is None
        is_awaited = job is not None and job.uow_id == unit.id
        if state is not None and not is_awaited and not is_stray:
            text = f'run {unit.run} is {unit.state.value}, but the job does not wait for it'
            yield Violation(invariant='I4', key=unit.key, text=text)


def _lease_violations(unit: Unit) -> Iterator[Violation]:
    if unit.state is UnitState.IN_PROGRESS and (unit.owner is None or unit.lease_until is None):
        yield Violation(
            invariant='I4', key=unit.key, text=f'run {unit.run} is in progress without a lease'
        )
    if unit.lost_count > unit.attempt:
        text = f'run {unit.run} has lost {unit.lost_count} of {unit.attempt} attempts'
        yield Violation(invariant='I5', key=unit.key, text=text)
    if unit.state is UnitState.PROCESSED and unit.fence < 1:
        yield Violation(
            invariant='I5',
            key=unit.key,
            text=f'run {unit.run} is processed, but was never claimed; if it was taken over from '
            'Synergy 2.x, ./launch.py db --update corrects that',
        )
