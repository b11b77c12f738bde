"""What commands print of jobs, from the documents that `--json` and the API show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from synergy.cli.console import print_table, shown
from synergy.cli.tables import WORD_BY_NAME, said, with_clock, with_lost
from synergy.core.states import UnitState
from synergy.core.written_timeperiod import instant_at
from synergy.core.zones import zone_named
from synergy.view.clock import on_clock, with_utc
from synergy.view.documents import JobDocument, JobPageDocument, NeighbourDocument, RunDocument
from synergy.view.words import unmatched

#: Neighbours of one relation that are written out; of more, conditions are counted.
_NAMED_MAX: Final = 5


def print_jobs(jobs: Sequence[JobDocument], filters: Mapping[str, object]) -> None:
    """Print jobs, one in a line. filters: that have left them."""
    none = unmatched('job', filters) or 'no interval has begun yet'
    print_table(
        ('process', 'timeperiod', 'state', 'run', 'failures', 'changed (UTC)', 'reason'),
        [
            (
                job['process'],
                with_clock(job['timeperiod'], job['clock']),
                _condition_text(job),
                job['run'],
                with_lost(job['failure_count'], job['lost_count']),
                said(job['changed_at']),
                job['reason'],
            )
            for job in jobs
        ],
        empty=f'{none}; ask with fewer options, ./launch.py list shows the processes',
    )


def print_job(page: JobPageDocument) -> None:
    """Print one job with runs, history and neighbours."""
    print('\n'.join(_job_lines(shown(page))))


def _condition_text(job: JobDocument) -> str:
    """Return how a job stands: `processed, 1 of 24 skipped`, `blocked, late`."""
    below = job['skipped_below']
    told = '' if below is None else f', {below["count"]:,} of {below["of"]:,} skipped'
    late = ', late' if job['is_late'] else ''
    return WORD_BY_NAME.get(job['condition'], job['condition']) + told + late


def _job_lines(page: JobPageDocument) -> Iterator[str]:
    yield f'{page["process"]}@{page["timeperiod"]}  {_condition_text(page)}'
    yield from _interval_lines(page)
    if page['deadline'] is not None:
        due = datetime.fromisoformat(page['late_at'])
        told = with_utc(due, zone_named(page['time_zone']), '%Y-%m-%d %H:%M')
        yield f'deadline   {told} ({page["deadline"]})'
    if page['rev']:
        yield f'changed    {said(page["changed_at"])} UTC, rev {page["rev"]}'
    if page['reason']:
        yield f'reason     {page["reason"]}'
    for unit in page['runs']:
        yield ''
        yield from _run_lines(unit, page)
    if page['events']:
        yield ''
        yield 'history, newest first'
        for event in page['events']:
            yield f'    {said(event["at"])} {event["text"]}'
    yield ''
    yield 'neighbours'
    for relation, group in groupby(page['neighbours'], key=lambda item: item['relation']):
        yield from _neighbour_lines(relation, list(group))


def _is_of_others(unit: RunDocument, page: JobPageDocument) -> bool:
    """Tell whether a run covers more, or less, than the interval of the job."""
    if zone_named(page['time_zone']) is not UTC:
        # A name alone does not say whether it is a day of the zone or an hour of UTC.
        return unit['start_timeperiod'] != page['timeperiod']
    end = page['end']
    return end is not None and instant_at(unit['end_timeperiod'], None) != datetime.fromisoformat(
        end
    )


def _interval_lines(page: JobPageDocument) -> Iterator[str]:
    """Yield the interval on the clock of its tree, with UTC beside it."""
    start, end = page['start'], page['end']
    told = f'{said(start)[:16]} to {said(end)[:16]} UTC'
    zone = zone_named(page['time_zone'])
    if start is None or end is None or zone is UTC:
        yield f'interval   {told}'
        return
    first, after = (
        on_clock(datetime.fromisoformat(at), zone, '%Y-%m-%d %H:%M') for at in (start, end)
    )
    yield f'interval   {first} to {after}, {page["time_zone"]}'
    yield f'           {told}'


def _run_lines(unit: RunDocument, page: JobPageDocument) -> Iterator[str]:
    yield (
        f'run {unit["run"]}  {WORD_BY_NAME[unit["condition"]]}, '
        f'attempt {with_lost(unit["attempt"], unit["lost_count"])}, '
        f'{unit["processed_count"]} processed, uow {unit["id"]}'
    )
    if _is_of_others(unit, page):
        yield f'    covers {unit["start_timeperiod"]} to {unit["end_timeperiod"]} (exclusive)'
    if unit['owner'] is not None and unit['started_at'] is not None:
        ended = '' if unit['finished_at'] is None else f' to {said(unit["finished_at"])[11:]}'
        yield f'    by {unit["owner"]}, {said(unit["started_at"])}{ended} UTC'
    if unit['error'] is not None:
        yield f'    error: {unit["error"]}'
    if unit['state'] == UnitState.IN_PROGRESS.value:
        job = f'{page["process"]} {page["timeperiod"]}'
        yield f'    stop it: ./launch.py reprocess {job} runs it again, cancel {job} skips it'
    for line in unit['log']:
        yield f'    {said(line["at"])[11:]} {line["attempt"]} {line["level"]:<7} {line["text"]}'


def _neighbour_lines(relation: str, items: list[NeighbourDocument]) -> Iterator[str]:
    words = [WORD_BY_NAME.get(item['condition'], item['condition']) for item in items]
    keys = [f'{item["process"]}@{item["timeperiod"]}' for item in items]
    if len(items) <= _NAMED_MAX:
        for key, word in zip(keys, words, strict=True):
            yield f'    {relation:<11} {key}  {word}'
        return
    for process in dict.fromkeys(item['process'] for item in items):
        own = [item for item in items if item['process'] == process]
        first, last = own[0]['timeperiod'], own[-1]['timeperiod']
        until = '' if first == last else f' .. {last}'
        words = [WORD_BY_NAME.get(item['condition'], item['condition']) for item in own]
        summary = ', '.join(f'{words.count(word)} {word}' for word in dict.fromkeys(words))
        yield f'    {relation:<11} {process}@{first}{until}  {summary}'
