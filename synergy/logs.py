"""Logging of a process: a rotating file, and the terminal where there is one to look at.

Printed lines become log records, so that a worker's `print` is in its log file and in the log of
its run, and nothing grows without bound.
"""

from __future__ import annotations

import logging
import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import all_suffixes
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final, TextIO, cast

from synergy import private
from synergy.core.printable import printable_lines
from synergy.core.redaction import redacted_text
from synergy.doors import in_words, project_folder
from synergy.output.outlet import Outlet

_FORMAT: Final = '%(asctime)s %(levelname)-7s %(event)s %(name)s %(message)s'
#: Loggers that are ours although something of that name is installed.
_OWN: Final = frozenset({'synergy', 'stdout', 'stderr', '__main__'})
_CONSOLE_FORMAT: Final = '%(asctime)s {title:<16} %(levelname)-7s %(message)s'


def set_up(
    *, title: str, level: str, file: Path, bytes_max: int, count: int, is_console: bool
) -> Outlet:
    """Send log records to `file`, and to the terminal when `is_console`; return what does so."""
    private.make_folder(file.parent)
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
    if level == 'DEBUG':
        _quiet_libraries()
    return outlet


@contextmanager
def shown(level: str, stream: TextIO) -> Iterator[None]:
    """Show log records on a terminal alone, for a block."""
    console = _Console(stream)
    console.setFormatter(_Formatter('%(asctime)s %(levelname)-7s %(message)s', datefmt='%H:%M:%S'))
    root = logging.getLogger()
    before = root.level
    root.addHandler(console)
    root.setLevel(level)
    if level == 'DEBUG':
        _quiet_libraries()
    try:
        yield
    finally:
        root.removeHandler(console)
        root.setLevel(before)


def tell_narrowed(narrowed: Sequence[str]) -> None:
    """Log what was made private, see `synergy.private`."""
    for told in narrowed:
        logging.getLogger(__name__).warning('%s', told, extra={'event': 'rights_narrowed'})


def _quiet_libraries() -> None:
    """Leave libraries at INFO, but for those whose level somebody has set.

    They are told by what is installed, not by a list of names: loggers of the project may be called
    anything. MongoDB's driver alone would write a document for each command.
    """
    for name in sorted(_installed() | sys.stdlib_module_names):
        is_own = name in _OWN or not name.isidentifier() or _is_in_project(name)
        if not is_own and (target := logging.getLogger(name)).level == logging.NOTSET:
            target.setLevel(logging.INFO)


def _installed() -> set[str]:
    """Return the names of the modules and packages that lie where pip puts them."""
    folders = {Path(sysconfig.get_path(kind)) for kind in ('purelib', 'platlib')}
    found = (path for folder in folders if folder.is_dir() for path in folder.iterdir())
    return {path.name.partition('.')[0] for path in found if _is_module(path)}


def _is_module(path: Path) -> bool:
    return path.suffix == '' or path.name.endswith(tuple(all_suffixes()))


def _is_in_project(name: str) -> bool:
    """Tell whether a module, installed or not, lies in the project's folder."""
    project = project_folder(os.environ, Path('/'))
    return (project / name).is_dir() or (project / f'{name}.py').is_file()


class _File(RotatingFileHandler):
    """A log file that nobody else may read.

    Its failure, as of a full disk, must not come back as one more line.
    """

    def _open(self) -> TextIOWrapper:
        file = open(  # noqa: SIM115 - the handler closes it
            self.baseFilename,
            self.mode,
            encoding=self.encoding,
            errors=self.errors,
            opener=private.open_file,
        )
        return cast('TextIOWrapper', file)

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
    """One record, one line: what follows it, as a traceback does, is indented and forges none.

    Tells no secrets, and calls the command line as it is called here.
    """

    def format(self, record: logging.LogRecord) -> str:
        text = redacted_text(in_words(super().format(record)))
        return text if text.isprintable() else printable_lines(text).replace('\n', '\n    ')
