"""User code written with `async def`: awaited, interrupted, and what it leaves is cancelled."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from synergy.adapters.os.clocks import SystemClock
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.workers import Outcome, Uow, Worker, awaited, signals
from synergy.workers.handler import Handler, load_handler, loadable_problem, outcome_of
from synergy.workers.signals import CANCELLING, Cause, Interrupted, SignalGuard
from tests.workers.runner_harness import RunnerHarness

UOW: Any = SimpleNamespace(id='1')


class Fetching(Worker):
    """Awaits."""

    async def process_uow(self, uow: Uow) -> Outcome:
        await asyncio.sleep(0)
        return Outcome.processed(len(uow.id))


class Earlier(Worker):
    """Has the name of Synergy 2.x."""

    async def _process_uow(self, uow: Uow) -> tuple[int, str]:
        await asyncio.sleep(0)
        return len(uow.id), 'state_processed'


class Derived(Fetching):
    """Awaits that of its base."""

    async def process_uow(self, uow: Uow) -> Outcome:
        outcome = await super().process_uow(uow)
        return replace(outcome, count=outcome.count + 1)


class Called:
    """Is called itself."""

    async def __call__(self, uow: Uow) -> Outcome:
        await asyncio.sleep(0)
        return Outcome.processed(len(uow.id))


class Opening(Fetching):
    """Would open something in a loop that is not there."""

    async def setup(self) -> None:  # type: ignore[override]
        """Never run."""


class Forgetful(Worker):
    """Forgets to await."""

    def process_uow(self, uow: Uow) -> Any:
        return Fetching('x').process_uow(uow)


async def fetch(uow: Uow, count: int = 3) -> Outcome:
    await asyncio.sleep(0)
    return Outcome.processed(len(uow.id) * count)


@pytest.mark.parametrize(
    ('name', 'count'), [('Fetching', 1), ('Earlier', 1), ('Derived', 2), ('fetch', 3)]
)
def test_code_that_is_async_is_awaited(name: str, count: int) -> None:
    handler = load_handler(f'{__name__}.{name}', 'Site')

    for _ in range(2):
        assert outcome_of(handler.process_uow(UOW)) == Outcome.processed(count)


def test_whatever_is_called_with_await_is_known_as_such() -> None:
    assert outcome_of(Handler(partial(fetch, count=7)).process_uow(UOW)).count == 7
    assert Handler(Called()).process_uow(UOW) == Outcome.processed(1)
    sync = Handler(print)
    assert sync.process_uow is print, 'nothing stands between a worker and code that is not async'


@pytest.mark.filterwarnings('error')
def test_a_coroutine_that_nobody_awaited_fails_the_attempt_and_says_so() -> None:
    outcome = outcome_of(load_handler(f'{__name__}.Forgetful', 'Site').process_uow(UOW))

    assert outcome.state is UnitState.INVALID
    assert 'returned the coroutine Fetching.process_uow without awaiting it' in (
        outcome.error or ''
    )
    assert 'async def process_uow' in (outcome.error or '')


def test_a_hook_that_nobody_would_await_is_refused() -> None:
    assert 'only process_uow may be async' in (loadable_problem(Opening) or '')
    with pytest.raises(TypeError, match='Opening of Site is a class with an async hook'):
        load_handler(f'{__name__}.Opening', 'Site')


def test_each_run_has_its_own_loop_and_what_it_leaves_is_cancelled() -> None:
    loops, ended = [], []

    async def linger() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append('cancelled')
            raise

    async def work(_: Uow) -> None:
        loops.append(asyncio.get_running_loop())
        left = asyncio.ensure_future(linger())
        await asyncio.sleep(0)
        assert not left.done()

    handler = Handler(work)
    handler.process_uow(UOW)
    handler.process_uow(UOW)

    assert loops[0] is not loops[1]
    assert all(loop.is_closed() for loop in loops)
    assert ended == ['cancelled'] * 2


def test_it_ends_as_other_code_does(tmp_path: Path) -> None:
    ends: list[Callable[[], object]] = [lambda: None, lambda: 1 / 0, sys.exit, partial(sys.exit, 3)]

    async def work(_: Uow) -> object:
        await asyncio.sleep(0)
        return ends.pop(0)()

    harness = RunnerHarness(tmp_path, work)
    ids = harness.request(4)
    while harness.runner.step():
        pass

    units = harness.store.units(ids)
    assert [units[item].error for item in ids] == [
        None,
        'ZeroDivisionError: division by zero',
        None,
        'SystemExit: 3',
    ]


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[SignalGuard]:
    monkeypatch.setattr(signals, 'CANCEL_SECONDS', 0.05)
    numbers = (
        signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT,
    )  # fmt: skip
    before = {number: signal.getsignal(number) for number in numbers}
    yield SignalGuard(SystemClock(), timedelta(seconds=0.05), lambda: None)
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


def ended(guard: SignalGuard, work: Any, timeout: timedelta | None = None) -> object:
    """Return why a run was interrupted, or what it returned."""
    try:
        try:
            guard.enter(timeout)
            return Handler(work).process_uow(UOW)
        finally:
            guard.leave()
    except Interrupted as found:
        return found.cause


SOON = timedelta(seconds=0.05)


def test_a_time_out_cancels_what_is_awaited_and_it_may_tidy_up(guard: SignalGuard) -> None:
    seen: list[str] = []

    async def work(_: Uow) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(60))
                await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.001)
            seen.append('tidied up')
            raise

    assert ended(guard, work, SOON) is Cause.TIMEOUT
    assert seen == ['tidied up']
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    assert not CANCELLING.cancel(Cause.STOP), 'the next run has nothing of it'


def test_a_stop_and_a_lost_lease_cancel_it_too(guard: SignalGuard) -> None:
    async def work(_: Uow) -> None:
        guard.lose()
        await asyncio.sleep(60)

    async def stopped(_: Uow) -> None:
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(60)

    assert ended(guard, work) is Cause.LOST
    assert ended(guard, stopped) is Cause.STOP


def test_a_cancellation_that_is_swallowed_is_an_interruption_all_the_same(
    guard: SignalGuard,
) -> None:
    async def swallow(_: Uow) -> Outcome:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return Outcome.processed(1)
        return Outcome.processed(2)

    assert ended(guard, swallow, SOON) is Cause.TIMEOUT


@pytest.mark.parametrize('goes_on', ['computing', 'awaiting'])
def test_what_does_not_end_when_it_is_cancelled_is_interrupted(
    guard: SignalGuard, goes_on: str
) -> None:
    until = time.monotonic() + 20

    async def work(_: Uow) -> None:
        while time.monotonic() < until:
            try:
                if goes_on == 'computing':
                    sum(range(1_000))
                else:
                    await asyncio.sleep(1)
            except asyncio.CancelledError:
                if goes_on == 'awaiting' and len(tries) < 1:
                    tries.append(1)
                    continue
                raise

    tries: list[int] = []

    assert ended(guard, work, SOON) is Cause.TIMEOUT
    assert time.monotonic() < until


def test_the_process_of_one_run_is_cancelled_by_its_worker(guard: SignalGuard) -> None:
    reading, writing = os.pipe()

    async def work(_: Uow) -> None:
        os.write(writing, b'began\n')
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            os.write(writing, b'cancelled\n')
            raise

    if (pid := os.fork()) == 0:
        try:
            guard.forget()
            guard.stand_in_child()
            Handler(work).process_uow(UOW)
        except Interrupted as found:
            os.write(writing, f'{found.cause.name}\n'.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        assert told.readline() == 'began\n'
        os.kill(pid, signal.SIGTERM)
        assert told.read() == 'cancelled\nSTOP\n'
    os.waitpid(pid, 0)


def test_on_another_thread_it_is_awaited_and_signals_are_none_of_its_business() -> None:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(Handler(fetch).process_uow(UOW)))
    thread.start()
    thread.join()

    assert found == [Outcome.processed(3)]


def test_the_loop_is_imported_by_those_who_need_it() -> None:
    assert not hasattr(awaited, 'asyncio')
