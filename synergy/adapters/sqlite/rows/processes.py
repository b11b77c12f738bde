"""Rows of free runs, and of what operators have changed of managed processes."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.rows.columns import Columns, instant_of, instant_or_none
from synergy.core.freerun_definition import MISFIRE_MAX
from synergy.core.freerun_record import Freerun, Misfire, Overlap
from synergy.core.lanes import CatchUp
from synergy.core.records import Override, ProcessName, UowId
from synergy.ports import rows as fields
from synergy.ports.stored import cut as cut_text

FREERUN_COLUMNS: Final = (
    'process_name, entry_name, trigger_frequency, is_on, overlap, misfire, misfire_max, arguments, '
    'description, definition, rev, last_fire, last_run, live, queued_at, changed_at'
)
OVERRIDE_COLUMNS: Final = (
    'process_name, trigger_frequency, trigger_at, trigger_by, is_on, is_on_at, is_on_by, '
    'catch_up, catch_up_at, catch_up_by, definition, rev, cut'
)
#: Pages look at all of them each time, and few have changed since.
_FREERUNS_KEPT: Final = 16_384
_FREERUN: Final = Columns(FREERUN_COLUMNS, 'ttti' + 'tti' + 'tTTiIitIi')
_OVERRIDE: Final = Columns(OVERRIDE_COLUMNS, 'tTITIITTITtiT')


@lru_cache(maxsize=_FREERUNS_KEPT)
def freerun_of(row: tuple[Any, ...]) -> Freerun:
    """Return the free run of a row of FREERUN_COLUMNS; of an equal row the same one."""
    _FREERUN.check(row)
    return Freerun(
        name=ProcessName(fields.text('entry_name', f'{row[0]}::{row[1]}')),
        trigger=fields.trigger('trigger_frequency', row[2]),
        is_on=bool(row[3]),
        overlap=fields.word('overlap', Overlap, row[4]),
        misfire=fields.word('misfire', Misfire, row[5]),
        misfire_max=fields.count('misfire_max', row[6], MISFIRE_MAX),
        arguments={} if row[7] == '{}' else fields.json_object('arguments', row[7]),
        description=fields.said('description', row[8]),
        definition=row[9],
        rev=fields.count('rev', row[10]),
        last_fire=instant_or_none('last_fire', row[11]),
        last_run=fields.count('last_run', row[12]),
        live=() if row[13] == '[]' else _live(row[13]),
        queued_at=instant_or_none('queued_at', row[14]),
        changed_at=instant_of('changed_at', row[15]),
    )


def _live(text: str) -> tuple[UowId, ...]:
    return tuple(map(UowId, fields.texts('live', fields.json_text('live', text))))


def freerun_values(freerun: Freerun) -> tuple[Any, ...]:
    """Return a free run's values in the order of FREERUN_COLUMNS."""
    return (
        freerun.process,
        freerun.entry,
        str(freerun.trigger),
        int(freerun.is_on),
        freerun.overlap.value,
        freerun.misfire.value,
        freerun.misfire_max,
        json.dumps(dict(freerun.arguments), sort_keys=True),
        freerun.description,
        freerun.definition,
        freerun.rev,
        to_micros(freerun.last_fire),
        freerun.last_run,
        json.dumps(list(freerun.live)),
        to_micros(freerun.queued_at),
        to_micros(freerun.changed_at),
    )


def override_of(row: tuple[Any, ...]) -> Override:
    """Return the override of a row of OVERRIDE_COLUMNS."""
    _OVERRIDE.check(row)
    return Override(
        process=ProcessName(fields.text('process_name', row[0])),
        trigger=None if row[1] is None else fields.trigger('trigger_frequency', row[1]),
        trigger_at=instant_or_none('trigger_at', row[2]),
        trigger_by=fields.said('trigger_by', row[3]),
        is_on=None if row[4] is None else bool(row[4]),
        is_on_at=instant_or_none('is_on_at', row[5]),
        is_on_by=fields.said('is_on_by', row[6]),
        catch_up=None if row[7] is None else fields.word('catch_up', CatchUp, row[7]),
        catch_up_at=instant_or_none('catch_up_at', row[8]),
        catch_up_by=fields.said('catch_up_by', row[9]),
        definition=row[10],
        rev=fields.count('rev', row[11]),
        cut=cut_text.decode(row[12]),
    )


def override_values(override: Override) -> tuple[Any, ...]:
    """Return an override's values in the order of OVERRIDE_COLUMNS."""
    return (
        override.process,
        None if override.trigger is None else str(override.trigger),
        to_micros(override.trigger_at),
        override.trigger_by,
        None if override.is_on is None else int(override.is_on),
        to_micros(override.is_on_at),
        override.is_on_by,
        None if override.catch_up is None else override.catch_up.value,
        to_micros(override.catch_up_at),
        override.catch_up_by,
        override.definition,
        override.rev,
        cut_text.encode(override.cut),
    )
