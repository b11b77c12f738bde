"""Logging of a process: a rotating file, and the terminal where there is one to look at.

Printed lines become log records, so that a worker's `print` is in its log file and in the log of
its run, and nothing grows without bound.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import packages_distributions
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final, TextIO, cast

from synergy import private
from synergy.core.printable import printable_lines
from synergy.doors import in_words, project_folder

_FORMAT: Final = '%(asctime)s %(levelname)-7s %(event)s %(name)s %(message)s'
#: Loggers that are ours although something of that name is installed.
_OWN: Final = frozenset({'synergy', 'stdout', 'stderr', '__main__'})
_CONSOLE_FORMAT: Final = '%(asctime)s {title:<16} %(levelname)-7s %(message)s'


def set_up(
    *, title: str, level: str, file: Path, bytes_max: int, count: int, is_console: bool
) -> None:
    """Send log records and printed lines to `file`, and to stderr when `is_console`."""
    private.make_folder(file.parent)
    rotating = _PrivateFile(
        file, maxBytes=bytes_max, backupCount=count, encoding='utf-8', errors='backslashreplace'
    )
    rotating.setFormatter(_Formatter(_FORMAT, defaults={'event': '-'}))
    handlers: list[logging.Handler] = [rotating]
    if is_console:
        console = logging.StreamHandler(sys.stderr)
        console.setFormatter(_Formatter(_CONSOLE_FORMAT.format(title=title), datefmt='%H:%M:%S'))
        handlers.append(console)
    logging.basicConfig(level=level, handlers=handlers, force=True)
    if level == 'DEBUG':
        _quiet_libraries()
    logging.raiseExceptions = False  # A full disk must not end a worker through its log.
    sys.stdout = cast('TextIO', _Printed(logging.getLogger('stdout'), logging.INFO))
    sys.stderr = cast('TextIO', _Printed(logging.getLogger('stderr'), logging.ERROR))


def tell_narrowed(narrowed: Sequence[str]) -> None:
    """Log what was made private, see `synergy.private`."""
    for told in narrowed:
        logging.getLogger(__name__).warning('%s', told, extra={'event': 'rights_narrowed'})


def _quiet_libraries() -> None:
    """Leave libraries at INFO, but for those whose level somebody has set.

    They are told by what is installed, not by a list of names: loggers of the project may be called
    anything. MongoDB's driver alone would write a document for each command.
    """
    installed = {name.partition('.')[0] for name in packages_distributions()}
    for name in sorted(installed | sys.stdlib_module_names):
        is_own = name in _OWN or not name.isidentifier() or _is_in_project(name)
        if not is_own and (target := logging.getLogger(name)).level == logging.NOTSET:
            target.setLevel(logging.INFO)


def _is_in_project(name: str) -> bool:
    """Tell whether a module, installed or not, lies in the project's folder."""
    project = project_folder(os.environ, Path('/'))
    return (project / name).is_dir() or (project / f'{name}.py').is_file()


class _PrivateFile(RotatingFileHandler):
    """A rotating file that nobody else may read."""

    def _open(self) -> TextIOWrapper:
        file = open(  # noqa: SIM115 - the handler closes it
            self.baseFilename,
            self.mode,
            encoding=self.encoding,
            errors=self.errors,
            opener=private.open_file,
        )
        return cast('TextIOWrapper', file)


class _Formatter(logging.Formatter):
    """One record, one line: what follows it, as a traceback does, is indented and forges none.

    Calls the command line as it is called here.
    """

    def format(self, record: logging.LogRecord) -> str:
        text = in_words(super().format(record))
        return text if text.isprintable() else printable_lines(text).replace('\n', '\n    ')


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
