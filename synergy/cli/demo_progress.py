"""The progress of a demo: a live table on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from synergy.core.structs import Struct

_LINE_SECONDS: Final = 5.0
_BAR_WIDTH: Final = 30


class Row(Struct, frozen=True):
    """One process. rate: intervals per second so far."""

    process: str
    done: int
    total: int
    rate: float


class Progress:
    """Shows rows for as long as its block lasts."""

    def __init__(self, console: Console) -> None:
        """Show on `console`."""
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._last_line = -_LINE_SECONDS

    def __enter__(self) -> Progress:
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

    def show(self, done: Mapping[str, int], total: Mapping[str, int], seconds: float) -> None:
        """Show how many intervals of each process are final after `seconds`."""
        rows = [
            Row(name, done[name], total[name], done[name] / seconds if seconds else 0.0)
            for name in total
        ]
        if self._live is not None:
            self._live.update(_table(rows, seconds), refresh=True)
        elif seconds - self._last_line >= _LINE_SECONDS or _is_complete(rows):
            self._last_line = seconds
            self._console.print(_line(rows, seconds))


def _is_complete(rows: Sequence[Row]) -> bool:
    return all(row.done == row.total for row in rows)


def _left(row: Row) -> str:
    if row.done >= row.total:
        return 'done'
    return f'{(row.total - row.done) / row.rate:.0f} s left' if row.rate else 'waiting'


def _summary(rows: Sequence[Row], seconds: float) -> Row:
    done, total = sum(row.done for row in rows), sum(row.total for row in rows)
    return Row('all', done, total, done / seconds if seconds else 0.0)


def _table(rows: Sequence[Row], seconds: float) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading, justify in (
        ('process', 'left'),
        ('', 'left'),
        ('done', 'right'),
        ('of', 'right'),
        ('per s', 'right'),
        ('', 'left'),
    ):
        table.add_column(heading, justify='left' if justify == 'left' else 'right')
    for row in [*rows, _summary(rows, seconds)]:
        bar = ProgressBar(total=row.total, completed=row.done, width=_BAR_WIDTH)
        table.add_row(
            row.process, bar, f'{row.done}', f'{row.total}', f'{row.rate:.0f}', _left(row)
        )
    return table


def _line(rows: Sequence[Row], seconds: float) -> str:
    whole = _summary(rows, seconds)
    parts = ', '.join(f'{row.process} {row.done}/{row.total}' for row in rows)
    return (
        f'{seconds:.0f} s: {whole.done} of {whole.total} intervals, {whole.rate:.0f} per second, '
        f'{_left(whole)} ({parts})'
    )
