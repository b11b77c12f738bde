"""What is raised when a SQLite file cannot be used: who has locked it, that the disk is full."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Final

from synergy.ports.errors import PortError

#: Byte of the `-shm` file that a writer of a WAL database locks. Source: SQLite docs, walformat.
_WAL_WRITE_LOCK: Final = 120


class Refusals:
    """The errors of one file."""

    def __init__(
        self,
        path: Path,
        what: str,
        unavailable: type[PortError],
        unusable: type[PortError],
        busy_seconds_max: float,
    ) -> None:
        """Speak of the file at `path`; the other arguments are those of `SqliteFile`."""
        self.path = path
        self.what = what
        self.unavailable = unavailable
        self.unusable = unusable
        self.busy_seconds_max = busy_seconds_max

    def locked(self) -> PortError:
        """Return that somebody else writes, and who, where that can be told."""
        pid = _pid_of_writer(self.path)
        holder = f'pid {pid}' if pid is not None else 'another process'
        return self.unavailable(
            f'{self.what} {self.path} is locked by {holder} for {self.busy_seconds_max:g} s; '
            'stop that process or raise store_busy_seconds_max'
        )

    def translated(self, error: sqlite3.Error) -> PortError:
        """Return what an error of the driver means."""
        code = getattr(error, 'sqlite_errorcode', 0) & 0xFF
        place = f'{self.what} {self.path}'
        if is_busy(error):
            return self.locked()
        if code == sqlite3.SQLITE_FULL:
            free = shutil.disk_usage(self.path.parent).free
            return self.unavailable(
                f'{place} cannot grow: disk full ({free // 2**20} MiB free); '
                'make room, nothing that was saved is lost'
            )
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            return self.unusable(
                f'{place} is not a usable SQLite database ({error}); '
                'restore it from a backup, or move it away to start over'
            )
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return self.unavailable(
                f'{place} cannot be opened for writing ({error}); '
                'check that the file and its folder belong to this user'
            )
        if code == sqlite3.SQLITE_IOERR:
            return self.unavailable(
                f'{place} cannot be read or written ({error}); look at the disk, its quota and the '
                'limits of this process (ulimit -f), nothing that was saved is lost'
            )
        return self.unavailable(f'{place} failed ({error}); see the message of SQLite')

    def newer(self, found: int, newest: int) -> PortError:
        """Return that the file is of a later program."""
        return self.unusable(
            f'{self.what} {self.path} has schema version {found}, but this program knows '
            f'{newest} at most; start the newer program, or restore an older {self.what}'
        )

    def undone(self) -> PortError:
        """Return that the file has rolled back what a block has written."""
        return self.unavailable(
            f'{self.what} {self.path} has undone what belongs to this commit; it is tried again'
        )


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether an error passes when others have written."""
    code = getattr(error, 'sqlite_errorcode', 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)


def _pid_of_writer(path: Path) -> int | None:
    """Return the pid that holds the write lock, where the kernel tells (Linux).

    Read from /proc/locks: opening the `-shm` file here and closing it again would drop the
    locks of this very process. Source: fcntl(2), advisory record locking.
    """
    try:
        inode = Path(f'{path}-shm').stat().st_ino
        lines = Path('/proc/locks').read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        fields = line.split()
        if len(fields) == 8 and fields[3] == 'WRITE' and fields[5].endswith(f':{inode}'):
            start, end = fields[6], fields[7]
            if int(start) <= _WAL_WRITE_LOCK and (end == 'EOF' or int(end) >= _WAL_WRITE_LOCK):
                return int(fields[4])
    return None
