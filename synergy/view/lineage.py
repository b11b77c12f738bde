"""Events of OpenLineage, as values: what runs read and write, for which interval, and for whom.

A run has one START and one of COMPLETE, FAIL and ABORT. Its parent is the request that it was made
for. Where its time has simply come, it is the first run of the interval in which its own lies: a
day's run takes in what its hours have made.

Data sets are what a context calls sources and sinks. One that is a URI (`s3://lake/visits`) is
known everywhere by its scheme and host, and its path; any other lies in our own namespace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from synergy.conf.model import Context
from synergy.core.calendar import enclosing
from synergy.core.commands import Command, CommandState
from synergy.core.freerun_record import base_of
from synergy.core.node import Node
from synergy.core.records import Unit, uow_id_of
from synergy.core.structs import Struct
from synergy.core.telemetry import DataSet, LineageEvent, LineageKind, LineageRun
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.trace_ids import uuid_of_request, uuid_of_run
from synergy.core.zones import UTC_CALENDAR
from synergy.view.runs_told import RunEnd, RunTold
from synergy.view.spans import said

_KIND_BY_END: Final[Mapping[RunEnd | None, LineageKind]] = {
    None: LineageKind.START,
    RunEnd.PROCESSED: LineageKind.COMPLETE,
    RunEnd.NOOP: LineageKind.COMPLETE,
    RunEnd.FAILED: LineageKind.FAIL,
    RunEnd.CANCELED: LineageKind.ABORT,
}
_KIND_BY_STATE: Final[Mapping[CommandState, LineageKind]] = {
    CommandState.DONE: LineageKind.COMPLETE,
    CommandState.CANCELLED: LineageKind.ABORT,
    CommandState.REFUSED: LineageKind.FAIL,
}


class Lineage(Struct, frozen=True, kw_only=True):
    """Makes events. context: says what reads what. namespace: of jobs, and of most data sets."""

    context: Context
    namespace: str

    def of_run(self, told: RunTold, request: Command | None) -> LineageEvent:
        """Return what a line says of a run. request: that it was made for."""
        line = told.line
        node = self.context.hierarchy.nodes.get(line.process)
        begin, end = _nominal(told, node)
        return LineageEvent(
            kind=_KIND_BY_END[told.end],
            at=line.at,
            run=LineageRun(uuid_of_run(told.uow_id), line.process),
            job_type='JOB',
            parent=self._parent(told, node, request),
            begin=begin,
            end=end,
            inputs=tuple(dict.fromkeys(self._inputs(told, node))),
            outputs=tuple(self._named(self._entry(told)[1])),
            error=None if told.error is None else said(told.error),
            tags=_tags(told),
        )

    def begun(self, command: Command) -> LineageEvent:
        """Return that a request began."""
        return _of_request(command, LineageKind.START, command.created_at, None)

    def ended(self, command: Command) -> LineageEvent:
        """Return how a request ended."""
        kind = _KIND_BY_STATE.get(command.state, LineageKind.ABORT)
        at = command.finished_at or command.created_at
        error = None if kind is LineageKind.COMPLETE else command.outcome or command.state.value
        return _of_request(command, kind, at, error)

    def _parent(
        self, told: RunTold, node: Node | None, request: Command | None
    ) -> LineageRun | None:
        if request is not None:
            return _run_of(request)
        key = told.line.key
        if key is None or node is None or not node.parents:
            return None
        above = self.context.hierarchy.nodes[node.parents[0]]
        timeperiod = enclosing(
            node.calendar, key.timeperiod, above.calendar, above.process.qualifier
        )
        first = uow_id_of(JobKey(above.process.name, timeperiod), above.process.runs_before + 1)
        return LineageRun(uuid_of_run(first), above.process.name)

    def _entry(self, told: RunTold) -> tuple[str | None, str | None]:
        """Return source and sink; none of a process that the context does not have any more."""
        entry = self.context.managed.get(base_of(told.line.process))
        return (None, None) if entry is None else (entry.source, entry.sink)

    def _inputs(self, told: RunTold, node: Node | None) -> Iterator[DataSet]:
        yield from self._named(self._entry(told)[0])
        for source in () if node is None else node.inputs:
            entry = self.context.managed.get(source.process)
            if entry is not None and not source.is_order_only:
                yield from self._named(entry.sink)

    def _named(self, name: str | None) -> Iterator[DataSet]:
        if name:
            yield data_set(name, self.namespace)


def data_set(name: str, namespace: str) -> DataSet:
    """Return a data set by the name that a context gives it."""
    try:
        parts = urlsplit(name)
        place, path = parts.netloc.rpartition('@')[2], parts.path.lstrip('/')
    except ValueError:
        return DataSet(namespace, said(name))
    if not parts.scheme or not place or not path:
        return DataSet(namespace, said(name))
    return DataSet(f'{parts.scheme}://{place}', path)


def _of_request(
    command: Command, kind: LineageKind, at: datetime, error: str | None
) -> LineageEvent:
    return LineageEvent(
        kind=kind,
        at=at,
        run=_run_of(command),
        job_type='REQUEST',
        error=None if error is None else said(error),
        tags={'request': command.id, 'intervals': command.said, 'by': command.actor},
    )


def _run_of(command: Command) -> LineageRun:
    return LineageRun(uuid_of_request(command.id), f'{command.kind.words} {command.process}')


def _nominal(told: RunTold, node: Node | None) -> tuple[datetime | None, datetime | None]:
    """Return [begin, end) of what a run covers; of a free run the instant that was planned."""
    unit, timeperiod = told.unit, told.line.timeperiod
    calendar = UTC_CALENDAR if node is None else node.calendar
    if timeperiod is None:
        return (None if unit is None else calendar.start(unit.timeperiod)), None
    first, until = _covered(unit, timeperiod)
    return calendar.start(first), calendar.start(until)


def _covered(unit: Unit | None, timeperiod: Timeperiod) -> tuple[Timeperiod, Timeperiod]:
    return (timeperiod, timeperiod.shift(1)) if unit is None else (unit.start, unit.end)


def _tags(told: RunTold) -> Mapping[str, str]:
    found = {'run': str(told.run), 'uow': str(told.uow_id)}
    if told.line.timeperiod is not None:
        found['timeperiod'] = str(told.line.timeperiod)
    if told.request is not None:
        found['request'] = told.request
    if told.end is not None:
        found['outcome'] = told.end.value
        if told.unit is not None:
            found['attempts'] = str(told.unit.attempt)
            found['count'] = str(told.unit.processed_count)
    return found
