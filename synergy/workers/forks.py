"""Children that user code forks: children, not second workers.

A forked child is a copy of the worker, with its signal handlers and its place in the middle of a
run. It gets back the handlers of a fresh Python, so that it can be terminated and joined as in any
program; and one that leaves user code (it returned, raised or called `sys.exit`) ends right there,
with the exit code that a program of its own would have, before it could save, renew or report.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn

#: Held back around a fork: one that reached the child before it has its handlers would be lost.
_NUMBERS: Final = (
    signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP,
)  # fmt: skip
#: Those by which one ends a child.
_ENDING: Final = (signal.SIGTERM, signal.SIGINT)


def free_children(forget: Callable[[], None]) -> None:
    """From now on call `forget` in each forked child, before it can be reached by a signal.

    forget: gives back what is the worker's alone, such as its handlers. For the life of the
    process: there is no way back.
    """
    local = threading.local()

    def before() -> None:
        local.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)

    def in_parent() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, local.mask)

    def in_child() -> None:
        forget()
        # What a handler raises in here is lost, and with it the signal: one that has come already
        # ends the child at once.
        handlers = {number: signal.getsignal(number) for number in _ENDING}
        for number, handler in handlers.items():
            if callable(handler):
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, local.mask)
        for number, handler in handlers.items():
            if callable(handler):
                signal.signal(number, handler)

    os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)


@contextmanager
def children_end_here() -> Iterator[None]:
    """Let no forked child out of the block: it ends as a program that ran the block would."""
    pid = os.getpid()
    try:
        yield
    except BaseException as error:
        if os.getpid() != pid:
            end_child(error)
        raise
    if os.getpid() != pid:
        end_child(None)


def end_child(error: BaseException | None) -> NoReturn:
    """End this forked child; error: what it raised, if it did not just return."""
    code = 1
    try:
        code = _code_of(error)
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        logging.shutdown()
    finally:
        os._exit(code)


def _code_of(error: BaseException | None) -> int:
    """Return the exit code; print what a program prints that ends so."""
    match error:
        case None | SystemExit(code=None):
            return 0
        case SystemExit(code=int(code)):
            return code & 0xFF
        case SystemExit(code=text):
            print(text, file=sys.stderr)  # noqa: T201 - as Python does
        case _:
            traceback.print_exception(error)
    return 1
