"""Logging of a process: a rotating file, and the terminal where there is one to look at.

Printed lines become log records, so that a worker's `print` is in its log file and in the log of
its run, and nothing grows without bound.
"""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from synergy.doors import in_words
from synergy.output.outlet import Outlet

_FORMAT: Final = '%(asctime)s %(levelname)-7s %(event)s %(name)s %(message)s'
_CONSOLE_FORMAT: Final = '%(asctime)s {title:<16} %(levelname)-7s %(message)s'


def set_up(
    *, title: str, level: str, file: Path, bytes_max: int, count: int, is_console: bool
) -> Outlet:
    """Send log records to `file`, and to the terminal when `is_console`; return what does so."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rotating = _File(
        file, maxBytes=bytes_max, backupCount=count, encoding='utf-8', errors='backslashreplace'
    )
    rotating.setFormatter(_Formatter(_FORMAT, defaults={'event': '-'}))
    handlers: list[logging.Handler] = [rotating]
    if is_console:
        # A descriptor of its own: what is written to the other becomes a log record.
        console = _Console(os.fdopen(os.dup(2), 'w', encoding='utf-8', errors='backslashreplace'))
        console.setFormatter(_Formatter(_CONSOLE_FORMAT.format(title=title), datefmt='%H:%M:%S'))
        handlers.append(console)
    outlet = Outlet(*handlers)
    logging.basicConfig(level=level, handlers=[outlet], force=True)
    return outlet


class _File(RotatingFileHandler):
    """A log file whose failure, as of a full disk, must not come back as one more line."""

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - as below
        """Tell whether the file is full, without formatting the record one more time."""
        if self.stream is None:
            self.stream = self._open()
        length = self.stream.tell() + len(str(record.msg))
        return 0 < self.maxBytes <= length

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in logging
        """Go on."""


class _Console(logging.StreamHandler):  # type: ignore[type-arg]  # Generic for mypy only.
    """The terminal; it may be gone."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in logging
        """Go on."""


class _Formatter(logging.Formatter):
    """Calls the command line as it is called here."""

    def format(self, record: logging.LogRecord) -> str:
        return in_words(super().format(record))
