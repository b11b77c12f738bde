"""`launch.py check`: validate settings and context, and start nothing."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from synergy import bootstrap
from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.console import print_json
from synergy.conf.errors import ConfigurationError
from synergy.core.uri import without_password


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    try:
        settings, context = bootstrap.load()
    except ConfigurationError as error:
        if not options.json:
            raise
        print_json({'is_valid': False, 'problems': list(error.problems)})
        return ExitCode.MISCONFIGURED
    trees = {node.tree.name for node in context.hierarchy}
    if options.json:
        print_json({'is_valid': True, 'problems': []})
        return ExitCode.OK
    print(f'settings  ok: home {settings.home}')
    store, broker = map(without_password, (settings.store_uri, settings.broker_uri))
    print(f'          store {store}, broker {broker}')
    print(
        f'context   ok: {len(context.managed)} managed processes in {len(trees)} trees, '
        f'{len(context.freeruns)} freerun entries, {len(context.daemons)} daemons'
    )
    return ExitCode.OK


COMMAND = CliCommand(
    name='check',
    summary='Validate settings and context and list every problem; start nothing.',
    example='check',
    add_arguments=_add_arguments,
    run=_run,
)
