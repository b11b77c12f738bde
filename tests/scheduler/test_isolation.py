"""One process whose rows the store refuses, for ever: all others go on, and all hear of it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pymongo
import pytest

from synergy.core import engine as engine_module
from synergy.core import job_transitions
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import InsertUnit
from synergy.core.freerun import Freeruns
from synergy.core.freerun_record import Freerun, Overlap
from synergy.core.hierarchy import build
from synergy.core.readiness import readiness as real_readiness
from synergy.core.records import ProcessName, RetryPolicy, Unit, UowId, uow_id_of
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey
from synergy.core.trigger import Every
from synergy.ports.errors import LeadershipLost
from synergy.ports.store import Store
from synergy.scheduler.loop import Scheduler
from synergy.scheduler.pipeline import Pipeline
from tests.builders import instant, key, process, tree
from tests.scheduler.scheduler_harness import SchedulerHarness, route_of

BAD, GOOD = ProcessName('SiteHourly'), ProcessName('BankHourly')
SHELL = ProcessName('Cleaner')
TICK = ProcessName(f'{SHELL}::tick')
TOCK = ProcessName(f'{SHELL}::tock')
FIRST = key('SiteHourly@2026112200')
SECOND = timedelta(seconds=1)
#: A spell in which a subject is isolated and tried again several times.
SPELL = 100


@pytest.fixture(params=['sqlite', 'mongodb'])
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SchedulerHarness]:
    uri = request.getfixturevalue('empty_mongo_uri') if request.param == 'mongodb' else None
    names = ('SiteHourly', 'SiteDaily', 'BankHourly', 'BankDaily')
    hierarchy = build(
        [process(name, max_running=2) for name in names],
        [tree('site', names[:2], end='2026112204'), tree('bank', names[2:], end='2026112204')],
    )
    harness = SchedulerHarness(tmp_path, hierarchy, instant('2026112401'), uri)
    yield harness
    harness.close()


def pipeline(harness: SchedulerHarness) -> Pipeline:
    return Pipeline(
        hierarchy=harness.hierarchy,
        route_of=route_of,
        freeruns=[
            Freerun(
                name=name,
                trigger=Every(seconds=10),
                overlap=Overlap.ALLOW,
                definition='1',
                changed_at=instant('2026112401'),
            )
            for name in (TICK, TOCK)
        ],
        freerun_processes=[SHELL],
        policy_of=lambda _: RetryPolicy(),
    )


def led(harness: SchedulerHarness, owner: str = 'one') -> Scheduler:
    return harness.scheduler(owner, pipeline(harness))


def live(harness: SchedulerHarness, *schedulers: Scheduler, seconds: int = SPELL) -> None:
    """Let time pass second by second, with workers at hand."""
    for _ in range(seconds):
        for scheduler in schedulers:
            for _ in range(20):
                if scheduler.step() > 0 and not harness.work():
                    break
        harness.clock.advance(SECOND)


def done(harness: SchedulerHarness, name: ProcessName) -> int:
    return harness.store.count_jobs().get((name, JobState.PROCESSED), 0)


def fire_count(harness: SchedulerHarness, name: ProcessName) -> int:
    return len(harness.store.freerun_units(name, 1000))


def stray_unit(harness: SchedulerHarness, job_key: JobKey, store: Store | None = None) -> UowId:
    """Leave a row that has the id which the first run of a job is to have."""
    store = store or harness.store
    leadership = store.lead('somebody', SECOND)
    assert leadership is not None
    unit = Unit(
        id=uow_id_of(job_key, 1),
        process=job_key.process,
        timeperiod=job_key.timeperiod,
        start=job_key.timeperiod,
        end=job_key.timeperiod.shift(1),
        run=1,
        created_at=harness.clock.now(),
    )
    store.commit(leadership, [InsertUnit(unit)])
    (claimed,) = store.claim([unit.id], 'somebody', SECOND)
    harness.finish(claimed, report=False)
    harness.clock.advance(2 * SECOND)
    return unit.id


def removed(harness: SchedulerHarness, uow_id: UowId) -> None:
    """Let an operator take a unit out of the store."""
    if harness.mongo_uri is None:
        with sqlite3.connect(harness.home / 'store.db') as connection:
            connection.execute('DELETE FROM unit_of_work WHERE id = ?', (uow_id,))
        return
    with pymongo.MongoClient[dict[str, Any]](harness.mongo_uri) as client:
        units = client.get_default_database()['unit_of_work']
        found = units.delete_many({'process_name': BAD, 'run': 1, 'state': 'state_processed'})
        assert found.deleted_count == 1


@pytest.fixture
def forbid(harness: SchedulerHarness) -> Iterator[Callable[[str], None]]:
    """Return what makes the store refuse every unit of a process, as no row of it can be stored."""
    undo: list[Callable[[], object]] = []

    def forbidden(name: str) -> None:
        if harness.mongo_uri is None:
            with sqlite3.connect(harness.home / 'store.db') as connection:
                connection.execute(
                    f'CREATE TRIGGER forbidden BEFORE INSERT ON unit_of_work '
                    f"WHEN NEW.process_name = '{name}' BEGIN SELECT RAISE(ABORT, 'forbidden'); END"
                )
            return
        client = pymongo.MongoClient[dict[str, Any]](harness.mongo_uri)
        database = client.get_default_database()
        database.command('collMod', 'unit_of_work', validator={'process_name': {'$ne': name}})
        undo.append(lambda: database.command('collMod', 'unit_of_work', validator={}))
        undo.append(client.close)

    yield forbidden
    for step in undo:
        step()


def test_a_unit_that_collides_stops_its_process_and_nothing_else(
    harness: SchedulerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    uow_id = stray_unit(harness, FIRST)

    live(harness, scheduler := led(harness))

    assert done(harness, GOOD) == 4
    assert done(harness, ProcessName('BankDaily')) == 1
    assert fire_count(harness, TICK) >= SPELL / 10 - 2
    assert done(harness, BAD) == done(harness, ProcessName('SiteDaily')) == 0
    (item,) = harness.store.standing().isolated
    assert item.subject == ('process', BAD)
    assert uow_id in item.reason
    (line,) = {
        record.getMessage().partition(' is isolated')[0]
        for record in caplog.records
        if record.levelno >= logging.ERROR
    }
    assert line == 'process SiteHourly'

    removed(harness, uow_id)
    live(harness, scheduler)

    assert done(harness, BAD) == 4
    assert done(harness, ProcessName('SiteDaily')) == 1
    assert harness.store.standing().isolated == ()


@pytest.mark.parametrize('bad', [BAD, ProcessName('SiteDaily'), TOCK])
def test_a_row_that_cannot_be_stored_stops_nothing_else(
    harness: SchedulerHarness, forbid: Callable[[str], None], bad: ProcessName
) -> None:
    # In the store, units of free runs have the name of their entry.
    forbid(bad)

    live(harness, led(harness))

    assert done(harness, GOOD) == 4
    assert done(harness, BAD) == (0 if bad == BAD else 4)
    assert done(harness, ProcessName('SiteDaily')) == (1 if bad == TOCK else 0)
    assert fire_count(harness, TICK) >= SPELL / 10 - 2
    assert fire_count(harness, TOCK) == 0 if bad == TOCK else fire_count(harness, TOCK) > 0
    (item,) = harness.store.standing().isolated
    assert item.subject.name == bad
    assert 'cannot be stored' in item.reason


def test_ten_poisonous_processes_hold_the_others_up_for_seconds_only(tmp_path: Path) -> None:
    names = [f'P{number}Hourly' for number in range(10)]
    hierarchy = build(
        [process(name) for name in [*names, 'BankHourly']],
        [tree(name, [name], end='2026112204') for name in [*names, 'BankHourly']],
    )
    harness = SchedulerHarness(tmp_path, hierarchy, instant('2026112401'))
    for name in names:
        stray_unit(harness, key(f'{name}@2026112200'))
    scheduler = harness.scheduler()

    live(harness, scheduler, seconds=8)

    assert done(harness, GOOD) == 4
    assert len(harness.store.standing().isolated) == 10


def test_a_decision_that_raises_stops_its_process_and_nothing_else(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    readiness = real_readiness

    def failing(timetable: Any, job_key: JobKey, now: Any) -> Any:
        if job_key.process == BAD:
            raise ZeroDivisionError('no such day')
        return readiness(timetable, job_key, now)

    monkeypatch.setattr(engine_module, 'readiness', failing)
    live(harness, scheduler := led(harness))

    assert done(harness, GOOD) == 4
    assert fire_count(harness, TICK) >= SPELL / 10 - 2
    (item,) = harness.store.standing().isolated
    assert item.subject.name == BAD
    assert item.reason == 'deciding failed with ZeroDivisionError: no such day'

    monkeypatch.setattr(engine_module, 'readiness', readiness)
    live(harness, scheduler, seconds=200)

    assert done(harness, BAD) == 4
    assert harness.store.standing().isolated == ()


def test_a_free_run_whose_decision_raises_stops_nothing_else(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    fire = Freeruns._fire

    def failing(self: Freeruns, freerun: Freerun, *rest: Any) -> None:
        assert freerun.name != TOCK, 'no such fire'
        fire(self, freerun, *rest)

    monkeypatch.setattr(Freeruns, '_fire', failing)
    live(harness, led(harness))

    assert done(harness, GOOD) == done(harness, BAD) == 4
    assert fire_count(harness, TICK) >= SPELL / 10 - 2
    assert [str(item.subject) for item in harness.store.standing().isolated] == [f'free run {TOCK}']


def test_an_exception_that_is_nobody_s_fault_still_ends_the_process(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = led(harness)
    monkeypatch.setattr(scheduler._store, 'live_units', lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        scheduler.step()


def command(kind: CommandKind, job_key: JobKey, number: int = 1, **fields: Any) -> Command:
    return Command(
        id=CommandId(f'c{number}'),
        kind=kind,
        process=job_key.process,
        start=job_key.timeperiod,
        end=job_key.timeperiod.shift(1),
        actor='anna',
        created_at=instant('2026112401'),
        **fields,
    )


def test_a_command_that_makes_the_engine_raise_is_refused_with_the_error(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(harness, scheduler := led(harness), seconds=5)
    commanded = job_transitions.commanded

    def failing(given: Command, *rest: Any) -> Any:
        if given.id == 'c1':
            raise RecursionError('too deep')
        return commanded(given, *rest)

    monkeypatch.setattr(job_transitions, 'commanded', failing)
    harness.store.insert_command(command(CommandKind.REPROCESS, FIRST))
    harness.store.insert_command(command(CommandKind.REPROCESS, key('BankHourly@2026112200'), 2))
    live(harness, scheduler, seconds=20)

    first, second = (harness.store.command(CommandId(item)) for item in ('c1', 'c2'))
    assert first is not None
    assert second is not None
    assert first.state is CommandState.REFUSED
    assert 'RecursionError: too deep' in str(first.outcome)
    assert second.state is CommandState.DONE
    assert harness.store.standing().isolated == ()


def test_a_command_whose_rows_are_refused_is_refused_and_its_process_goes_on(
    harness: SchedulerHarness, forbid: Callable[[str], None]
) -> None:
    live(harness, scheduler := led(harness), seconds=5)
    assert done(harness, BAD) == 4
    forbid(BAD)
    harness.store.insert_command(command(CommandKind.REPROCESS, FIRST))
    harness.store.insert_command(command(CommandKind.REPROCESS, key('BankHourly@2026112200'), 2))
    live(harness, scheduler, seconds=20)

    first, second = (harness.store.command(CommandId(item)) for item in ('c1', 'c2'))
    assert first is not None
    assert second is not None
    assert first.state is CommandState.REFUSED
    assert 'SiteHourly@2026112200' in str(first.outcome)
    assert second.state is CommandState.DONE
    assert harness.store.jobs([FIRST])[FIRST].state is JobState.PROCESSED


def test_a_command_whose_own_row_cannot_be_saved_waits_and_holds_nobody_up(
    harness: SchedulerHarness,
) -> None:
    live(harness, scheduler := led(harness), seconds=5)
    harness.store.insert_command(command(CommandKind.REPROCESS, FIRST))
    harness.store.insert_command(command(CommandKind.REPROCESS, key('BankHourly@2026112200'), 2))
    with unsavable_command(harness):
        live(harness, scheduler, seconds=30)

    assert [str(item.subject) for item in harness.store.standing().isolated] == ['command c1']
    second = harness.store.command(CommandId('c2'))
    assert second is not None
    assert second.state is CommandState.DONE
    assert fire_count(harness, TICK) >= 3


@contextmanager
def unsavable_command(harness: SchedulerHarness) -> Iterator[None]:
    """Let the store refuse whatever the Scheduler writes of command c1."""
    if harness.mongo_uri is None:
        with sqlite3.connect(harness.home / 'store.db') as connection:
            connection.execute(
                "CREATE TRIGGER forbidden BEFORE UPDATE ON command WHEN NEW.id = 'c1' "
                "BEGIN SELECT RAISE(ABORT, 'forbidden'); END"
            )
        yield
        return
    with pymongo.MongoClient[dict[str, Any]](harness.mongo_uri) as client:
        database = client.get_default_database()
        rule = {'$or': [{'_id': {'$ne': 'c1'}}, {'state': 'requested'}]}
        database.command('collMod', 'command', validator=rule)
        yield
        database.command('collMod', 'command', validator={})


def test_a_new_leader_tries_again_and_finds_the_same(harness: SchedulerHarness) -> None:
    uow_id = stray_unit(harness, FIRST)
    first = led(harness)
    live(harness, first, seconds=5)
    assert harness.store.standing().isolated
    first.close()

    second = led(harness, 'two')
    live(harness, second, seconds=5)
    (item,) = harness.store.standing().isolated
    assert uow_id in item.reason

    second.close()
    removed(harness, uow_id)
    live(harness, led(harness, 'three'), seconds=5)
    assert harness.store.standing().isolated == ()
    assert done(harness, BAD) == 4


def test_what_ran_when_its_process_was_isolated_is_seen_to_afterwards(
    harness: SchedulerHarness, forbid: Callable[[str], None]
) -> None:
    """Units under way go on; what they report is decided on when the process is tried again."""
    scheduler = led(harness)
    scheduler.step()
    claimed = [unit for item in harness.take() if (unit := harness.claim(item)) is not None]
    for unit in claimed:
        harness.finish(unit)
    forbid(BAD)
    live(harness, scheduler, seconds=10)

    assert [item.subject.name for item in harness.store.standing().isolated] == [BAD]
    ended = harness.store.units([unit.id for unit in claimed])
    assert {unit.state for unit in ended.values()} == {UnitState.PROCESSED}
    assert harness.violations() == []


def test_a_leader_that_can_commit_nothing_says_since_when_and_why(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = led(harness)
    began = harness.clock.now()

    def never(*_: object, **__: object) -> None:
        raise LeadershipLost('the row says something else')

    with monkeypatch.context() as patch:
        patch.setattr(scheduler._store, 'commit', never)
        for _ in range(30):
            scheduler.step()
            harness.clock.advance(timedelta(seconds=0.5))
        standing = harness.store.standing()
        assert standing.stuck_since == began
        assert standing.stuck_because == 'the row says something else'

    live(harness, scheduler, seconds=5)
    assert harness.store.standing().is_well
    assert done(harness, GOOD) == 4


def test_a_race_that_heals_isolates_nobody(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = led(harness)
    commit = scheduler._store.commit
    count = 0

    def racing(leadership: Any, saves: Sequence[Any], **named: Any) -> None:
        """Let somebody else win now and then."""
        nonlocal count
        count += bool(saves)
        if saves and count % 4 == 0:  # What a torn commit has left out is a commit, too.
            commit(leadership, [*saves, *saves], **named)  # Each is refused the second time.
        commit(leadership, saves, **named)

    monkeypatch.setattr(scheduler._store, 'commit', racing)
    live(harness, scheduler, seconds=40)

    assert done(harness, GOOD) == done(harness, BAD) == 4
    assert harness.store.standing().is_well
