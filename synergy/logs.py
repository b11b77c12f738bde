"""Logging of a process: a rotating file, and the terminal where there is one to look at.

Printed lines become log records, so that a worker's `print` is in its log file and in the log of
its run, and nothing grows without bound.
"""

from __future__ import annotations

import io
import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final, TextIO, cast

from synergy.core.redaction import redacted_text
from synergy.doors import in_words

_FORMAT: Final = '%(asctime)s %(levelname)-7s %(event)s %(name)s %(message)s'
_CONSOLE_FORMAT: Final = '%(asctime)s {title:<16} %(levelname)-7s %(message)s'


def set_up(
    *, title: str, level: str, file: Path, bytes_max: int, count: int, is_console: bool
) -> None:
    """Send log records and printed lines to `file`, and to stderr when `is_console`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rotating = RotatingFileHandler(file, maxBytes=bytes_max, backupCount=count, encoding='utf-8')
    rotating.setFormatter(_Formatter(_FORMAT, defaults={'event': '-'}))
    handlers: list[logging.Handler] = [rotating]
    if is_console:
        console = logging.StreamHandler(sys.stderr)
        console.setFormatter(_Formatter(_CONSOLE_FORMAT.format(title=title), datefmt='%H:%M:%S'))
        handlers.append(console)
    logging.basicConfig(level=level, handlers=handlers, force=True)
    logging.raiseExceptions = False  # A full disk must not end a worker through its log.
    sys.stdout = cast('TextIO', _Printed(logging.getLogger('stdout'), logging.INFO))
    sys.stderr = cast('TextIO', _Printed(logging.getLogger('stderr'), logging.ERROR))


class _Formatter(logging.Formatter):
    """Calls the command line as it is called here, and tells no secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted_text(in_words(super().format(record)))


class _Printed(io.TextIOBase):
    """A standard stream whose whole lines become log records."""

    def __init__(self, target: logging.Logger, level: int) -> None:
        self._target = target
        self._level = level
        self._rest = ''

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split('\n')
        for line in lines:
            if line:
                self._target.log(self._level, '%s', line)
        return len(text)

    def flush(self) -> None:
        """Keep an unfinished line until it is whole."""

    def writable(self) -> bool:
        return True
