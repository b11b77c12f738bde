"""`launch.py jobs`: list jobs, those that nobody has touched yet included."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json
from synergy.cli.numbers import whole
from synergy.cli.reading import reading
from synergy.cli.tables import print_jobs
from synergy.cli.target import instant_of, node_of
from synergy.core.nearest import nearest
from synergy.core.states import JobState
from synergy.view.documents import JobDocument
from synergy.view.encode import encode_job
from synergy.view.jobs import JobQuery, find_jobs
from synergy.view.standing import Standing

_LIMIT = 1000


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
        help='only jobs in this state, or that are failed, held, blocked or late',
    )
    parser.add_argument(
        '--limit',
        type=whole(1, 1_000_000),
        default=_LIMIT,
        metavar='N',
        help=f'at most N (default {_LIMIT})',
    )
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    state = None if options.state is None else state_of(options.state)
    if options.limit < 1:
        raise CommandError('--limit must be 1 or more', ExitCode.USAGE)
    with reading() as source:
        process = None
        if name := options.process or options.named:
            process = node_of(source.context, name).process.name
        query = JobQuery(
            process=process,
            start=None if options.start is None else instant_of(options.start),
            end=None if options.end is None else instant_of(options.end),
            state=state,
        )
        found = find_jobs(source.index(), source.store, query, source.now, options.limit + 1)
    show_jobs([encode_job(job) for job in found], options.limit, is_json=options.json)
    return ExitCode.OK


def show_jobs(found: Sequence[JobDocument], limit: int, *, is_json: bool) -> None:
    """Print at most `limit` jobs, and whether there are more."""
    jobs = found[:limit]
    if is_json:
        print_json(jobs)
        return
    print_jobs(jobs)
    if len(found) > len(jobs):
        print(f'... more than {len(jobs)}; narrow with --process, --from, --to, --state')


def state_of(text: str) -> JobState | Standing:
    """Return what is looked for; raise CommandError (3)."""
    by_name: dict[str, JobState | Standing] = {
        state.value.removeprefix('state_'): state for state in JobState
    }
    by_name |= {standing.value: standing for standing in Standing}
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
