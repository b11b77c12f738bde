"""Arguments that several commands take alike."""

from __future__ import annotations

from argparse import Action, ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any, Final

#: What commands say of a timeperiod.
EXAMPLE: Final = 'as in 2013010107, 2013-01-01, yesterday'


class _Joined(Action):
    """Keeps the words of one text that was typed without quotes: `2013-01-01 07`, `last month`."""

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Join them; without any, nothing was given."""
        assert parser is not None
        assert option_string is None
        words = [str(word) for word in values or ()]
        setattr(namespace, self.dest, ' '.join(words) or None)


def add_job(parser: ArgumentParser) -> None:
    """Add the two words that name a job: its process and its timeperiod."""
    parser.add_argument('process', metavar='P', help='name of the process')
    add_timeperiod(parser)


def add_timeperiod(parser: ArgumentParser, *, is_optional: bool = False) -> None:
    """Add a timeperiod, of one word or several; it comes last."""
    parser.add_argument(
        'timeperiod',
        metavar='T',
        nargs='*' if is_optional else '+',
        action=_Joined,
        help=f'its timeperiod, {EXAMPLE}',
    )
