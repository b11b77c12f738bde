"""User code that prints and logs in every way there is, and leaves disorder behind.

Each function is one run of one worker process, in this order; its name is in each of its lines.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import faulthandler
import io
import json
import logging
import logging.config
import os
import subprocess
import sys
import threading
import time
import warnings
from typing import Any, Final

from synergy.workers import Uow, Worker
from tests.pipelines.journal import note

logger = logging.getLogger('user')

PROGRESS_COUNT: Final = 20_000
LONG: Final = 60_000_000
FLOOD: Final = 500_000


def in_every_way() -> None:
    """Print by Python, by number, by the C library, and by a process, in this order."""
    print('in_every_way by print')
    os.write(1, b'in_every_way by number\n')
    subprocess.run(
        ['sh', '-c', 'echo in_every_way by process; echo in_every_way err >&2'], check=True
    )
    logger.info('in_every_way by logging')
    sys.stdout.buffer.write(b'in_every_way by buffer\n')
    ctypes.CDLL(None).printf(b'in_every_way by C\n')
    os.write(2, b'in_every_way without an end')


def leaves_a_child() -> None:
    """Leave a process behind that prints once the run has ended."""
    print('leaves_a_child began')
    subprocess.Popen(
        ['sh', '-c', 'sleep 0.7; echo leaves_a_child LATE; sleep 0.2; echo LATE again']
    )
    subprocess.run(
        ['sh', '-c', '(setsid sh -c "sleep 0.7; echo leaves_a_child LATE" &)'], check=True
    )


def closes_all() -> None:
    """Close, replace and configure whatever leads out of here."""
    print('closes_all began')
    time.sleep(1)  # What the run before has left prints now.
    os.close(1)
    os.close(0)
    sys.stdin.close()
    sys.stdout.close()
    sys.stderr.detach()  # type: ignore[union-attr]
    sys.stdout = io.StringIO()
    print('nobody sees this')


def goes_on() -> None:
    """Print as if nothing had been."""
    print('goes_on by print')
    print('goes_on err', file=sys.stderr)
    subprocess.run(['echo', 'goes_on by process'], check=True)
    with contextlib.suppress(EOFError):
        note(f'read {input()!r}')
    note(f'stdin {sys.stdin.read()!r}')


def shows_progress() -> None:
    """Overwrite one line again and again."""
    began = time.process_time()
    for number in range(1, PROGRESS_COUNT + 1):
        print(f'\rshows_progress {number} of {PROGRESS_COUNT}', end='')
    print('\nshows_progress by print')
    subprocess.run(
        [
            sys.executable,
            '-c',
            f'for n in range(1, {PROGRESS_COUNT} + 1): '
            f'print(f"shows_progress process {{n}}", end="\\r", flush=True)',
        ],
        check=True,
    )
    note(f'progress {time.process_time() - began}')


def prints_at_length() -> None:
    """Print lines that no file should hold, in one piece and in small ones."""
    began = time.process_time()
    print('prints_at_length ' + 'x' * LONG)
    for _ in range(20_000):
        sys.stdout.write('prints_at_length')
    print()
    logger.info('prints_at_length %s', 'z' * LONG)
    subprocess.run(
        ['sh', '-c', f'printf "prints_at_length "; head -c {LONG} /dev/zero | tr "\\0" y; echo'],
        check=True,
    )
    note(f'length {time.process_time() - began}')


def makes_noise() -> None:
    """Print what is not text."""
    print('makes_noise \x00 nul \x1b[31mred\x1b[0m \udce9 \ud800 ünï \U0001f600')
    sys.stdout.buffer.write(b'makes_noise \xff\xfe\x00 bytes \xc3\n')
    os.write(2, b'makes_noise \xe9 number\n')
    logger.warning('makes_noise %s', b'caf\xe9'.decode(errors='surrogateescape'))
    subprocess.run(['sh', '-c', 'printf "makes_noise \\377\\r\\n"'], check=True)


def floods() -> None:
    """Print more than a run keeps."""
    began = time.process_time()
    subprocess.run(['sh', '-c', f'yes floods | head -n {FLOOD}'], check=True)
    print('floods no more')
    note(f'flood {time.process_time() - began}')


def logs_wrongly() -> None:
    """Call the logger as one should not, then silence it in every way."""
    logger.info('logs_wrongly %d rows', 'many')
    logger.info('logs_wrongly %s', Speechless())
    logger.info('logs_wrongly right')
    logging.disable(logging.CRITICAL)
    logging.getLogger().setLevel(logging.CRITICAL)
    logging.getLogger().handlers[0].setLevel(logging.CRITICAL)
    logging.getLogger('synergy').propagate = False
    logging.config.dictConfig({'version': 1, 'root': {'handlers': []}})
    logging.shutdown()
    logger.error('nobody sees this')
    raise LookupError('logs_wrongly failed')


def logs_again() -> None:
    """Log as if nothing had been."""
    logger.info('logs_again right')
    logging.captureWarnings(True)
    warnings.warn('logs_again warned', stacklevel=1)
    logging.captureWarnings(False)
    logging.basicConfig(force=True, format='logs_again formatted %(message)s')
    logger.warning('by basicConfig')


def exits_well() -> None:
    """End as a program does."""
    logging.getLogger().handlers.clear()
    print('exits_well')
    sys.exit(0)


def quits() -> None:
    """End as one does at the prompt, which closes stdin."""
    print('quits')
    builtins.quit()


def exits_badly() -> None:
    """End as a program does that has failed."""
    sys.exit('exits_badly: no disk')


def uses_streams() -> None:
    """Do with standard output what libraries do."""
    out: Any = sys.stdout
    about = {
        'fileno': out.fileno(),
        'err': sys.stderr.fileno(),
        'isatty': out.isatty(),
        'encoding': out.encoding,
        'errors': out.errors,
        'writable': out.writable(),
        'readable': out.readable(),
        'line_buffering': out.line_buffering,
        'name': out.name,
        'mode': out.mode,
        'dunder': sys.__stdout__ is out,
        'closed': out.closed,
    }
    note('streams ' + json.dumps(about))
    subprocess.run(['echo', 'uses_streams stdout'], stdout=sys.stdout, check=True)
    subprocess.run(['echo', 'uses_streams stderr'], stdout=sys.stderr, check=True)
    faulthandler.enable()
    faulthandler.dump_traceback()
    with contextlib.redirect_stdout(sys.stderr):
        print('uses_streams redirected')
    caught = io.StringIO()
    with contextlib.redirect_stdout(caught):
        print('nobody sees this')
    out.reconfigure(encoding='latin-1', errors='replace')
    print('uses_streams é')
    out.writelines(['uses_streams a\n', 'uses_streams b\n'])
    print('uses_streams', 1, 2, sep='-', file=out, flush=True)


def forks() -> None:
    """Print and log in a forked child, and in threads."""
    print('forks parent')
    pid = os.fork()
    if pid == 0:
        print('forks child print')
        logger.info('forks child logs')
        logger.error('forks child fails')
        os._exit(0)
    os.waitpid(pid, 0)
    thread = threading.Thread(target=lambda: print('forks thread'))
    thread.start()
    thread.join()


def comes_last() -> None:
    """Print once more."""
    print('comes_last')


def pipe_count() -> int:
    """Return how many ends of pipes are open; the heartbeat opens its store when it needs it."""
    found = 0
    for number in os.listdir('/proc/self/fd'):  # noqa: PTH208 - names of links, not files
        with contextlib.suppress(FileNotFoundError):
            found += os.readlink(f'/proc/self/fd/{number}').startswith('pipe:')  # noqa: PTH115
    return found


class Speechless:
    def __str__(self) -> str:
        raise RuntimeError('no words')

    __repr__ = __str__


HOURS: Final = [
    in_every_way,
    leaves_a_child,
    closes_all,
    goes_on,
    shows_progress,
    prints_at_length,
    makes_noise,
    floods,
    logs_wrongly,
    logs_again,
    exits_well,
    quits,
    exits_badly,
    uses_streams,
    forks,
    comes_last,
]


class Printing(Worker):
    """Runs the function of its hour."""

    def setup(self) -> None:
        """Print outside of any run."""
        print('setup by print')
        os.write(1, b'setup by number\n')

    def process_uow(self, uow: Uow) -> None:
        note(f'run {uow.timeperiod} {threading.active_count()} {pipe_count()} {time.monotonic()}')
        HOURS[int(uow.timeperiod[-2:])]()
