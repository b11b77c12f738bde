"""User code at its worst, in a round of chaos, and what can be seen of it afterwards.

Each run does some of what user code does in bad moments: children that leave in the middle of it,
pools, commands that detach themselves and ignore SIGTERM, handlers of its own, binary noise,
lines without an end, a process that goes on printing. Before that it looks for what the runs before
it have left in its worker. All that it prints names the run, so that afterwards each line can be
held against the log in which it is.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import Final

import psutil

from bench.chaos.names import JOURNAL_VARIABLE, UNRULY_VARIABLE
from synergy.ports.store import Store
from synergy.workers import Uow

logger = logging.getLogger(__name__)

#: How much descriptors and threads of a worker may differ: connections are made again.
_SLACK: Final = 25
_GONE_SECONDS: Final = 5.0
_TAG: Final = re.compile(r'<run of (\w+) attempt (\d+)>')
_DETACHED: Final = "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 300 & wait' & sleep 300 &"
_first_counts: dict[str, int] = {}


def is_unruly() -> bool:
    """Tell whether user code of this round misbehaves."""
    return UNRULY_VARIABLE in os.environ


def misbehave(uow: Uow) -> None:
    """Complain about what earlier runs have left, then do two bad things."""
    _look_around(uow)
    random = Random(f'{uow.id} {uow.fence}')
    tag = f'<run of {uow.id} attempt {uow.attempt}>'
    for way in random.sample(_WAYS, 2):
        way(tag, random)


def complaints() -> Iterator[str]:
    """Yield what runs have complained about."""
    path = Path(os.environ[UNRULY_VARIABLE])
    if path.exists():
        yield from path.read_text().splitlines()


def lines_of_others(store: Store) -> Iterator[str]:
    """Yield lines that stand in the log of a run that did not print them."""
    for unit in store.all_units():
        for line in store.log(unit.id):
            for uow_id, attempt in _TAG.findall(line.text):
                if (uow_id, int(attempt)) != (unit.id, line.attempt):
                    yield (
                        f'log of {unit} attempt {line.attempt} has a line of {uow_id} attempt '
                        f'{attempt}: {line.text:.80}'
                    )


def left_processes() -> Iterator[str]:
    """Yield what still runs of a round whose boxes have been stopped."""
    until = time.monotonic() + _GONE_SECONDS
    while (found := list(_of_this_round())) and time.monotonic() < until:
        time.sleep(0.1)
    yield from (f'still runs after the round: {text}' for text in found)


def _of_this_round() -> Iterator[str]:
    """Yield what boxes have started; the servers of a round belong to no box."""
    journal = os.environ[JOURNAL_VARIABLE]
    for process in psutil.process_iter():
        try:
            environ = process.environ()
            is_ours = environ.get(JOURNAL_VARIABLE) == journal and 'SYNERGY_BOX_ID' in environ
            if is_ours and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                yield f'{process.name()} (pid {process.pid})'
        except (psutil.Error, OSError):
            continue


def _look_around(uow: Uow) -> None:
    own = psutil.Process()
    left = [f'{child.name()} (pid {child.pid})' for child in own.children(recursive=True)]
    counts = {
        'descriptors': own.num_fds(),
        'threads': own.num_threads(),
        'Python threads': threading.active_count(),
    }
    for name, count in counts.items():
        if count > _first_counts.setdefault(name, count) + _SLACK:
            _complain(uow, f'{count} {name}, {_first_counts[name]} at the first run')
    if left:
        _complain(uow, f'runs before it have left {", ".join(left)}')
    if signal.getsignal(signal.SIGTERM) in (signal.SIG_IGN, signal.SIG_DFL):
        _complain(uow, 'a run before it has taken the handler of SIGTERM along')


def _complain(uow: Uow, text: str) -> None:
    box = os.environ['SYNERGY_BOX_ID']
    with Path(os.environ[UNRULY_VARIABLE]).open('a') as file:
        file.write(f'{uow.process_name} {uow.timeperiod} on {box} pid {os.getpid()}: {text}\n')


def _fork(tag: str, random: Random) -> None:
    pid = os.fork()
    if pid == 0:
        print(f'{tag} child')
        if random.random() < 0.5:
            raise LookupError(tag)
        sys.exit(3)
    os.waitpid(pid, 0)


def _use_pool(tag: str, _random: Random) -> None:
    with ProcessPoolExecutor(2) as pool:
        print(tag, sum(pool.map(abs, range(4))))


def _terminate(tag: str, _random: Random) -> None:
    child = multiprocessing.get_context('fork').Process(target=time.sleep, args=(300,))
    child.start()
    child.terminate()
    child.join()
    print(tag, child.exitcode)
    assert child.exitcode == -signal.SIGTERM


def _detach(_tag: str, _random: Random) -> None:
    subprocess.run(['sh', '-c', _DETACHED], check=True)


def _daemonize(_tag: str, _random: Random) -> None:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(300)
        os._exit(0)
    os.waitpid(pid, 0)


def _print_on(tag: str, _random: Random) -> None:
    subprocess.Popen(['sh', '-c', 'while :; do echo "$0 prints on"; sleep 0.02; done', tag])


def _make_noise(tag: str, random: Random) -> None:
    os.write(1, random.randbytes(3000))
    os.write(2, b'\x1b[2J\xff\xfe\0 \r' + tag.encode())
    subprocess.run(['sh', '-c', 'printf "%s without an end" "$0"', tag], check=True)


def _print_badly(tag: str, random: Random) -> None:
    print('\r'.join(f'{tag} {percent} %' for percent in range(100)), end='')
    logger.warning('%d rows', tag)
    sys.stderr.write(f'{tag} {"x" * random.randrange(100_000)}')


def _ignore_signals(_tag: str, _random: Random) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)


_WAYS: Final[tuple[Callable[[str, Random], None], ...]] = (
    _fork,
    _use_pool,
    _terminate,
    _detach,
    _daemonize,
    _print_on,
    _make_noise,
    _print_badly,
    _ignore_signals,
)
