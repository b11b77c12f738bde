"""The Supervisor's loop without real processes: a store that is away, what was given up."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.box_load import BoxLoad
from synergy.core.records import Box
from synergy.core.structs import replace
from synergy.core.supervision import Policy, ProcessStatus
from synergy.ports.errors import StoreUnavailable
from synergy.ports.processes import ChildExit, ProcessIdentity
from synergy.ports.store import BoxStore
from synergy.supervisor.loop import Supervisor
from synergy.supervisor.presence import Presence
from synergy.supervisor.slots import Slot
from tests.builders import instant

SLOT = Slot(
    process='P',
    instance=0,
    command=('p',),
    folder=Path('/'),
    pid_file=Path('/nowhere/p.pid'),
    output=None,
)
POLICY = Policy(
    restart_delay=timedelta(seconds=1),
    restart_delay_max=timedelta(seconds=60),
    quick_exit=timedelta(seconds=10),
    quick_exit_count_max=5,
    stop_grace=timedelta(seconds=15),
)


class Children:
    """Processes that do nothing but end when they are told to."""

    def __init__(self) -> None:
        self.running: set[int] = set()
        #: Those that do not yet what they are for.
        self.starting: set[int] = set()
        self.spawned = 0
        self.ended: list[ChildExit] = []

    def spawn(
        self,
        command: Sequence[str],  # noqa: ARG002 - nothing is really started
        *,
        environment: Mapping[str, str],  # noqa: ARG002 - as above
        folder: Path,  # noqa: ARG002 - as above
        output: Path | None,  # noqa: ARG002 - as above
    ) -> ProcessIdentity:
        self.spawned += 1
        self.running.add(self.spawned)
        return ProcessIdentity(pid=self.spawned, created_at=0.0)

    def reap(self) -> Sequence[ChildExit]:
        ended, self.ended = self.ended, []
        return ended

    def end(self, pid: int, code: int) -> None:
        self.running.discard(pid)
        self.ended.append(ChildExit(pid=pid, code=code))

    def is_alive(self, identity: ProcessIdentity) -> bool:
        return identity.pid in self.running

    def identify(self, pid: int) -> ProcessIdentity | None:
        return ProcessIdentity(pid=pid, created_at=0.0) if pid in self.running else None

    def terminate(self, identity: ProcessIdentity) -> None:
        self.end(identity.pid, 0)

    def load(
        self,
        identities: Sequence[tuple[str, ProcessIdentity]],  # noqa: ARG002 - nothing really runs
    ) -> BoxLoad | None:
        return None

    def started_at(self, identity: ProcessIdentity) -> datetime | None:  # noqa: ARG002 - as above
        return None

    def is_listening(self, identity: ProcessIdentity) -> bool:
        return self.is_alive(identity)

    def drain(self, identity: ProcessIdentity) -> None:
        self.end(identity.pid, 0)

    def kill(self, identity: ProcessIdentity) -> None:
        self.end(identity.pid, -9)

    def record(self, pid_file: Path) -> None:
        """Write nothing."""

    def record_up(self, pid_file: Path) -> None:
        """Write nothing."""

    def is_up(self, pid_file: Path, identity: ProcessIdentity) -> bool:  # noqa: ARG002 - no files
        return self.is_alive(identity) and identity.pid not in self.starting

    def recorded(self, pid_file: Path) -> ProcessIdentity | None:  # noqa: ARG002 - no files
        return None

    def forget(self, pid_file: Path) -> None:
        """Remove nothing."""


def test_without_a_store_everything_is_kept_running_and_the_store_is_asked_less_often() -> None:
    clock, children = SimulatedClock(instant('2026112312')), Children()
    asked: list[float] = []

    def away() -> BoxStore:
        asked.append(clock.monotonic())
        clock.advance(timedelta(seconds=5))
        raise StoreUnavailable('no primary')

    supervisor = Supervisor(
        [SLOT],
        presence=Presence(Box(box_id='box'), timedelta(seconds=15)),
        policy=POLICY,
        processes=children,
        open_store=away,
        clock=clock,
    )
    supervisor.step()
    assert children.running == {1}

    children.end(1, -9)
    for _ in range(40):
        supervisor.step()
        clock.advance(timedelta(seconds=1))

    assert children.running == {2}
    assert min(after - before for before, after in itertools.pairwise(asked)) >= 15
    supervisor.stop()
    supervisor.step()
    supervisor.step()
    assert supervisor.is_done


def test_what_was_given_up_is_tried_again_once_for_each_wish(tmp_path: Path) -> None:
    clock, children = SimulatedClock(instant('2026112312')), Children()
    with closing(SqliteStore.open(tmp_path / 'store.db', clock=clock)) as store:
        supervisor = Supervisor(
            [SLOT],
            presence=Presence(Box(box_id='box'), timedelta(seconds=15)),
            policy=replace(POLICY, quick_exit_count_max=2),
            processes=children,
            open_store=lambda: store,
            clock=clock,
        )

        def go_on(ends: int) -> str | None:
            """Step for a while, in which a process that runs ends, at most `ends` times."""
            for _ in range(20):
                supervisor.step()
                if children.running and ends:
                    children.end(max(children.running), 1)
                    ends -= 1
                clock.advance(timedelta(seconds=1))
            return store.box_processes('box')[0].state

        store.set_desired('box', SLOT.process, is_on=True)
        assert go_on(ends=2) == ProcessStatus.FATAL
        assert go_on(ends=0) == ProcessStatus.FATAL

        store.set_desired('box', SLOT.process, is_on=True)
        assert go_on(ends=2) == ProcessStatus.FATAL
        store.set_desired('box', SLOT.process, is_on=True)

        assert go_on(ends=0) == ProcessStatus.RUNNING
        assert children.spawned == 5


def test_a_restart_that_is_asked_for_ends_what_runs_and_starts_it_once(tmp_path: Path) -> None:
    clock, children = SimulatedClock(instant('2026112312')), Children()
    with closing(SqliteStore.open(tmp_path / 'store.db', clock=clock)) as store:
        # Of an earlier Supervisor: what this one starts is new already.
        store.ask_restart('box', SLOT.process)
        supervisor = Supervisor(
            [SLOT],
            presence=Presence(Box(box_id='box'), timedelta(seconds=15)),
            policy=POLICY,
            processes=children,
            open_store=lambda: store,
            clock=clock,
        )

        def go_on() -> int:
            for _ in range(6):
                supervisor.step()
                clock.advance(timedelta(seconds=1))
            return children.spawned

        assert go_on() == 1
        store.ask_restart('box', SLOT.process)
        assert go_on() == 2
        assert go_on() == 2
        clock.advance(timedelta(seconds=1))
        store.ask_restart('box', SLOT.process)
        assert go_on() == 3
        assert children.running == {3}
        assert store.box_processes('box')[0].restart_count == 0


def test_a_store_that_was_replaced_is_opened_again(tmp_path: Path) -> None:
    clock, path = SimulatedClock(instant('2026112312')), tmp_path / 'store.db'
    opened: list[SqliteStore] = []

    def open_store() -> BoxStore:
        opened.append(SqliteStore.open(path, clock=clock))
        return opened[-1]

    supervisor = Supervisor(
        [SLOT],
        presence=Presence(Box(box_id='box'), timedelta(seconds=15)),
        policy=POLICY,
        processes=Children(),
        open_store=open_store,
        clock=clock,
    )
    supervisor.step()
    path.rename(tmp_path / 'old.db')
    SqliteStore.open(path, clock=clock).close()
    for _ in range(30):
        clock.advance(timedelta(seconds=1))
        supervisor.step()

    assert len(opened) == 2
    assert [row.state for row in opened[1].box_processes('box')] == [ProcessStatus.RUNNING]
    for store in opened:
        store.close()


def supervised(
    tmp_path: Path, store: SqliteStore, clock: SimulatedClock
) -> tuple[Supervisor, Children, Path]:
    """Return a Supervisor of one worker that logs to a file."""
    log_file = tmp_path / 'p.log'
    children = Children()
    supervisor = Supervisor(
        [replace(SLOT, log_file=log_file)],
        presence=Presence(Box(box_id='box'), timedelta(seconds=15)),
        policy=POLICY,
        processes=children,
        open_store=lambda: store,
        clock=clock,
    )
    return supervisor, children, log_file


def ended_line(text: str) -> str:
    return f'2026-11-23 12:00:00,000 ERROR   ended synergy.cli.starter {text}\n'


def test_why_a_worker_does_not_start_is_reported_until_it_is_up(tmp_path: Path) -> None:
    clock = SimulatedClock(instant('2026112312'))
    with closing(SqliteStore.open(tmp_path / 'store.db', clock=clock)) as store:
        supervisor, children, log_file = supervised(tmp_path, store, clock)
        log_file.write_text(ended_line('P ended: of an earlier start'))
        children.starting = {1, 2}
        supervisor.step()
        assert store.box_processes('box')[0].reason is None

        with log_file.open('a') as log:
            log.write(ended_line('P ended: no licence'))
        children.end(1, 70)
        supervisor.step()
        (row,) = store.box_processes('box')
        assert (row.state, row.log_file) == ('backoff', str(log_file))
        assert row.reason == 'P ended: no licence (exit code 70)'

        # Started again it runs, but is not up: the reason stays.
        clock.advance(timedelta(seconds=1))
        supervisor.step()
        (row,) = store.box_processes('box')
        assert (row.state, row.reason) == ('running', 'P ended: no licence (exit code 70)')

        children.starting.clear()
        supervisor.step()
        (row,) = store.box_processes('box')
        assert (row.state, row.reason, row.log_file) == ('running', None, None)


def test_a_worker_that_was_up_and_is_killed_does_not_tell_of_errors_of_its_runs(
    tmp_path: Path,
) -> None:
    clock = SimulatedClock(instant('2026112312'))
    with closing(SqliteStore.open(tmp_path / 'store.db', clock=clock)) as store:
        supervisor, children, log_file = supervised(tmp_path, store, clock)
        supervisor.step()
        supervisor.step()
        log_file.write_text(ended_line('a run has failed: host is away'))

        children.end(1, -9)
        supervisor.step()

        assert store.box_processes('box')[0].reason == 'killed by signal 9'


def test_how_the_start_went_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SimulatedClock(instant('2026112312'))
    with (
        caplog.at_level('INFO'),
        closing(SqliteStore.open(tmp_path / 'store.db', clock=clock)) as store,
    ):
        supervisor, children, _ = supervised(tmp_path, store, clock)
        children.starting = {1}
        supervisor.step()
        supervisor.step()
        assert 'are up' not in caplog.text

        children.starting.clear()
        for _ in range(3):
            supervisor.step()

        assert caplog.text.count('all 1 processes are up') == 1
