"""Small pipelines for tests: processes, trees and instants in one line each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from synergy.core.hierarchy import Hierarchy, build
from synergy.core.index_codes import STATE_BY_CODE
from synergy.core.machines import MACHINE_BY_NAME
from synergy.core.records import Process, ProcessName, Tree, Unit, uow_id_of
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod, parse
from synergy.ports.store import TimetableReader

QUALIFIER_BY_SUFFIX = {
    'Hourly': Qualifier.HOURLY,
    'Daily': Qualifier.DAILY,
    'Weekly': Qualifier.WEEKLY,
    'Monthly': Qualifier.MONTHLY,
    'Yearly': Qualifier.YEARLY,
}


def process(name: str, **fields: Any) -> Process:
    """Return a process whose qualifier is the end of its name: `SiteHourly`."""
    qualifier = next(
        value for suffix, value in QUALIFIER_BY_SUFFIX.items() if name.endswith(suffix)
    )
    return Process(name=ProcessName(name), qualifier=qualifier, **fields)


def tree(
    name: str,
    levels: Sequence[str],
    *,
    start: str = '2026112200',
    end: str | None = None,
    dependent_on: Sequence[str] = (),
) -> Tree:
    """Return a tree; start and end are hourly timeperiods."""
    return Tree(
        name=name,
        levels=tuple(map(ProcessName, levels)),
        dependent_on=tuple(dependent_on),
        start=instant(start),
        end=None if end is None else instant(end),
    )


def instant(text: str) -> datetime:
    """Return `YYYYMMDDHH` or `YYYYMMDDHHMM` as an aware instant."""
    layout = '%Y%m%d%H' if len(text) == 10 else '%Y%m%d%H%M'
    return datetime.strptime(text, layout).replace(tzinfo=UTC)


def key(text: str) -> JobKey:
    """Return the job that `SiteHourly@2026112200` names."""
    name, _, timeperiod = text.partition('@')
    qualifier = next(
        value for suffix, value in QUALIFIER_BY_SUFFIX.items() if name.endswith(suffix)
    )
    return JobKey(ProcessName(name), parse(qualifier, timeperiod))


def first_unit(job_key: JobKey, at: datetime, **fields: Any) -> Unit:
    """Return the first unit of a job, over its interval alone; fields: what differs."""
    return Unit(
        id=uow_id_of(job_key, 1),
        process=job_key.process,
        timeperiod=job_key.timeperiod,
        start=job_key.timeperiod,
        end=job_key.timeperiod.shift(1),
        run=1,
        created_at=at,
        **fields,
    )


def two_trees(**fields: Any) -> Hierarchy:
    """Return site (hourly, daily, monthly) and alert (daily), which depends on site.

    fields: given to every process by its name, as in `AlertDaily={'max_running': 2}`; `end` of
    the trees; `machine_by_name`, for state machines of one's own.
    """
    names = ('SiteHourly', 'SiteDaily', 'SiteMonthly', 'AlertDaily')
    return build(
        [process(name, **fields.get(name, {})) for name in names],
        [
            tree('site', names[:3], end=fields.get('end')),
            tree('alert', names[3:], dependent_on=['site'], end=fields.get('end')),
        ],
        machine_by_name=fields.get('machine_by_name', MACHINE_BY_NAME),
    )


def index_rows(
    store: TimetableReader, since: datetime | None = None
) -> list[tuple[ProcessName, Timeperiod, JobState]]:
    """Return what a store has for the dense index, row by row."""
    return [
        (stretch.process, stretch.first.shift(place), STATE_BY_CODE[code])
        for stretch in store.index_stretches(since)
        for place, code in enumerate(stretch.codes)
    ]
