"""Each save of a commit as its one conditional statement."""

from __future__ import annotations

import sqlite3
from sqlite3 import Connection
from typing import Final, assert_never

from synergy.adapters.sqlite.archive import archive
from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.history import add_event
from synergy.adapters.sqlite.journal import add_page
from synergy.adapters.sqlite.rows.columns import numbered, placeholders
from synergy.adapters.sqlite.rows.commands import COMMAND_COLUMNS, command_values, plan_text
from synergy.adapters.sqlite.rows.events import LINE_END, LINES_MAX
from synergy.adapters.sqlite.rows.jobs import JOB_COLUMNS_WRITTEN, job_values
from synergy.adapters.sqlite.rows.processes import (
    FREERUN_COLUMNS,
    OVERRIDE_COLUMNS,
    freerun_values,
    override_values,
)
from synergy.adapters.sqlite.rows.units import UNIT_COLUMNS_WRITTEN, unit_values
from synergy.adapters.sqlite.states import (
    CANCELED,
    DEAD,
    IS_LIVE,
    NUMBER_BY_UNIT_STATE,
    OPEN_COMMANDS,
    REQUESTED,
)
from synergy.core.effects import (
    AddPage,
    ArchiveRows,
    CancelUnit,
    EndLetters,
    InsertCommand,
    InsertUnit,
    MoveUnit,
    RemoveFreerun,
    RemoveOverride,
    RemovePool,
    Save,
    SaveCommand,
    SaveContext,
    SaveFreerun,
    SaveJob,
    SaveOverride,
    SavePool,
    why_unmatched,
)
from synergy.core.freerun_record import Freerun
from synergy.core.records import Override, Unit, outlived_by, uow_ids_of
from synergy.core.states import UnitState
from synergy.ports.stored import led_context, pool_override

#: Errors that are about the values of one statement, and not about the file.
OF_THE_ROW: Final = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    OverflowError,
    TypeError,
    ValueError,
)
#: Where no unit has an id that does not follow from its key.
INSERT_UNIT: Final = (
    f'INSERT INTO unit_of_work ({UNIT_COLUMNS_WRITTEN}) '
    f'VALUES ({placeholders(UNIT_COLUMNS_WRITTEN)}) '
    'ON CONFLICT DO NOTHING'
)
ARE_BY_KEY: Final = 'SELECT 1 FROM unit_of_work WHERE is_by_key = 1 LIMIT 1'
#: Where the same run may be there under an id that an earlier version gave it.
INSERT_UNIT_BESIDE: Final = (
    f'INSERT INTO unit_of_work ({UNIT_COLUMNS_WRITTEN}) '
    f'SELECT {numbered(UNIT_COLUMNS_WRITTEN)} WHERE NOT EXISTS (SELECT 1 FROM unit_of_work '
    'WHERE is_by_key = 1 AND process_name = ?2 AND timeperiod = ?3 AND run = ?7) '
    'ON CONFLICT DO NOTHING'
)
_ADOPT_UNIT: Final = (
    'UPDATE unit_of_work SET request_id = ? '
    f'WHERE id = ? AND run = ? AND state = {REQUESTED} AND fence = 0'
)
_REVIVE_UNIT: Final = (
    f'UPDATE unit_of_work SET state = {REQUESTED}, fence = fence + 1, error = NULL, '
    'finished_at = NULL, submitted_at = NULL, not_before = NULL, request_id = ? '
    f'WHERE id = ? AND state = {CANCELED} AND started_at IS NULL'
)
#: One that a commit has left which broke off under an earlier version, with the id of that time.
_DELETE_UNTOUCHED_UNIT: Final = (
    'DELETE FROM unit_of_work WHERE id = ? AND started_at IS NULL '
    f'AND (state = {CANCELED} OR state = {REQUESTED} AND fence = 0)'
)
_DELETE_ENDED_UNIT: Final = (
    f'DELETE FROM unit_of_work WHERE id = ? AND NOT {IS_LIVE} AND state <> {DEAD}'
)
INSERT_JOB: Final = (
    f'INSERT INTO job ({JOB_COLUMNS_WRITTEN}, term) '
    f'VALUES ({placeholders(JOB_COLUMNS_WRITTEN)}, ?) ON CONFLICT DO NOTHING'
)
#: The lines of history without the oldest one, where there are as many as may be.
_FORMER_LINES: Final = (
    f'CASE WHEN rev > {LINES_MAX} AND '
    f"length(history) - length(replace(history, {LINE_END}, '')) >= {LINES_MAX} "
    f"THEN substr(history, instr(history, {LINE_END}) + 1) ELSE coalesce(history, '') END"
)
UPDATE_JOB: Final = (
    # A row of an earlier version has no event of its own.
    f"UPDATE job SET history = coalesce({_FORMER_LINES} || printf('%x ', changed_at) || event "
    f'|| {LINE_END}, history), '
    'state = ?, rev = ?, run = ?, uow_id = ?, number_of_failures = ?, '
    'lost_count = ?, is_held = ?, request_id = ?, reason = ?, former = ?, '
    'changed_at = ?, event = ?, term = ? '
    'WHERE process_name = ? AND timeperiod = ? AND rev = ? AND term <= ?'
)
_REQUEST_UNIT: Final = (
    f'UPDATE unit_of_work SET state = {REQUESTED}, fence = fence + ?, '
    'attempt = coalesce(?, attempt), lost_count = coalesce(?, lost_count), not_before = ?, '
    'error = ?, owner = NULL, lease_until = NULL, submitted_at = NULL '
    'WHERE id = ? AND state = ? AND fence = ?'
)
_END_UNIT: Final = (
    'UPDATE unit_of_work SET state = ?, fence = fence + ?, error = ?, finished_at = ?, '
    'lost_count = coalesce(?, lost_count), lease_until = NULL '
    'WHERE id = ? AND state = ? AND fence = ?'
)
_CANCEL_UNIT: Final = (
    f'UPDATE unit_of_work SET state = {CANCELED}, fence = fence + 1, error = ?, '
    f'finished_at = ?, lease_until = NULL WHERE id = ? AND {IS_LIVE}'
)
_END_LETTERS: Final = (
    f"UPDATE unit_of_work SET state = {CANCELED}, error = coalesce(error || '; ', '') || ? "
    f'WHERE process_name = ? AND timeperiod = ? AND state = {DEAD} AND run IS NOT ?'
)
_INSERT_OVERRIDE: Final = (
    f'INSERT INTO managed_process ({OVERRIDE_COLUMNS}, term) '
    f'VALUES ({placeholders(OVERRIDE_COLUMNS)}, ?) ON CONFLICT DO NOTHING'
)
_UPDATE_OVERRIDE: Final = (
    'UPDATE managed_process SET trigger_frequency = ?, trigger_at = ?, trigger_by = ?, is_on = ?, '
    'is_on_at = ?, is_on_by = ?, catch_up = ?, catch_up_at = ?, catch_up_by = ?, '
    'definition = ?, rev = ?, cut = ?, term = ? '
    'WHERE process_name = ? AND rev = ? AND term <= ?'
)
_SAVE_COMMAND: Final = (
    'UPDATE command SET state = ?, outcome = ?, finished_at = ?, is_paused = ?, plan = ?, '
    f'planned_count = ?, applied_count = ? WHERE id = ? AND state IN {OPEN_COMMANDS}'
)
INSERT_COMMAND: Final = (
    f'INSERT INTO command ({COMMAND_COLUMNS}) '
    f'VALUES ({placeholders(COMMAND_COLUMNS)}) ON CONFLICT (id) DO NOTHING'
)
_SAVE_CONTEXT: Final = (
    'INSERT INTO led_context (id, rev, term, text) VALUES (1, ?, ?, ?) '
    'ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, term = excluded.term, text = excluded.text '
    'WHERE led_context.rev = excluded.rev - 1 AND led_context.term <= excluded.term'
)
_SAVE_POOL: Final = (
    'INSERT INTO pool (pool, rev, term, text) VALUES (?1, ?2, ?3, ?4) '
    'ON CONFLICT (pool) DO UPDATE SET rev = excluded.rev, term = excluded.term, '
    'text = excluded.text WHERE pool.rev = excluded.rev - 1 AND pool.term <= excluded.term'
)
_INSERT_FREERUN: Final = (
    f'INSERT INTO freerun_process ({FREERUN_COLUMNS}, term) '
    f'VALUES ({placeholders(FREERUN_COLUMNS)}, ?) ON CONFLICT DO NOTHING'
)
_UPDATE_FREERUN: Final = (
    'UPDATE freerun_process SET trigger_frequency = ?, is_on = ?, overlap = ?, misfire = ?, '
    'misfire_max = ?, arguments = ?, description = ?, definition = ?, rev = ?, last_fire = ?, '
    'last_run = ?, live = ?, queued_at = ?, changed_at = ?, term = ? '
    'WHERE process_name = ? AND entry_name = ? AND rev = ? AND term <= ?'
)


def why_refused(connection: Connection, save: Save, term: int) -> str | None:
    """Execute one save; return why it was refused, None when it was not.

    What the file's own rules refuse, or what no column can hold, is refused like what matches
    nothing: it concerns this row and no other.
    """
    try:
        return None if apply(connection, save, term) else why_unmatched(save)
    except OF_THE_ROW as error:
        return f'cannot be stored ({error})'


def apply(  # noqa: C901 - one case for each kind of save
    connection: Connection, save: Save, term: int
) -> bool:
    """Execute one save; tell whether it matched."""
    match save:
        case InsertUnit(unit):
            if connection.execute(INSERT_UNIT_BESIDE, unit_values(unit)).rowcount == 1:
                for outlived in outlived_by(unit):
                    connection.execute(_DELETE_ENDED_UNIT, (outlived,))
                return True
            return _adopt(connection, unit)
        case SaveJob():
            return _save_job(connection, save, term)
        case MoveUnit():
            return _move_unit(connection, save)
        case CancelUnit(uow_id, reason, at):
            connection.execute(_CANCEL_UNIT, (reason, to_micros(at), uow_id))
            return True
        case EndLetters(key, reason, but):
            connection.execute(_END_LETTERS, (reason, key.process, str(key.timeperiod), but))
            return True
        case SaveCommand(command):
            saved = connection.execute(
                _SAVE_COMMAND,
                (
                    command.state.value,
                    command.outcome,
                    to_micros(command.finished_at),
                    int(command.is_paused),
                    plan_text(command.plan),
                    command.planned_count,
                    command.applied_count,
                    command.id,
                ),
            )
            return saved.rowcount == 1
        case InsertCommand(command):
            connection.execute(INSERT_COMMAND, command_values(command))
            return True
        case ArchiveRows():
            return archive(connection, save)
        case SaveContext(context):
            values = (context.rev, term, led_context.encode(context))
            return connection.execute(_SAVE_CONTEXT, values).rowcount == 1
        case AddPage(page):
            return add_page(connection, page)
        case SaveFreerun(freerun, event):
            return _save_freerun(connection, freerun, event, term)
        case RemoveFreerun(freerun):
            connection.execute(
                'DELETE FROM freerun_process WHERE process_name = ? AND entry_name = ?',
                (freerun.process, freerun.entry),
            )
            return True
        case SaveOverride(override):
            return _save_override(connection, override, term)
        case RemoveOverride(process):
            connection.execute('DELETE FROM managed_process WHERE process_name = ?', (process,))
            return True
        case SavePool(override):
            size = (override.pool, override.rev, term, pool_override.encode(override))
            return connection.execute(_SAVE_POOL, size).rowcount == 1
        case RemovePool(pool):
            connection.execute('DELETE FROM pool WHERE pool = ?', (pool,))
            return True
        case _:
            assert_never(save)


def _adopt(connection: Connection, unit: Unit) -> bool:
    """Take over a unit that nobody has worked on; tell whether there was one."""
    if connection.execute(_ADOPT_UNIT, (unit.request_id, unit.id, unit.run)).rowcount == 1:
        return True
    if connection.execute(_REVIVE_UNIT, (unit.request_id, unit.id)).rowcount == 1:
        return True
    _, earlier = uow_ids_of(unit.key, unit.run)
    if connection.execute(_DELETE_UNTOUCHED_UNIT, (earlier,)).rowcount != 1:
        return False
    return connection.execute(INSERT_UNIT_BESIDE, unit_values(unit)).rowcount == 1


def _save_job(connection: Connection, save: SaveJob, term: int) -> bool:
    job = save.job
    values = job_values(job, save.event)
    ended_in = term if save.term is None else save.term
    process, timeperiod = values[:2]
    if job.rev == 1:
        saved = connection.execute(INSERT_JOB, (*values, ended_in))
    else:
        saved = connection.execute(
            UPDATE_JOB, (*values[3:], ended_in, process, timeperiod, job.rev - 1, term)
        )
    return saved.rowcount == 1


def _save_freerun(connection: Connection, freerun: Freerun, event: str, term: int) -> bool:
    values = freerun_values(freerun)
    if freerun.rev == 1:
        saved = connection.execute(_INSERT_FREERUN, (*values, term))
    else:
        saved = connection.execute(
            _UPDATE_FREERUN, (*values[2:], term, *values[:2], freerun.rev - 1, term)
        )
    if saved.rowcount != 1:
        return False
    add_event(connection, freerun.name, freerun.rev, values[-1], event)
    return True


def _save_override(connection: Connection, override: Override, term: int) -> bool:
    values = override_values(override)
    if override.rev == 1:
        saved = connection.execute(_INSERT_OVERRIDE, (*values, term))
    else:
        name, rev = override.process, override.rev
        saved = connection.execute(_UPDATE_OVERRIDE, (*values[1:], term, name, rev - 1, term))
    return saved.rowcount == 1


def _move_unit(connection: Connection, move: MoveUnit) -> bool:
    expected = (move.uow_id, NUMBER_BY_UNIT_STATE[move.from_state], move.from_fence)
    if move.to_state is UnitState.REQUESTED:
        moved = connection.execute(
            _REQUEST_UNIT,
            (
                int(move.raises_fence),
                move.attempt,
                move.lost_count,
                to_micros(move.not_before),
                move.error,
                *expected,
            ),
        )
    else:
        moved = connection.execute(
            _END_UNIT,
            (
                NUMBER_BY_UNIT_STATE[move.to_state],
                int(move.raises_fence),
                move.error,
                to_micros(move.at),
                move.lost_count,
                *expected,
            ),
        )
    return moved.rowcount == 1
