"""`launch.py install`: make the virtual environment, and nothing else.

The work is done by `synergy.install` before this module can be imported; it is here for `--help`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from synergy import install
from synergy.bootstrap import PROJECT
from synergy.cli.command import CliCommand, ExitCode


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'more',
        nargs='?',
        choices=('test', 'docs'),
        help='also what the tests, or the pages of the documentation, need',
    )


def _run(options: Namespace) -> ExitCode:
    group = options.more or 'runtime'
    code = install.run(install.Environment(PROJECT), group, is_verbose=True)
    return ExitCode.OK if code == 0 else ExitCode.UNAVAILABLE


COMMAND = CliCommand(
    name='install',
    summary='Make the virtual environment .ve, or complete it.',
    example='install',
    add_arguments=_add_arguments,
    run=_run,
)
