"""The unit of work as user code sees it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache

from synergy.core.calendar import Calendar
from synergy.core.records import Json, Unit
from synergy.core.structs import Struct
from synergy.core.timeperiod import Measure, Qualifier, Timeperiod
from synergy.core.trace_ids import traceparent_of
from synergy.core.zones import UTC_CALENDAR, name_of
from synergy.ports.source import RowId


class Uow(Struct, frozen=True, kw_only=True):
    """One run of one job.

    timeperiod: the job's interval, `YYYYMMDDHH`, with minutes where the level has them.
    [start_timeperiod, end_timeperiod): the intervals that this run covers, more than one when the
    process is grouped; `start` and `end` are the same as aware UTC instants, `local_start` and
    `local_end` on the clock of `time_zone`, which is that of the tree or of the free run.
    arguments: a copy, with secrets in place of their references; secret_arguments: the names of
    those that hold any. run: number of this run within the job;
    attempt: number of this try of it. idempotency_key: the same for every start of this run; store
    it with what you write, or delete and insert by interval, and a second start does no harm.
    fence: rises with every start; only the newest may report. start_id, end_id: of a recomputing
    process, lowest and highest primary key of the rows that have arrived; otherwise None.
    entry_name: of a free run; otherwise None. request_id: the request for which the job runs again;
    None: its time has come.
    """

    id: str
    process_name: str
    entry_name: str | None
    timeperiod: str
    start_timeperiod: str
    end_timeperiod: str
    start: datetime
    end: datetime
    time_zone: str
    local_start: datetime
    local_end: datetime
    arguments: Mapping[str, Json]
    source: str | None
    sink: str | None
    start_id: RowId | None
    end_id: RowId | None
    run: int
    attempt: int
    fence: int
    idempotency_key: str
    is_stopping: Callable[[], bool]
    request_id: str | None = None
    secret_arguments: frozenset[str] = frozenset()

    @property
    def traceparent(self) -> str:
        """Return the W3C header under which spans of user code belong to this attempt.

        All runs of one request are one trace. It is made when it is read, of ids alone.
        """
        return traceparent_of(self.id, self.request_id, self.attempt)


def uow_of(
    unit: Unit,
    source: str | None,
    sink: str | None,
    is_stopping: Callable[[], bool],
    rows: tuple[RowId, RowId] | None = None,
    calendar: Calendar = UTC_CALENDAR,
) -> Uow:
    """Return what user code sees of a claimed unit. calendar: that of its tree."""
    process, _, entry = unit.process.partition('::')
    timeperiod = str(unit.timeperiod)
    (start, local_start), (end, local_end) = (
        _start(calendar, item) for item in (unit.start, unit.end)
    )
    return Uow(
        id=unit.id,
        process_name=process,
        entry_name=entry or None,
        timeperiod=timeperiod,
        start_timeperiod=timeperiod if unit.start == unit.timeperiod else str(unit.start),
        end_timeperiod=str(unit.end),
        start=start,
        end=end,
        time_zone=name_of(calendar.zone),
        local_start=local_start,
        local_end=local_end,
        arguments=copy.deepcopy(dict(unit.arguments)) if unit.arguments else {},
        source=source,
        sink=sink,
        start_id=None if rows is None else rows[0],
        end_id=None if rows is None else rows[1],
        run=unit.run,
        attempt=unit.attempt,
        fence=unit.fence,
        idempotency_key=unit.idempotency_key,
        is_stopping=is_stopping,
        request_id=unit.request_id,
    )


@lru_cache(maxsize=256)
def _start(calendar: Calendar, timeperiod: Timeperiod) -> tuple[datetime, datetime]:
    """Return when an interval begins, in UTC and on the clock of its zone."""
    # Cached: one interval mostly begins where the one before it has ended.
    start = calendar.start(timeperiod)
    return start, start.astimezone(calendar.zone)


def hour_name(calendar: Calendar, timeperiod: Timeperiod) -> str:
    """Return the name of the hour with which an interval begins; minutes have names of their own.

    As texts, names of minutes lie between those of the hours around them.
    """
    if timeperiod.qualifier.measure is Measure.MINUTE:
        return str(timeperiod)
    return str(calendar.containing(Qualifier.HOURLY, calendar.start(timeperiod)))
