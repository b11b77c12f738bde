"""Each save of a commit as its one conditional statement."""

from __future__ import annotations

import sqlite3
from sqlite3 import Connection
from typing import Final, assert_never

from synergy.adapters.sqlite import rows
from synergy.adapters.sqlite.connection import to_micros
from synergy.core.effects import (
    CancelUnit,
    InsertCommand,
    InsertUnit,
    MoveUnit,
    RemoveFreerun,
    RemoveOverride,
    Save,
    SaveCommand,
    SaveContext,
    SaveFreerun,
    SaveJob,
    SaveOverride,
    why_unmatched,
)
from synergy.core.freerun_record import Freerun
from synergy.core.led_context import encode
from synergy.core.records import Job, Override, outlived_by
from synergy.core.states import UnitState

#: Events that a job keeps. Source: Synergy 2.x.
EVENTS_PER_JOB_MAX: Final = 128
#: Errors that are about the values of one statement, and not about the file.
_OF_THE_ROW: Final = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
#: Under this timeperiod the history of a free run is kept.
FREERUN_EVENTS: Final = ''
LIVE: Final = "('state_requested', 'state_in_progress', 'state_invalid')"
OPEN: Final = "('state_embryo', 'state_in_progress', 'state_final_run')"
_INSERT_UNIT: Final = (
    f'INSERT INTO unit_of_work ({rows.UNIT_COLUMNS}) '
    f'VALUES ({rows.placeholders(rows.UNIT_COLUMNS)}) '
    'ON CONFLICT DO NOTHING'
)
_ADOPTABLE_UNIT: Final = (
    'SELECT 1 FROM unit_of_work '
    "WHERE id = ? AND run = ? AND state = 'state_requested' AND fence = 0"
)
_REVIVE_UNIT: Final = (
    "UPDATE unit_of_work SET state = 'state_requested', fence = fence + 1, error = NULL, "
    'finished_at = NULL, submitted_at = NULL, not_before = NULL '
    "WHERE id = ? AND state = 'state_canceled' AND started_at IS NULL"
)
_DELETE_ENDED_UNIT: Final = (
    f"DELETE FROM unit_of_work WHERE id = ? AND state NOT IN {LIVE} AND state <> 'state_dead'"
)
_INSERT_JOB: Final = (
    f'INSERT INTO job ({rows.JOB_COLUMNS}, term) '
    f'VALUES ({rows.placeholders(rows.JOB_COLUMNS)}, ?) ON CONFLICT DO NOTHING'
)
_UPDATE_JOB: Final = (
    'UPDATE job SET state = ?, rev = ?, run = ?, related_unit_of_work = ?, number_of_failures = ?, '
    'is_held = ?, request_id = ?, reason = ?, changed_at = ?, term = ? '
    'WHERE process_name = ? AND timeperiod = ? AND rev = ? AND term <= ?'
)
_INSERT_EVENT: Final = (
    'INSERT OR REPLACE INTO job_event (process_name, timeperiod, rev, at, text) '
    'VALUES (?, ?, ?, ?, ?)'
)
_TRIM_EVENTS: Final = 'DELETE FROM job_event WHERE process_name = ? AND timeperiod = ? AND rev <= ?'
_REQUEST_UNIT: Final = (
    "UPDATE unit_of_work SET state = 'state_requested', fence = fence + ?, "
    'attempt = coalesce(?, attempt), not_before = ?, error = ?, owner = NULL, lease_until = NULL, '
    'submitted_at = NULL WHERE id = ? AND state = ? AND fence = ?'
)
_END_UNIT: Final = (
    'UPDATE unit_of_work SET state = ?, fence = fence + ?, error = ?, finished_at = ?, '
    'lease_until = NULL WHERE id = ? AND state = ? AND fence = ?'
)
_CANCEL_UNIT: Final = (
    "UPDATE unit_of_work SET state = 'state_canceled', fence = fence + 1, error = ?, "
    f'finished_at = ?, lease_until = NULL WHERE id = ? AND state IN {LIVE}'
)
_INSERT_OVERRIDE: Final = (
    f'INSERT INTO managed_process ({rows.OVERRIDE_COLUMNS}, term) '
    f'VALUES ({rows.placeholders(rows.OVERRIDE_COLUMNS)}, ?) ON CONFLICT DO NOTHING'
)
_UPDATE_OVERRIDE: Final = (
    'UPDATE managed_process SET trigger_frequency = ?, trigger_at = ?, trigger_by = ?, is_on = ?, '
    'is_on_at = ?, is_on_by = ?, definition = ?, rev = ?, term = ? '
    'WHERE process_name = ? AND rev = ? AND term <= ?'
)
OPEN_COMMANDS: Final = "('requested', 'applying', 'running')"
_SAVE_COMMAND: Final = (
    'UPDATE command SET state = ?, outcome = ?, finished_at = ?, is_paused = ?, plan = ?, '
    f'planned_count = ?, applied_count = ? WHERE id = ? AND state IN {OPEN_COMMANDS}'
)
INSERT_COMMAND: Final = (
    f'INSERT INTO command ({rows.COMMAND_COLUMNS}) '
    f'VALUES ({rows.placeholders(rows.COMMAND_COLUMNS)}) ON CONFLICT (id) DO NOTHING'
)
_SAVE_CONTEXT: Final = (
    'INSERT INTO led_context (id, rev, term, text) VALUES (1, ?, ?, ?) '
    'ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, term = excluded.term, text = excluded.text '
    'WHERE led_context.rev = excluded.rev - 1 AND led_context.term <= excluded.term'
)
_INSERT_FREERUN: Final = (
    f'INSERT INTO freerun_process ({rows.FREERUN_COLUMNS}, term) '
    f'VALUES ({rows.placeholders(rows.FREERUN_COLUMNS)}, ?) ON CONFLICT DO NOTHING'
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
    except (*_OF_THE_ROW, OverflowError, TypeError, ValueError) as error:
        return f'cannot be stored ({error})'


def apply(  # noqa: C901 - one case for each kind of save
    connection: Connection, save: Save, term: int
) -> bool:
    """Execute one save; tell whether it matched."""
    match save:
        case InsertUnit(unit):
            if connection.execute(_INSERT_UNIT, rows.unit_values(unit)).rowcount == 1:
                if (outlived := outlived_by(unit)) is not None:
                    connection.execute(_DELETE_ENDED_UNIT, (outlived,))
                return True
            if connection.execute(_ADOPTABLE_UNIT, (unit.id, unit.run)).fetchone() is not None:
                return True
            return connection.execute(_REVIVE_UNIT, (unit.id,)).rowcount == 1
        case SaveJob(job, event):
            return _save_job(connection, job, event, term)
        case MoveUnit():
            return _move_unit(connection, save)
        case CancelUnit(uow_id, reason, at):
            connection.execute(_CANCEL_UNIT, (reason, to_micros(at), uow_id))
            return True
        case SaveCommand(command):
            saved = connection.execute(
                _SAVE_COMMAND,
                (
                    command.state.value,
                    command.outcome,
                    to_micros(command.finished_at),
                    int(command.is_paused),
                    rows.plan_text(command.plan),
                    command.planned_count,
                    command.applied_count,
                    command.id,
                ),
            )
            return saved.rowcount == 1
        case InsertCommand(command):
            connection.execute(INSERT_COMMAND, rows.command_values(command))
            return True
        case SaveContext(context):
            values = (context.rev, term, encode(context))
            return connection.execute(_SAVE_CONTEXT, values).rowcount == 1
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
        case _:
            assert_never(save)


def _save_job(connection: Connection, job: Job, event: str, term: int) -> bool:
    values = rows.job_values(job)
    process, timeperiod = values[:2]
    if job.rev == 1:
        saved = connection.execute(_INSERT_JOB, (*values, term))
    else:
        saved = connection.execute(
            _UPDATE_JOB, (*values[3:], term, process, timeperiod, job.rev - 1, term)
        )
    if saved.rowcount != 1:
        return False
    connection.execute(_INSERT_EVENT, (process, timeperiod, job.rev, values[-1], event))
    if job.rev > EVENTS_PER_JOB_MAX:
        connection.execute(_TRIM_EVENTS, (process, timeperiod, job.rev - EVENTS_PER_JOB_MAX))
    return True


def _save_freerun(connection: Connection, freerun: Freerun, event: str, term: int) -> bool:
    values = rows.freerun_values(freerun)
    if freerun.rev == 1:
        saved = connection.execute(_INSERT_FREERUN, (*values, term))
    else:
        saved = connection.execute(
            _UPDATE_FREERUN, (*values[2:], term, *values[:2], freerun.rev - 1, term)
        )
    if saved.rowcount != 1:
        return False
    name, at = freerun.name, values[-1]
    connection.execute(_INSERT_EVENT, (name, FREERUN_EVENTS, freerun.rev, at, event))
    if freerun.rev > EVENTS_PER_JOB_MAX:
        connection.execute(_TRIM_EVENTS, (name, FREERUN_EVENTS, freerun.rev - EVENTS_PER_JOB_MAX))
    return True


def _save_override(connection: Connection, override: Override, term: int) -> bool:
    values = rows.override_values(override)
    if override.rev == 1:
        saved = connection.execute(_INSERT_OVERRIDE, (*values, term))
    else:
        name, rev = override.process, override.rev
        saved = connection.execute(_UPDATE_OVERRIDE, (*values[1:], term, name, rev - 1, term))
    return saved.rowcount == 1


def _move_unit(connection: Connection, move: MoveUnit) -> bool:
    expected = (move.uow_id, move.from_state.value, move.from_fence)
    if move.to_state is UnitState.REQUESTED:
        moved = connection.execute(
            _REQUEST_UNIT,
            (
                int(move.raises_fence),
                move.attempt,
                to_micros(move.not_before),
                move.error,
                *expected,
            ),
        )
    else:
        moved = connection.execute(
            _END_UNIT,
            (
                move.to_state.value,
                int(move.raises_fence),
                move.error,
                to_micros(move.at),
                *expected,
            ),
        )
    return moved.rowcount == 1
