"""What answers a command line: this machine's store, or the dashboard that `--server` names."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import AbstractContextManager
from typing import Final

from synergy.cli.interface import Operations

_NAME_MAX: Final = 200


def opened(options: Namespace, *, creates: bool = False) -> AbstractContextManager[Operations]:
    """Return what answers a command line, for a `with`. creates: a store that is not there.

    What is asked for is known by the name that was chosen with `add_chosen_name`, if any was.

    What comes back is shown within the `with`: whatever answers at an address may turn out to be
    no dashboard only then.
    """
    name: str | None = getattr(options, 'chosen_name', None)
    if options.server:
        from synergy.cli.remote import open_remote

        return open_remote(options.server, options.token, name)
    from synergy.cli.local import open_local

    return open_local(creates=creates, chosen_name=name)


def add_chosen_name(parser: ArgumentParser, what: str = '') -> None:
    """Let whoever asks choose a name by which that is known again. what: which actions have it."""
    parser.add_argument(
        '--name',
        dest='chosen_name',
        metavar='ID',
        type=_short,
        help=f'{what}asking again by the same name does nothing',
    )


def _short(text: str) -> str:
    if not 1 <= len(text) <= _NAME_MAX:
        raise ArgumentTypeError(f'give 1 to {_NAME_MAX} characters')
    return text
