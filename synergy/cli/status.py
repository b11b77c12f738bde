"""`launch.py status`: how the system stands."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from dataclasses import replace

from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.console import print_json, print_table
from synergy.cli.mq import routes_of
from synergy.cli.reading import reading
from synergy.core.states import JobState
from synergy.view.boxes import NEVER_STARTED, BoxView, Presence
from synergy.view.broker import broker_warnings
from synergy.view.encode import encode_status
from synergy.view.status import Status, status


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with reading() as source:
        found = status(source.index(), source.store, None, source.now, source.settings.box_vanished)
        of_broker = broker_warnings(source.runtime.open_broker, routes_of(source.context))
    found = replace(found, warnings=[*found.warnings, *of_broker])
    if options.json:
        print_json(encode_status(found))
    else:
        _print(found)
    return ExitCode.OK if found.is_led else ExitCode.FOUND


def _print(found: Status) -> None:
    leadership = found.leadership
    if leadership is None:
        print('no Scheduler has ever led; start one with ./launch.py start Supervisor')
    elif found.is_led:
        standbys = [item.owner for item in found.schedulers if not item.is_leading]
        beside = f'; standing by: {", ".join(standbys)}' if standbys else ''
        print(f'{leadership.owner} leads in term {leadership.term}{beside}')
    else:
        print(
            f'no Scheduler leads since {leadership.until:%Y-%m-%d %H:%M:%S} UTC; '
            f'{leadership.owner} was the last; start one with ./launch.py start Supervisor'
        )
    for warning in found.warnings:
        print(f'warning: {warning}')
    print()
    print_table(
        (
            'process',
            'tree',
            'on',
            'waiting',
            'running',
            'done',
            'noop',
            'skipped',
            'held',
            'overdue',
            'first overdue',
        ),
        [
            (
                item.process,
                item.tree,
                'yes' if item.is_on else 'no',
                item.count_by_state[JobState.EMBRYO],
                item.count_by_state[JobState.IN_PROGRESS] + item.count_by_state[JobState.FINAL_RUN],
                item.count_by_state[JobState.PROCESSED],
                item.count_by_state[JobState.NOOP],
                item.count_by_state[JobState.SKIPPED],
                item.held_count,
                item.overdue_count,
                '' if item.first_overdue is None else str(item.first_overdue.timeperiod),
            )
            for item in found.processes
        ],
    )
    print()
    print_boxes(found.supervisors)
    print()
    print_processes(found.supervisors)
    for command in found.open_commands:
        print(
            f'\nrequested, not done yet: {command.kind.value} {command.process} '
            f'{command.start}..{command.end} by {command.actor}'
        )


def print_boxes(views: Iterable[BoxView]) -> None:
    """Print boxes, without their processes."""
    print_table(
        ('box', 'presence', 'drained', 'host', 'supervisor', 'version', 'seen (UTC)'),
        [
            (
                view.box.box_id,
                view.presence.value,
                'yes' if view.box.is_draining else 'no',
                view.box.host,
                view.box.pid or '',
                view.box.version,
                '' if view.box.seen_at is None else f'{view.box.seen_at:%Y-%m-%d %H:%M:%S}',
            )
            for view in views
        ],
    )


def print_processes(views: Iterable[BoxView]) -> None:
    """Print what is wanted and what runs on boxes; of a vanished box nobody knows what runs."""
    print_table(
        ('box', 'process', 'wanted', 'state', 'pids', 'restarts'),
        [
            (
                item.box_id,
                item.process,
                'on' if item.is_on else 'off',
                'vanished' if view.presence is Presence.VANISHED else item.state or NEVER_STARTED,
                ' '.join(map(str, item.pids)),
                item.restart_count,
            )
            for view in views
            for item in view.processes
        ],
    )


COMMAND = CliCommand(
    name='status',
    summary='Show who leads and who stands by, what each process has done and has before it, and '
    'what runs on which box; '
    'exit 1 when no Scheduler leads.',
    example='status --json',
    add_arguments=_add_arguments,
    run=_run,
)
