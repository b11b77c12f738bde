"""`launch.py jobs`: list jobs, those that nobody has touched yet included."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.group_tables import print_failures
from synergy.cli.interface import JobsWanted
from synergy.cli.job_tables import print_jobs
from synergy.cli.listing import add_limit, cut, limit_of
from synergy.cli.numbers import whole
from synergy.cli.opening import opened
from synergy.cli.past import add_at, as_of, print_found
from synergy.core.nearest import nearest
from synergy.core.states import JobState
from synergy.view.conditions import SOUGHT
from synergy.view.standing import Wanted

_SHOWN = 1000
_ADVICE = '--limit N shows more; --process, --from, --to and --state choose'


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('process', metavar='P', nargs='?', help='only jobs of this process')
    parser.add_argument('--process', '-p', metavar='P', dest='named', help='the same')
    parser.add_argument(
        '--from', dest='start', metavar='T', help='only intervals that start at T or later'
    )
    parser.add_argument('--to', dest='end', metavar='T', help='only intervals that start before T')
    parser.add_argument(
        '--state',
        '-s',
        metavar='S',
        help='only jobs in this state or condition: running, queued, retrying, resting, held, '
        'failed, blocked, paused, off, ready, late, partial (over skipped ones), left_out, ...',
    )
    add_limit(parser, _SHOWN)
    parser.add_argument(
        '--newest',
        type=whole(1, 1_000_000),
        metavar='N',
        help='only the N newest of each process, the newest first',
    )
    parser.add_argument(
        '--by-error',
        action='store_true',
        help='the failed ones among them by process and error, those that fail alike as one entry',
    )
    add_at(parser)
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    state = None if options.state is None else _state(options.state)
    wanted = JobsWanted(
        process=options.process or options.named,
        start=options.start,
        end=options.end,
        state=state,
        newest=options.newest,
    )
    if options.by_error and options.newest is not None:
        raise CommandError('--newest lists single jobs: leave out --by-error', ExitCode.USAGE)
    with opened(options) as ask:
        limit, reading = limit_of(options), as_of(options, ask)
        if options.by_error:
            groups = cut(reading.job_groups(wanted), limit, 'kinds of errors')
            if not print_found(options, reading, groups):
                print_failures(groups, _filters(options))
            return ExitCode.OK
        jobs = cut(reading.jobs(wanted, limit + 1), limit, 'jobs', _ADVICE)
        if not print_found(options, reading, jobs):
            print_jobs(jobs, _filters(options))
        return ExitCode.OK


def _filters(options: Namespace) -> Mapping[str, object]:
    return {
        'process': options.process or options.named,
        'from': options.start,
        'to': options.end,
        'state': options.state,
    }


def _state(text: str) -> Wanted:
    """Return what is looked for; raise CommandError (3)."""
    by_name: dict[str, Wanted] = {state.value.removeprefix('state_'): state for state in JobState}
    by_name |= SOUGHT
    state = by_name.get(text.lower().removeprefix('state_'))
    if state is None:
        raise CommandError(
            f'unknown state {text!r}{nearest(text, by_name)}; one of {", ".join(by_name)}',
            ExitCode.UNKNOWN,
        )
    return state


COMMAND = CliCommand(
    name='jobs',
    summary='List jobs, process by process, in order of time.',
    example='jobs --process FlightDaily --from 201301 --to 201302 --state skipped',
    add_arguments=_add_arguments,
    run=_run,
)
