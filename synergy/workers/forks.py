"""Children that user code forks: children, not second workers.

A forked child is a copy of the worker, with its signal handlers and its place in the middle of a
run. It gets back the handlers of a fresh Python, so that it can be terminated and joined as in any
program; and one that leaves user code (it returned, raised or called `sys.exit`) ends right there,
with the exit code that a program of its own would have, before it could save, renew or report.
"""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 - see `free_children`
import logging
import os
import random  # noqa: F401
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
#: How long a child may take to write what it has to say.
_TELL_SECONDS_MAX: Final = 2.0


def free_children(forget: Callable[[], None]) -> None:
    """From now on call `forget` in each forked child, before it can be reached by a signal.

    forget: gives back what is the worker's alone, such as its handlers. For the life of the
    process: there is no way back. Python does what modules want done in a child in the order in
    which they were imported; this has to be the last, so those that may yet come are imported here.
    """
    local = threading.local()

    def before() -> None:
        local.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)

    def in_parent() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, local.mask)

    def in_child() -> None:
        forget()
        # What leaves this function is lost: a handler that raises has to end the child right here.
        # Nothing may follow the block, not even one call: Python runs handlers after each.
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, local.mask)
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises
            end_child(error)

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
    # Another thread of the worker may have been writing at the moment of the fork: nobody gives its
    # lock back in here.
    telling = threading.Thread(target=_tell, args=(error,), daemon=True)
    try:
        telling.start()
        telling.join(_TELL_SECONDS_MAX)
    finally:
        os._exit(_code_of(error))


def _code_of(error: BaseException | None) -> int:
    """Return the exit code of a program that ends so."""
    match error:
        case None | SystemExit(code=None):
            return 0
        case SystemExit(code=int(code)):
            return code & 0xFF
        case _:
            return 1


def _tell(error: BaseException | None) -> None:
    """Print what a program prints that ends so, and write what was kept back."""
    with suppress(Exception):
        if isinstance(error, SystemExit):
            if not isinstance(error.code, int | None):
                print(error.code, file=sys.stderr)  # noqa: T201 - as Python does
        elif error is not None:
            traceback.print_exception(error)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    logging.shutdown()
