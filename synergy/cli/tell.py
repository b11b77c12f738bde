"""How a command stands, told in a line, as JSON and by the exit code."""

from __future__ import annotations

from synergy.cli.command import ExitCode
from synergy.cli.console import print_json
from synergy.cli.tables import sentence
from synergy.core.commands import CommandState
from synergy.view.documents import CommandDocument


def tell(command: CommandDocument, *, is_json: bool) -> ExitCode:
    """Print how a command stands; return the exit code that says the same."""
    if is_json:
        print_json(command)
    else:
        print(sentence(command))
    return exit_code_of(command)


def exit_code_of(command: CommandDocument) -> ExitCode:
    """Return the exit code that says how a command stands."""
    is_refused = command['state'] == CommandState.REFUSED.value
    return ExitCode.FOUND if is_refused else ExitCode.OK
