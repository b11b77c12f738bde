"""Who leads by a file that an earlier version wrote, and that must not be changed under its feet.

Up to schema version 18 each one only added to the one before, and processes that ran went on. Those
cannot read what the next one makes of jobs and units.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from synergy.adapters.sqlite.connection import to_micros
from synergy.ports.clock import Clock
from synergy.ports.errors import StoreUnavailable

#: The first schema version of which processes of earlier ones can read nothing.
_APART: Final = 19
_LEADER: Final = 'SELECT owner FROM leadership WHERE lease_until > ?'


def check_not_led(path: Path, clock: Clock) -> None:
    """Raise StoreUnavailable while a Scheduler of an earlier version leads by a file."""
    if not path.exists():
        return
    try:
        file = f'file:{quote(str(path))}?mode=ro'
        with closing(sqlite3.connect(file, uri=True)) as connection:
            version = connection.execute('PRAGMA user_version').fetchone()[0]
            if not 0 < version < _APART:
                return
            found = connection.execute(_LEADER, (to_micros(clock.now()),)).fetchone()
    except sqlite3.Error:
        return  # Whoever opens it to write says what is wrong.
    if found is not None:
        raise StoreUnavailable(
            f'store {path} has schema version {version}, and {found[0]!s:.200} of an earlier '
            'version leads by it; stop all processes of that version, then start this again: it '
            'brings the store up to date'
        )
