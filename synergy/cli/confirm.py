"""Questions before much is changed, for a person at a terminal.

Nobody answers a script: there a command that takes `--yes` goes on without a question, as it did
before it asked any, or refuses without `--yes`, where what is lost cannot be had back. The command
line's page says which does which.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Final

from synergy.cli.command import CommandError, ExitCode

#: More jobs than these are not touched without a question.
UNASKED_MAX: Final = 100
_YES: Final = ('y', 'yes')


def add_yes(parser: ArgumentParser) -> None:
    """Add `--yes` to a command that asks a person, and does not ask a script."""
    parser.add_argument(
        '--yes',
        action='store_true',
        help=f'do not ask; on a terminal, more than {UNASKED_MAX} are asked about',
    )


def is_person() -> bool:
    """Tell whether somebody is there to be asked."""
    return sys.stdin.isatty()


def agrees(question: str) -> bool:
    """Ask a person; only a yes is a yes."""
    print(f'{question} [y/N] ', end='', file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in _YES


def confirm(question: str) -> None:
    """Ask a person; raise CommandError (1) without a yes."""
    if not agrees(question):
        raise CommandError('nothing was changed', ExitCode.FOUND)


def confirm_many(count: int, question: str, *, is_agreed: bool) -> None:
    """Ask a person about more than UNASKED_MAX things; raise CommandError (1) without a yes.

    is_agreed: `--yes` was given. A script is not asked.
    """
    if count > UNASKED_MAX and not is_agreed and is_person():
        confirm(question)
