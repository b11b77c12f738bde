"""`launch.py check`: validate settings and context, and start nothing."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Final

from synergy import bootstrap, private
from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.commands.db import level_problems
from synergy.cli.console import print_json
from synergy.cli.queues import routes_of
from synergy.conf.errors import ConfigurationError, SettingsError
from synergy.conf.model import Context, Settings
from synergy.core.uri import without_password
from synergy.ports.errors import StoreError
from synergy.view.broker import broker_warnings

#: How long to wait for a store that is only asked for the levels of its rows.
_PATIENCE_SECONDS: Final = 2.0


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('--json', action='store_true', help='print JSON')
    parser.add_argument(
        '--servers', action='store_true', help='reach store and broker, too; make nothing there'
    )


def _run(options: Namespace) -> ExitCode:
    try:
        settings, context = bootstrap.load()
        folders = bootstrap.folders_of(settings)
        if refused := private.problems_of(settings.home, settings.project, folders):
            raise SettingsError(tuple(refused))
    except ConfigurationError as error:
        if not options.json:
            raise
        print_json({'is_valid': False, 'problems': list(error.problems)})
        return ExitCode.MISCONFIGURED
    levels, unseen = _levels(settings, context)
    wide = private.wide(settings.home, settings.project, folders)
    problems = _unreached(settings, context) if options.servers else []
    code = ExitCode.UNAVAILABLE if problems else ExitCode.OK
    if levels:
        code = ExitCode.MISCONFIGURED
    trees = {node.tree.name for node in context.hierarchy}
    if options.json:
        print_json({'is_valid': not levels, 'problems': [*levels, *problems], 'warnings': wide})
        return code
    print(f'settings  ok: home {settings.home}')
    store, broker = map(without_password, (settings.store_uri, settings.broker_uri))
    print(f'          store {store}, broker {broker}')
    if unseen:
        print(f'          history not looked at: {unseen}')
    for problem in levels:
        print(f'context   {problem}')
    print(
        f'context   {"otherwise " if levels else ""}ok: '
        f'{len(context.managed)} managed processes in {len(trees)} trees, '
        f'{len(context.freeruns)} freerun entries, {len(context.daemons)} daemons'
    )
    for warning in wide:
        print(f'warning   {warning}')
    if options.servers:
        print(f'servers   {"; ".join(problems) or "ok: store and broker can be used"}')
    return code


def _levels(settings: Settings, context: Context) -> tuple[list[str], str | None]:
    """Return which processes have another level than their history; or why that is not known.

    Whatever is in the store is only read; where there is none, there is no history.
    """
    with bootstrap.open_runtime(settings, context) as runtime:
        try:
            administration = runtime.administer_store(busy_seconds_max=_PATIENCE_SECONDS)
            return level_problems(administration, context.hierarchy), None
        except StoreError as error:
            return [], str(error)


def _unreached(settings: Settings, context: Context) -> list[str]:
    """Return why store and broker cannot be used."""
    problems = []
    with bootstrap.open_runtime(settings, context) as runtime:
        try:
            runtime.open_store(create=False)
        except StoreError as error:
            problems.append(str(error))
        problems += broker_warnings(runtime.open_broker, routes_of(context))
    return problems


COMMAND = CliCommand(
    name='check',
    summary='Validate settings and context, also against the history in the store, and list every '
    'problem; start nothing.',
    example='check --servers',
    add_arguments=_add_arguments,
    run=_run,
)
