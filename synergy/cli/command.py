"""What a sub-command of `launch.py` is, and what its exit codes mean."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from synergy.core.exit_codes import ExitCode as ExitCode  # Part of every command.
from synergy.core.structs import Struct


class CliCommand(Struct, frozen=True, kw_only=True):
    """One sub-command.

    example: a command line, without `./launch.py`, shown by its `--help`. run: does it and returns
    the exit code; errors of ports and configuration may pass through, `synergy.cli.main` reports
    them.
    """

    name: str
    summary: str
    example: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], ExitCode]


class CommandError(Exception):
    """A command cannot go on; the message says what happened, to what, and what to do next."""

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        """Keep the message and the code to exit with."""
        super().__init__(message)
        self.exit_code = exit_code
