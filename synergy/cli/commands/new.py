"""`launch.py new DIR`: a project of your own, ready to run."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import Final

from synergy import bootstrap, doors, private
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.core.printable import printable
from synergy.core.timeperiod import Qualifier, containing_utc

_SUFFIX: Final = '.txt'
#: Names that a package cannot ship as they are.
_HIDDEN: Final = {'gitignore': '.gitignore'}
_MARK: Final = re.compile(r'@[A-Z_]+@')


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('folder', metavar='DIR', type=Path, help='made, or empty')


def _run(options: Namespace) -> ExitCode:
    folder: Path = options.folder.expanduser().absolute()
    if not folder.name or printable(folder.name) != folder.name:
        raise CommandError(
            f'{folder.name!r} cannot be the name of a project; take one of letters, digits and '
            'signs that can be seen',
            ExitCode.USAGE,
        )
    words = _words(folder, bootstrap.clock().now())
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CommandError(
                f'{folder} exists and is not an empty folder; choose another', ExitCode.CONFLICT
            )
        private.make_folder(folder)
        for path, text in _files(resources.files('synergy.scaffold') / 'project', PurePosixPath()):
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(_MARK.sub(lambda found: words[found.group()], text), encoding='utf-8')
        _finish(folder)
    except OSError as error:
        raise CommandError(
            f'{folder} cannot be written ({error.strerror}); choose a folder that you may write to',
            ExitCode.UNAVAILABLE,
        ) from error
    command = words['@COMMAND@']
    print(f'{folder} is ready. Next:\n\n  cd {quote(str(options.folder))}')
    print(f'  {command} check\n  {command} test\n  {command} up')
    return ExitCode.OK


def _finish(folder: Path) -> None:
    """Keep the project's own launch.py where it leads into a checkout; a package has a command."""
    door = folder / 'launch.py'
    if doors.IS_CHECKOUT:
        door.chmod(private.FOLDER_MODE)
    else:
        door.unlink()


def _words(folder: Path, now: datetime) -> dict[str, str]:
    """Return what stands in the files for each mark."""
    today = containing_utc(Qualifier.DAILY, now)
    start = containing_utc(Qualifier.DAILY, now - timedelta(days=1))
    return {
        '@NAME@': folder.name,
        '@START@': str(start),
        '@TODAY@': str(today),
        '@COMMAND@': doors.COMMAND,
        # As Python writes it: a folder may have quotes in its name.
        '@CHECKOUT@': repr(str(doors.BESIDE)),
    }


def _files(folder: Traversable, place: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield path and text of every file of the scaffold."""
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            yield from _files(item, place / item.name)
        elif item.name.endswith(_SUFFIX):
            name = item.name.removesuffix(_SUFFIX)
            yield place / _HIDDEN.get(name, name), item.read_text(encoding='utf-8')


COMMAND = CliCommand(
    name='new',
    summary='Make a project of your own in DIR: context, settings, two workers and a test. It runs '
    'at once.',
    example='new ~/pipeline',
    add_arguments=_add_arguments,
    run=_run,
)
