"""`launch.py journal`: what has happened, line by line; -f goes on telling."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Final

from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json
from synergy.cli.numbers import whole
from synergy.cli.opening import opened
from synergy.core.printable import printable
from synergy.core.redaction import redacted, redacted_text
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.operations.journal import INSTANT, LINES_MAX, JournalWanted
from synergy.view.journal_documents import JournalDocument, JournalLineDocument

_LOOK_SECONDS: Final = 0.5
#: Of those without a beginning: the newest.
_NEWEST: Final = 100
_LIMIT_MAX: Final = 1_000_000


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('--process', metavar='P', help='of this process, or Process::entry, alone')
    parser.add_argument('--from', dest='since', metavar='T', help=INSTANT)
    parser.add_argument('--until', metavar='T', help='exclusive; written likewise')
    parser.add_argument(
        '--limit',
        type=whole(1, _LIMIT_MAX),
        metavar='N',
        help=f'lines at most (default: all since --from, else the newest {_NEWEST})',
    )
    parser.add_argument('-f', '--follow', action='store_true', help='go on, until Ctrl-C')
    parser.add_argument(
        '--json', action='store_true', help='print JSON; with --follow an object in each line'
    )


def _run(options: Namespace) -> ExitCode:
    if options.since is None and (options.limit or 0) > LINES_MAX:
        said = f'the newest lines are {LINES_MAX:,} at most; with --from there may be more'
        raise CommandError(said, ExitCode.USAGE)
    left = options.limit or (_NEWEST if options.since is None else _LIMIT_MAX)
    wanted = JournalWanted(
        process=options.process,
        since=options.since,
        until=options.until,
        limit=min(left, LINES_MAX),
    )
    kept: list[JournalLineDocument] = []
    told = 0
    with opened(options) as ask:
        while True:
            found = ask.journal(wanted)
            _warn(found)
            if options.json and not options.follow:
                kept += found['items']
            else:
                _print(found['items'], is_json=options.json)
                told += len(found['items'])
            left -= len(found['items'])
            if found['next_cursor'] is None or left <= 0:
                if not options.follow:
                    _end(options, found, is_empty=not (kept or told))
                    break
                left = _LIMIT_MAX
                ask.clock.sleep(_LOOK_SECONDS)
            wanted = replace(wanted, after=found['after'], limit=min(left, LINES_MAX))
    if options.json and not options.follow:
        print_json(kept)
    return ExitCode.OK


def _end(options: Namespace, found: JournalDocument, *, is_empty: bool) -> None:
    """Say for people that there is nothing, or more."""
    if options.json:
        return
    if is_empty:
        about = f' to {options.process}' if options.process else ''
        time = ' in that time' if options.since or options.until else ''
        print(printable(f'nothing has happened{about}{time}'))
    elif found['next_cursor'] is not None:
        print('there are more lines; a greater --limit shows them', file=sys.stderr)


def _warn(found: JournalDocument) -> None:
    for text in (found['lost'], *found['unreadable']):
        if text is not None:
            print(printable(text), file=sys.stderr)


def _print(items: Sequence[JournalLineDocument], *, is_json: bool) -> None:
    for item in items:
        print(json.dumps(redacted(item)) if is_json else shown_line(item))
    sys.stdout.flush()


def shown_line(item: JournalLineDocument) -> str:
    """Return a line for a terminal."""
    at = item['at'].replace('T', ' ')[:19]
    about = '@'.join(filter(None, (item['process'], item['timeperiod'])))
    state = '' if item['to_state'] is None else f' [{JobState(item["to_state"]).word}]'
    text = printable(f'{about} {item["what"]}: {item["text"]}{state}')
    return redacted_text(f'{item["number"]:>8} {at} {text}')


COMMAND = CliCommand(
    name='journal',
    summary='Tell what has happened to jobs and free runs, line by line, oldest first; the newest '
    'lines without --from.',
    example='journal --process SiteDaily --from yesterday',
    add_arguments=_add_arguments,
    run=_run,
)
