"""What a command prints, to the log of the run that waits for it, and no longer.

One thread reads both streams as long as the command runs. It ends with the command, not with the
pipes: a process that the command has left in the background may hold them for ever.
"""

from __future__ import annotations

import logging
import os
import selectors
import threading
import traceback
from collections.abc import Sequence
from time import monotonic
from types import TracebackType
from typing import IO, Final, Self

from synergy.output.lines import Lines

logger = logging.getLogger(__name__)

_READ_BYTES: Final = 65_536
#: More lines than this that come together are logged together, which costs less.
_LINES_MAX: Final = 100
#: When the command has ended: as much as its pipes hold is read, and not what others still write.
_LAST_READS_MAX: Final = 32


class CommandOutput:
    """Logs what comes from a command for a block; closes its streams at the end of the block."""

    def __init__(self, stdout: IO[bytes] | None, stderr: IO[bytes] | None) -> None:
        """Read both; what comes from `stderr` is logged as a warning."""
        assert stdout is not None
        assert stderr is not None
        self._streams = {stdout: logging.INFO, stderr: logging.WARNING}
        self._lines = {stream: Lines(monotonic) for stream in self._streams}
        self._thread = threading.Thread(target=self._read, name='command output', daemon=True)

    def __enter__(self) -> Self:
        """Begin to read."""
        self._end_reading, self._end_writing = os.pipe()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take what is there, and end."""
        os.close(self._end_writing)
        self._thread.join()
        os.close(self._end_reading)
        for stream in self._streams:
            stream.close()

    def _read(self) -> None:
        with selectors.DefaultSelector() as selector:
            for stream in self._streams:
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ)
            selector.register(self._end_reading, selectors.EVENT_READ)
            is_ended = False
            while not is_ended:
                is_ended = self._read_ready(selector)
            selector.unregister(self._end_reading)
            for _ in range(_LAST_READS_MAX):
                if not selector.get_map() or not selector.select(0):
                    break
                self._read_ready(selector)
        for stream, lines in self._lines.items():
            self._log(self._streams[stream], lines.rest())

    def _read_ready(self, selector: selectors.BaseSelector) -> bool:
        """Read once what can be read; tell whether the command has ended."""
        is_ended = False
        for key, _ in selector.select():
            if key.fileobj == self._end_reading:
                is_ended = True
                continue
            stream = key.fileobj
            assert not isinstance(stream, int)
            if data := os.read(key.fd, _READ_BYTES):
                found = self._lines[stream].feed(data)  # type: ignore[index]  # One of the two.
                self._log(self._streams[stream], found)  # type: ignore[index]  # One of the two.
            else:
                selector.unregister(stream)
        return is_ended

    def _log(self, level: int, lines: Sequence[str]) -> None:
        texts = lines if len(lines) <= _LINES_MAX else ['\n'.join(lines)]
        for text in texts:
            try:
                logger.log(level, '%s', text, extra={'event': 'command_output'})
            except Exception:  # noqa: BLE001 - a handler of the user: the command must be read on
                traceback.print_exc()
