"""The wall clocks of boxes, which chaos may set; a small library of our own stands before libc.

It is compiled when a round begins (`clock.c` says what it does), so a C compiler is needed.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_SOURCE: Final = Path(__file__).with_name('clock.c')
_VARIABLE: Final = 'SYNERGY_INTERNAL_CHAOS_CLOCK'


class ClocksUnavailable(Exception):
    """Clocks cannot be set here; the message says why."""


class WallClock:
    """The clock of one box, or of all boxes of one machine."""

    def __init__(self, file: Path) -> None:
        """Be right. file: where the processes of the box look."""
        self._file = file
        file.write_bytes(struct.pack('=q', 0))

    def set_off(self, seconds: int) -> None:
        """Be off by `seconds` from now on."""
        with self._file.open('r+b', buffering=0) as file:
            file.write(struct.pack('=q', seconds))

    def variables(self, library: Path) -> Mapping[str, str]:
        """Return the variables under which a process has this clock."""
        return {'LD_PRELOAD': str(library), _VARIABLE: str(self._file)}


def library_in(folder: Path) -> Path:
    """Compile the library into a folder and return it; raise ClocksUnavailable."""
    compiler = shutil.which('cc') or shutil.which('gcc')
    if compiler is None:
        raise ClocksUnavailable(
            'clocks cannot be set without a C compiler (packages gcc, libc6-dev)'
        )
    library = folder / 'clock.so'
    done = subprocess.run(
        [compiler, '-shared', '-fPIC', '-O2', '-o', str(library), str(_SOURCE)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ClocksUnavailable(f'{compiler} failed: {done.stderr.strip()[-300:]}')
    return library
