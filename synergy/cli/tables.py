"""What commands print for people, from the documents that `--json` and the API show.

The same for a command that reads the store and for one that speaks to a dashboard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from synergy.cli.console import print_table, shown
from synergy.core.commands import JOB_KINDS, CommandKind, counted
from synergy.core.redaction import redacted_text
from synergy.core.supervision import ProcessStatus
from synergy.view.box_work import BoxWorkDocument
from synergy.view.boxes import NEVER_STARTED, Presence
from synergy.view.conditions import (
    ADDITIONS,
    CANCELLED,
    FINAL_RUN,
    PARTIAL,
    PAUSED,
    QUEUED,
    REPORTED,
    RESTING,
    RETRYING,
    RUNNING,
)
from synergy.view.documents import (
    BoxDocument,
    BoxProcessDocument,
    CommandDocument,
    DeadDocument,
    FreerunDocument,
    PlannedDocument,
    PreviewDocument,
    ProgressDocument,
    StatusDocument,
    SummaryDocument,
    WaitingDocument,
)
from synergy.view.request_progress import ORDER
from synergy.view.words import span

_RUNNING: Final = (RUNNING.name, FINAL_RUN.name)
#: Conditions that have a column of `status` while something is in them.
_RARE: Final = (QUEUED, RETRYING, REPORTED, RESTING, PAUSED, PARTIAL)
WORD_BY_NAME: Final = {
    condition.name: condition.word for condition in (*ORDER, *ADDITIONS, CANCELLED)
}


def print_status(found: StatusDocument) -> None:
    """Print how the system stands."""
    found = shown(found)
    leader = found['leader']
    if leader is None:
        print(f'no Scheduler has ever led. {found["leader_advice"] or ""}')
    elif leader['is_leading']:
        standbys = [item['owner'] for item in found['schedulers'] if not item['is_leading']]
        beside = f'; standing by: {", ".join(standbys)}' if standbys else ''
        print(f'{leader["owner"]} leads in term {leader["term"]}{beside}')
    else:
        print(
            f'no Scheduler leads since {said(leader["until"])} UTC; {leader["owner"]} was the '
            f'last. {found["leader_advice"] or ""}'
        )
    for freeze in found['freezes']:
        what = freeze['name'] if freeze['scope'] != 'all' else 'everything'
        print(
            redacted_text(
                f'frozen: {what} until {(freeze["until"] or "")[:16]} by {freeze["by"]}: '
                f'{freeze["reason"]}; ./launch.py thaw {freeze["id"]} ends that'
            )
        )
    for closed in found['closed']:
        print(f'closed: {closed}')
    for warning in found['warnings']:
        print(redacted_text(f'warning: {warning}'))
    print()
    _print_summaries(found['processes'])
    print()
    _print_boxes(found['supervisors'])
    print()
    presences = {box['box_id']: box['presence'] for box in found['supervisors']}
    _print_processes(found['boxes'], presences)
    for need in found['needs']:
        print(f'\nneeds you: {need["text"]}. {need["advice"]}')
    for command in found['open_commands']:
        print(
            f'\nrequested, not done yet: {command["kind"]} {command["process"]} '
            f'{command["start_timeperiod"]}..{command["end_timeperiod"]} by {command["actor"]}'
        )


def _print_summaries(processes: Sequence[SummaryDocument]) -> None:
    """Print how far processes are: of the rarer conditions only those that occur."""
    rare = [item for item in _RARE if any(p['conditions'].get(item.name) for p in processes)]
    has_late = any(p['late'] for p in processes)
    heads = (
        'process', 'tree', 'on', 'waiting', 'running', *(item.word for item in rare), 'done',
        'noop', 'skipped', 'failed and held', *(['late'] if has_late else []), 'overdue',
        'first overdue',
    )  # fmt: skip
    print_table(
        heads,
        [
            (
                item['process'],
                item['tree'],
                _yes(item['is_on']),
                item['states']['state_embryo'] - item['conditions'].get(PAUSED.name, 0),
                sum(item['conditions'].get(name, 0) for name in _RUNNING),
                *(item['conditions'].get(condition.name, 0) for condition in rare),
                item['states']['state_processed'],
                item['states']['state_noop'],
                item['states']['state_skipped'],
                item['held'],
                *([item['late']] if has_late else []),
                item['overdue'],
                with_clock(item['first_overdue'] or '', item['first_overdue_clock']),
            )
            for item in processes
        ],
    )


def print_boxes(views: Sequence[BoxWorkDocument]) -> None:
    """Print boxes with their processes, and what each runs and may take."""
    _print_boxes(views)
    print()
    presences = {view['box_id']: view['presence'] for view in views}
    rows = [row for view in views for row in view['processes']]
    work = [conditions_said(row['conditions']) for row in rows]
    _print_processes(rows, presences, work)


def conditions_said(counts: Mapping[str, int]) -> str:
    """Return how many stand how, in words: `2 running, 5 queued`."""
    return ', '.join(f'{count:,} {WORD_BY_NAME.get(name, name)}' for name, count in counts.items())


def with_clock(timeperiod: str, clock: str) -> str:
    """Return the name of an interval, and what the clock of its tree reads as it begins."""
    return f'{timeperiod} ({clock})' if clock else timeperiod


def with_lost(count: int, lost_count: int) -> str:
    """Return a number of attempts, and how many more or among them have lost their worker."""
    return f'{count}, lost {lost_count}' if lost_count else str(count)


def print_preview(preview: PreviewDocument) -> None:
    """Print what a request would touch."""
    preview = shown(preview)
    print(f'{preview["kind"]} would touch {counted(preview["count"])}, in this order:\n')
    print_table(
        ('process', 'jobs', 'first', 'last', 'running now'),
        [
            (row['process'], row['count'], row['first'], row['last'], _some(row['running'], 5))
            for row in preview['processes']
        ],
    )
    if by := [line for row in preview['processes'] for line in _reached(row)]:
        print('\nwhat is not asked for is reached by what it waits for:')
        print_table(('process', 'jobs', 'by', 'that is'), by)
    for note in _preview_notes(preview):
        print(f'\n{note}')
    if preview['kind'] == CommandKind.CANCEL.value:
        print('\nto stop a run and run it again instead: ./launch.py reprocess')
    if preview['kind'] == CommandKind.REPROCESS.value:
        print('\neach of them then runs once, after what it depends on')
        if (seconds := preview['about_seconds']) is not None:
            print(f'done in about {span(timedelta(seconds=seconds))}, with the workers there are')


def _preview_notes(preview: PreviewDocument) -> Iterator[str]:
    if any(row['running'] for row in preview['processes']):
        yield 'what runs now is cancelled, and its result discarded'
    if doomed := [f'{key["process"]}@{key["timeperiod"]}' for key in preview['doomed']]:
        yield (
            f'skipped in consequence, by their blocking type: {counted(len(doomed))}: '
            f'{_some(doomed, 10)}'
        )
    for waiting in preview['waiting']:
        yield f'needs no reset, has not run yet, and follows: {_waiting_text(waiting)}'
    for waits in preview['order_only']:
        yield (
            f'does not run again, waits for {waits["waits_for"]} for the order alone: '
            f'{_waiting_text(waits)}'
        )
    if preview['options']:
        yield 'they run so: ' + '; '.join(preview['options'])
    for held in preview['held']:
        yield f'waits: {redacted_text(held["text"])}'
    for off in preview['off']:
        yield (
            f'{redacted_text(off["text"])}; nothing of it runs until ./launch.py process on '
            f'{off["process"]}'
        )
    yield from preview['pools']
    for without in preview['without']:
        yield f'goes on without what is skipped: {_waiting_text(without)}'


def print_requests(commands: Iterable[CommandDocument]) -> None:
    """Print what was asked for."""
    of_jobs = {kind.value for kind in JOB_KINDS}
    print_table(
        ('id', 'what', 'process', 'from', 'to', 'by', 'state', 'dealt with', 'of', 'outcome'),
        [
            (
                command['id'],
                command['kind'],
                command['process'],
                command['start_timeperiod'] if command['kind'] in of_jobs else '',
                command['end_timeperiod'] if command['kind'] in of_jobs else '',
                command['actor'],
                command['state'] + (' (paused)' if command['is_paused'] else ''),
                command['applied_count'],
                command['planned_count'],
                command['outcome'],
            )
            for command in commands
        ],
        empty='nothing was asked for yet; ./launch.py reprocess, skip and cancel do',
    )


def print_request(command: CommandDocument, progress: ProgressDocument) -> None:
    """Print one request and how its jobs stand."""
    command = shown(command)
    print(sentence(command))
    print(f'asked for by {command["actor"]} at {said(command["created_at"])} UTC')
    if command['reason']:
        print(redacted_text(f'because: {command["reason"]}'))
    if command['is_paused']:
        print(f'paused; go on with ./launch.py requests resume {command["id"]}')
    elif progress['waits_for_person']:
        print(f'waits for a person: {progress["waits_for_person"]}')
    if progress.get('max_running') is not None or progress.get('order') == 'newest':
        most = progress['max_running']
        told = '' if most is None else f' of at most {most:,}'
        print(f'{progress["under_way"]:,}{told} under way, the {progress["order"]} first')
    if (seconds := progress['rest_seconds']) is not None:
        print(f'is done in about {span(timedelta(seconds=seconds))}')
    for name, count in progress['conditions'].items():
        print(f'    {count:>8} {WORD_BY_NAME.get(name, name)}')


def sentence(command: CommandDocument) -> str:
    """Return how a command stands."""
    command = shown(command)
    what = f'{command["kind"]} {command["id"]}'
    match command['state']:
        case 'requested':
            return f'{what} is requested; no Scheduler has seen it yet, it is done when one leads'
        case 'refused':
            return f'{what} was refused: {redacted_text(command["outcome"])}'
        case 'done':
            return f'{what} is done: {redacted_text(command["outcome"])}'
        case state:
            dealt, planned = command['applied_count'], command['planned_count']
            told = f', {dealt} of {planned} jobs dealt with' if planned else ''
            follow = f'follow it with ./launch.py requests {command["id"]}'
            return f'{what} is {state}{told}; {follow}'


def print_freeruns(found: Iterable[FreerunDocument]) -> None:
    """Print free runs with their next fires, and how clocks are changed until then."""
    found = list(found)
    print_table(
        ('entry', 'trigger', 'on', 'overlap', 'misfire', 'runs', 'under way', 'next fires (UTC)'),
        [
            (
                item['name'],
                item['trigger'],
                _yes(item['is_on']),
                item['overlap'],
                item['misfire'],
                item['run_count'],
                len(item['live']),
                ', '.join(said(at)[5:] for at in item['next_fires']),
            )
            for item in found
        ],
        empty='no free runs; register a process with freerun_context_entry in context.py, then '
        './launch.py freerun add Process::entry',
    )
    for change in dict.fromkeys(line for item in found for line in item['clock_changes']):
        print(f'\n{change}')


def print_runs(units: Iterable[DeadDocument], *, empty: str) -> None:
    """Print runs of free runs."""
    print_table(
        ('entry', 'run', 'id', 'state', 'planned (UTC)', 'worker', 'began', 'ended', 'error'),
        [
            (
                unit['process'],
                unit['run'],
                unit['id'],
                WORD_BY_NAME.get(unit['condition'], unit['condition']),
                said(unit['created_at']),
                unit['owner'],
                said(unit['started_at']),
                said(unit['finished_at']),
                unit['error'],
            )
            for unit in units
        ],
        empty=empty,
    )


def said(at: str | None) -> str:
    """Return an instant of a document as people read it, to the second; UTC."""
    return '' if at is None else at[:19].replace('T', ' ')


def _print_boxes(boxes: Iterable[BoxDocument]) -> None:
    print_table(
        ('box', 'presence', 'drained', 'host', 'supervisor', 'version', 'seen (UTC)'),
        [
            (
                box['box_id'],
                box['presence'],
                _yes(box['is_draining']),
                box['host'],
                box['pid'] or '',
                box['version'],
                said(box['seen_at']),
            )
            for box in boxes
        ],
    )


def _print_processes(
    rows: Sequence[BoxProcessDocument],
    presence_by_box: Mapping[str, str],
    work: Sequence[str] = (),
) -> None:
    """Print what is wanted and what runs; of a vanished box nobody knows what runs.

    work: of each row, how its work stands.
    """
    vanished = {box for box, word in presence_by_box.items() if word == Presence.VANISHED.value}
    print_table(
        ('box', 'process', 'wanted', 'state', 'pids', 'restarts', *(['work'] if work else [])),
        [
            (
                row['box_id'],
                row['process'],
                'on' if row['is_on'] else 'off',
                'vanished' if row['box_id'] in vanished else _stands(row),
                ' '.join(map(str, row['pids'])),
                row['restart_count'],
                *work[place : place + 1],
            )
            for place, row in enumerate(rows)
        ],
    )

    for row in rows:
        if row['reason'] and row['box_id'] not in vanished:
            print(f'{row["process"]} on {row["box_id"]}: {row["reason"]}; log: {row["log_file"]}')


def _stands(row: BoxProcessDocument) -> str:
    """Return the state of a process; one that is started again and again is not up."""
    is_retried = row['state'] == ProcessStatus.RUNNING.value and row['reason'] is not None
    return ProcessStatus.BACKOFF.value if is_retried else row['state'] or NEVER_STARTED


def _reached(row: PlannedDocument) -> Iterable[Sequence[object]]:
    for by in row['reached_by']:
        yield row['process'], by['count'], f'{by["kind"]} {by["process"]}', by['text']


def _waiting_text(row: WaitingDocument) -> str:
    last = f' to {row["last"]}' if row['count'] > 1 else ''
    return f'{counted(row["count"])} of {row["process"]}, {row["first"]}{last}'


def _some(words: Sequence[str], count: int) -> str:
    return ' '.join(words[:count]) + (' ...' if len(words) > count else '')


def _yes(value: bool) -> str:
    return 'yes' if value else 'no'
