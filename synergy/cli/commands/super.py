"""`launch.py super`: name this box, say what is to run on boxes, drain them, ask how they are.

All but `--boxid` only write what is desired; the Supervisor of the box follows within seconds, or
when it next starts. The box id is that of settings.py or the environment, else what `--boxid` has
written into the home, else `dev`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import timedelta
from typing import Final

from synergy import bootstrap, private
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json
from synergy.cli.interface import Operations
from synergy.cli.numbers import MANY, real
from synergy.cli.opening import opened
from synergy.cli.tables import print_boxes
from synergy.conf.boxes import BOX_ID, box_id_file
from synergy.conf.model import Settings
from synergy.operations.boxes import SWITCH_ACTIONS
from synergy.view.boxes import Presence

_LOOK_SECONDS: Final = 0.2
#: Stands for this box where a flag may name one.
_THIS: Final = ''


def _add_arguments(parser: ArgumentParser) -> None:
    flags = parser.add_mutually_exclusive_group(required=True)
    flags.add_argument('--boxid', metavar='ID', help='name this box, once, before its first start')
    flags.add_argument('--query', action='store_true', help='what is wanted and what runs')
    flags.add_argument('--start', metavar='P', help='switch a process on, until it is switched off')
    flags.add_argument('--stop', metavar='P', help='switch a process off, until it is switched on')
    flags.add_argument('--restart', metavar='P', help='stop a process and start it again')
    flags.add_argument(
        '--update', action='store_true', help='switch everything on that belongs on the box'
    )
    flags.add_argument(
        '--reset', action='store_true', help='forget what was desired, then do as --update'
    )
    flags.add_argument(
        '--drain',
        metavar='BOX',
        nargs='?',
        const=_THIS,
        help='let its workers finish what they run and take no more',
    )
    flags.add_argument(
        '--undrain', metavar='BOX', nargs='?', const=_THIS, help='let its workers take work again'
    )
    flags.add_argument('--forget', metavar='BOX', help='delete the rows of a box that is gone')
    parser.add_argument('--box', metavar='BOX', help='of another box than this one')
    parser.add_argument('--all', action='store_true', help='with --query: of all boxes')
    parser.add_argument(
        '--wait',
        metavar='SECONDS',
        type=_seconds,
        help='with --drain: until its workers have finished; exit 1 when they have not by then',
    )
    parser.add_argument('--reason', metavar='R', help='why, for the audit')
    parser.add_argument('--json', action='store_true', help='with --query: print JSON')


def _seconds(text: str) -> timedelta:
    return timedelta(seconds=real(0, MANY)(text))


def _run(options: Namespace) -> ExitCode:
    _refuse_lone_options(options)
    if options.boxid is not None:
        if options.server:
            raise CommandError(
                '--boxid names the machine that it runs on; unset SYNERGY_SERVER, and run it there',
                ExitCode.USAGE,
            )
        return _name_box(bootstrap.load(reads_sources=False)[0], options.boxid)
    with opened(options, creates=not options.query) as ask:
        if options.query:
            return _query(ask, options)
        if any(getattr(options, action) is not None for action in SWITCH_ACTIONS):
            return _switch(ask, options)
        if options.update or options.reset:
            return _update(ask, options)
        if options.forget is not None:
            return _forget(ask, options)
        return _drain(ask, options)


def _refuse_lone_options(options: Namespace) -> None:
    """Refuse options that would be ignored: their user means something else than is done."""
    for name, is_given, partner, is_there in (
        ('--wait', options.wait is not None, '--drain', options.drain is not None),
        ('--all', options.all, '--query', options.query),
        ('--json', options.json, '--query', options.query),
    ):
        if is_given and not is_there:
            raise CommandError(f'{name} goes with {partner} only; leave it out', ExitCode.USAGE)


def _name_box(settings: Settings, box_id: str) -> ExitCode:
    if not BOX_ID.fullmatch(box_id):
        raise CommandError(
            f'{box_id!r} is not a box id; use up to 64 letters, digits and _ . -', ExitCode.USAGE
        )
    if settings.is_box_id_set and settings.box_id != box_id:
        raise CommandError(
            f'box_id is set to {settings.box_id!r} in {settings.settings_module}.py or in '
            'SYNERGY_BOX_ID, which wins; change it there, or remove it and try again',
            ExitCode.CONFLICT,
        )
    file = box_id_file(settings.home)
    try:
        private.make_folder(file.parent)
        private.write_text(file, f'{box_id}\n')
    except OSError as error:
        raise CommandError(
            f'{file} cannot be written ({error.strerror}); make the folder, or choose another '
            'SYNERGY_HOME',
            ExitCode.UNAVAILABLE,
        ) from error
    print(f'this box is {box_id}, as {file} says; a Supervisor that runs must be started again')
    return ExitCode.OK


def _query(ask: Operations, options: Namespace) -> ExitCode:
    views = ask.boxes()
    box = None if options.all else options.box or ask.own_box
    if box is not None:
        if options.box is not None:
            box = ask.box(options.box)
        views = [view for view in views if view['box_id'] == box]
    if options.json:
        print_json(views)
    elif not views and box is not None:
        print(f'box {box} was never seen; ./launch.py start Supervisor')
    else:
        print_boxes(views)
    is_alive = bool(views) and all(view['presence'] == Presence.ALIVE.value for view in views)
    return ExitCode.OK if is_alive else ExitCode.FOUND


def _switch(ask: Operations, options: Namespace) -> ExitCode:
    action, process = next(
        (action, process)
        for action in SWITCH_ACTIONS
        if (process := getattr(options, action)) is not None
    )
    box = ask.box(options.box)
    until = _until(ask, box)
    ask.switch_on_box(box, process, action, options.reason)
    told = {'start': 'is on', 'stop': 'is off', 'restart': 'starts again'}[action]
    print(f'{process} {told} on box {box}{until}')
    return ExitCode.OK


def _update(ask: Operations, options: Namespace) -> ExitCode:
    box = ask.box(options.box)
    until = _until(ask, box)
    count = ask.change_box(box, 'reset' if options.reset else 'update', options.reason)
    print(f'{count} processes are on on box {box}{until}')
    return ExitCode.OK


def _forget(ask: Operations, options: Namespace) -> ExitCode:
    box = ask.box(options.forget)
    count = ask.change_box(box, 'forget', options.reason)
    print(f'box {box} is forgotten' + ('' if count is None else f': {count} rows'))
    return ExitCode.OK


def _drain(ask: Operations, options: Namespace) -> ExitCode:
    is_draining = options.drain is not None
    box = ask.box((options.drain if is_draining else options.undrain) or options.box)
    until = _until(ask, box)
    ask.change_box(box, 'drain' if is_draining else 'undrain', options.reason)
    told = 'drains: its workers take no more' if is_draining else 'takes work again'
    print(f'box {box} {told}{until}', flush=True)
    if not is_draining or options.wait is None:
        return ExitCode.OK
    return _wait(ask, box, options.wait)


def _wait(ask: Operations, box: str, patience: timedelta) -> ExitCode:
    """Wait until no worker of a box runs."""
    until = ask.clock.monotonic() + patience.total_seconds()
    while busy := ask.busy_on(box):
        if ask.clock.monotonic() >= until:
            print(f'still at work: {", ".join(busy)}')
            return ExitCode.FOUND
        ask.clock.sleep(_LOOK_SECONDS)
    print(f'all workers of box {box} have finished')
    return ExitCode.OK


def _until(ask: Operations, box: str) -> str:
    """Return what is said of a box that does not follow at once; before anything is changed."""
    found = [view['presence'] for view in ask.boxes() if view['box_id'] == box]
    presence = found[0] if found else Presence.UNSEEN.value
    if presence == Presence.ALIVE.value:
        return ''
    return f'; it comes about when its Supervisor runs (now: {presence})'


COMMAND = CliCommand(
    name='super',
    summary='Name this box; switch, drain and query what runs on boxes. The Supervisor of a box '
    'follows within seconds.',
    example='super --query --all',
    add_arguments=_add_arguments,
    run=_run,
)
