"""Put right what a process has inherited from whoever started it, before anything depends on it.

cron, inetd, a supervisor in C, a script in the background or a program with a million descriptors
hand down what they like: standard streams that are closed, signals that are ignored or blocked, a
folder that is gone. With SIGCHLD ignored, for one, the kernel forgets how children have ended, and
every command would count as a success. Standard library only: `launch.py` calls this first.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import suppress
from typing import Final, TextIO, cast

#: Signals that a background process is to mind, whatever its caller did about them. Not SIGPIPE and
#: SIGXFSZ: Python ignores these on purpose, and a write says so instead.
_MINDED: Final = (
    signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM,
)  # fmt: skip
#: Enough for connections, logs and pages that follow live; beyond 1,024, select(2) does not see.
_DESCRIPTORS_WANTED: Final = 1024


def settle() -> None:
    """Make sure of standard streams, of signals that can arrive, and of a folder to work in.

    Whether SIGHUP and SIGINT are ignored stays as the caller wants it: nohup and `&` mean it.
    """
    _open_standard_streams()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        os.getcwd()  # noqa: PTH109 - Path.cwd() is the same, and this module is read first
    except OSError:
        # It was removed under us; everything that asks for it would fail.
        os.chdir('/')


def settle_in_background() -> None:
    """Do the same for a process that nobody sits before, which minds all signals."""
    settle()
    for number in _MINDED:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if 0 <= hard < _DESCRIPTORS_WANTED else _DESCRIPTORS_WANTED
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _open_standard_streams() -> None:
    """Lead the standard descriptors that are closed to /dev/null.

    Otherwise the next files that are opened would get their numbers, and what is printed.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is this one: those below are open by now.
            os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(number, True)
    sys.stdin = sys.stdin or _stream(0, 'r')
    sys.stdout = sys.stdout or _stream(1, 'w')
    sys.stderr = sys.stderr or _stream(2, 'w')


def _stream(number: int, mode: str) -> TextIO:
    stream = os.fdopen(number, mode, encoding='utf-8', errors='replace', closefd=False)
    return cast('TextIO', stream)
