"""Through what a plan reaches its jobs, and what waits for the order alone and is not reached.

Of the inputs of each process: how many of its planned jobs wait by it for planned ones. A job may
wait by several, so these counts may be more than there are jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, TypedDict

from synergy.core.chosen import common, stretches
from synergy.core.commands import Ranges
from synergy.core.input import Input
from synergy.core.node import Node
from synergy.core.reached import without
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import Timeperiod
from synergy.core.timetable import Timetable
from synergy.view.input_said import edge_said
from synergy.view.inputs import kind_of, terms
from synergy.view.why_documents import ProcessText, TimeperiodText


class Reach(Struct, frozen=True, kw_only=True):
    """One input of a process by which some of its jobs wait for planned ones. kind: a word.

    count: of those jobs; first, last: among them.
    """

    process: ProcessName
    source: Input
    kind: str
    count: int
    first: Timeperiod
    last: Timeperiod

    @property
    def said(self) -> str:
        """Return which input it is, as at an edge of the graph: `declared LiveDaily, last 7`."""
        told = [f'{self.kind} {self.source.process}', edge_said(self.source)]
        return ', '.join(filter(None, told))


class ReachDocument(TypedDict):
    """One input through which a plan reaches jobs of a process."""

    process: Annotated[ProcessText, 'what is waited for']
    kind: Annotated[str, 'nested, dependency (of its tree) or declared (by its entry)']
    count: Annotated[int, 'of the jobs that it reaches; one may be reached by several inputs']
    text: Annotated[str, 'the input in words']


class OrderOnlyDocument(TypedDict):
    """What waits for the plan for the order alone, has run, and does not run again."""

    process: ProcessText
    waits_for: ProcessText
    count: int
    first: TimeperiodText
    last: TimeperiodText


def reached(timetable: Timetable, ranges: Ranges) -> Mapping[ProcessName, Sequence[Reach]]:
    """Return of each process of a plan by which of its inputs its jobs are reached."""
    return {
        name: [
            found
            for node, source, runs in _waiting(timetable, ranges, [name], is_order=False)
            if (found := _reach(timetable, node, source, common(runs, _as_ranges(ranges[name]))))
        ]
        for name in ranges
    }


def order_alone(timetable: Timetable, ranges: Ranges) -> Sequence[Reach]:
    """Return what waits for planned jobs for the order alone, has run, and stays as it is."""
    found = []
    for node, source, runs in _waiting(timetable, ranges, timetable.hierarchy.nodes, is_order=True):
        name = node.process.name
        planned = _as_ranges(ranges.get(name, ()))
        run = [part for each in runs for part in timetable.changed_runs(name, each)]
        left = [rest for part in run for rest in without(part, planned)]
        if (reach := _reach(timetable, node, source, left)) is not None:
            found.append(reach)
    return found


def encode_reach(found: Reach) -> ReachDocument:
    """Return an input through which a plan reaches jobs, as it is sent."""
    return {
        'process': found.source.process,
        'kind': found.kind,
        'count': found.count,
        'text': terms(found.source),
    }


def encode_order_only(found: Reach) -> OrderOnlyDocument:
    """Return what does not run again, as it is sent."""
    return {
        'process': found.process,
        'waits_for': found.source.process,
        'count': found.count,
        'first': str(found.first),
        'last': str(found.last),
    }


def _waiting(
    timetable: Timetable, ranges: Ranges, names: Iterable[ProcessName], *, is_order: bool
) -> Iterator[tuple[Node, Input, Sequence[range]]]:
    """Yield the inputs of some processes that name planned ones, and which of their jobs wait."""
    hierarchy = timetable.hierarchy
    for name in names:
        node = hierarchy.nodes[name]
        for source in node.inputs:
            if source.process in ranges and source.is_order_only is is_order:
                planned = _as_ranges(ranges[source.process])
                affected = (hierarchy.affected(node, source, run) for run in planned)
                yield node, source, stretches([run for run in affected if run])


def _reach(timetable: Timetable, node: Node, source: Input, runs: Sequence[range]) -> Reach | None:
    if not runs:
        return None
    hierarchy = timetable.hierarchy
    return Reach(
        process=node.process.name,
        source=source,
        kind=kind_of(node, source),
        count=sum(map(len, runs)),
        first=hierarchy.timeperiod(node, runs[0].start),
        last=hierarchy.timeperiod(node, runs[-1].stop - 1),
    )


def _as_ranges(pairs: Iterable[tuple[int, int]]) -> list[range]:
    return [range(*pair) for pair in pairs]
