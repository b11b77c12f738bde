"""`launch.py forecast`: what is likely to be done when, and how likely deadlines hold."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from typing import Final

from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.console import print_json, print_table
from synergy.cli.opening import opened
from synergy.core.redaction import redacted_text
from synergy.operations.forecasts import BY
from synergy.view.forecast import (
    ITEMS_MAX,
    ForecastDocument,
    LikelyDocument,
    action_said,
    chance_said,
)

#: Rows for people; all are in JSON.
_ROWS_MAX: Final = 40
#: Runs of a path for people: the last ones decide.
_PATH_SHOWN: Final = 8
#: Stretches of jobs with the same root, for people.
_STUCK_SHOWN: Final = 4


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('--by', metavar='T', help=f'how far to look, a day without: {BY}')
    parser.add_argument('--process', metavar='P', help='of this process only')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with opened(options) as ask:
        found = ask.forecast(options.by, options.process)
        if options.json:
            print_json(found)
        else:
            show(found)
        return ExitCode.OK


def show(found: ForecastDocument) -> None:
    """Print a forecast for people."""
    rows = found['deadlines'] or found['items']
    print_table(
        ('process', 'timeperiod', 'likely end', '4 in 5 between', 'deadline', 'holds'),
        [_row(item) for item in rows[:_ROWS_MAX]],
        empty=f'nothing is expected to run until {_short(found["until"])} UTC',
    )
    more = len(rows) - _ROWS_MAX
    if more > 0:
        least = 'at least ' if len(rows) == ITEMS_MAX else ''
        print(
            f'and {least}{more:,} more; --process P shows those of one, --json up to {ITEMS_MAX:,}'
        )
    for item in rows:
        for line in _explained(item):
            print(redacted_text(line))
    for line in _stuck(found):
        print(redacted_text(line))
    print(redacted_text(_summary(found)))


def _row(item: LikelyDocument) -> Sequence[str]:
    chance = '' if item['holds'] is None else chance_said(item['holds'])
    low, high = _short(item['low']), _short(item['high'])
    end = _short(item['end']) or ('does not start' if item['root'] else 'an operator has to act')
    band = f'{low} - {high or "open"}' if low else ''
    return item['process'], item['timeperiod'], end, band, _short(item['late_at']), chance


def _explained(item: LikelyDocument) -> Iterator[str]:
    """Yield what decides a deadline that is at risk, and what helps."""
    if item['action'] is not None and item['root'] is not None:
        yield f'{item["process"]} {item["timeperiod"]} does not start: {item["root"]["text"]}'
        yield f'  what helps most: {action_said(item["action"])}'
    if not item['path']:
        return
    yield f'{item["process"]} {item["timeperiod"]} is decided by:'
    left_out = len(item['path']) - _PATH_SHOWN
    if left_out > 0:
        yield f'  {left_out} runs before, then'
    for link in item['path'][-_PATH_SHOWN:]:
        waits = f', after {link["waits"]} {link["of"]}' if link['of'] else ''
        end = _short(link['end']) or 'an operator acts'
        yield f'  {link["process"]} {link["timeperiod"]}: {_short(link["start"])} to {end}{waits}'
    if item['action'] is not None:
        yield f'  what helps most: {action_said(item["action"])}'


def _stuck(found: ForecastDocument) -> Iterator[str]:
    """Yield what is due and does not start, by what stands in its way."""
    jobs: dict[str, list[str]] = {}
    for item in found['stuck']:
        root = item['root']
        told = jobs.setdefault(root['text'], [])
        if item['jobs'] > 1:
            told.append(f'{item["process"]} {item["timeperiod"]}-{item["last"]}')
        elif (item['process'], item['timeperiod']) != (root['process'], root['timeperiod']):
            told.append(f'{item["process"]} {item["timeperiod"]}')
    for text, told in [*jobs.items()][:_ROWS_MAX]:
        more = f' and {len(told) - _STUCK_SHOWN:,} more' if len(told) > _STUCK_SHOWN else ''
        held_up = f': that holds up {", ".join(told[:_STUCK_SHOWN])}{more}' if told else ''
        yield f'{text}{held_up}'
    if found['stuck_jobs']:
        yield f'{found["stuck_jobs"]:,} jobs are due by then and do not start by themselves'


def _summary(found: ForecastDocument) -> str:
    count, at_risk = len(found['deadlines']), found['at_risk']
    risk = f', {at_risk:,} of {count:,} deadlines at risk' if count else ''
    part = '' if found['is_whole'] else '; more would run than is looked at'
    due = found['due']
    if due['jobs']:
        end, high = _short(due['end']) or 'when an operator acts', _short(due['high']) or 'open'
        print(f'what is due now, {due["jobs"]:,} jobs, is likely done by {end}, 9 in 10 by {high}')
    return (
        f'until {_short(found["until"])} UTC: {found["jobs"]:,} jobs are likely to end{risk} '
        f'({found["draws"]} courses drawn){part}'
    )


def _short(at: str | None) -> str:
    """Return an instant as a table has it."""
    return '' if at is None else at[5:16].replace('T', ' ')


COMMAND = CliCommand(
    name='forecast',
    summary='Tell what is likely to be done when, from how everything stands now: each deadline '
    'with how likely it holds, what decides it, and what helps most.',
    example='forecast --by 06:00',
    add_arguments=_add_arguments,
    run=_run,
)
