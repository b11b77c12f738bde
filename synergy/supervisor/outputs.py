"""The files for what processes print past their logs: bounded like the logs themselves.

A worker prints there before its log is open, and when it crashes; but what a daemon's own children
print goes there for as long as it lives, and nobody else would ever cut it.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

#: What is kept of a file that has grown too long: its end.
_KEPT_BYTES: Final = 100_000
#: What is read of a file for what a process said last.
_READ_BYTES: Final = 64 * 1024


def bound(file: Path, bytes_max: int) -> None:
    """Move the end of a file that is longer than `bytes_max` aside, and empty it.

    Whoever writes there appends, and so goes on at the new end.
    """
    try:
        if file.stat().st_size > bytes_max:
            _empty(file)
    except FileNotFoundError:
        return
    except OSError as error:
        logger.warning('%s is not bounded: %s', file, error, extra={'event': 'output_unbounded'})


def size_of(file: Path | None) -> int:
    """Return the length of a file; 0 where there is none."""
    try:
        return 0 if file is None else file.stat().st_size
    except OSError:
        return 0


def written_since(file: Path | None, size: int) -> str:
    """Return the end of what a file has grown by since it had `size`; '' where there is nothing.

    A file that is shorter now was begun again.
    """
    if file is None:
        return ''
    try:
        with file.open('rb') as opened:
            length = opened.seek(0, os.SEEK_END)
            begin = size if size <= length else 0
            opened.seek(max(begin, length - _READ_BYTES))
            return opened.read(_READ_BYTES).decode('utf-8', 'replace')
    except OSError:
        return ''


def _empty(file: Path) -> None:
    with file.open('r+b') as opened:
        opened.seek(-min(_KEPT_BYTES, file.stat().st_size), os.SEEK_END)
        file.with_suffix('.out.1').write_bytes(opened.read(_KEPT_BYTES))
        opened.truncate(0)
