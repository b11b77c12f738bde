"""From words on the command line to processes and intervals, with errors that name the nearest."""

from __future__ import annotations

from datetime import datetime

from synergy.cli.command import CommandError, ExitCode
from synergy.conf.model import Context
from synergy.core.calendar import Calendar
from synergy.core.nearest import nearest
from synergy.core.node import Node
from synergy.core.overrides import applied
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.core.written_timeperiod import (
    UnreadTimeperiod,
    at_level,
    begin_at,
    end_at,
    instant_at,
    written,
)
from synergy.ports.store import ContextReader
from synergy.view.jobs import outside


def node_of(context: Context, name: str) -> Node:
    """Return the managed process called `name`; raise CommandError (3) when there is none."""
    node = context.hierarchy.nodes.get(ProcessName(name))
    if node is None:
        hint = nearest(name, context.hierarchy.nodes)
        raise CommandError(
            f'process {name!r} is not a managed process of this context{hint}; '
            './launch.py list shows all',
            ExitCode.UNKNOWN,
        )
    return node


def key_of(
    context: Context, name: str, timeperiod: str, now: datetime, *, is_range: bool = False
) -> JobKey:
    """Return the job that the user means by a timeperiod as people write it.

    is_range: it is the first of a range whose end is given, too, and may be of any longer level.
    Raises CommandError (3) when process or timeperiod is unknown, or outside the process's tree;
    (2) for a timeperiod that is longer or shorter than the intervals of the process.
    """
    node = node_of(context, name)
    read = begin_at if is_range else at_level
    try:
        found = read(node.process.qualifier, timeperiod, now, node.calendar)
    except UnreadTimeperiod as error:
        raise _refused(error, f' (for {name}, which is {node.process.qualifier.word})') from error
    key = JobKey(node.process.name, found)
    if (reach := outside(context.hierarchy, key)) is not None:
        raise CommandError(f'{reach}; choose an interval in it', ExitCode.UNKNOWN)
    return key


def known_key(
    context: Context,
    store: ContextReader,
    name: str,
    timeperiod: str,
    now: datetime,
    *,
    is_range: bool = False,
) -> JobKey:
    """Return the job that is meant, among intervals as they begin by now; see `key_of`."""
    hierarchy = applied(context.hierarchy, store.overrides())
    context = replace(context, hierarchy=hierarchy)
    return key_of(context, name, timeperiod, now, is_range=is_range)


def end_of(calendar: Calendar, qualifier: Qualifier, text: str, now: datetime) -> Timeperiod:
    """Return the end of a range of intervals, exclusive; raise CommandError (3)."""
    try:
        return end_at(calendar, qualifier, text, now)
    except UnreadTimeperiod as error:
        raise _refused(error) from error


def instant_of(text: str, now: datetime) -> datetime:
    """Return the first instant of a timeperiod of any level; raise CommandError (3)."""
    try:
        return instant_at(text, now)
    except UnreadTimeperiod as error:
        raise _refused(error) from error


def written_of(text: str, now: datetime) -> Timeperiod:
    """Return the interval that a text names, of any level; raise CommandError (3)."""
    try:
        return written(text, now)
    except UnreadTimeperiod as error:
        raise _refused(error) from error


def _refused(error: UnreadTimeperiod, told_of: str = '') -> CommandError:
    code = ExitCode.USAGE if error.is_other_level else ExitCode.UNKNOWN
    return CommandError(f'{error.what}{told_of}; {error.advice}', code)
