"""Failures by what is wrong, and what waits because of each kind.

Of dead letters those that still matter; of a search the failed jobs among what it finds. Both go by
the same grouping, so that one trouble is the same entry wherever it is looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from synergy.core.closure import Plan, unreset
from synergy.core.letter_groups import DeadLetter, LetterGroup, grouped
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.ports.failed import FailedReader, failures
from synergy.ports.store import UnitReader


class GroupView(Struct, frozen=True, kw_only=True):
    """A group of failures. holds_up: how many intervals of which process wait for it."""

    group: LetterGroup
    holds_up: Mapping[ProcessName, int]
    held_count: int

    @property
    def held_text(self) -> str:
        """Return what waits, in words: `92 SiteDaily and 4 SiteMonthly`; '' when nothing does."""
        return ' and '.join(f'{count:,} {process}' for process, count in self.holds_up.items())

    @property
    def count_text(self) -> str:
        """Return how many there are: `2,208 intervals`, `1 run`."""
        noun = 'run' if self.group.is_freerun else 'interval'
        return f'{self.group.count:,} {noun}{"" if self.group.count == 1 else "s"}'

    @property
    def span_text(self) -> str:
        """Return its intervals: one, or from the first to the last."""
        group = self.group
        return str(group.first) if group.count == 1 else f'{group.first} – {group.last}'


def letter_groups(
    timetable: Timetable, store: UnitReader, process: ProcessName | None = None
) -> list[GroupView]:
    """Return the groups of dead letters that still matter, the largest first.

    process: only those of this process or free run. Hold the lock of the read model, if `timetable`
    is its own. Costs a brief read of each letter.
    """
    letters = [letter for letter in store.dead_letters(process) if matters(timetable, letter)]
    return [_view(timetable, group) for group in grouped(letters)]


def failure_groups(
    timetable: Timetable, store: FailedReader, failed: Collection[JobKey]
) -> list[GroupView]:
    """Return the groups of failed jobs by process and kind of error, the largest first.

    Hold the lock of the read model, if `timetable` is its own. Costs a brief read of the dead
    letters of their processes; nothing where nothing has failed.
    """
    if not failed:
        return []
    return [_view(timetable, group) for group in grouped(failures(store, failed))]


def matters(timetable: Timetable, letter: DeadLetter) -> bool:
    """Tell whether a dead letter is still open: its interval was neither run again nor reset."""
    if letter.process not in timetable.hierarchy.nodes:
        return True
    key = JobKey(letter.process, letter.timeperiod)
    job = timetable.open_job(key)
    if job is not None:
        return job.is_held
    return timetable.state(key) in (JobState.SKIPPED, None)


def _view(timetable: Timetable, group: LetterGroup) -> GroupView:
    if group.process not in timetable.hierarchy.nodes:
        return GroupView(group=group, holds_up={}, held_count=0)
    held = [
        item.ordinal
        for item in group.timeperiods
        if (job := timetable.open_job(JobKey(group.process, item))) is not None and job.is_held
    ]
    waiting = unreset(timetable, Plan(ranges={group.process: _runs(held)})) if held else {}
    holds_up = {
        process: sum(stop - start for start, stop in runs)
        for process, runs in waiting.items()
        if process != group.process
    }
    return GroupView(group=group, holds_up=holds_up, held_count=len(held))


def _runs(ordinals: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return rising ordinals as runs of [start, stop), as long as they can be."""
    found: list[tuple[int, int]] = []
    for ordinal in ordinals:
        if found and found[-1][1] >= ordinal:
            found[-1] = (found[-1][0], ordinal + 1)
        else:
            found.append((ordinal, ordinal + 1))
    return tuple(found)
