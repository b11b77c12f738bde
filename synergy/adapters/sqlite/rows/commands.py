"""Rows of commands."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.rows.columns import Columns, instant_of, instant_or_none
from synergy.core.bounded import PLAN
from synergy.core.commands import Command, CommandId, CommandKind, CommandState, Only, Ranges
from synergy.core.records import ProcessName
from synergy.core.timeperiod import Qualifier
from synergy.ports import rows as fields

COMMAND_COLUMNS: Final = (
    'id, kind, process_name, time_qualifier, start_timeperiod, end_timeperiod, with_children, '
    'plan_hash, actor, reason, state, created_at, finished_at, outcome, only_jobs, target, '
    'details, is_paused, plan, planned_count, applied_count, fingerprint'
)
#: Longest plan that is kept as it was decoded.
_KEPT_LENGTH_MAX: Final = 256 * 1024
_COMMAND: Final = Columns(COMMAND_COLUMNS, 'ttttttiTtTtiITtTtiTiiT')


def command_of(row: tuple[Any, ...]) -> Command:
    """Return the command of a row of COMMAND_COLUMNS."""
    _COMMAND.check(row)
    qualifier = fields.word('time_qualifier', Qualifier, row[3])
    return Command(
        id=CommandId(fields.text('id', row[0])),
        kind=fields.word('kind', CommandKind, row[1]),
        process=ProcessName(fields.text('process_name', row[2])),
        start=fields.timeperiod('start_timeperiod', qualifier, row[4]),
        end=fields.timeperiod('end_timeperiod', qualifier, row[5]),
        with_children=bool(row[6]),
        plan_hash=row[7],
        actor=fields.text('actor', row[8]),
        reason=fields.said('reason', row[9]),
        state=fields.word('state', CommandState, row[10]),
        created_at=instant_of('created_at', row[11]),
        finished_at=instant_or_none('finished_at', row[12]),
        outcome=fields.said('outcome', row[13]),
        only=fields.word('only_jobs', Only, row[14]),
        target=None if row[15] is None else CommandId(fields.text('target', row[15])),
        details=fields.json_object('details', row[16]),
        is_paused=bool(row[17]),
        plan=None if row[18] is None else _plan_of(row[18]),
        planned_count=fields.count('planned_count', row[19]),
        applied_count=fields.count('applied_count', row[20]),
        fingerprint=row[21],
    )


def command_values(command: Command) -> tuple[Any, ...]:
    """Return a command's values in the order of COMMAND_COLUMNS."""
    return (
        command.id,
        command.kind.value,
        command.process,
        command.start.qualifier.value,
        str(command.start),
        str(command.end),
        int(command.with_children),
        command.plan_hash,
        command.actor,
        command.reason,
        command.state.value,
        to_micros(command.created_at),
        to_micros(command.finished_at),
        command.outcome,
        command.only.value,
        command.target,
        json.dumps(dict(command.details)),
        int(command.is_paused),
        plan_text(command.plan),
        command.planned_count,
        command.applied_count,
        command.fingerprint,
    )


def plan_text(plan: Ranges | None) -> str | None:
    """Return the text in which a plan is kept."""
    return None if plan is None else json.dumps(dict(plan))


def _plan_of(text: str) -> Ranges:
    return _kept_plan(text) if len(text) <= _KEPT_LENGTH_MAX else _decoded_plan(text)


def _decoded_plan(text: str) -> Ranges:
    found = fields.json_text('plan', text, PLAN)
    if not isinstance(found, dict):
        raise fields.malformed('plan', found, 'a JSON object')
    return {ProcessName(name): runs for name, runs in fields.ranges('plan', found.items()).items()}


#: An open request is read for each page, several times, and what it is about never changes.
_kept_plan: Final = lru_cache(maxsize=32)(_decoded_plan)
