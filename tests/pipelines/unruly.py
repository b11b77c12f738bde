"""User code that starts processes, forks and pools, and does not tidy up."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from synergy.conf.entries import (
    QUALIFIER_DAILY,
    managed_context_entry,
    timetable_tree_entry,
)
from synergy.workers import Outcome, Uow, Worker
from tests.leftovers import left_running
from tests.pipelines.journal import home, is_told, note

#: Ignores SIGTERM, has a session of its own, and a child that has one, too.
STUBBORN = "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 444 & wait' & sleep 444 & wait"


def _daemonize() -> None:
    """Start what a careful daemon starts: two forks, a session, no inherited streams."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            Path(home() / 'daemon').write_text(str(os.getpid()))
            time.sleep(444)
        os._exit(0)
    os.wait()
    while not is_told('daemon'):
        time.sleep(0.01)


def leaving(_: Uow) -> Outcome:
    """Leave all sorts of processes behind, and succeed."""
    subprocess.Popen(['sleep', '444'])
    subprocess.Popen(
        ['nohup', 'sleep', '444'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    subprocess.run(['sh', '-c', f'{STUBBORN} &'], stdout=subprocess.DEVNULL, check=True)
    subprocess.run(['env', '-i', '/bin/sh', '-c', 'sleep 443 &'], check=True)
    _daemonize()
    return Outcome.processed(1)


def waiting(uow: Uow) -> Outcome:
    """Wait for a process at the first attempt; tell at the second what is left of it."""
    if uow.attempt == 1 and not is_told('go'):
        subprocess.Popen(['sh', '-c', STUBBORN])
        note('began')
        subprocess.run(['sleep', '444'], check=True)
    left = sorted(left_running(home()).values())
    # Nor what the Supervisor starts at this moment.
    note(f'attempt {uow.attempt} left {[text for text in left if "process_starter" not in text]}')
    return Outcome.processed(1)


def pooled(uow: Uow) -> Outcome:
    """Use a pool for longer than the time allows; tell at the second attempt what is left."""
    if uow.attempt == 1:
        with ProcessPoolExecutor(2) as pool:
            note('began')
            list(pool.map(time.sleep, [444.0] * 4))
    note(f'attempt {uow.attempt} left {sorted(left_running(home()).values())}')
    return Outcome.processed(1)


def terminating(_: Uow) -> Outcome:
    """Use what multiprocessing offers, as in any program."""
    for method in ('fork', 'spawn', 'forkserver'):
        context: Any = multiprocessing.get_context(method)
        child = context.Process(target=time.sleep, args=(444,))
        child.start()
        began = time.monotonic()
        child.terminate()
        child.join()
        note(f'{method} {child.exitcode} {time.monotonic() - began < 10}')
    # A handler that raises must not make it lose the signal, however early that comes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    forks: Any = multiprocessing.get_context('fork')
    for number in (signal.SIGINT, signal.SIGTERM):
        began = time.monotonic()
        for _try in range(20):
            child = forks.Process(target=_nap)
            child.start()
            os.kill(child.pid, number)
            child.join(20)
            child.kill()
        note(f'{number.name} {time.monotonic() - began < 10}')
    with multiprocessing.Pool(2) as numbers:
        note(f'pool {numbers.map(abs, [-1, -2])}')
    with ProcessPoolExecutor(2) as executor:
        note(f'executor {list(executor.map(abs, [-3, -4]))}')
    return Outcome.processed(1)


def _nap() -> None:
    # A signal that comes between Python's look for signals and a long sleep waits until its end.
    for _time in range(444):
        time.sleep(0.1)


def forking(uow: Uow) -> Outcome:
    """Fork children that leave user code in each way there is."""
    codes = []
    for way in ('return', 'raise', 'exit', 'text', 'quit', 'signal'):
        pid = os.fork()
        if pid == 0:
            return _leave(uow, way)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    note(f'codes {codes}')
    return Outcome.processed(1)


def _leave(uow: Uow, way: str) -> Outcome:
    note(f'child {uow.attempt}')
    match way:
        case 'raise':
            raise LookupError('in the child')
        case 'exit':
            sys.exit(3)
        case 'text':
            sys.exit('four')
        case 'quit':
            os._exit(5)
        case 'signal':
            signal.raise_signal(signal.SIGTERM)
    return Outcome.processed(99)


def _leave_sleeping() -> None:
    subprocess.Popen(['sleep', '444'])


class Keeping(Worker):
    """Makes its pool once, and uses it in each run."""

    def setup(self) -> None:
        self.pool = ProcessPoolExecutor(1)

    def process_uow(self, uow: Uow) -> Outcome:
        # Of the runs before.
        sleeping = [text for text in left_running(home()).values() if 'sleep' in text]
        note(f'pool {self.pool.submit(os.getpid).result()} left {sleeping}')
        subprocess.Popen(['sleep', '444'])
        self.pool.submit(_leave_sleeping).result()
        if uow.timeperiod == '2026110200' and uow.attempt == 1:
            self.pool.submit(time.sleep, 444).result()
        note(f'ended {uow.timeperiod} attempt {uow.attempt}')
        return Outcome.processed(1)


class Reaching(Worker):
    """Starts a helper at its first run and means to keep it."""

    keeps_processes = True
    helper: subprocess.Popen[bytes] | None = None

    def process_uow(self, uow: Uow) -> Outcome:
        self.helper = self.helper or subprocess.Popen(['sleep', '444'])
        note(f'helper {self.helper.pid} {self.helper.poll()} {uow.timeperiod}')
        return Outcome.processed(1)


class Helped(Worker):
    """Starts a helper in `setup`, which starts others all the time."""

    def setup(self) -> None:
        self.helper = subprocess.Popen(['sh', '-c', 'while :; do sleep 0.05; done'])

    def process_uow(self, uow: Uow) -> Outcome:
        left = subprocess.Popen(['sleep', '444'])
        note(f'helper {self.helper.pid} {self.helper.poll()} {left.pid > 0}')
        return Outcome.processed(1)


TARGETS: dict[str, dict[str, Any]] = {
    'LeavingDaily': {'classname': 'leaving'},
    'WaitingDaily': {'classname': 'waiting'},
    'PooledDaily': {'classname': 'pooled', 'timeout_seconds': 1},
    'TerminatingDaily': {'classname': 'terminating'},
    'ForkingDaily': {'classname': 'forking', 'max_attempts': 1},
    'KeepingDaily': {'classname': 'Keeping', 'timeout_seconds': 3},
    'ReachingDaily': {'classname': 'Reaching'},
    'HelpedDaily': {'classname': 'Helped'},
    'CommandDaily': {
        'classname': '',
        'arguments': {'command': f'touch $SYNERGY_HOME/began; {STUBBORN}', 'shell': True},
    },
}

process_context = {
    name: managed_context_entry(
        process_name=name,
        token=name.lower(),
        time_qualifier=QUALIFIER_DAILY,
        present_on_boxes=['.*'],
        retry_delay=0,
        **{
            **fields,
            'classname': f'tests.pipelines.unruly.{fields["classname"]}'
            if fields['classname']
            else 'synergy.workers.shell.ShellWorker',
        },
    )
    for name, fields in TARGETS.items()
    if os.environ.get('SYNERGY_TEST_ONLY', name) == name
}
timetable_context = {
    name: timetable_tree_entry(
        tree_name=name,
        enclosed_processes=[name],
        start_timeperiod='2026110100',
        end_timeperiod='2026110300'
        if name in ('KeepingDaily', 'ReachingDaily', 'HelpedDaily')
        else '2026110200',
    )
    for name in process_context
}
