"""Rows of boxes and of their processes."""

from __future__ import annotations

import json
from typing import Any, Final

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.rows.columns import Columns, instant_or_none
from synergy.core.records import Box, BoxProcess
from synergy.ports import rows as fields
from synergy.ports.stored import box_load

BOX_COLUMNS: Final = 'box_id, host, home, pid, version, seen_at, is_draining, load'
BOX_PROCESS_COLUMNS: Final = (
    'box_id, process_name, is_on, state, pids, restart_count, changed_at, start_asked_at, '
    'reason, log_file, restart_asked_at'
)
_BOX: Final = Columns(BOX_COLUMNS, 'tttItIiT')
_BOX_PROCESS: Final = Columns(BOX_PROCESS_COLUMNS, 'ttiTtiIITTI')


def box_of(row: tuple[Any, ...]) -> Box:
    """Return the record of a row of BOX_COLUMNS."""
    _BOX.check(row)
    box_id, host, home, pid, version, seen_at, is_draining, load = row
    return Box(
        box_id=fields.text('box_id', box_id),
        host=fields.text('host', host),
        home=fields.text('home', home),
        pid=None if pid is None else fields.count('pid', pid, 2**31),
        version=fields.text('version', version),
        seen_at=instant_or_none('seen_at', seen_at),
        is_draining=bool(is_draining),
        load=box_load.decode(load),
    )


def box_process_of(row: tuple[Any, ...]) -> BoxProcess:
    """Return the record of a row of BOX_PROCESS_COLUMNS."""
    _BOX_PROCESS.check(row)
    box_id, process, is_on, state, pids, restart_count, changed_at, start_asked_at, *said = row
    reason, log_file, restart_asked_at = said
    return BoxProcess(
        box_id=fields.text('box_id', box_id),
        process=fields.text('process_name', process),
        is_on=bool(is_on),
        state=None if state is None else fields.text('state', state),
        pids=fields.pids('pids', fields.json_text('pids', pids)),
        restart_count=fields.count('restart_count', restart_count),
        changed_at=instant_or_none('changed_at', changed_at),
        start_asked_at=instant_or_none('start_asked_at', start_asked_at),
        reason=fields.said('reason', reason),
        log_file=fields.said('log_file', log_file),
        restart_asked_at=instant_or_none('restart_asked_at', restart_asked_at),
    )


def box_process_values(row: BoxProcess) -> tuple[Any, ...]:
    """Return a record's values in the order of BOX_PROCESS_COLUMNS."""
    return (
        row.box_id,
        row.process,
        int(row.is_on),
        row.state,
        json.dumps(list(row.pids)),
        row.restart_count,
        to_micros(row.changed_at),
        to_micros(row.start_asked_at),
        row.reason,
        row.log_file,
        to_micros(row.restart_asked_at),
    )
