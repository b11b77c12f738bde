"""A dashboard on a real SQLite store with a history: finished months, a failed hour, a live one."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from werkzeug.security import generate_password_hash
from werkzeug.test import Client, TestResponse

from synergy import bootstrap
from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.conf.model import Context, Settings
from synergy.core.box_load import BoxLoad, ProcessLoad
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import InsertUnit, MoveUnit, Save, SaveCommand, SaveJob
from synergy.core.freezes import Scope, details_of
from synergy.core.hierarchy import Hierarchy
from synergy.core.records import (
    Box,
    BoxProcess,
    Job,
    LogLine,
    Outcome,
    ProcessName,
    Unit,
    UnitEnd,
    uow_id_of,
)
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Timeperiod, parse
from synergy.core.users import Role, User
from synergy.mx.app import App
from synergy.mx.live.forecasts import ForecastFailed, Forecasts, Foresees
from synergy.mx.main import site_of
from synergy.mx.web.site import Site
from synergy.operations.foreseen import Answer, Asked
from synergy.ports.broker import Broker
from synergy.ports.errors import BrokerUnavailable, StoreUnavailable
from synergy.ports.store import Store
from tests.builders import instant
from tests.mx.alerted import alerted
from tests.pipelines.pages import HOSTILE

NOW = instant('202611231217')
PASSWORD = 'correct horse battery'
FAILED_HOUR = 'SiteHourly', '2026112209'
SECRET = 'a secret of tests'
REQUEST_ID = 'a1b2c3d4e5f6'
#: Of a free run that nothing else is about.
FREEZE_ID = 'f0f0f0f0f0f0'
BOX = Box(
    box_id='dev',
    host='dev.example',
    home='/srv/synergy',
    pid=99,
    version='3.0.0',
    load=BoxLoad(
        load_average=0.7,
        cpu_count=4,
        memory_percent=41.0,
        processes=tuple(
            ProcessLoad(
                process=name,
                pid=99 + number,
                started_at=NOW - timedelta(hours=5),
                cpu_percent=12.5 * number,
                memory_bytes=80_000_000 + number,
            )
            for number, name in enumerate(('Supervisor', 'MX', 'Scheduler', 'SiteHourly'))
        ),
    ),
)


@dataclass(slots=True)
class PagesRuntime:
    """What the dashboard runs on in tests. is_store_down: no connection can be opened."""

    settings: Settings
    context: Context
    clock: SimulatedClock
    path: Path
    is_store_down: bool = False

    def open_store(
        self,
        *,
        create: bool = True,
        busy_seconds_max: float | None = None,
    ) -> Store:
        if self.is_store_down:
            raise StoreUnavailable('store /nowhere is gone; bring it back')
        if not create and not self.path.exists():
            raise StoreUnavailable(f'there is no store at {self.path}')
        return SqliteStore.open(
            self.path, clock=self.clock, busy_seconds_max=busy_seconds_max or 30.0
        )

    def open_broker(self, *, create: bool = True) -> Broker:
        assert not create, 'what looks on makes no store'
        raise BrokerUnavailable('no broker in these tests')


@cache
def password_hash() -> str:
    """Return a hash of PASSWORD that is quick to check: ours is slow on purpose."""
    return generate_password_hash(PASSWORD, method='pbkdf2:sha256:1000')


@cache
def context_of(module: str) -> Context:
    """Return a context, which is read once: nothing changes one, and reading takes a while."""
    return bootstrap.load({'SYNERGY_CONTEXT_MODULE': module})[1]


@lru_cache(maxsize=8)
def _rows(content: bytes) -> dict[str, list[object]]:
    """Return all rows of a database, by table; most that are asked about are as they were."""
    with closing(sqlite3.connect(':memory:')) as copy:
        # Its journal is not a file. Source: SQLite's file format, 1.3.3.
        copy.deserialize(content[:18] + b'\x01\x01' + content[20:])
        tables = copy.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {name: copy.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in tables}


@dataclass(slots=True)
class _Foresees:
    """Makes forecasts for a dashboard that is to have some."""

    pages: DashboardHarness
    real: Foresees

    def answer(self, asked: Asked) -> Answer:
        if not self.pages.foresees:
            raise ForecastFailed('this test makes none')
        return self.real.answer(asked)

    def close(self) -> None:
        self.real.close()


class DashboardHarness:
    """A client in front of the application, and the store behind it."""

    def __init__(
        self,
        home: Path,
        context_module: str = 'tests.pipelines.pages',
        hierarchy: Hierarchy | None = None,
    ) -> None:
        """Open an empty store in `home`. hierarchy: instead of that of the context."""
        environ = {'SYNERGY_HOME': str(home), 'SYNERGY_CONTEXT_MODULE': context_module}
        settings, context = bootstrap.load_settings(environ), context_of(context_module)
        if hierarchy is not None:
            context = replace(context, hierarchy=hierarchy)
        self.resources = ExitStack()
        self.runtime = PagesRuntime(settings, context, SimulatedClock(NOW), home / 'store.db')
        settings.log_directory.mkdir(parents=True, exist_ok=True)
        (settings.log_directory / 'mx.log').write_text('started\nlistens\n')
        self.store = self.runtime.open_store()
        self.resources.callback(self.store.close)
        #: Whether forecasts are made, which takes a while: by whoever asks, at once.
        self.foresees = False
        found = site_of(self.runtime, SECRET)
        forecasts = Forecasts(
            _Foresees(self, found.forecasts.foresees),
            self.runtime.clock.monotonic,
            lambda work: work(),
            idle_seconds=0.0,
        )
        self.site: Site = replace(found, forecasts=forecasts)
        self.app = App(self.site)
        self.client = Client(self.app)
        self.place = {'REMOTE_ADDR': '127.0.0.1'}

    def close(self) -> None:
        """End the feed and close every connection."""
        self.site.feed.stop()
        self.site.stores.close()
        self.resources.close()

    def get(self, address: str, **headers: str) -> TestResponse:
        found = {'Host': 'localhost', **headers}
        return self.client.get(address, headers=found, environ_base=self.place)

    def post(self, address: str, form: Mapping[str, Any], **headers: str) -> TestResponse:
        """Send a form as a page would, with the token of this visitor."""
        data = {'form_token': self.form_token(), **form}
        found = {'Host': 'localhost', **headers}
        return self.client.post(address, data=data, headers=found, environ_base=self.place)

    def bare_post(self, address: str, **headers: str) -> TestResponse:
        """Send an empty form without a token."""
        return self.client.post(address, data={}, headers={'Host': 'localhost', **headers})

    def form_token(self) -> str:
        found = re.search(r'name="form_token" value="([0-9a-f]+)"', self.get('/login').text)
        assert found is not None, 'the page has a form'
        return found[1]

    def add_user(self, name: str, role: Role) -> None:
        user = User(name=name, role=role, password_hash=password_hash(), created_at=NOW)
        self.store.add_user(user)

    def log_in(self, name: str, password: str = PASSWORD) -> TestResponse:
        return self.post('/login', {'name': name, 'password': password})

    def dump(self) -> dict[str, list[object]]:
        """Return all rows of the store, by table."""
        assert isinstance(self.store, SqliteStore)
        return _rows(self.store._file._connection.serialize())

    def key(self, process: str, timeperiod: str) -> JobKey:
        name = ProcessName(process)
        qualifier = self.runtime.context.hierarchy.nodes[name].process.qualifier
        return JobKey(name, parse(qualifier, timeperiod))


def seed(pages: DashboardHarness) -> None:
    """Give the store a history."""
    store, hierarchy = pages.store, pages.runtime.context.hierarchy
    leadership = store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    saves: list[Save] = []
    failed = pages.key(*FAILED_HOUR)
    running = pages.key('SiteHourly', '2026112310')
    last = {
        'SiteHourly': running.timeperiod.ordinal,
        'SiteDaily': failed.timeperiod.ordinal // 24,
        'AlertDaily': failed.timeperiod.ordinal // 24 - 1,
    }
    for node in hierarchy:
        name = node.process.name
        if name not in last:
            continue
        for ordinal in range(node.first, last[name]):
            key = JobKey(name, Timeperiod(node.process.qualifier, ordinal))
            if key != failed:
                saves += _finished(key, ordinal)
    month = pages.key('SiteMonthly', '2026090000')
    saves += _finished(month, 1) + _finished(JobKey(month.process, month.timeperiod.shift(1)), 1)
    store.commit(leadership, saves)
    store.commit(leadership, _failed(store, leadership, failed))
    store.commit(leadership, _begun(running))
    unit = store.claim([uow_id_of(running, 1)], 'dev:SiteHourly.2', timedelta(hours=1))[0]
    store.append_log(unit.id, [LogLine(attempt=1, at=NOW, level='INFO', text='counting visits')])
    _request(store, leadership, pages)
    alerted(store, pages.runtime.context.alerts, pages.site.links, REQUEST_ID)
    store.heartbeat(BOX, timedelta(seconds=15))
    store.report_actual(
        [
            BoxProcess(box_id='dev', process=name, is_on=True, state='running', pids=(100 + i,))
            for i, name in enumerate(('MX', 'Scheduler', 'SiteHourly', 'SiteDaily', 'Shell'))
        ]
    )


def _unit(key: JobKey, run: int = 1, **fields: Any) -> Unit:
    return Unit(
        id=uow_id_of(key, run),
        process=key.process,
        timeperiod=key.timeperiod,
        start=key.timeperiod,
        end=key.timeperiod.shift(1),
        run=run,
        created_at=NOW - timedelta(hours=3),
        **fields,
    )


def _job(key: JobKey, state: JobState, rev: int, **fields: Any) -> Job:
    ago = timedelta(seconds=7 * (key.timeperiod.ordinal % 100) + 60)
    return Job(
        process=key.process,
        timeperiod=key.timeperiod,
        state=state,
        rev=rev,
        run=1,
        uow_id=uow_id_of(key, 1),
        changed_at=NOW - ago,
        **fields,
    )


def _finished(key: JobKey, number: int) -> list[Save]:
    state = JobState.PROCESSED
    if number % 97 == 5:
        state = JobState.NOOP
    elif number % 211 == 7:
        state = JobState.SKIPPED
    began = NOW - timedelta(hours=2)
    unit = _unit(
        key,
        state=UnitState.PROCESSED,
        owner=f'dev:{key.process}.1',
        fence=1,
        started_at=began,
        finished_at=began + timedelta(seconds=14 + number % 9),
        processed_count=number % 500,
    )
    return [InsertUnit(unit), SaveJob(_job(key, state, 1), f'{state.value}, run 1')]


def _failed(store: Store, leadership: Any, key: JobKey) -> list[Save]:
    store.commit(leadership, [InsertUnit(_unit(key, attempt=3))])
    unit = store.claim([uow_id_of(key, 1)], 'dev:SiteHourly.1', timedelta(hours=1))[0]
    error = f'ValueError: {HOSTILE} is not a number'
    lines = [
        LogLine(attempt=3, at=NOW, level='INFO', text='reading visits_2026112209.csv'),
        LogLine(attempt=3, at=NOW, level='ERROR', text=error),
    ]
    end = UnitEnd(uow_id=unit.id, fence=unit.fence, outcome=Outcome.failed(error), log=tuple(lines))
    store.finish([end])
    dead = MoveUnit(
        uow_id=unit.id,
        from_state=UnitState.INVALID,
        from_fence=unit.fence,
        to_state=UnitState.DEAD,
        at=NOW - timedelta(hours=1),
        error=error,
    )
    held = _job(key, JobState.IN_PROGRESS, 1, is_held=True, failure_count=3, reason=error)
    return [dead, SaveJob(held, f'held: {error}')]


def _begun(key: JobKey) -> list[Save]:
    return [
        InsertUnit(_unit(key)),
        SaveJob(_job(key, JobState.IN_PROGRESS, 1), 'run 1 requested'),
    ]


def _request(store: Store, leadership: Any, pages: DashboardHarness) -> None:
    key = pages.key('SiteDaily', '2026112000')
    command = Command(
        id=CommandId(REQUEST_ID),
        kind=CommandKind.REPROCESS,
        process=key.process,
        start=key.timeperiod,
        end=key.timeperiod.shift(1),
        actor='anna@10.0.0.7',
        reason=f'late file {HOSTILE}',
        created_at=NOW - timedelta(minutes=5),
    )
    store.insert_command(command)
    ranges = {key.process: ((key.timeperiod.ordinal, key.timeperiod.ordinal + 1),)}
    running = replace(
        command, state=CommandState.RUNNING, plan=ranges, planned_count=4, applied_count=4
    )
    freeze = replace(
        command,
        id=CommandId(FREEZE_ID),
        kind=CommandKind.FREEZE,
        process=ProcessName('Shell::tidy'),
        details=details_of(Scope.PROCESS, NOW + timedelta(days=1000)),
    )
    store.insert_command(freeze)
    saves = [running, replace(freeze, state=CommandState.RUNNING)]
    store.commit(leadership, [SaveCommand(item) for item in saves])
