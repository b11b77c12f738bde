"""Events of lineage: for which interval, what is read and written, and on whose behalf."""

from __future__ import annotations

from pathlib import Path

import pytest

from synergy.conf.model import Context
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.journal import Happened, Line, LineKind
from synergy.core.records import ProcessName, Unit, uow_id_of
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.telemetry import DataSet, LineageEvent, LineageKind, LineageRun
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.core.trace_ids import uuid_of_request, uuid_of_run
from synergy.view.lineage import Lineage, data_set
from synergy.view.runs_told import RunTold, runs_told
from tests.builders import first_unit, instant, key
from tests.conf.test_context import load
from tests.view.test_spans import ENDED, GAVE_UP, HOUR, NOW, REQUEST, at, line, unit

CONTEXT = """
from synergy.conf.entries import *
def entry(name, qualifier, **fields):
    return managed_context_entry(name, 'workers.site.Hourly', name.lower(), qualifier, **fields)
process_context = [
    entry(
        'SiteHourly', QUALIFIER_HOURLY,
        source='s3://user:hunter2@lake/raw/visits', sink='site_hourly',
    ),
    entry('SiteDaily', QUALIFIER_DAILY, source='site_hourly', sink='site_daily'),
    freerun_context_entry('Sweep', 'old', 'workers.site.Hourly', 'sweep', 'every 60'),
]
timetable_context = [
    timetable_tree_entry('site', ['SiteDaily', 'SiteHourly'], start_timeperiod='2026110100'),
]
"""


@pytest.fixture(scope='module')
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return load(Path(tmp_path_factory.mktemp('lineage')), CONTEXT, reads_sources=False)


@pytest.fixture
def lineage(context: Context) -> Lineage:
    return Lineage(context=context, namespace='ours')


def told(found: Line, *units: Unit) -> RunTold:
    return next(runs_told([found], {item.id: item for item in units}))


def command(**fields: object) -> Command:
    made = Command(
        id=REQUEST,
        kind=CommandKind.REPROCESS,
        process=HOUR.process,
        start=HOUR.timeperiod,
        end=HOUR.timeperiod.shift(3),
        actor='anna',
        created_at=NOW,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def test_an_event_says_what_is_read_and_written_for_which_hour(lineage: Lineage) -> None:
    started = line(Happened.STARTED, JobState.IN_PROGRESS, ended_run=0)

    begun = lineage.of_run(told(started, unit()), None)
    ended = lineage.of_run(told(ENDED, unit()), None)

    assert (begun.kind, ended.kind) == (LineageKind.START, LineageKind.COMPLETE)
    assert begun.run == ended.run == LineageRun(uuid_of_run(unit().id), 'SiteHourly')
    assert (begun.begin, begun.end) == (instant('2026112200'), instant('2026112201'))
    assert begun.inputs == (DataSet('s3://lake', 'raw/visits'),)
    assert begun.outputs == (DataSet('ours', 'site_hourly'),)
    assert ended.tags['count'] == '7'
    assert begun.parent == ended.parent


def test_the_parent_of_an_hour_is_the_first_run_of_its_day(lineage: Lineage) -> None:
    day = key('SiteDaily@2026112200')

    found = lineage.of_run(told(ENDED, unit()), None)

    assert found.parent == LineageRun(uuid_of_run(uow_id_of(day, 1)), 'SiteDaily')


def test_a_day_reads_what_its_hours_write_and_has_nothing_above_it(lineage: Lineage) -> None:
    day = key('SiteDaily@2026112200')
    ended = replace(ENDED, process=day.process, timeperiod=day.timeperiod)
    run = replace(first_unit(day, NOW), state=UnitState.PROCESSED)

    found = lineage.of_run(told(ended, run), None)

    assert found.inputs == (DataSet('ours', 'site_hourly'),)
    assert found.parent is None


def test_a_request_is_the_parent_of_what_it_has_caused_and_has_events(lineage: Lineage) -> None:
    asked = command()
    found = lineage.of_run(told(ENDED, unit(request_id=REQUEST)), asked)
    begun = lineage.begun(asked)
    done = lineage.ended(command(state=CommandState.DONE, finished_at=at(9)))
    cancelled = lineage.ended(
        command(state=CommandState.CANCELLED, finished_at=at(9), outcome='cancel by anna')
    )

    assert found.parent == begun.run == LineageRun(uuid_of_request(REQUEST), 'reprocess SiteHourly')
    assert [item.kind.value for item in (begun, done, cancelled)] == ['START', 'COMPLETE', 'ABORT']
    assert (begun.at, done.at, done.error) == (NOW, at(9), None)
    assert cancelled.error == 'cancel by anna'


def test_an_error_goes_without_its_secrets(lineage: Lineage) -> None:
    dead = unit(state=UnitState.DEAD, error='cannot reach mysql://etl:hunter2@db/x')

    found = lineage.of_run(told(GAVE_UP, dead), None)

    assert found.kind is LineageKind.FAIL
    assert found.error is not None
    assert 'cannot reach' in found.error
    assert 'hunter2' not in found.error


def test_a_free_run_and_a_process_that_is_gone_are_told_with_what_is_known(
    lineage: Lineage,
) -> None:
    planned = Timeperiod(Qualifier.REAL_TIME, 64_000_000_000)
    name = ProcessName('Sweep::old')
    run = replace(first_unit(JobKey(name, planned), NOW), state=UnitState.NOOP)
    swept = Line(
        number=1,
        term=1,
        at=at(3),
        kind=LineKind.FREERUN,
        process=name,
        what=Happened.ENDED,
        run=1,
        cause=ENDED.cause,
        ended=(run.id,),
    )
    gone = replace(ENDED, process=ProcessName('GoneHourly'))

    found = lineage.of_run(told(swept, run), None)
    left = lineage.of_run(told(gone), None)

    assert (found.kind, found.run.job) == (LineageKind.COMPLETE, 'Sweep::old')
    assert (found.begin is not None, found.end, found.parent) == (True, None, None)
    assert (found.inputs, found.outputs) == ((), ())
    assert (left.begin, left.inputs, left.parent) == (instant('2026112200'), (), None)


@pytest.mark.parametrize(
    ('name', 'known_as'),
    [
        ('site_hourly', ('ours', 'site_hourly')),
        ('warehouse.public.visits', ('ours', 'warehouse.public.visits')),
        ('postgresql://db:5432/shop/public', ('postgresql://db:5432', 'shop/public')),
        ('s3://lake', ('ours', 's3://lake')),
        ('http://[::1', ('ours', 'http://[::1')),
    ],
)  # fmt: skip
def test_a_data_set_is_called_as_others_call_it(name: str, known_as: tuple[str, str]) -> None:
    found: DataSet = data_set(name, 'ours')

    assert (found.namespace, found.name) == known_as


def test_events_are_values() -> None:
    assert LineageEvent.__struct_fields__[:3] == ('kind', 'at', 'run')
    assert CommandId('c1') == REQUEST
