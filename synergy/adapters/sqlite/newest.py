"""The newest units of one process, found by the order of their ids.

An id begins with a digest of the process and its level and goes on with interval and run, so each
level is one stretch of the table, and no index repeats the names of processes. Units whose ids do
not follow from their keys have an index: those of earlier versions, and runs past all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from synergy.adapters.sqlite.tables import UNITS, SqliteTables
from synergy.core.records import ProcessName, UowId, uow_id_of
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.core.unit_ids import ORDINAL_IN_ID_MAX, RUN_IN_ID_MAX

T = TypeVar('T')

_HAS_ONE: Final = 'EXISTS (SELECT 1 FROM unit_of_work WHERE id BETWEEN ? AND ?)'
_HAS_LEVELS: Final = f'SELECT {", ".join([_HAS_ONE] * len(Qualifier))}'


def newest_units(  # noqa: PLR0913 - as `SqliteTables.page`, of one process
    tables: SqliteTables,
    columns: str,
    decode: Callable[[Any], T],
    process: ProcessName,
    limit: int,
    *,
    where: str = '1',
    values: Sequence[Any] = (),
    levels: Sequence[Qualifier] | None = None,
) -> list[T]:
    """Return at most `limit` units that meet a condition, of the newest intervals and runs first.

    columns: `timeperiod` and `run` among them. where: with numbered parameters, from ?2 on, for
    `values`. levels: those at which the process may have run; None: whichever it has.
    """
    levels = _levels_of(tables, process) if levels is None else levels
    given: list[Any] = [process, *values]
    most = len(given) + 2 * len(levels) + 1
    found = f'SELECT {columns} FROM unit_of_work WHERE process_name = ?1 AND {where}'
    stretches = [
        f'{found} AND is_by_key = 1 ORDER BY timeperiod DESC, run DESC LIMIT ?{most} + ?{most + 1}'
    ]
    for qualifier in levels:
        first = len(given) + 1
        given += _ends_of(process, qualifier)
        stretches.append(
            f'{found} AND id BETWEEN ?{first} AND ?{first + 1} AND is_by_key IS NOT 1 '
            f'ORDER BY id DESC LIMIT ?{most} + ?{most + 1}'
        )
    together = ' UNION ALL '.join(f'SELECT * FROM ({stretch})' for stretch in stretches)
    sql = f'SELECT * FROM ({together}) ORDER BY timeperiod DESC, run DESC'
    return tables.page(UNITS, decode, sql, given, limit)


def _levels_of(tables: SqliteTables, process: ProcessName) -> Sequence[Qualifier]:
    """Return the levels at which a process has run: one, unless it was given another."""
    ends = [end for level in Qualifier for end in _ends_of(process, level)]
    [found] = tables.file.read(_HAS_LEVELS, ends)
    return [level for level, has_any in zip(Qualifier, found, strict=True) if has_any]


def _ends_of(process: ProcessName, qualifier: Qualifier) -> tuple[UowId, UowId]:
    """Return the lowest and highest id of a process at a level."""
    first = JobKey(process, Timeperiod(qualifier, 0))
    last = JobKey(process, Timeperiod(qualifier, ORDINAL_IN_ID_MAX))
    return uow_id_of(first, 0), uow_id_of(last, RUN_IN_ID_MAX)
