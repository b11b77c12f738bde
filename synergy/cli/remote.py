"""Operator commands over HTTP: the same options, tables and JSON, without access to the store.

`launch.py status --server URL --token T`, or SYNERGY_SERVER and SYNERGY_TOKEN in the environment.
Each command asks the endpoint that shows or does the same; the API's JSON has the keys of `--json`.
"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from synergy.cli.command import CommandError, ExitCode
from synergy.cli.commands.freerun import (
    defined_as,
    print_fires,
    refuse_lone_run,
    show_runs,
    uow_of_run,
)
from synergy.cli.commands.freerun import details_of as details_of_freerun
from synergy.cli.commands.jobs import show_jobs, state_of
from synergy.cli.commands.process import details_of
from synergy.cli.commands.process import show as show_processes
from synergy.cli.commands.super import refuse_lone_options
from synergy.cli.commands.why import print_causes
from synergy.cli.console import print_json
from synergy.cli.server import LOOK_SECONDS, Server
from synergy.cli.tables import (
    print_boxes,
    print_dead,
    print_freeruns,
    print_job,
    print_preview,
    print_request,
    print_requests,
    print_status,
    said,
    sentence,
)
from synergy.cli.target import end_of, padded
from synergy.core.calendar import UtcCalendar
from synergy.core.freerun_definition import IS_NEW
from synergy.core.printable import printable
from synergy.core.records import ProcessName
from synergy.core.supervision import ProcessStatus
from synergy.core.timeperiod import Qualifier
from synergy.view.documents import DeadDocument, UnitDocument

#: What the audit says of a change that its author gave no reason for: on the command line, where
#: one machine's scripts do without, it stays optional.
UNSAID: Final = 'no reason given to launch.py'
_DIGITS: Final = 10
#: States of processes that do not run.
_ENDED: Final = (None, ProcessStatus.STOPPED.value, ProcessStatus.FATAL.value)
_LIVE: Final = ('state_requested', 'state_in_progress')


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
    state = options.state and state_of(options.state).value
    found = list(
        server.items(
            'jobs',
            limit=options.limit + 1,
            process=options.process or options.named,
            state=state,
            start=options.start,
            end=options.end,
        )
    )
    show_jobs(found, options.limit, is_json=options.json)
    return ExitCode.OK


def _job(server: Server, options: Namespace) -> ExitCode:
    found = server.get('jobs', options.process, _timeperiod(server, options))
    if options.json:
        print_json(found)
    else:
        print_job(found)
    return ExitCode.OK


def _why(server: Server, options: Namespace) -> ExitCode:
    causes = server.get('jobs', options.process, _timeperiod(server, options), 'why')['causes']
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
            text = printable(f'{line["level"]:<7} {line["text"]}')
            print(f'{at} {line["attempt"]} {text}', flush=True)
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
        units = server.get('jobs', options.process, _timeperiod(server, options))['runs']
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
            'start': _timeperiod(server, options),
            'end': options.to and _end(server, options),
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
        asked = server.post('requests', key=options.name, reason=_reason(options), **body)
        return _tell(server, asked, options)

    return change


def _requests(server: Server, options: Namespace) -> ExitCode:
    match options.words:
        case []:
            found = list(server.items('requests', limit=50, all='true'))
            if options.json:
                print_json(found)
            else:
                print_requests(found)
            return ExitCode.OK
        case ['pause' | 'resume' | 'cancel' as action, request]:
            is_grave = action == 'cancel'
            reason = _reason(options, is_grave=is_grave)
            asked = server.post('requests', request, action, reason=reason)
            return _tell(server, asked, options)
        case [request] if request not in ('pause', 'resume', 'cancel'):
            found = server.get('requests', request)
            if options.json:
                print_json(found)
            else:
                print_request(found, found['jobs'])
            return ExitCode.FOUND if found['state'] == 'refused' else ExitCode.OK
        case _:
            raise CommandError(
                'give nothing, an ID, or pause, resume or cancel and an ID', ExitCode.USAGE
            )


def _dead(server: Server, options: Namespace) -> ExitCode:
    if options.action == 'ls':
        dead = list(server.items('dead'))
        if options.json:
            print_json(dead)
        else:
            print_dead(dead)
        return ExitCode.OK
    if options.id is None and not options.all:
        raise CommandError('give the ID of a dead letter, or --all', ExitCode.USAGE)
    chosen = [item['id'] for item in server.items('dead')] if options.all else [options.id]
    reason = _reason(options, is_grave=options.action == 'drop')
    codes = []
    for uow in chosen:
        try:
            asked = server.post('dead', uow, options.action, reason=reason)
        except CommandError as error:
            if len(chosen) == 1 or error.exit_code is ExitCode.UNAVAILABLE:
                raise
            # One of many: somebody else has settled it meanwhile, or it is refused.
            print(f'{uow}: {error}', file=sys.stderr)
            codes.append(ExitCode.FOUND)
            continue
        codes.append(_tell(server, asked, options))
    return ExitCode.FOUND if ExitCode.FOUND in codes else ExitCode.OK


def _freerun(server: Server, options: Namespace) -> ExitCode:
    refuse_lone_run(options)
    if options.action == 'ls':
        found = [item for item in server.items('freeruns') if options.name in (None, item['name'])]
        if options.json:
            print_json(found)
            return ExitCode.OK
        print_freeruns(found)
        if options.name is not None:
            for event in server.get('freeruns', options.name)['events'][:20]:
                print(f'    {said(event["at"])} {printable(event["text"])}')
        return ExitCode.OK
    if options.action == 'runs':
        return show_runs(_freerun_runs(server, options.name), options.name, is_json=options.json)
    if options.name is None:
        raise CommandError('give the entry, as in Cleaner::nightly', ExitCode.USAGE)
    if options.action in ('add', 'edit'):
        return _tell(server, _save_freerun(server, options), options)
    action = 'remove' if options.action == 'rm' else options.action
    uow = None
    if options.run is not None:
        uow = uow_of_run(_freerun_runs(server), options.name, options.run)
    reason = _reason(options, is_grave=action in ('cancel', 'remove'))
    asked = server.post('freeruns', options.name, action, uow=uow, reason=reason)
    return _tell(server, asked, options)


def _freerun_runs(server: Server, name: str | None = None) -> list[DeadDocument]:
    if name is None:
        return list(server.items('freeruns', 'runs', state='running'))
    units: list[UnitDocument] = server.get('freeruns', name)['runs']
    return [{'process': name, 'timeperiod': unit['start_timeperiod'], **unit} for unit in units]


def _save_freerun(server: Server, options: Namespace) -> Any:
    is_known = any(item['name'] == options.name for item in server.items('freeruns'))
    if is_known is (options.action == 'add'):
        raise CommandError(
            f'{options.name} exists already; change it with freerun edit'
            if is_known
            else f'there is no free run {options.name!r}; ./launch.py freerun ls shows all',
            ExitCode.CONFLICT if is_known else ExitCode.UNKNOWN,
        )
    details = details_of_freerun(options)
    if 'trigger' in details:
        name = ProcessName(options.name)
        now = datetime.fromisoformat(server.get('status')['at'])
        process = ProcessName(name.partition('::')[0])
        defined = defined_as(name, {'trigger': details['trigger']}, [process], None, now)
        print_fires(defined, now, is_json=options.json)
    if options.action == 'add':
        details[IS_NEW] = True
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
    refuse_lone_options(options)
    if options.boxid is not None:
        raise CommandError(
            '--boxid names the machine that it runs on; unset SYNERGY_SERVER, and run it there',
            ExitCode.USAGE,
        )
    drained = options.drain if options.drain is not None else options.undrain
    box = _box(server, drained or options.forget or options.box)
    if (switched := options.start or options.stop) is not None:
        is_on = options.start is not None
        reason = _reason(options, is_grave=not is_on)
        server.post('boxes', box, switched, 'start' if is_on else 'stop', reason=reason)
        print(f'{switched} is {"on" if is_on else "off"} on box {box}')
        return ExitCode.OK
    if options.update or options.reset:
        action = 'reset' if options.reset else 'update'
        view = server.post('boxes', box, action, reason=options.reason)
        count = sum(row['is_on'] for row in view['processes'])
        print(f'{count} processes are on on box {box}')
        return ExitCode.OK
    if options.forget is not None:
        server.post('boxes', box, 'forget', reason=options.reason)
        print(f'box {box} is forgotten')
        return ExitCode.OK
    is_draining = options.drain is not None
    reason = _reason(options, is_grave=is_draining)
    server.post('boxes', box, 'drain' if is_draining else 'undrain', reason=reason)
    told = 'drains: its workers take no more' if is_draining else 'takes work again'
    print(f'box {box} {told}', flush=True)
    return ExitCode.OK if options.wait is None else _wait(server, box, options.wait)


def _box(server: Server, named: str | None) -> str:
    """Return the box that is meant: the only one, if none is named."""
    if named:
        return named
    known = [view['box_id'] for view in server.items('boxes')]
    if len(known) != 1:
        raise CommandError(
            f'name the box: --box BOX, or --drain BOX; there are: {", ".join(known) or "none"}',
            ExitCode.USAGE,
        )
    return str(known[0])


def _wait(server: Server, box: str, patience: timedelta) -> ExitCode:
    """Wait until no worker of a box runs."""
    until = time.monotonic() + patience.total_seconds()
    workers = {item['process'] for item in server.get('processes')['items']}
    workers |= {item['process'] for item in server.items('freeruns')}
    while busy := [
        row['process']
        for view in server.items('boxes')
        for row in view['processes']
        if view['box_id'] == box and row['process'] in workers and row['state'] not in _ENDED
    ]:
        if time.monotonic() >= until:
            print(f'still at work: {", ".join(busy)}')
            return ExitCode.FOUND
        time.sleep(LOOK_SECONDS)  # noqa: TID251 - no Runtime: there is no context here
    print(f'all workers of box {box} have finished')
    return ExitCode.OK


def _reason(options: Namespace, *, is_grave: bool = True) -> str | None:
    """Return why, for the audit; the API refuses some changes without one."""
    reason: str | None = options.reason
    return reason or (UNSAID if is_grave else None)


def _tell(server: Server, asked: Any, options: Namespace) -> ExitCode:
    command = server.settled(asked)
    if options.json:
        print_json(command)
    else:
        print(sentence(command))
    return ExitCode.FOUND if command['state'] == 'refused' else ExitCode.OK


def _timeperiod(server: Server, options: Namespace) -> str:
    """Return a timeperiod whose zeros at the end may have been left out."""
    text = str(options.timeperiod)
    if len(text) == _DIGITS:
        return text
    qualifier = _qualifier(server, options.process)
    return text if qualifier is None else padded(options.process, qualifier, text)


def _end(server: Server, options: Namespace) -> str:
    qualifier = _qualifier(server, options.process)
    text = str(options.to)
    return text if qualifier is None else str(end_of(UtcCalendar(), qualifier, text))


def _qualifier(server: Server, process: str) -> Qualifier | None:
    """Return that of a process; None for one that the dashboard will not know either."""
    found = (item for item in server.get('processes')['items'] if item['process'] == process)
    return next((Qualifier(f'_{item["qualifier"]}') for item in found), None)


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
