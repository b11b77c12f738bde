"""`launch.py super`: name this box, say what is to run on boxes, drain them, ask how they are.

All but `--boxid` only write what is desired; the Supervisor of the box follows within seconds, or
when it next starts. The box id is that of settings.py or the environment, else what `--boxid` has
written into the home, else `dev`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from synergy import bootstrap, private
from synergy.bootstrap import Runtime
from synergy.cli.asking import record
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json
from synergy.cli.control import Control
from synergy.cli.numbers import MANY, real
from synergy.cli.tables import print_boxes
from synergy.conf.boxes import BOX_ID, box_id_file, names_on
from synergy.conf.model import Settings
from synergy.conf.names import PROCESS_SUPERVISOR
from synergy.core.commands import CommandKind
from synergy.core.nearest import nearest
from synergy.core.records import BoxProcess, Json
from synergy.core.supervision import ProcessStatus
from synergy.ports.store import Store
from synergy.view.boxes import BoxView, Presence, box_views
from synergy.view.encode import encode_box_view

_LOOK_SECONDS: Final = 0.2
#: Stands for this box where a flag may name one.
_THIS: Final = ''


def _add_arguments(parser: ArgumentParser) -> None:
    flags = parser.add_mutually_exclusive_group(required=True)
    flags.add_argument('--boxid', metavar='ID', help='name this box, once, before its first start')
    flags.add_argument('--query', action='store_true', help='what is wanted and what runs')
    flags.add_argument('--start', metavar='P', help='switch a process on, for good')
    flags.add_argument('--stop', metavar='P', help='switch a process off, for good')
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
    refuse_lone_options(options)
    settings, context = bootstrap.load()
    if options.boxid is not None:
        return _name_box(settings, options.boxid)
    with bootstrap.open_runtime(settings, context) as runtime:
        store = runtime.open_store(create=not options.query)
        if options.query:
            return _query(runtime, store, options)
        if options.start is not None or options.stop is not None:
            return _switch(runtime, store, options)
        if options.update or options.reset:
            return _update(runtime, store, options)
        if options.forget is not None:
            return _forget(runtime, store, options)
        return _drain(runtime, store, options)


def refuse_lone_options(options: Namespace) -> None:
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


def _query(runtime: Runtime, store: Store, options: Namespace) -> ExitCode:
    views = box_views(store, runtime.settings.box_vanished)
    if not options.all:
        box_id = _box_of(runtime, views, options.box)
        views = [view for view in views if view.box.box_id == box_id]
    if options.json:
        print_json([encode_box_view(view) for view in views])
    elif not views:
        print(f'box {runtime.settings.box_id} was never seen; ./launch.py start Supervisor')
    else:
        print_boxes([encode_box_view(view) for view in views])
    is_alive = bool(views) and all(view.presence is Presence.ALIVE for view in views)
    return ExitCode.OK if is_alive else ExitCode.FOUND


def _switch(runtime: Runtime, store: Store, options: Namespace) -> ExitCode:
    is_on = options.start is not None
    views = box_views(store, runtime.settings.box_vanished)
    box_id = _box_of(runtime, views, options.box)
    control = Control(runtime)
    entry = control.entry(options.start if is_on else options.stop, box_id)
    if entry.name == PROCESS_SUPERVISOR:
        raise CommandError(
            f'{PROCESS_SUPERVISOR} switches others, not itself; '
            f'./launch.py {"start" if is_on else "stop"} {PROCESS_SUPERVISOR}',
            ExitCode.USAGE,
        )
    store.set_desired(box_id, entry.name, is_on=is_on)
    _record(runtime, store, entry.name, box_id, 'start' if is_on else 'stop', options.reason)
    control.ring()
    print(f'{entry.name} is {"on" if is_on else "off"} on box {box_id}{_until(views, box_id)}')
    return ExitCode.OK


def _update(runtime: Runtime, store: Store, options: Namespace) -> ExitCode:
    views = box_views(store, runtime.settings.box_vanished)
    box_id = _box_of(runtime, views, options.box)
    if options.reset:
        store.forget_box(box_id)
    names = names_on(runtime.context, box_id)
    for name in names:
        store.set_desired(box_id, name, is_on=True)
    action = 'reset' if options.reset else 'update'
    _record(runtime, store, box_id, box_id, action, options.reason)
    Control(runtime).ring()
    print(f'{len(names)} processes are on on box {box_id}{_until(views, box_id)}')
    return ExitCode.OK


def _forget(runtime: Runtime, store: Store, options: Namespace) -> ExitCode:
    box_id = options.forget
    views = box_views(store, runtime.settings.box_vanished)
    _box_of(runtime, views, box_id)
    if _presence_of(views, box_id) is Presence.ALIVE:
        raise CommandError(
            f'box {box_id} is alive; stop its Supervisor there first, or use --reset',
            ExitCode.CONFLICT,
        )
    count = store.forget_box(box_id)
    _record(runtime, store, box_id, box_id, 'forget', options.reason)
    print(f'box {box_id} is forgotten: {count} rows')
    return ExitCode.OK


def _drain(runtime: Runtime, store: Store, options: Namespace) -> ExitCode:
    is_draining = options.drain is not None
    views = box_views(store, runtime.settings.box_vanished)
    named = options.drain if is_draining else options.undrain
    box_id = _box_of(runtime, views, named or options.box)
    store.set_drained(box_id, is_draining=is_draining)
    action = 'drain' if is_draining else 'undrain'
    _record(runtime, store, box_id, box_id, action, options.reason)
    Control(runtime).ring()
    told = 'drains: its workers take no more' if is_draining else 'takes work again'
    print(f'box {box_id} {told}{_until(views, box_id)}', flush=True)
    if not is_draining or options.wait is None:
        return ExitCode.OK
    return _wait(runtime, store, box_id, options.wait)


def _wait(runtime: Runtime, store: Store, box_id: str, patience: timedelta) -> ExitCode:
    """Wait until no worker of a box runs; a worker runs whatever its Supervisor has reported."""
    clock = runtime.clock
    until = clock.monotonic() + patience.total_seconds()
    while busy := _busy(runtime, store.box_processes(box_id)):
        if clock.monotonic() >= until:
            print(f'still at work: {", ".join(busy)}')
            return ExitCode.FOUND
        clock.sleep(_LOOK_SECONDS)
    print(f'all workers of box {box_id} have finished')
    return ExitCode.OK


def _busy(runtime: Runtime, rows: Sequence[BoxProcess]) -> list[str]:
    ended = (None, ProcessStatus.STOPPED, ProcessStatus.FATAL)
    return [
        row.process
        for row in rows
        if row.process not in runtime.context.daemons and row.state not in ended
    ]


def _record(
    runtime: Runtime, store: Store, thing: str, box_id: str, action: str, reason: str | None
) -> None:
    """Write down what is desired of a box, or of a process on it, as the dashboard does."""
    details: dict[str, Json] = {'box': box_id, 'action': action}
    record(store, runtime.clock.now(), CommandKind.BOX, thing, details, reason)


def _box_of(runtime: Runtime, views: Sequence[BoxView], named: str | None) -> str:
    """Return the box that is meant; raise CommandError (3) when it is another and unknown."""
    box_id = named or runtime.settings.box_id
    known = [view.box.box_id for view in views]
    if box_id not in known and box_id != runtime.settings.box_id:
        raise CommandError(
            f'box {box_id!r} is unknown{nearest(box_id, known)}; '
            './launch.py super --query --all shows all',
            ExitCode.UNKNOWN,
        )
    return box_id


def _presence_of(views: Sequence[BoxView], box_id: str) -> Presence:
    return next((view.presence for view in views if view.box.box_id == box_id), Presence.UNSEEN)


def _until(views: Sequence[BoxView], box_id: str) -> str:
    presence = _presence_of(views, box_id)
    if presence is Presence.ALIVE:
        return ''
    return f'; it comes about when its Supervisor runs (now: {presence.value})'


COMMAND = CliCommand(
    name='super',
    summary='Name this box; switch, drain and query what runs on boxes. The Supervisor of a box '
    'follows within seconds.',
    example='super --query --all',
    add_arguments=_add_arguments,
    run=_run,
)
