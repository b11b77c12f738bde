"""Operator commands over HTTP: the same options, tables and JSON, without access to the store.

`launch.py status --server URL --token T`, or SYNERGY_SERVER and SYNERGY_TOKEN in the environment.
Each command asks the endpoint that shows or does the same; the API's JSON has the keys of `--json`.
"""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final

from synergy.cli.command import CommandError, ExitCode
from synergy.cli.console import print_json, print_table
from synergy.cli.process import details_of
from synergy.cli.process import show as show_processes
from synergy.cli.remote_tables import (
    print_boxes,
    print_job,
    print_preview,
    print_requests,
    print_status,
    sentence,
    table,
)
from synergy.cli.server import LOOK_SECONDS, Server
from synergy.cli.why import print_causes

_WIDTHS: Final = (4, 6, 8)
_LIVE: Final = ('state_requested', 'state_in_progress')
_FREERUN_FIELDS: Final = ('trigger', 'overlap', 'misfire', 'misfire_max', 'description')


def run(name: str, server: Server, options: Namespace) -> ExitCode:
    """Run one command against a dashboard."""
    return COMMANDS[name](server, options)


def _status(server: Server, options: Namespace) -> ExitCode:
    found = server.get('status')
    if options.json:
        print_json(found)
    else:
        print_status(found)
    is_led = bool(found['leader'] and found['leader']['is_leading'])
    return ExitCode.OK if is_led else ExitCode.FOUND


def _jobs(server: Server, options: Namespace) -> ExitCode:
    if options.limit < 1:
        raise CommandError('--limit must be 1 or more', ExitCode.USAGE)
    state = options.state and f'state_{options.state.lower().removeprefix("state_")}'
    found = list(
        server.items(
            'jobs',
            limit=options.limit + 1,
            process=options.process or options.named,
            state=state,
            start=options.start and _earliest(options.start),
            end=options.end and _earliest(options.end),
        )
    )
    jobs = found[: options.limit]
    columns = ('process', 'timeperiod', 'state', 'run', 'failure_count', 'changed_at', 'reason')
    _show(jobs, columns, options)
    if len(found) > len(jobs) and not options.json:
        print(f'... more than {len(jobs)}; narrow with --process, --from, --to, --state')
    return ExitCode.OK


def _job(server: Server, options: Namespace) -> ExitCode:
    found = server.get('jobs', options.process, _padded(options.timeperiod))
    if options.json:
        print_json(found)
    else:
        print_job(found)
    return ExitCode.OK


def _why(server: Server, options: Namespace) -> ExitCode:
    causes = server.get('jobs', options.process, _padded(options.timeperiod), 'why')['causes']
    if options.json:
        print_json(causes)
    else:
        print_causes(causes)
    return ExitCode.OK


def _log(server: Server, options: Namespace) -> ExitCode:
    unit = _unit(server, options)
    shown = 0
    while True:
        # Asked before the log is read: what is written until then is in it.
        is_live = options.follow and _unit(server, options)['state'] in _LIVE
        for line in islice(server.items('units', unit['id'], 'log'), shown, None):
            at = line['at'].replace('T', ' ')[:19]
            print(f'{at} {line["attempt"]} {line["level"]:<7} {line["text"]}', flush=True)
            shown += 1
        if not is_live:
            return ExitCode.OK
        time.sleep(LOOK_SECONDS)  # noqa: TID251 - no Runtime: there is no context here


def _unit(server: Server, options: Namespace) -> Any:
    if '::' in options.process:
        units = list(reversed(server.get('freeruns', options.process)['runs']))
    elif options.timeperiod is None:
        raise CommandError('give the timeperiod, as in 2013010100', ExitCode.USAGE)
    else:
        units = server.get('jobs', options.process, _padded(options.timeperiod))['runs']
    found = [unit for unit in units if options.run in (None, unit['run'])]
    if not found:
        known = ', '.join(str(unit['run']) for unit in units) or 'none yet'
        raise CommandError(
            f'{options.process} has no such run; there are: {known}', ExitCode.UNKNOWN
        )
    return found[-1]


def _change(kind: str) -> Callable[[Server, Namespace], ExitCode]:
    def change(server: Server, options: Namespace) -> ExitCode:
        body: dict[str, object] = {
            'kind': kind,
            'process': options.process,
            'start': _padded(options.timeperiod),
            'end': options.to and _padded(options.to),
            'only': options.only,
            'with_children': getattr(options, 'with_children', False) or None,
        }
        if options.dry_run:
            shown = server.get('preview', **body)
            if options.json:
                print_json(shown)
            else:
                print_preview(shown)
            return ExitCode.OK
        asked = server.post('requests', key=options.name, reason=options.reason, **body)
        return _tell(server, asked, options)

    return change


def _requests(server: Server, options: Namespace) -> ExitCode:
    match options.words:
        case []:
            found = list(server.items('requests', limit=50, all=1))
            if options.json:
                print_json(found)
            else:
                print_requests(found)
            return ExitCode.OK
        case ['pause' | 'resume' | 'cancel' as action, request]:
            asked = server.post('requests', request, action, reason=options.reason)
            return _tell(server, asked, options)
        case [request] if request not in ('pause', 'resume', 'cancel'):
            found = server.get('requests', request)
            if options.json:
                print_json(found)
            else:
                print(sentence(found))
                for state, count in found['jobs'].items():
                    print(f'    {count:>8} {state}')
            return ExitCode.FOUND if found['state'] == 'refused' else ExitCode.OK
        case _:
            raise CommandError(
                'give nothing, an ID, or pause, resume or cancel and an ID', ExitCode.USAGE
            )


def _dead(server: Server, options: Namespace) -> ExitCode:
    if options.action == 'ls':
        columns = ('id', 'process', 'timeperiod', 'run', 'attempt', 'finished_at', 'error')
        _show(list(server.items('dead')), columns, options)
        return ExitCode.OK
    if options.id is None and not options.all:
        raise CommandError('give the ID of a dead letter, or --all', ExitCode.USAGE)
    chosen = [item['id'] for item in server.items('dead')] if options.all else [options.id]
    codes = [
        _tell(server, server.post('dead', uow, options.action, reason=options.reason), options)
        for uow in chosen
    ]
    return ExitCode.FOUND if ExitCode.FOUND in codes else ExitCode.OK


def _freerun(server: Server, options: Namespace) -> ExitCode:
    if options.action == 'ls':
        found = [item for item in server.items('freeruns') if options.name in (None, item['name'])]
        columns = ('name', 'trigger', 'is_on', 'overlap', 'misfire', 'run_count', 'next_fires')
        _show(found, columns, options)
        return ExitCode.OK
    if options.name is None:
        raise CommandError('give the entry, as in Cleaner::nightly', ExitCode.USAGE)
    if options.action in ('add', 'edit'):
        return _tell(server, _save_freerun(server, options), options)
    action = 'remove' if options.action == 'rm' else options.action
    asked = server.post('freeruns', options.name, action, reason=options.reason)
    return _tell(server, asked, options)


def _save_freerun(server: Server, options: Namespace) -> Any:
    is_known = any(item['name'] == options.name for item in server.items('freeruns'))
    if is_known is (options.action == 'add'):
        raise CommandError(
            f'{options.name} exists already; change it with freerun edit'
            if is_known
            else f'there is no free run {options.name!r}; ./launch.py freerun ls shows all',
            ExitCode.CONFLICT if is_known else ExitCode.UNKNOWN,
        )
    details = {field: getattr(options, field) for field in _FREERUN_FIELDS}
    if options.arguments is not None:
        try:
            details['arguments'] = json.loads(options.arguments)
        except ValueError as error:
            raise CommandError(f'--arguments is no JSON ({error})', ExitCode.USAGE) from error
    return server.post('freeruns', name=options.name, reason=options.reason, **details)


def _process(server: Server, options: Namespace) -> ExitCode:
    if options.action == 'ls':
        found = server.get('processes')['items']
        shown = [item for item in found if options.name in (None, item['process'])]
        return show_processes(shown, is_json=options.json)
    if options.name is None:
        raise CommandError('give the process, as in SiteHourly', ExitCode.USAGE)
    details_of(options)
    body = {'reason': options.reason, 'trigger': options.trigger}
    return _tell(server, server.post('processes', options.name, options.action, **body), options)


def _super(server: Server, options: Namespace) -> ExitCode:
    if options.query:
        found = [view for view in server.items('boxes') if options.box in (None, view['box_id'])]
        if options.json:
            print_json(found)
        else:
            print_boxes(found)
        is_alive = bool(found) and all(view['presence'] == 'alive' for view in found)
        return ExitCode.OK if is_alive else ExitCode.FOUND
    switched = options.start or options.stop
    drained = options.drain if options.drain is not None else options.undrain
    box = drained or options.box
    if switched is None and drained is None:
        raise CommandError(
            'over --server there are --query, --start, --stop, --drain and --undrain; run the '
            'others on the box itself',
            ExitCode.USAGE,
        )
    if not box:
        raise CommandError('name the box: --box BOX, or --drain BOX', ExitCode.USAGE)
    if switched is not None:
        is_on = options.start is not None
        server.post('boxes', box, switched, 'start' if is_on else 'stop')
        print(f'{switched} is {"on" if is_on else "off"} on box {box}')
        return ExitCode.OK
    is_draining = options.drain is not None
    server.post('boxes', box, 'drain' if is_draining else 'undrain')
    told = 'drains: its workers take no more' if is_draining else 'takes work again'
    print(f'box {box} {told}')
    return ExitCode.OK


def _tell(server: Server, asked: Any, options: Namespace) -> ExitCode:
    command = server.settled(asked)
    if options.json:
        print_json(command)
    else:
        print(sentence(command))
    return ExitCode.FOUND if command['state'] == 'refused' else ExitCode.OK


def _show(items: list[Any], columns: tuple[str, ...], options: Namespace) -> None:
    if options.json:
        print_json(items)
    else:
        print_table(columns, table(items, columns))


def _padded(timeperiod: str) -> str:
    """Return a timeperiod whose zeros at the end were left out."""
    return timeperiod.ljust(10, '0') if len(timeperiod) in _WIDTHS else timeperiod


def _earliest(timeperiod: str) -> str:
    """Return the text that is not later than any timeperiod that starts at the same instant."""
    for width, first in ((10, '00'), (8, '01'), (6, '01')):
        if len(timeperiod) == width and timeperiod.endswith(first):
            timeperiod = timeperiod[:-2]
    return timeperiod


COMMANDS: Final[Mapping[str, Callable[[Server, Namespace], ExitCode]]] = {
    'status': _status,
    'jobs': _jobs,
    'job': _job,
    'why': _why,
    'log': _log,
    'reprocess': _change('reprocess'),
    'skip': _change('skip'),
    'cancel': _change('cancel'),
    'requests': _requests,
    'dead': _dead,
    'freerun': _freerun,
    'process': _process,
    'super': _super,
}
