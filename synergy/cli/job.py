"""`launch.py job P T`: one job with its runs, their logs, its history and its neighbours."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from itertools import groupby

from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.console import print_json
from synergy.cli.reading import reading
from synergy.cli.target import key_of
from synergy.core.records import Unit
from synergy.view.encode import encode_page
from synergy.view.jobs import JobPage, Neighbour, job_page

#: Neighbours of one relation that are written out; of more, states are counted.
_NAMED_MAX = 5


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('process', metavar='P', help='name of the process')
    parser.add_argument('timeperiod', metavar='T', help='its timeperiod, as in 2013010100')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with reading() as source:
        key = key_of(source.context, options.process, options.timeperiod)
        page = job_page(source.index(), source.store, key, source.now)
    if options.json:
        print_json(encode_page(page))
    else:
        print('\n'.join(_lines(page)))
    return ExitCode.OK


def _lines(page: JobPage) -> Iterator[str]:
    job = page.job
    held = ', held for an operator' if job.is_held else ''
    yield f'{job.key}  {job.state.value}{held}'
    yield f'interval   {page.start:%Y-%m-%d %H:%M} to {page.end:%Y-%m-%d %H:%M} UTC'
    if job.rev:
        yield f'changed    {job.changed_at:%Y-%m-%d %H:%M:%S} UTC, rev {job.rev}'
    if job.reason:
        yield f'reason     {job.reason}'
    for unit, log in zip(page.runs, page.logs, strict=True):
        yield ''
        yield from _unit_lines(unit)
        for line in log:
            yield f'    {line.at:%H:%M:%S} {line.attempt} {line.level:<7} {line.text}'
    if page.events:
        yield ''
        yield 'history, newest first'
        for event in page.events:
            yield f'    {event.at:%Y-%m-%d %H:%M:%S} {event.text}'
    yield ''
    yield 'neighbours'
    for relation, group in groupby(page.neighbours, key=lambda item: item.relation):
        yield from _neighbour_lines(relation, list(group))


def _unit_lines(unit: Unit) -> Iterator[str]:
    yield (
        f'run {unit.run}  {unit.state.value}, attempt {unit.attempt}, '
        f'{unit.processed_count} processed, uow {unit.id}'
    )
    if unit.start.shift(1) != unit.end:
        yield f'    covers {unit.start} to {unit.end} (exclusive)'
    if unit.owner is not None and unit.started_at is not None:
        ended = '' if unit.finished_at is None else f' to {unit.finished_at:%H:%M:%S}'
        yield f'    by {unit.owner}, {unit.started_at:%Y-%m-%d %H:%M:%S}{ended} UTC'
    if unit.error is not None:
        yield f'    error: {unit.error}'


def _neighbour_lines(relation: str, items: list[Neighbour]) -> Iterator[str]:
    if len(items) <= _NAMED_MAX:
        for item in items:
            yield f'    {relation:<11} {item.key}  {_state_word(item)}'
        return
    counts: dict[str, int] = {}
    for item in items:
        counts[_state_word(item)] = counts.get(_state_word(item), 0) + 1
    summary = ', '.join(f'{count} {word}' for word, count in counts.items())
    yield f'    {relation:<11} {items[0].key} .. {items[-1].key.timeperiod}  {summary}'


def _state_word(item: Neighbour) -> str:
    return 'not begun' if item.state is None else item.state.value


COMMAND = CliCommand(
    name='job',
    summary='Show one job: its runs with their logs, its history, its neighbours.',
    example='job FlightDaily 2013010100',
    add_arguments=_add_arguments,
    run=_run,
)
