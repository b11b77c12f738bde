"""Tables from the JSON of the API, as the local commands print them from records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from synergy.cli.console import print_table
from synergy.core.commands import counted


def table(items: Iterable[Any], columns: Sequence[str]) -> list[list[object]]:
    """Return rows of the named fields; true and false in words."""
    return [[_cell(item.get(column)) for column in columns] for item in items]


def sentence(command: Any) -> str:
    """Return how a command stands."""
    what = f'{command["kind"]} {command["id"]}'
    match command['state']:
        case 'requested':
            return f'{what} is requested; no Scheduler has seen it yet, it is done when one leads'
        case 'refused':
            return f'{what} was refused: {command["outcome"]}'
        case 'done':
            return f'{what} is done: {command["outcome"]}'
        case state:
            return (
                f'{what} is {state}, {command["applied_count"]} of {command["planned_count"]} jobs '
                f'dealt with; follow it with ./launch.py requests {command["id"]}'
            )


def print_status(found: Any) -> None:
    """Print how the system stands."""
    leader = found['leader']
    if leader is None:
        print('no Scheduler has ever led')
    elif leader['is_leading']:
        print(f'{leader["owner"]} leads in term {leader["term"]}')
    else:
        print(f'no Scheduler leads since {leader["until"]}; {leader["owner"]} was the last')
    for warning in found['warnings']:
        print(f'warning: {warning}')
    print()
    states = list(found['processes'][0]['states']) if found['processes'] else []
    print_table(
        ('process', 'tree', 'on', *(state.removeprefix('state_') for state in states), 'held',
         'overdue', 'first overdue'),
        [
            (
                item['process'],
                item['tree'],
                _cell(item['is_on']),
                *(item['states'][state] for state in states),
                item['held'],
                item['overdue'],
                item['first_overdue'] or '',
            )
            for item in found['processes']
        ],
    )  # fmt: skip
    print()
    columns = ('box_id', 'presence', 'is_draining', 'host', 'pid', 'version', 'seen_at')
    print_table(columns, table(found['supervisors'], columns))
    print()
    _print_processes(found['boxes'])


def print_boxes(views: Sequence[Any]) -> None:
    """Print boxes with their processes."""
    columns = ('box_id', 'presence', 'is_draining', 'host', 'pid', 'version', 'seen_at')
    print_table(columns, table(views, columns))
    print()
    _print_processes([row for view in views for row in view['processes']])


def print_job(page: Any) -> None:
    """Print one job with runs, history and neighbours."""
    print('\n'.join(_job_lines(page)))


def print_preview(shown: Any) -> None:
    """Print what a request would touch."""
    count = shown['count']
    noun = 'job' if count == 1 else 'jobs'
    print(f'{shown["kind"]} would touch {count} {noun}, in this order:\n')
    columns = ('process', 'count', 'first', 'last', 'running')
    print_table(columns, table(shown['processes'], columns))
    for waiting in shown['waiting']:
        print(waiting_text(waiting))
    if shown['doomed']:
        print(f'\nskipped in consequence, by their blocking type: {len(shown["doomed"])} jobs')


def waiting_text(row: Any) -> str:
    """Return one line of what follows without a reset. row: as encoded."""
    last = f' to {row["last"]}' if row['count'] > 1 else ''
    return (
        f'\nneeds no reset, has not run yet, and follows: {counted(row["count"])} of '
        f'{row["process"]}, {row["first"]}{last}'
    )


def print_requests(found: Sequence[Any]) -> None:
    """Print what was asked for."""
    columns = (
        'id', 'kind', 'process', 'start_timeperiod', 'end_timeperiod', 'actor', 'state',
        'applied_count', 'planned_count', 'outcome',
    )  # fmt: skip
    print_table(columns, table(found, columns))


def _print_processes(found: Sequence[Any]) -> None:
    columns = ('box_id', 'process', 'is_on', 'state', 'pids', 'restart_count')
    print_table(columns, table(found, columns))


def _job_lines(page: Any) -> Iterator[str]:
    held = ', held for an operator' if page['is_held'] else ''
    yield f'{page["process"]}@{page["timeperiod"]}  {page["state"]}{held}'
    yield f'interval   {page["start"]} to {page["end"]}'
    if page['reason']:
        yield f'reason     {page["reason"]}'
    for unit in page['runs']:
        yield ''
        yield (
            f'run {unit["run"]}  {unit["state"]}, attempt {unit["attempt"]}, '
            f'{unit["processed_count"]} processed, uow {unit["id"]}'
        )
        if unit['error'] is not None:
            yield f'    error: {unit["error"]}'
        for line in unit['log']:
            yield f'    {line["at"][11:19]} {line["attempt"]} {line["level"]:<7} {line["text"]}'
    if page['events']:
        yield ''
        yield 'history, newest first'
        for event in page['events']:
            yield f'    {event["at"][:19].replace("T", " ")} {event["text"]}'
    yield ''
    yield 'neighbours'
    for item in page['neighbours']:
        key = f'{item["process"]}@{item["timeperiod"]}'
        yield f'    {item["relation"]:<11} {key}  {item["state"] or "not begun"}'


def _cell(value: Any) -> object:
    match value:
        case True:
            return 'yes'
        case False:
            return 'no'
        case list():
            return ' '.join(map(str, value))
        case None:
            return ''
        case _:
            return value
