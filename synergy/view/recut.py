"""What a recut would do: what is archived, what begins, and what runs again because of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Final, TypedDict

from synergy.core.changed_levels import RefusedLevel, left_out
from synergy.core.commands import Command, counted
from synergy.core.context_change import Surroundings, compare
from synergy.core.cut import Cut
from synergy.core.hierarchy import Hierarchy
from synergy.core.index_codes import STATE_BY_CODE
from synergy.core.index_pages import IndexStretch
from synergy.core.led_context import led_process
from synergy.core.overrides import applied, cut_anew
from synergy.core.records import Override, ProcessName
from synergy.core.recut import ZONE
from synergy.core.states import JobState
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import Timeperiod
from synergy.core.timetable import Timetable
from synergy.ports.store import Reader

#: States of jobs as they are counted, and said.
_WORDS: Final = {state: state.value.removeprefix('state_') for state in JobState}


class RecutDocument(TypedDict):
    """What a recut would do, as JSON. jobs: by state; again: by process, what runs once more.

    waiting: processes that wait for it, whether anything of them runs again or not.
    """

    process: str
    start: str
    change: str
    jobs: Mapping[str, int]
    live: int
    dead: int
    intervals: int
    due: int
    again: Mapping[str, int]
    waiting: Sequence[str]
    says: Sequence[str]
    plan_hash: str


class RecutPreview(Struct, frozen=True, kw_only=True):
    """What a recut would do.

    jobs: rows that are archived, by state. live, dead: units of them that are cancelled, and dead
    letters that go with them. intervals: that begin anew and have begun by now, without those that
    a working calendar leaves out; due: of these, how many may start by the clock. again: finished
    intervals of others that run again, by process. waiting: the processes that wait for it.
    """

    process: ProcessName
    start: Timeperiod
    change: RefusedLevel
    jobs: Mapping[JobState, int]
    live: int
    dead: int
    intervals: int
    due: int
    again: Mapping[ProcessName, int]
    waiting: Sequence[ProcessName]

    @property
    def hash(self) -> str:
        """Return what tells this plan from one for other definitions, or another start.

        Not how much there is: that changes with the clock.
        """
        said = f'{self.process} {self.change.was} {self.change.change} {self.start}'
        return blake2b(said.encode(), digest_size=8).hexdigest()


def preview_recut(
    defined: Hierarchy, store: Reader, command: Command, now: datetime
) -> RecutPreview:
    """Return what a command would do that can be done. defined: the context as it is.

    Cost: all rows of the index, once.
    """
    name, led = command.process, store.led_context()
    assert led is not None, 'it says that the process is left out'
    overrides = list(store.overrides())
    changed = left_out(defined, led)[name]
    after = applied(defined, _with(overrides, defined, command, now))
    node = after.nodes[name]
    found = dict.fromkeys(JobState, 0)

    def others(_: datetime | None) -> Sequence[IndexStretch]:
        kept = []
        for stretch in store.index_stretches():
            if stretch.process == name:
                for code in set(stretch.codes):
                    found[STATE_BY_CODE[code]] += stretch.codes.count(code)
            else:
                kept.append(stretch)
        return kept

    timetable = Timetable(after)
    timetable.extend(now)
    open_jobs = [job for job in store.open_jobs() if job.process != name]
    timetable.load(others, open_jobs)
    processes = {**led.processes, name: led_process(after, node)}
    change = compare(
        replace(led, processes=processes),
        timetable,
        Surroundings(live={item for item in after.nodes if after.machine(item).runs_live}),
    )
    span = timetable.span(name)
    begun = sum(map(len, timetable.unfinished_runs(name, span)))
    over = range(span.start, max(after.over_until(node, now), span.start))
    return RecutPreview(
        process=name,
        start=after.timeperiod(node, node.first),
        change=changed,
        jobs={state: count for state, count in found.items() if count},
        live=sum(run.key.process == name for run in store.live_runs()),
        dead=len(store.dead_letters(name)),
        intervals=begun,
        due=sum(map(len, timetable.unfinished_runs(name, over))),
        again={
            process: sum(stop - start for start, stop in runs)
            for process, runs in change.stale.items()
        },
        waiting=node.outputs,
    )


def _with(
    overrides: Sequence[Override], defined: Hierarchy, command: Command, now: datetime
) -> Sequence[Override]:
    name = command.process
    before = next((item for item in overrides if item.process == name), None)
    cut = Cut(
        request=command.id,
        qualifier=command.start.qualifier,
        zone=str(command.details.get(ZONE)),
        first=command.start.ordinal,
        at=now,
        by=command.who,
    )
    return [
        *(item for item in overrides if item.process != name),
        cut_anew(defined.nodes[name], before, cut),
    ]


def says(found: RecutPreview) -> Sequence[str]:
    """Return what would happen, in sentences."""
    name = found.process
    states = ', '.join(f'{count:,} {_WORDS[state]}' for state, count in found.jobs.items())
    count = sum(found.jobs.values())
    told = [
        f'{name} is {found.change.change}. {counted(count)} of its history'
        + (f' ({states})' if states else '')
        + f' {"goes" if count == 1 else "go"} to the archive of the store with all runs, as '
        f'{"it is" if count == 1 else "they are"}: no page lists what is there; '
        'docs/howto/recut.md tells how to read it.'
    ]
    if found.live:
        told.append(f'Under way, and cancelled: {counted(found.live, "run")}.')
    if found.dead:
        told.append(f'Taken off the list: {counted(found.dead, "dead letter")}.')
    told.append(
        f'Its intervals begin at {found.start}: {counted(found.intervals, "interval")} until now, '
        f'{found.due:,} of them due at once. What lies before {found.start} is not run.'
    )
    if found.again:
        again = ', '.join(f'{count:,} of {process}' for process, count in found.again.items())
        told.append(
            f'What is finished and waits for one of the new intervals runs again, once, after '
            f'them: {again}.'
        )
    elif found.waiting:
        told.append('Nothing that is finished runs again.')
    if found.waiting:
        waiting = ', '.join(found.waiting)
        told.append(
            f'{waiting} wait{"s" if len(found.waiting) == 1 else ""} for the new intervals from '
            'now on; what has run on former ones alone keeps its result.'
        )
    told.append('It cannot be taken back; until it is done, context.py can be changed back.')
    return told


def encode_recut(found: RecutPreview) -> RecutDocument:
    """Return a preview as JSON."""
    return {
        'process': found.process,
        'start': str(found.start),
        'change': found.change.change,
        'jobs': {_WORDS[state]: count for state, count in found.jobs.items()},
        'live': found.live,
        'dead': found.dead,
        'intervals': found.intervals,
        'due': found.due,
        'again': {str(name): count for name, count in found.again.items()},
        'waiting': list(found.waiting),
        'says': list(says(found)),
        'plan_hash': found.hash,
    }
