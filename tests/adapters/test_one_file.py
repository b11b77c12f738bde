"""Store and broker in one file: what is written to both within a block is there as a whole, or not.

Whoever waits is rung for after the commit, and never before.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

from synergy import bootstrap
from synergy.adapters.embedded import files
from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.adapters.embedded.consumer import EmbeddedConsumer
from synergy.adapters.embedded.files import JointFile
from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.connection import SqliteFile
from synergy.adapters.sqlite.rows.units import UNIT_COLUMNS_WRITTEN, unit_values
from synergy.adapters.sqlite.schema import MIGRATIONS
from synergy.adapters.sqlite.states import UNIT_STATE_BY_NUMBER
from synergy.adapters.sqlite.store import SqliteStore
from synergy.bootstrap import PROJECT
from synergy.conf.context import load_context
from synergy.conf.settings import load_settings
from synergy.core.effects import InsertUnit
from synergy.core.records import Leadership, Outcome, Unit, UnitEnd, UowId
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.ports.errors import (
    BrokerUnavailable,
    CommitRefused,
    LeaseLost,
    StoreUnavailable,
)
from synergy.workers.uow import Uow
from tests.builders import first_unit, instant, key, two_trees
from tests.rabbit import ROUTE
from tests.scheduler.scheduler_harness import SchedulerHarness
from tests.workers.runner_harness import RunnerHarness

NOW = instant('2026112312')
LEASE = timedelta(hours=1)
UNIT = first_unit(key('SiteHourly@2026112200'), NOW)


class Pair:
    """A store and a broker on one connection, and another broker that looks from outside."""

    def __init__(self, home: Path) -> None:
        self.clock = SimulatedClock(NOW)
        self.store = SqliteStore.open(home / 'store.db', clock=self.clock)
        self.broker = EmbeddedBroker.beside(self.store, home / 'broker', clock=self.clock)
        self.joint = JointFile(self.store.file)
        self.outside = EmbeddedBroker.open(
            home / 'broker', clock=self.clock, store=home / 'store.db', busy_seconds_max=0.1
        )
        found = self.store.lead('one', LEASE)
        assert found is not None
        self.leadership: Leadership = found

    def save(self, unit: Unit = UNIT) -> None:
        self.store.commit(self.leadership, [InsertUnit(unit)])

    def announce(self, uow_id: UowId = UNIT.id) -> None:
        self.broker.publish([Message(ROUTE, {'uow': uow_id})])

    def reporter(self, *told: str) -> EmbeddedConsumer:
        """Return a Scheduler's consumer, with messages in its queue."""
        consumer = self.broker.consumer(REPORT_ROUTE)
        self.broker.publish([Message(REPORT_ROUTE, {'uow': text}) for text in told])
        return consumer

    def there(self) -> tuple[int, dict[str, int]]:
        """Return how many units and messages somebody else sees."""
        with closing(sqlite3.connect(self.store.file.path)) as connection:
            [(units,)] = connection.execute('SELECT count(*) FROM unit_of_work').fetchall()
            depths = dict(
                connection.execute('SELECT queue, count(*) FROM message GROUP BY queue').fetchall()
            )
        return units, depths

    def close(self) -> None:
        self.outside.close()
        self.broker.close()
        self.store.close()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with closing(Pair(tmp_path)) as opened:
        yield opened


def within(pair: Pair, *steps: Callable[[], object]) -> None:
    """Take steps in one block."""
    with pair.joint.block():
        for step in steps:
            step()


def fail() -> None:
    raise RuntimeError('no further')


def test_a_block_is_one_commit_and_rings_after_it(pair: Pair) -> None:
    waiting = pair.outside.consumer(ROUTE)
    reports = pair.reporter('done')
    [taken] = [reports.take(10)]

    with pair.joint.block():
        pair.save()
        pair.announce()
        reports.ack(taken)
        assert pair.there() == (0, {REPORT_ROUTE.queue: 1})
        assert not waiting.wait(0), 'nobody is rung before it is committed'

    assert pair.there() == (1, {ROUTE.queue: 1})
    assert waiting.wait(5)
    assert [item.body['uow'] for item in waiting.take(10)] == [UNIT.id]


@pytest.mark.parametrize('failing_after', range(4))
def test_a_failure_at_any_point_undoes_all_of_the_block(pair: Pair, failing_after: int) -> None:
    waiting = pair.outside.consumer(ROUTE)
    reports = pair.reporter('done')
    taken = reports.take(10)
    before = pair.there()
    steps: list[Callable[[], object]] = [
        pair.save,
        pair.announce,
        lambda: reports.ack(taken),
    ]
    done: list[str] = []
    steps.insert(failing_after, fail)

    with pytest.raises(RuntimeError, match='no further'):
        within(pair, lambda: pair.joint.after(lambda: done.append('noted')), *steps)

    assert pair.there() == before
    assert done == []
    assert not waiting.wait(0)
    # What was taken is held as before, and can be acknowledged again.
    reports.ack(taken)
    assert pair.there() == (0, {})


def test_a_worker_takes_claims_and_acknowledges_or_does_none_of_it(pair: Pair) -> None:
    pair.save()
    pair.announce()
    consumer = pair.broker.consumer(ROUTE)

    def claim() -> list[Unit]:
        deliveries = consumer.take(10)
        units = pair.store.claim([UowId(item.body['uow']) for item in deliveries], 'w', LEASE)
        consumer.ack(deliveries)
        return list(units)

    with pytest.raises(RuntimeError):
        within(pair, claim, fail)
    assert pair.store.units([UNIT.id])[UNIT.id].state is UnitState.REQUESTED
    assert pair.there() == (1, {ROUTE.queue: 1})
    with pair.joint.block():
        [unit] = claim()

    assert unit.fence == 1
    assert pair.there() == (1, {})


def test_a_failure_that_is_caught_within_fails_the_block(pair: Pair) -> None:
    def release() -> None:
        with suppress(LeaseLost):
            pair.store.release(UNIT.id, 7)

    with pytest.raises(LeaseLost):
        within(pair, pair.announce, release)

    assert pair.there() == (0, {})


def test_what_a_trigger_of_the_file_rolls_back_takes_the_whole_block_along(pair: Pair) -> None:
    pair.store.file.write(
        'CREATE TRIGGER no BEFORE INSERT ON unit_of_work WHEN NEW.run = 2 '
        "BEGIN SELECT RAISE(ROLLBACK, 'not this one'); END"
    )
    second = [first_unit(key(f'SiteHourly@202611220{hour}'), NOW) for hour in range(1, 5)]
    saves = [InsertUnit(unit) for unit in second]

    def commit() -> None:
        pair.store.commit(pair.leadership, [*saves, InsertUnit(replace(UNIT, run=2))])

    with pytest.raises(CommitRefused):
        within(pair, pair.announce, commit)
    assert pair.there() == (0, {})


def test_what_the_file_undoes_in_the_midst_of_a_block_is_not_committed_in_part(
    pair: Pair,
) -> None:
    """As SQLite does it where the disk is full: the statements that follow would stand alone."""

    def lose() -> None:
        with suppress(StoreUnavailable), pair.store.file.transaction() as connection:
            connection.execute('ROLLBACK')
            pair.announce()

    with pytest.raises(StoreUnavailable, match='undone'):
        within(pair, pair.save, lose, pair.announce)

    assert pair.there() == (0, {})


def test_a_block_that_only_reads_takes_no_lock(pair: Pair) -> None:
    with pair.joint.block():
        assert pair.broker.depth_by_queue() == {}
        pair.outside.declare([ROUTE])
        assert pair.broker.depth_by_queue() == {ROUTE.queue: 0}


def test_a_locked_file_is_the_store_s_trouble_in_a_block_and_the_broker_s_outside(
    pair: Pair, tmp_path: Path
) -> None:
    store = SqliteStore.open(tmp_path / 'store.db', clock=pair.clock, busy_seconds_max=0.05)
    broker = EmbeddedBroker.beside(store, tmp_path / 'broker', clock=pair.clock)
    joint = JointFile(store.file)
    with pair.store.file.transaction():
        with pytest.raises(BrokerUnavailable, match='locked'):
            broker.declare([ROUTE])
        with pytest.raises(StoreUnavailable, match='locked'), joint.block():
            broker.declare([ROUTE])

    broker.declare([ROUTE])
    assert pair.broker.depth_by_queue() == {ROUTE.queue: 0}
    broker.close()
    store.close()


def test_another_thread_writes_into_nobody_s_block(pair: Pair) -> None:
    found: list[BaseException] = []

    def intrude() -> None:
        try:
            pair.announce()
        except AssertionError as error:
            found.append(error)

    def meanwhile() -> None:
        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()

    with pytest.raises(RuntimeError):
        within(pair, pair.save, meanwhile, fail)

    assert 'another thread' in str(found[0])
    assert pair.there() == (0, {})


#: The state of a unit, and how many messages are in which queue.
Stage: TypeAlias = 'tuple[UnitState | None, dict[str, int]]'

#: Each `maybe_die` is one point at which the process may die.
_STEPS = """
import os, signal, sys
from datetime import timedelta
from pathlib import Path
from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.adapters.embedded.files import JointFile
from synergy.adapters.os.clocks import SystemClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.effects import InsertUnit
from synergy.core.records import Outcome, UnitEnd
from synergy.ports.broker import REPORT_ROUTE, Message
from tests.adapters.test_one_file import NOW, UNIT, LEASE
from tests.rabbit import ROUTE

home = Path(sys.argv[1])


def play(at):
    clock = SystemClock()
    store = SqliteStore.open(home / f'{at}.db', clock=clock)
    broker = EmbeddedBroker.beside(store, home / f'{at}.bells', clock=clock)
    joint = JointFile(store.file)
    point = 0

    def maybe_die():
        nonlocal point
        point += 1
        if point == at:
            os.kill(os.getpid(), signal.SIGKILL)

    reports = broker.consumer(REPORT_ROUTE)
    broker.publish([Message(REPORT_ROUTE, {'uow': 'other'})])
    leadership = store.lead('one', LEASE)
    taken = reports.take(10)
    with joint.block():
        joint.after(maybe_die)
        maybe_die()
        store.commit(leadership, [InsertUnit(UNIT)])
        maybe_die()
        broker.publish([Message(ROUTE, {'uow': UNIT.id})])
        maybe_die()
        reports.ack(taken)
        maybe_die()
    consumer = broker.consumer(ROUTE)
    with joint.block():
        maybe_die()
        deliveries = consumer.take(10)
        maybe_die()
        [unit] = store.claim([UNIT.id], 'w', LEASE)
        maybe_die()
        consumer.ack(deliveries)
        maybe_die()
    with joint.block():
        maybe_die()
        store.finish([UnitEnd(uow_id=unit.id, fence=unit.fence, outcome=Outcome.processed(1))])
        maybe_die()
        broker.publish([Message(REPORT_ROUTE, {'uow': unit.id})])
        maybe_die()


at = 0
while True:
    at += 1
    child = os.fork()
    if not child:
        play(at)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
print(at)
"""


def test_kill_9_at_any_point_leaves_all_of_a_block_or_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, '-c', _STEPS, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    count = int(done.stdout)
    stages = [_stage(tmp_path / f'{at}.db') for at in range(1, count + 1)]

    begun: Stage = (None, {REPORT_ROUTE.queue: 1})
    saved: Stage = (UnitState.REQUESTED, {ROUTE.queue: 1})
    claimed: Stage = (UnitState.IN_PROGRESS, {})
    finished: Stage = (UnitState.PROCESSED, {REPORT_ROUTE.queue: 1})
    # The one after a commit has the commit; the last has died nowhere.
    assert stages == [*[begun] * 4, *[saved] * 5, *[claimed] * 3, finished]


def _stage(path: Path) -> Stage:
    """Return the state of the unit and where messages lie, as whoever comes after finds them."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute('SELECT state FROM unit_of_work').fetchone()
        depths = connection.execute('SELECT queue, count(*) FROM message GROUP BY queue')
        return (found and UNIT_STATE_BY_NUMBER[found[0]], dict(depths.fetchall()))


class Commits:
    """How often a connection has committed."""

    def __init__(self, file: SqliteFile) -> None:
        self.count = 0
        self._file = file
        file._connection.set_trace_callback(self._see)

    def _see(self, sql: str) -> None:
        is_write = sql.startswith(('INSERT', 'UPDATE', 'DELETE', '\nINSERT'))
        is_alone = is_write and not self._file._connection.in_transaction
        self.count += sql == 'COMMIT' or is_alone

    def stop(self) -> int:
        self._file._connection.set_trace_callback(None)
        return self.count


def test_a_batch_costs_four_transactions(tmp_path: Path) -> None:
    scheduler_side = SchedulerHarness(
        tmp_path,
        two_trees(end='2026112300', SiteHourly={'max_running': 4}),
        instant('2026112305'),
    )
    scheduler = scheduler_side.scheduler()
    scheduler.step()
    units = [scheduler_side.claim(uow_id) for uow_id in scheduler_side.take()]
    assert len(units) == 4
    for unit in units:
        assert unit is not None
        scheduler_side.finish(unit)

    store = scheduler._store
    assert isinstance(store, SqliteStore)
    commits = Commits(store.file)
    scheduler.step()

    assert commits.stop() == 2, 'one to take the reports, one for all that follows'
    assert len(scheduler_side.take()) == 4

    def work(_: Uow) -> Outcome:
        return Outcome.processed(1)

    runner_side = RunnerHarness(tmp_path / 'worker', work)
    runner_side.request(8)
    for _ in range(3):
        runner_side.runner.step()
    runner_side.request(4, first=8)
    commits = Commits(runner_side.store.file)
    assert runner_side.runner.step()

    assert commits.stop() == 2, 'one to claim, one to finish'


@pytest.mark.parametrize('is_one_file', [True, False])
def test_ends_that_could_not_be_saved_with_their_reports_are_saved_again(
    tmp_path: Path, is_one_file: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = RunnerHarness(tmp_path, lambda _: Outcome.processed(1), is_one_file=is_one_file)
    [uow_id] = harness.request(1)
    publish, calls = harness.broker.publish, []

    def fail_once(messages: list[Message]) -> None:
        calls.append(harness.unit(uow_id).state)
        if len(calls) == 1:
            raise StoreUnavailable('full') if is_one_file else BrokerUnavailable('away')
        publish(messages)

    monkeypatch.setattr(harness.broker, 'publish', fail_once)
    harness.runner.step()

    # Where they are apart, the sweep finds it; in one file it is done again, both of it.
    assert harness.unit(uow_id).state is UnitState.PROCESSED
    assert harness.told() == ([uow_id] if is_one_file else [])
    assert harness.unit(uow_id).fence == 1


def test_a_scheduler_whose_commit_failed_does_all_of_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = SchedulerHarness(tmp_path, two_trees(end='2026112300'), instant('2026112205'))
    scheduler = harness.scheduler()
    scheduler.step()
    [uow_id] = harness.take()
    unit = harness.claim(uow_id)
    assert unit is not None
    harness.finish(unit)
    store = scheduler._store
    assert isinstance(store, SqliteStore)
    guarded = store.file._guarded
    failures: list[str] = []

    def fail_once(action: Callable[[], object]) -> object:
        # The COMMIT of the turn's block, when all is saved, announced and acknowledged.
        code = getattr(action, '__code__', None)
        if code is not None and 'COMMIT' in code.co_consts and not failures:
            block = store.file._block
            if block is not None and block.afterwards:
                failures.append('disk full')
                raise StoreUnavailable('the disk is full')
        return guarded(action)

    monkeypatch.setattr(store.file, '_guarded', fail_once)
    scheduler.step()

    assert failures == ['disk full']
    assert harness.take() == [], 'nothing is announced that is not saved'
    for _ in range(3):
        scheduler.step()
    assert len(harness.take()) == 1
    assert harness.broker.depth_by_queue()[REPORT_ROUTE.queue] == 0


def old_broker(folder: Path) -> None:
    """Make the file that earlier versions had, with messages, one of them held and one dead."""
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / 'broker.db', isolation_level=None)) as connection:
        for script in files._OWN_MIGRATIONS[:2]:
            connection.executescript(script)
        connection.execute('PRAGMA user_version=2')
        connection.executemany(
            'INSERT INTO queue (name) VALUES (?)', [(ROUTE.queue,), (f'{ROUTE.queue}.dead',)]
        )
        connection.executemany(
            'INSERT INTO message (queue, body, consumer, published_at, reason) '
            'VALUES (?, ?, ?, 0, ?)',
            [
                (ROUTE.queue, '{"uow": "a"}', None, None),
                (ROUTE.queue, '{"uow": "b"}', 'somebody', None),
                (f'{ROUTE.queue}.dead', '{nope', None, 'it is not JSON'),
            ],
        )


def test_messages_of_an_earlier_version_move_into_the_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old_broker(tmp_path / 'broker')

    with caplog.at_level(logging.INFO):
        pair = Pair(tmp_path)

    taken = pair.broker.consumer(ROUTE).take(10)
    assert sorted(item.body['uow'] for item in taken) == ['a', 'b']
    assert [item.reason for item in pair.broker.dead_letters(ROUTE.queue, 9)] == ['it is not JSON']
    assert list((tmp_path / 'broker').glob('broker.db*')) == []
    assert 'lie in the store now' in caplog.text
    pair.close()


def test_an_earlier_file_that_cannot_be_read_is_left_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / 'broker').mkdir()
    (tmp_path / 'broker' / 'broker.db').write_text('a shopping list, and long enough' * 100)

    with closing(Pair(tmp_path)) as pair:
        pair.announce()
        assert pair.there() == (0, {ROUTE.queue: 1})

    assert (tmp_path / 'broker' / 'broker.db').exists()
    assert 'broker.db stay there' in caplog.text


def test_beside_a_store_elsewhere_an_earlier_file_is_used_on(tmp_path: Path) -> None:
    old_broker(tmp_path / 'broker')

    clock = SimulatedClock(NOW)
    with closing(EmbeddedBroker.open(tmp_path / 'broker', clock=clock)) as broker:
        assert broker.depth_by_queue() == {ROUTE.queue: 2, f'{ROUTE.queue}.dead': 1}
        assert [item.text for item in broker.dead_letters(ROUTE.queue, 9)] == ['{nope']
        consumer = broker.consumer(ROUTE)
        taken = list(consumer.take(10))
        clock.advance(timedelta(seconds=2))
        taken += consumer.take(10)

    assert sorted(item.body['uow'] for item in taken) == ['a', 'b']


def test_a_unit_that_was_rung_for_in_another_file_is_rung_for_again(tmp_path: Path) -> None:
    with closing(
        SqliteFile(
            tmp_path / 'store.db',
            what='store',
            migrations=MIGRATIONS[:19],
            unavailable=StoreUnavailable,
            unusable=StoreUnavailable,
            busy_seconds_max=1,
            synchronous='NORMAL',
        )
    ) as old:
        store = SqliteStore(old, SimulatedClock(NOW))
        leadership = store.lead('one', LEASE)
        assert leadership is not None
        # As it was written then, by the columns that there were.
        columns = [name for name in UNIT_COLUMNS_WRITTEN.split(', ') if name != 'request_id']
        row = dict(zip(UNIT_COLUMNS_WRITTEN.split(', '), unit_values(UNIT), strict=True))
        with old.transaction() as connection:
            connection.execute(
                f'INSERT INTO unit_of_work ({", ".join(columns)}) '
                f'VALUES ({", ".join("?" for _ in columns)})',
                [row[name] for name in columns],
            )
        store.commit(leadership, [], {UNIT.id: NOW})

    with closing(Pair(tmp_path)) as pair:
        assert pair.store.units([UNIT.id])[UNIT.id].announced_at is None


@pytest.mark.parametrize(
    ('broker_uri', 'is_joint'),
    [(None, True), ('amqp://guest:guest@localhost:1/x', False)],
)
def test_which_pairs_are_joined(tmp_path: Path, broker_uri: str | None, is_joint: bool) -> None:
    environ = {'SYNERGY_HOME': str(tmp_path / 'home')}
    if broker_uri is not None:
        environ['SYNERGY_BROKER_URI'] = broker_uri
    settings = load_settings(environ, PROJECT)
    context = load_context(settings, reads_sources=False)
    with bootstrap.open_runtime(settings, context) as runtime:
        both = runtime.open_both()

        assert both.one_commit.is_joint is is_joint
        with both.one_commit.block():
            both.store.lead('one', LEASE)


def test_a_finish_under_a_stale_fence_is_reported_and_changes_nothing(pair: Pair) -> None:
    pair.save()
    with pair.joint.block():
        end = UnitEnd(uow_id=UNIT.id, fence=3, outcome=Outcome.processed(1))
        lost = pair.store.finish([end])
        pair.broker.publish([Message(REPORT_ROUTE, {'uow': UNIT.id})])

    assert lost == [UNIT.id]
    assert pair.there() == (1, {REPORT_ROUTE.queue: 1})


def open_pipes() -> int:
    """Return how many named pipes, and locks of consumers, this process has open."""
    count = 0
    for path in Path('/proc/self/fd').iterdir():
        with suppress(OSError):
            count += 'bells' in path.readlink().parts
    return count


def test_bells_are_kept_open_and_those_of_the_dead_are_removed(pair: Pair, tmp_path: Path) -> None:
    first = pair.outside.consumer(ROUTE)
    pair.announce()
    assert first.wait(5)
    held = open_pipes()

    for _ in range(5):
        first.take(10)
        pair.announce()
        assert first.wait(5)
    assert open_pipes() == held, 'one pipe, opened once'

    second = pair.outside.consumer(ROUTE)
    pair.announce()
    assert second.wait(5), 'who comes later is found'

    # As the kernel does it when a process dies.
    os.close(first._bell.pipe)
    os.close(first._bell._lock)
    second.take(10)
    pair.announce()
    assert second.wait(5)
    bells = tmp_path / 'broker' / 'bells' / ROUTE.queue
    assert sorted(path.name for path in bells.iterdir()) == [second._id, f'{second._id}.lock']
    first._is_closed = True
    second.close()
    pair.announce()
    assert list(bells.iterdir()) == []


def test_a_consumer_whose_descriptors_somebody_has_closed_is_closed_all_the_same(
    pair: Pair, tmp_path: Path
) -> None:
    consumer = pair.outside.consumer(ROUTE)
    os.close(consumer._bell._lock)

    consumer.close()

    assert list((tmp_path / 'broker' / 'bells' / ROUTE.queue).iterdir()) == []
    with pytest.raises(OSError, match='descriptor'):
        os.fstat(consumer._bell.pipe)


def test_bells_that_cannot_be_rung_fail_nothing(
    pair: Pair, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / 'broker' / 'bells').parent.mkdir(exist_ok=True)
    (tmp_path / 'broker' / 'bells').write_text('not a folder')

    pair.announce()

    assert pair.there() == (0, {ROUTE.queue: 1})
    assert 'nobody was woken' in caplog.text


def test_more_bells_than_one_keeps_open_are_all_rung(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('synergy.adapters.embedded.bells._KEPT_MAX', 2)
    before = open_pipes()
    consumers = [pair.outside.consumer(ROUTE) for _ in range(4)]

    for _ in range(3):
        pair.announce()
        assert all(consumer.wait(5) for consumer in consumers)
        for consumer in consumers:
            consumer._bell.drain()
    assert pair.broker._bells._kept_count == 0
    assert open_pipes() - before == 2 * len(consumers)


def test_whoever_only_looks_makes_no_store(tmp_path: Path) -> None:
    settings = load_settings({'SYNERGY_HOME': str(tmp_path / 'home')}, PROJECT)
    context = load_context(settings, reads_sources=False)
    with bootstrap.open_runtime(settings, context) as runtime:
        with pytest.raises(BrokerUnavailable, match='nothing has run here yet'):
            runtime.open_broker(create=False)

        assert not (tmp_path / 'home' / 'store.db').exists()
        runtime.open_broker().declare([ROUTE])
        assert runtime.open_broker(create=False).depth_by_queue() == {ROUTE.queue: 0}
