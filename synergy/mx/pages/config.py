"""Settings and context as they were loaded, by the names of the documentation, without secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug.wrappers import Response

from synergy.conf.in_force import in_force
from synergy.conf.model import Entry, FreerunEntry, GroupEntry, ManagedEntry
from synergy.core.records import Json
from synergy.core.structs import Struct
from synergy.core.uri import without_password
from synergy.mx.web.address import is_loopback
from synergy.mx.web.formats import counted
from synergy.mx.web.redact import masked
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page


class SettingRow(Struct, frozen=True, kw_only=True):
    """One setting. place: where it was given; None: nowhere, the default is in force."""

    name: str
    value: Any
    place: str | None
    text: str


class EntryRow(Struct, frozen=True, kw_only=True):
    """One registered process; trigger, machine and blocking are None for daemons.

    name: of a free run, `Process::entry`. arguments: masked. group: whose workers run it.
    serves: of a group of workers, whose units they run.
    """

    name: str
    code: str
    queue: str
    boxes: Sequence[str]
    instances: int
    arguments: Mapping[str, Json]
    trigger: str | None = None
    machine: str | None = None
    blocking: str | None = None
    group: str | None = None
    serves: Sequence[str] | None = None


def config(request: RequestContext) -> Response:
    """Show settings and context as loaded, and what was found when they were checked."""
    return page(
        request,
        'config.html',
        settings=setting_rows(request),
        settings_module=request.settings.settings_module,
        entries=entry_rows(request),
        trees={node.tree.name: node.tree for node in request.model.hierarchy}.values(),
        findings=_findings(request),
        context=request.context,
    )


def setting_rows(request: RequestContext) -> list[SettingRow]:
    """Return the settings in force, without secrets."""
    return [
        SettingRow(
            name=item.setting.name,
            value=_shown(item.setting.name, item.value),
            place=item.place,
            text=item.setting.text,
        )
        for item in in_force(request.settings)
    ]


def entry_rows(request: RequestContext) -> list[EntryRow]:
    """Return what context.py registers: managed processes, free runs, daemons."""
    context = request.context
    entries: list[Entry] = [
        *context.groups.values(),
        *context.managed.values(),
        *context.freeruns.values(),
        *context.daemons.values(),
    ]
    rows: list[EntryRow] = []
    served = context.served
    for entry in entries:
        about: dict[str, Any] = {}
        name, arguments = str(entry.name), {}
        code = '' if isinstance(entry, GroupEntry) else entry.classname
        match entry:
            case GroupEntry():
                about = {'serves': list(served.get(entry.name, ()))}
            case ManagedEntry():
                process = entry.process
                about = {'machine': process.machine, 'blocking': process.blocking.value}
                about['trigger'], arguments = str(process.trigger), dict(process.arguments)
                about['group'] = entry.group
            case FreerunEntry():
                name = f'{entry.name}::{entry.entry_name}'
                about, arguments = {'trigger': str(entry.trigger)}, dict(entry.arguments)
                about['group'] = entry.group
            case _:
                arguments = dict(entry.arguments)
        rows.append(
            EntryRow(
                name=name,
                code=code,
                queue=entry.route.queue,
                boxes=entry.present_on_boxes,
                instances=entry.instances,
                arguments=masked(arguments),
                **about,
            )
        )
    return rows


def _findings(request: RequestContext) -> list[tuple[bool, str]]:
    """Return what the check of settings and context says; False: somebody should look at it."""
    settings, context = request.settings, request.context
    module = f'{settings.settings_module}.py'
    in_module = sum(place == module for _, place in settings.places)
    rest = len(settings.places) - in_module
    found = [
        (
            True,
            f'settings: {in_module} given in {_file_of(settings.settings_module)}, '
            f'{rest} in the environment, all valid',
        ),
        (
            True,
            f'context: {counted(len(context.managed), "managed process", "managed processes")}, '
            f'{counted(len(context.freeruns), "free run")}, '
            f'{counted(len(context.daemons), "daemon")} in {_file_of(settings.context_module)}, '
            'all valid',
        ),
    ]
    if settings.is_mx_open_allowed and not is_loopback(settings.mx_host):
        found.append((False, 'mx_allow_open: others may reach a dashboard without any login'))
    if settings.log_level == 'DEBUG':
        found.append((False, 'debug: logs hold more than usual, and grow faster'))
    off = [str(item.name) for item in context.managed.values() if not item.process.is_on]
    if off:
        found.append((False, f'is_on is False in the context: {", ".join(off)}'))
    return found


def _file_of(module: str) -> str:
    return f'{module.replace(".", "/")}.py'


def _shown(name: str, value: object) -> Any:
    return without_password(str(value)) if name.endswith('_uri') else masked(_plain(value), name)


def _plain(value: object) -> Any:
    if isinstance(value, bool | int | float | None):
        return value
    return ', '.join(map(str, value)) if type(value) is tuple else str(value)
