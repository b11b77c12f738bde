"""Folders and files that nobody but their owner may read or change, whatever the umask.

A home holds the key of the cookies, arguments and logs. So its folders are 0700 and its files 0600
from the moment they are made; what an older version, a copy or a backup has left wider is narrowed
where it is ours. What belongs to somebody else is not used: they could exchange it under our hands.
Standard library only; every floor that makes files may use it.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Final

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
#: The umask of whatever makes files of ours.
UMASK: Final = 0o077
_OTHERS: Final = 0o077
_OTHERS_WRITE: Final = 0o022
#: What a home is known by, and what else than logs is in the folders beside it.
_OURS_IN_HOME: Final = frozenset({'store.db', 'broker', 'logs', 'run', 'box_id'})
_OURS_ENDING: Final = ('.out', '.pid', '.new', '.lock')


class NotPrivate(OSError):
    """A folder or file that others own or could exchange; the message says what to run."""

    def __init__(self, text: str) -> None:
        """Keep the text, also as what OSError calls strerror."""
        super().__init__(errno.EPERM, text)

    def __str__(self) -> str:
        """Return the text alone."""
        return self.strerror or ''


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for the owner alone.

    One that exists is left as it is: see `narrow`.
    """
    missing = []
    place = path
    while not place.exists():
        missing.append(place)
        place = place.parent
    for folder in reversed(missing):
        try:
            folder.mkdir(FOLDER_MODE)
        except FileExistsError:
            continue  # Another process was quicker, and makes it as we would.
        # The umask may have taken away even what the owner needs.
        _has_narrowed(folder, FOLDER_MODE)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, 'it is not a folder', str(path))


def open_file(path: str | Path, flags: int) -> int:
    """Open a regular file for the owner alone, making it if need be; return its descriptor.

    Usable as an opener of `open`. A symbolic link is followed only if we have made it.
    Raises NotPrivate for one that somebody else owns.
    """
    is_emptied = bool(flags & os.O_TRUNC)
    flags = (flags & ~os.O_TRUNC) | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        handle = os.open(path, flags | os.O_NOFOLLOW, FILE_MODE)
    except OSError as error:
        if error.errno != errno.ELOOP or os.lstat(path).st_uid != os.geteuid():
            raise
        # As one leads a log to /dev/stdout.
        return os.open(path, flags & ~os.O_NONBLOCK, FILE_MODE)
    found = os.fstat(handle)
    if stat.S_ISREG(found.st_mode) and found.st_uid not in (os.geteuid(), 0):
        os.close(handle)
        raise NotPrivate(_foreign('file', Path(path), found.st_uid))
    if stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) != FILE_MODE:
        with suppress(PermissionError):
            os.fchmod(handle, FILE_MODE)
    if is_emptied:
        # Only now: it might have been somebody else's.
        os.ftruncate(handle, 0)
    os.set_blocking(handle, True)
    return handle


def write_text(path: Path, text: str) -> None:
    """Write a whole file for the owner alone, so that readers see the old or the new one."""
    partial = path.with_name(f'{path.name}.new')
    with open(partial, 'w', encoding='utf-8', opener=open_file) as file:
        file.write(text)
    partial.replace(path)


def narrow_file(path: Path) -> str | None:
    """Make an existing file of ours private, without opening it; return what was done, if anything.

    Opening and closing a file that SQLite has open would drop the locks of this process.
    """
    try:
        found = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode) or not _is_wide(found):
        return None
    if not _has_narrowed(path, FILE_MODE):
        return None
    return f'{path} could be read by others (mode {_mode(found)}); it is {FILE_MODE:04o} now'


def narrow(home: Path, project: Path, others: Iterable[Path] = ()) -> list[str]:
    """Make a home private, with what is in it; return what was changed, a sentence for each.

    project: folder of the user's modules. others: further folders of the installation; narrowed if
    nothing but files of ours is in them. Raises NotPrivate when one of them belongs to somebody
    else, or can be changed by others and is not ours to narrow.
    """
    if problems := problems_of(home, project, others):
        raise NotPrivate('; '.join(problems))
    done: list[str] = []
    for folder in (home, *others):
        found = _look(folder)
        if found is None or not (_is_wide(found) and _is_ours_alone(folder, home, project)):
            continue
        if _has_narrowed(folder, FOLDER_MODE):
            done.append(_could_be_seen(folder, found))
        done += filter(None, map(_narrow_within, sorted(folder.rglob('*'))))
    return done


def problems_of(home: Path, project: Path, others: Iterable[Path] = ()) -> list[str]:
    """Return why these folders cannot be used, with what to do; a missing one can."""
    told = (_problem_of(folder, home, project) for folder in (home, *others))
    return list(dict.fromkeys(filter(None, told)))


def wide(home: Path, project: Path, others: Iterable[Path] = ()) -> list[str]:
    """Return which folders others may look into, with what to do about it."""
    told = []
    for folder in (home, *others):
        found = _look(folder)
        if found is None or not _is_wide(found) or folder != home:
            continue
        how = (
            'the next start narrows it'
            if _is_ours_alone(folder, home, project)
            else 'it holds other things, too, so choose a home of its own, or'
        )
        told.append(
            f'folder {folder} can be looked into by others (mode {_mode(found)}); {how}: '
            f'chmod -R go= {quote(str(folder))}'
        )
    return told


def _problem_of(folder: Path, home: Path, project: Path) -> str | None:
    found = _look(folder)
    if found is None:
        return None
    if not stat.S_ISDIR(found.st_mode):
        return f'{folder} is not a folder; choose another'
    is_ours = found.st_uid == os.geteuid()
    # Folders of root, such as /var/log, may hold a folder of logs; a home is ours.
    if found.st_mode & stat.S_ISVTX and folder == home:
        return (
            f'folder {folder} is for everybody (mode {_mode(found)}); choose a folder in it, which '
            'is made as needed'
        )
    if not is_ours and (folder == home or found.st_uid != 0):
        return _foreign('folder', folder, found.st_uid)
    is_exchangeable = bool(found.st_mode & _OTHERS_WRITE) and not found.st_mode & stat.S_ISVTX
    if is_exchangeable and not (is_ours and _is_ours_alone(folder, home, project)):
        return (
            f'folder {folder} can be changed by others (mode {_mode(found)}) and holds other '
            f'things, too; choose a folder of its own, or: chmod go-w {quote(str(folder))}'
        )
    return None


def _foreign(what: str, path: Path, owner: int) -> str:
    return (
        f'{what} {path} belongs to {_name(owner)}, not to {_name(os.geteuid())}, who starts this; '
        f'start it as {_name(owner)}, choose another place (a folder within is made as needed), '
        f'or: chown -R {_name(os.geteuid())} {quote(str(path))}'
    )


def _is_ours_alone(folder: Path, home: Path, project: Path) -> bool:
    """Tell whether a folder is there for this installation only: nobody will miss its rights."""
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & stat.S_ISVTX:
        return False
    if len(folder.parts) <= 2 or project.is_relative_to(folder) or folder == _own_home():
        return False
    names = {entry.name for entry in os.scandir(folder)}
    if folder != home:
        return all(name.endswith(_OURS_ENDING) or '.log' in name for name in names)
    is_marked = not names or bool(names & _OURS_IN_HOME)
    owners = (_owner_of(folder / name) for name in names)
    return is_marked and all(owner in (None, os.geteuid()) for owner in owners)


def _owner_of(path: Path) -> int | None:
    """Return whose something is; None when it is gone by now, as files of a running home may be."""
    try:
        return path.lstat().st_uid
    except FileNotFoundError:
        return None


def _narrow_within(path: Path) -> str | None:
    if path.is_symlink() or not path.is_dir():
        return narrow_file(path)
    found = _look(path)
    if found is not None and _is_wide(found) and _has_narrowed(path, FOLDER_MODE):
        return _could_be_seen(path, found)
    return None


def _has_narrowed(path: Path, mode: int) -> bool:
    """Set the rights; tell whether that had an effect: some mounts have the same for everything."""
    try:
        with suppress(PermissionError):
            path.chmod(mode)
        return not stat.S_IMODE(path.lstat().st_mode) & _OTHERS
    except FileNotFoundError:
        return False  # It went while we looked, as files of a running home do.


def _could_be_seen(folder: Path, found: os.stat_result) -> str:
    return (
        f'folder {folder} could be looked into by others (mode {_mode(found)}); '
        f'it is {FOLDER_MODE:04o} now'
    )


def _look(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise NotPrivate(
            f'{path} cannot be looked at ({error.strerror}); start this as its owner, or choose '
            'another place'
        ) from error


def _is_wide(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid() and bool(found.st_mode & _OTHERS)


def _mode(found: os.stat_result) -> str:
    return f'{stat.S_IMODE(found.st_mode):04o}'


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _own_home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None
