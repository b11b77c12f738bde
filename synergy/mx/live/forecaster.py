"""A process of its own that makes forecasts: seconds of work that no page may wait for.

It is asked by a line of JSON, and answers by one. It ends with whoever started it.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from synergy.core.structs import as_document
from synergy.mx.live.forecasts import ForecastFailed
from synergy.operations.foreseen import Answer, Asked

#: An answer that takes longer is given up.
ANSWER_SECONDS_MAX: Final = 180.0
_END_SECONDS: Final = 2.0


class Aside:
    """Makes forecasts in a child, which is started when it is asked first."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        """Start nothing yet. command: the child's, which is told our pid, in a folder."""
        self._command, self._folder = command, folder
        self._child: subprocess.Popen[bytes] | None = None

    def answer(self, asked: Asked) -> Answer:
        """Return what is to be expected; raise ForecastFailed."""
        question = json.dumps(as_document(asked)).encode() + b'\n'
        was_there = self._child is not None
        try:
            try:
                line = self._asked(question)
            except (BrokenPipeError, EOFError):
                # It has ended since the question before, or was ended; a new one may answer.
                if not was_there:
                    raise
                self.close()
                line = self._asked(question)
            found = json.loads(line)
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise ForecastFailed(f'the process that makes forecasts failed ({error})') from error
        if 'problem' in found:
            raise ForecastFailed(found['problem'])
        answer: Answer = found['answer']
        return answer

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is None:
            return
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        child.terminate()
        try:
            child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _asked(self, question: bytes) -> bytes:
        child = self._started()
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(question)
        child.stdin.flush()
        if not select.select([child.stdout], [], [], ANSWER_SECONDS_MAX)[0]:
            raise TimeoutError(f'no answer within {ANSWER_SECONDS_MAX:.0f} s')
        line = child.stdout.readline()
        if not line.endswith(b'\n'):
            raise EOFError(f'it ended with exit code {child.wait(_END_SECONDS)}')
        return line

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self.close()
        self._child = subprocess.Popen(
            (*self._command, str(os.getpid())),
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A terminal that interrupts the dashboard is none of its business.
            start_new_session=True,
        )
        return self._child
