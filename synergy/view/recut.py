"""What a recut would do: what is archived, what begins, and what runs again because of that."""

from __future__ import annotations

from collections import Counter
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

_FINAL: Final = 'It cannot be taken back; until it is done, context.py can be changed back.'
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


class TreeRecutPreview(Struct, frozen=True, kw_only=True):
    """What the recuts of all processes of a tree that need one would do.

    parts: of each process, without what is told of all together: again, waiting.
    """

    tree: str
    parts: Sequence[RecutPreview]
    again: Mapping[ProcessName, int]
    waiting: Sequence[ProcessName]

    @property
    def hash(self) -> str:
        """Return what tells this plan from one for other definitions, or another start."""
        said = ' '.join([self.tree, *(part.hash for part in self.parts)])
        return blake2b(said.encode(), digest_size=8).hexdigest()


class TreeRecutDocument(TypedDict):
    """What the recuts of a tree would do, as JSON. recuts: of each process that needs one."""

    tree: str
    recuts: Sequence[RecutDocument]
    again: Mapping[str, int]
    waiting: Sequence[str]
    says: Sequence[str]
    plan_hash: str


def preview_recut(
    defined: Hierarchy, store: Reader, command: Command, now: datetime
) -> RecutPreview:
    """Return what a command would do that can be done. defined: the context as it is.

    Cost: all rows of the index, once.
    """
    (part,), again, waiting = _previewed(defined, store, [command], now)
    return replace(part, again=again, waiting=waiting)


def preview_tree_recut(
    defined: Hierarchy, store: Reader, tree: str, commands: Sequence[Command], now: datetime
) -> TreeRecutPreview:
    """Return what commands would do together that can be done; see `preview_recut`."""
    parts, again, waiting = _previewed(defined, store, commands, now)
    return TreeRecutPreview(tree=tree, parts=parts, again=again, waiting=waiting)


def _previewed(
    defined: Hierarchy, store: Reader, commands: Sequence[Command], now: datetime
) -> tuple[Sequence[RecutPreview], Mapping[ProcessName, int], Sequence[ProcessName]]:
    """Return what each command does, what runs again because of all, and what waits for them."""
    led = store.led_context()
    assert led is not None, 'it says that they are left out'
    changed = left_out(defined, led)
    after = applied(defined, _with(list(store.overrides()), defined, commands, now))
    found = {command.process: dict.fromkeys(JobState, 0) for command in commands}

    def others(_: datetime | None) -> Sequence[IndexStretch]:
        kept = []
        for stretch in store.index_stretches():
            if (counts := found.get(stretch.process)) is not None:
                for code in set(stretch.codes):
                    counts[STATE_BY_CODE[code]] += stretch.codes.count(code)
            else:
                kept.append(stretch)
        return kept

    timetable = Timetable(after)
    timetable.extend(now)
    open_jobs = [job for job in store.open_jobs() if job.process not in found]
    timetable.load(others, open_jobs)
    processes = {**led.processes, **{name: led_process(after, after.nodes[name]) for name in found}}
    change = compare(
        replace(led, processes=processes),
        timetable,
        Surroundings(live={item for item in after.nodes if after.machine(item).runs_live}),
    )
    live = Counter(run.key.process for run in store.live_runs())
    parts = []
    for name in found:
        node, span = after.nodes[name], timetable.span(name)
        over = range(span.start, max(after.over_until(node, now), span.start))
        parts.append(
            RecutPreview(
                process=name,
                start=after.timeperiod(node, node.first),
                change=changed[name],
                jobs={state: count for state, count in found[name].items() if count},
                live=live[name],
                dead=len(store.dead_letters(name)),
                intervals=sum(map(len, timetable.unfinished_runs(name, span))),
                due=sum(map(len, timetable.unfinished_runs(name, over))),
                again={},
                waiting=(),
            )
        )
    again = {
        process: sum(stop - start for start, stop in runs)
        for process, runs in change.stale.items()
        if process not in found
    }
    outputs = (output for name in found for output in after.nodes[name].outputs)
    return parts, again, list(dict.fromkeys(name for name in outputs if name not in found))


def _with(
    overrides: Sequence[Override], defined: Hierarchy, commands: Sequence[Command], now: datetime
) -> Sequence[Override]:
    found = {item.process: item for item in overrides}
    for command in commands:
        name = command.process
        cut = Cut(
            request=command.id,
            qualifier=command.start.qualifier,
            zone=str(command.details.get(ZONE)),
            first=command.start.ordinal,
            at=now,
            by=command.who,
        )
        found[name] = cut_anew(defined.nodes[name], found.get(name), cut)
    return list(found.values())


def says(found: RecutPreview) -> Sequence[str]:
    """Return what would happen, in sentences."""
    return [*_says_of(found), *_follows(found.again, found.waiting), _FINAL]


def says_of_tree(found: TreeRecutPreview) -> Sequence[str]:
    """Return what would happen to a tree, in sentences."""
    return [
        *(text for part in found.parts for text in _says_of(part)),
        *_follows(found.again, found.waiting),
        _FINAL,
    ]


def _says_of(found: RecutPreview) -> Sequence[str]:
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
    return told


def _follows(again: Mapping[ProcessName, int], waiting: Sequence[ProcessName]) -> Sequence[str]:
    told = []
    if again:
        counts = ', '.join(f'{count:,} of {process}' for process, count in again.items())
        told.append(
            f'What is finished and waits for one of the new intervals runs again, once, after '
            f'them: {counts}.'
        )
    elif waiting:
        told.append('Nothing that is finished runs again.')
    if waiting:
        told.append(
            f'{", ".join(waiting)} wait{"s" if len(waiting) == 1 else ""} for the new intervals '
            'from now on; what has run on former ones alone keeps its result.'
        )
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


def encode_tree_recut(found: TreeRecutPreview) -> TreeRecutDocument:
    """Return a preview of a tree as JSON."""
    return {
        'tree': found.tree,
        'recuts': [encode_recut(part) for part in found.parts],
        'again': {str(name): count for name, count in found.again.items()},
        'waiting': list(found.waiting),
        'says': list(says_of_tree(found)),
        'plan_hash': found.hash,
    }
