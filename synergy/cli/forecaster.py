"""The process that makes forecasts for a dashboard: questions come in, and answers go out.

Each is a line of JSON, on the standard streams. It gives way to whatever else needs the processor,
and ends with the dashboard that has started it.
"""

from __future__ import annotations

import json
import os
import sys
from typing import BinaryIO, Final

from synergy import bootstrap
from synergy.bootstrap import die_with, open_runtime, show_as
from synergy.conf.errors import ConfigurationError
from synergy.core.exit_codes import ExitCode
from synergy.operations.foreseen import Asked, Foreseer
from synergy.operations.refusal import OperationRefused
from synergy.ports.clock import Clock
from synergy.ports.errors import PortError
from synergy.ports.store import Store

#: How far it gives way: nobody waits for it as one waits for a decision of the Scheduler.
_NICE: Final = 19


def main(parent: int) -> int:
    """Answer until nobody asks any more; return the exit code. parent: the pid of who asks."""
    if not die_with(parent):
        return ExitCode.UNAVAILABLE
    # What the user's modules print when they are imported is no answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), 'wb')
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.nice(_NICE)
    try:
        settings, context = bootstrap.load(reads_sources=False)
    except ConfigurationError as error:
        _tell(answers, {'problem': str(error)})
        return ExitCode.MISCONFIGURED
    show_as(f'{settings.process_prefix}Forecast')
    with open_runtime(settings, context) as runtime:
        foreseer = Foreseer(context.hierarchy, settings.box_vanished, runtime.clock.monotonic)
        try:
            store = runtime.open_store(create=False)
            serve(sys.stdin.buffer, answers, foreseer, store, runtime.clock)
        except PortError as error:
            # The next one is started when it is asked next.
            _tell(answers, {'problem': str(error)})
            return ExitCode.UNAVAILABLE
    return ExitCode.OK


def serve(
    questions: BinaryIO, answers: BinaryIO, foreseer: Foreseer, store: Store, clock: Clock
) -> None:
    """Answer line by line; raise PortError once the store fails."""
    for line in questions:
        try:
            answer = foreseer.answer(Asked(**json.loads(line)), store, clock.now())
        except OperationRefused as error:
            _tell(answers, {'problem': str(error)})
        else:
            _tell(answers, {'answer': answer})


def _tell(answers: BinaryIO, what: object) -> None:
    answers.write(json.dumps(what).encode() + b'\n')
    answers.flush()
