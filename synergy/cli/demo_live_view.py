"""The live demo on a terminal: each process's present interval; elsewhere a line now and then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from synergy.core.hierarchy import Hierarchy
from synergy.core.machines import MACHINE_BY_NAME
from synergy.core.node import Node
from synergy.core.printable import printable
from synergy.core.records import Unit, uow_ids_of
from synergy.core.states import FINAL_JOB_STATES, JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.core.working import left_out
from synergy.ports.store import Store

_LINE_SECONDS: Final = 5.0


class LiveRow(Struct, frozen=True, kw_only=True):
    """One process. timeperiod: its present interval, with state, runs and the last ended run.

    row_count: what the last ended run covered. final_count: its intervals that are final.
    pending_count: those that are over and are not.
    """

    process: str
    machine: str
    runs_live: bool
    timeperiod: str
    state: JobState
    ended_count: int
    row_count: int
    last_result: str
    final_count: int
    pending_count: int


def look(hierarchy: Hierarchy, store: Store, now: datetime) -> Sequence[LiveRow]:
    """Return how the processes stand, fine to coarse."""
    counts = store.count_jobs()
    rows = []
    for node in hierarchy:
        final_count = sum(counts.get((node.process.name, state), 0) for state in FINAL_JOB_STATES)
        rows.append(_row(hierarchy, store, node, final_count, now))
    return sorted(rows, key=lambda row: row.timeperiod, reverse=True)


class LiveView:
    """Shows rows for as long as its block lasts."""

    def __init__(self, console: Console) -> None:
        """Show on `console`."""
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._last_line = -_LINE_SECONDS

    def __enter__(self) -> LiveView:
        """Begin to show."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last state on the screen."""
        if self._live is not None:
            self._live.stop()

    def show(self, rows: Sequence[LiveRow], seconds: float, *, is_last: bool = False) -> None:
        """Show the processes as they stand after `seconds`."""
        if self._live is not None:
            self._live.update(_table(rows), refresh=True)
        elif is_last or seconds - self._last_line >= _LINE_SECONDS:
            self._last_line = seconds
            self._console.print(f'{seconds:.0f} s: ' + '; '.join(map(_text, rows)))


def _row(
    hierarchy: Hierarchy, store: Store, node: Node, final_count: int, now: datetime
) -> LiveRow:
    process = node.process
    present = hierarchy.timeperiod(node, hierarchy.begun_until(node, now) - 1)
    key = JobKey(process.name, present)
    job = store.jobs([key]).get(key)
    over = range(node.first, max(hierarchy.over_until(node, now), node.first))
    # What a working calendar leaves out is final without a row.
    marks = left_out(node.calendar, process.working, process.qualifier, over)
    last = None
    if job is not None and job.run:
        ids = [uow_id for run in (job.run, job.run - 1) for uow_id in uow_ids_of(key, run)]
        found = store.units(ids)
        last = next((found[id] for id in ids if id in found and not found[id].state.is_live), None)
    return LiveRow(
        process=process.name,
        machine=process.machine,
        runs_live=MACHINE_BY_NAME[process.machine].runs_live,
        timeperiod=str(present),
        state=JobState.EMBRYO if job is None else job.state,
        ended_count=0 if last is None else last.run,
        row_count=0 if last is None else last.processed_count,
        last_result='' if last is None else _result(last),
        final_count=final_count,
        pending_count=max(len(over) - sum(marks) - final_count, 0),
    )


def _result(unit: Unit) -> str:
    word = unit.state.value.removeprefix('state_')
    at = '' if unit.finished_at is None else f' at {unit.finished_at:%H:%M:%S}'
    return f'{word}{at}' if unit.error is None else f'{word}{at}: {unit.error}'


def _table(rows: Sequence[LiveRow]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading, is_number in (
        ('process', False), ('machine', False), ('interval', False), ('state', False),
        ('runs', True), ('rows', True), ('last result', False), ('final', True), ('over', True),
    ):  # fmt: skip
        table.add_column(heading, justify='right' if is_number else 'left')
    for row in rows:
        table.add_row(
            row.process, row.machine, row.timeperiod, row.state.word, f'{row.ended_count}',
            f'{row.row_count}', Text(printable(row.last_result)), f'{row.final_count}',
            f'{row.pending_count}',
        )  # fmt: skip
    return table


def _text(row: LiveRow) -> str:
    return (
        f'{row.process} ({row.machine}) {row.timeperiod} {row.state.word}, '
        f'{row.ended_count} runs, '
        f'{row.row_count} rows, last {printable(row.last_result) or "none"}; '
        f'{row.final_count} final, {row.pending_count} over'
    )
