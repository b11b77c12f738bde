"""Were the promises kept? Read from the store and from what the workers wrote down, afterwards.

Beyond the invariants of `launch.py verify`:

- every interval is processed; nothing was skipped, held or left as a dead letter
- no start under a fence that another start had: the fence rises with every one
- the result that counts is of the newest start, and that start did reach its end: no stale report
  was accepted
- a job's last run began after the last run of everything it waits for had ended
- what a request touched began again after the request was made, and no job was processed more often
  than once and once more for each request that touched it
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

from bench.chaos import journal
from bench.chaos.journal import Line
from synergy.core.commands import Command, CommandId, CommandState
from synergy.core.hierarchy import Hierarchy
from synergy.core.invariants import check
from synergy.core.records import Unit
from synergy.core.states import JobState, UnitState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.ports.store import Store
from synergy.view.verification import circumstances
from synergy.view.whole import all_jobs

_SHOWN_MAX = 50


class Request(Struct, frozen=True):
    """A reprocess request, and when it was made, on the monotonic clock."""

    id: CommandId
    at: float


class Story(Struct, frozen=True, kw_only=True):
    """What is known of a round beside its store."""

    journal: Path
    hierarchy: Hierarchy
    requests: Sequence[Request]


class _Runs(Struct, frozen=True, kw_only=True):
    """The journal by unit and fence, and the last processed unit of each job."""

    begins: Mapping[tuple[str, int], Sequence[Line]]
    ends: Mapping[tuple[str, int], Line]
    newest_fence: Mapping[str, int]
    last_by_key: Mapping[JobKey, Unit]
    processed_count: Mapping[JobKey, int]


def judge(story: Story, store: Store, now: datetime) -> list[str]:
    """Return every broken promise, at most fifty of each kind."""
    runs = _runs(story, store)
    kinds = (
        map(
            str,
            check(story.hierarchy, all_jobs(store), store.all_units(), now, circumstances(store)),
        ),
        _unfinished(story, store),
        (f'dead letter: {unit}: {unit.error}' for unit in store.dead_units(_SHOWN_MAX)),
        _doubled(runs),
        _stale(runs, store),
        _out_of_order(story, runs),
        _requests(story, runs, store),
    )
    return [text for kind in kinds for text in islice(kind, _SHOWN_MAX)]


def _runs(story: Story, store: Store) -> _Runs:
    begins: dict[tuple[str, int], list[Line]] = defaultdict(list)
    ends: dict[tuple[str, int], Line] = {}
    newest: dict[str, int] = {}
    for line in journal.read(story.journal):
        place = (line.uow_id, line.fence)
        if line.word == 'begin':
            begins[place].append(line)
            newest[line.uow_id] = max(newest.get(line.uow_id, 0), line.fence)
        else:
            ends[place] = line
    last: dict[JobKey, Unit] = {}
    counts: Counter[JobKey] = Counter()
    for unit in store.all_units():
        if unit.state is UnitState.PROCESSED:
            counts[unit.key] += 1
            if unit.key not in last or unit.run > last[unit.key].run:
                last[unit.key] = unit
    return _Runs(
        begins=begins,
        ends=ends,
        newest_fence=newest,
        last_by_key=last,
        processed_count=counts,
    )


def _keys(hierarchy: Hierarchy) -> Iterator[JobKey]:
    for node in hierarchy:
        assert node.until is not None, 'trees of a round end'
        for ordinal in range(node.first, node.until):
            yield JobKey(node.process.name, Timeperiod(node.process.qualifier, ordinal))


def _unfinished(story: Story, store: Store) -> Iterator[str]:
    """Yield the intervals that are not processed, and requests that are not done."""
    state_by_key = {job.key: job.state for job in all_jobs(store)}
    for key in _keys(story.hierarchy):
        state = state_by_key.get(key, JobState.EMBRYO)
        if state is not JobState.PROCESSED:
            yield f'I8 {key} is {state.value}'
    for request in story.requests:
        command = store.command(request.id)
        # Refused is one that came before any of its jobs had run.
        is_ended = command is not None and (
            command.state is CommandState.DONE
            or (command.state is CommandState.REFUSED and not command.applied_count)
        )
        if not is_ended:
            state_shown = 'gone' if command is None else f'{command.state.value} {command.outcome}'
            yield f'I8 request {request.id} is {state_shown}'


def _doubled(runs: _Runs) -> Iterator[str]:
    """Yield starts that share their fence with another: two had the same lease."""
    for (uow_id, fence), lines in runs.begins.items():
        if len(lines) > 1:
            places = ', '.join(f'{line.box} pid {line.pid}' for line in lines)
            yield f'I4 unit {uow_id} began {len(lines)} times under fence {fence}: {places}'


def _stale(runs: _Runs, store: Store) -> Iterator[str]:
    """Yield processed units whose result is not that of their newest start."""
    for unit in store.all_units():
        if unit.state is not UnitState.PROCESSED:
            continue
        newest = runs.newest_fence.get(unit.id)
        if newest != unit.fence:
            yield f'I5 {unit} is processed under fence {unit.fence}; the newest start had {newest}'
        elif (unit.id, unit.fence) not in runs.ends:
            yield f'I5 {unit} is processed, but that start never came to its end'


def _out_of_order(story: Story, runs: _Runs) -> Iterator[str]:
    """Yield jobs whose last run began before the last run of an input had ended."""
    hierarchy = story.hierarchy
    for key, unit in runs.last_by_key.items():
        began = runs.begins.get((unit.id, unit.fence))
        if not began:
            continue
        node = hierarchy.nodes[key.process]
        for source in node.inputs:
            qualifier = hierarchy.nodes[source.process].process.qualifier
            for ordinal in hierarchy.input_range(node, source, key.timeperiod.ordinal):
                other = JobKey(source.process, Timeperiod(qualifier, ordinal))
                last = runs.last_by_key.get(other)
                ended = None if last is None else runs.ends.get((last.id, last.fence))
                if ended is not None and ended.at > began[0].at:
                    yield (
                        f'I2 {unit} began {ended.at - began[0].at:.3f} s before {last}, '
                        'which it waits for, had ended'
                    )


def _requests(story: Story, runs: _Runs, store: Store) -> Iterator[str]:
    """Yield what a request should have run again and did not, or ran too often."""
    touched: Counter[JobKey] = Counter()
    for request in story.requests:
        command = store.command(request.id)
        if command is None:
            continue
        for key in _planned(story.hierarchy, command):
            touched[key] += 1
            unit = runs.last_by_key.get(key)
            began = None if unit is None else runs.begins.get((unit.id, unit.fence))
            if began and began[0].at < request.at:
                yield (
                    f'I6 request {request.id} touched {key}, but its last run began '
                    f'{request.at - began[0].at:.3f} s before the request'
                )
    for key, count in runs.processed_count.items():
        if count > 1 + touched[key]:
            yield f'I6 {key} was processed {count} times, though {touched[key]} requests touched it'


def _planned(hierarchy: Hierarchy, command: Command) -> Iterator[JobKey]:
    for process, ranges in (command.plan or {}).items():
        qualifier = hierarchy.nodes[process].process.qualifier
        for start, stop in ranges:
            for ordinal in range(start, stop):
                yield JobKey(process, Timeperiod(qualifier, ordinal))
