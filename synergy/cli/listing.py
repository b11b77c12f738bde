"""Lists on the command line: all of it, or what is left out is said.

With --json all is printed; a table for people ends after some rows. `--limit` bounds either. When
more is there than is shown, standard error says so, and how to see it: whoever reads standard
output alone gets rows and nothing else.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Final, TypeVar

from synergy.cli.numbers import whole

T = TypeVar('T')

#: More than any list has rows that are kept: a bound all the same.
ROWS_MAX: Final = 1_000_000


def add_limit(parser: ArgumentParser, shown: int) -> None:
    """Add `--limit`. shown: rows of a table when it is not given."""
    parser.set_defaults(limit_shown=shown)
    parser.add_argument(
        '--limit',
        type=whole(1, ROWS_MAX),
        metavar='N',
        help=f'at most N (default: {shown:,}; with --json all)',
    )


def limit_of(options: Namespace) -> int:
    """Return how many rows are to be shown."""
    if options.limit is not None:
        return int(options.limit)
    return ROWS_MAX if options.json else int(options.limit_shown)


def cut(found: Sequence[T], limit: int, what: str, advice: str = '--limit N shows more') -> list[T]:
    """Return the first `limit` of `found`, and say it when there are more. what: their plural."""
    if len(found) > limit:
        print(f'... more than {limit:,} {what}; {advice}', file=sys.stderr)
    return list(found[:limit])
