"""One run in the foreground, by the same call as a worker's, and nothing around it.

Neither lease nor heartbeat nor log of the run: whoever calls gets the outcome, the time that it
took and what was raised. Nothing limits it but Ctrl-C, which is raised out of user code; SIGTERM
and SIGHUP are taken for it, so that a command which the run has started ends with it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

from synergy.conf.model import WorkerEntry
from synergy.core.freerun_record import base_of
from synergy.core.records import Outcome, Unit
from synergy.core.structs import Struct, replace
from synergy.output.concealed import Concealed
from synergy.ports.clock import Clock
from synergy.ports.processes import Descendants
from synergy.workers.calling import Calling, error_text, tear_down
from synergy.workers.code import Code
from synergy.workers.code_opener import CodeOpener
from synergy.workers.processes import GRACE_MAX, RunProcesses
from synergy.workers.zones import Zones

#: What ends a program in the foreground.
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
_PRODUCT: Final = Path(__file__).resolve().parent.parent


class Tried(Struct, frozen=True, kw_only=True):
    """How a run in the foreground has ended. error: what user code has raised."""

    outcome: Outcome
    seconds: float
    error: BaseException | None = None

    @property
    def is_interrupted(self) -> bool:
        """Tell whether somebody has ended it."""
        return isinstance(self.error, KeyboardInterrupt)


def run_in_foreground(  # noqa: PLR0913 - the wiring of a run: everything it touches, once
    entry: WorkerEntry,
    unit: Unit,
    *,
    zones: Zones,
    clock: Clock,
    descendants: Descendants,
    examine: Callable[[BaseException], None],
    secret_of: Callable[[str], str],
    concealed: Concealed,
) -> Tried:
    """Import the code of an entry, set it up, and call it for one unit, all in this process.

    examine: called with what user code has raised, while all that it has opened is still there.
    secret_of: values of references; concealed: gets them, for what is told of the run.
    """
    raised: list[BaseException] = []

    def failing(unit: Unit, error: BaseException, what: str = '') -> Outcome:
        assert unit is not None
        raised.append(error)
        return Outcome.failed(f'{what}{error_text(error)}')

    processes = RunProcesses(descendants, GRACE_MAX)
    before = processes.standing()
    guard = ForegroundGuard()
    opened = CodeOpener({base_of(unit.process): entry})
    opened.undo = lambda code: tear_down(code.handler, guard, None)
    of_run = RunProcesses(descendants, GRACE_MAX)
    opened.settle = lambda code: of_run.settle(keeps=code.handler.keeps_processes)
    calling = Calling(guard, _Flushing(concealed), None, zones, secret_of, failing)
    code: Code | None = None
    with guard:
        try:
            begun = clock.monotonic()
            try:
                code = opened.load_and_set_up(base_of(unit.process))
            except BaseException as error:  # noqa: BLE001 - user code: SystemExit and all
                outcome = failing(unit, error, 'the code of its process cannot be set up: ')
            else:
                begun = clock.monotonic()
                outcome = calling.run(replace(code, bounds=None), unit)
            seconds = clock.monotonic() - begun
            if raised:
                examine(raised[0])
            if code is not None:
                of_run.after_run()
        finally:
            if code is not None:
                tear_down(code.handler, guard, None)
            processes.end_but(before)
            opened.close()
    return Tried(outcome=outcome, seconds=seconds, error=raised[0] if raised else None)


def users_traceback(error: BaseException) -> TracebackType | None:
    """Return the traceback from the first frame of user code on; all of it where there is none."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace.tb_frame):
        trace = trace.tb_next
    return trace or error.__traceback__


def _is_ours(frame: FrameType) -> bool:
    """Tell whether a frame is the product's, or that of an import on the way to user code."""
    name = frame.f_code.co_filename
    return (
        name.startswith('<frozen importlib')
        or Path(name).is_relative_to(_PRODUCT)
        or (frame.f_globals.get('__name__') == 'importlib')
    )


class ForegroundGuard:
    """Lets user code go on until somebody presses Ctrl-C, or ends this process.

    A `synergy.workers.signals.Guard`; for a `with`, within which signals are its own.
    """

    def __init__(self) -> None:
        """Change nothing yet."""
        self._pid = os.getpid()

    def __enter__(self) -> Self:
        """Take the signals; what is ignored, as under nohup, stays ignored."""
        self._before = {
            number: signal.signal(number, self._on_signal)
            for number in _ENDING
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        return self

    def __exit__(self, *_: object) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def enter(self, timeout: timedelta | None) -> None:
        """User code begins; its time-out is that of whoever looks on."""

    def leave(self) -> None:
        """User code has ended."""

    def is_stopping(self) -> bool:
        """Tell that nobody asks for an orderly stop here."""
        return False

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self._pid:
            # A forked child of user code, which is ended as such.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        raise KeyboardInterrupt


class _Flushing:
    """Shows what was printed at once, as it is: whoever tries has the secrets."""

    def __init__(self, concealed: Concealed) -> None:
        self.concealed = concealed

    def leave(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
