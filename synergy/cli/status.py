"""`launch.py status`: how the system stands."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.console import print_json, print_table
from synergy.cli.reading import reading
from synergy.core.states import JobState
from synergy.view.encode import encode_status
from synergy.view.status import Status, status


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with reading() as source:
        found = status(source.index(), source.store, source.settings.box_id, source.now)
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
        print(f'{leadership.owner} leads in term {leadership.term}')
    else:
        print(
            f'no Scheduler leads since {leadership.until:%Y-%m-%d %H:%M:%S} UTC; '
            f'{leadership.owner} was the last; start one with ./launch.py start Supervisor'
        )
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
    print_table(
        ('box', 'process', 'wanted', 'state', 'pids', 'restarts'),
        [
            (
                item.box_id,
                item.process,
                'on' if item.is_on else 'off',
                item.state or 'never started',
                ' '.join(map(str, item.pids)),
                item.restart_count,
            )
            for item in found.boxes
        ],
    )
    for command in found.open_commands:
        print(
            f'\nrequested, not done yet: {command.kind.value} {command.process} '
            f'{command.start}..{command.end} by {command.actor}'
        )


COMMAND = CliCommand(
    name='status',
    summary='Show who leads, what each process has done and has before it, and what runs here; '
    'exit 1 when no Scheduler leads.',
    example='status --json',
    add_arguments=_add_arguments,
    run=_run,
)
