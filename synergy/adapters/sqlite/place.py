"""Where a SQLite file lies: made private before it is opened, and still there while it is."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

from synergy import private
from synergy.adapters.sqlite.refusals import Refusals

logger = logging.getLogger(__name__)


class Place:
    """The path of one file."""

    def __init__(self, path: Path, refusals: Refusals) -> None:
        """Know nothing yet of what lies there."""
        self._path = path
        self._refusals = refusals
        self._identity: tuple[int, int] | None = None

    def prepare(self) -> None:
        """Make the folder, and let nobody else read the file.

        What SQLite puts beside it gets the rights of the file.
        """
        refusals = self._refusals
        try:
            private.make_folder(self._path.parent)
        except OSError as error:
            raise refusals.unavailable(
                f'folder {self._path.parent} of {refusals.what} {self._path} cannot be made '
                f'({error.strerror}); make it, or choose another home'
            ) from error
        if str(self._path) == ':memory:':
            return
        try:
            if not self._path.exists():
                os.close(private.open_file(self._path, os.O_RDWR))
            for path in (self._path, Path(f'{self._path}-wal'), Path(f'{self._path}-shm')):
                if told := private.narrow_file(path):
                    logger.warning('%s', told, extra={'event': 'rights_narrowed'})
        except OSError as error:
            raise refusals.unavailable(
                f'{refusals.what} {self._path} cannot be opened for writing ({error.strerror}); '
                'check that the file and its folder belong to this user'
            ) from error

    def remember(self) -> None:
        """Know from now on which file was opened."""
        # Without one, as in memory, there is nothing to be replaced.
        with suppress(OSError):
            self._identity = _identity_of(self._path)

    def check(self) -> None:
        """Raise when the path names another file than the one that is open, or none."""
        if self._identity is None:
            return
        refusals = self._refusals
        try:
            found = _identity_of(self._path)
        except OSError as error:
            raise refusals.unavailable(
                f'{refusals.what} {self._path} is gone or cannot be looked at ({error.strerror}); '
                'put it back where it was, with its -wal file: all waits for it'
            ) from error
        if found != self._identity:
            raise refusals.unusable(
                f'{refusals.what} {self._path} was replaced while it was open; stop everything, '
                'put the right file there, without the -wal and -shm files of another, and start '
                'again'
            )


def _identity_of(path: Path) -> tuple[int, int]:
    found = os.stat(path)  # noqa: PTH116 - each call pays for it: half of what Path.stat takes
    return found.st_dev, found.st_ino
