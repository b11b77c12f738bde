"""From words on the command line to processes and intervals, with errors that name the nearest."""

from __future__ import annotations

from datetime import datetime

from synergy.cli.command import CommandError, ExitCode
from synergy.conf.model import Context
from synergy.core.hierarchy import Node
from synergy.core.nearest import nearest
from synergy.core.records import ProcessName
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod, parse, start_utc

_DIGITS = 10
_QUALIFIER_BY_WIDTH = {
    4: Qualifier.YEARLY,
    6: Qualifier.MONTHLY,
    8: Qualifier.DAILY,
    10: Qualifier.HOURLY,
}


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


def key_of(context: Context, name: str, timeperiod: str) -> JobKey:
    """Return the job that the user means; zeros at the end of `timeperiod` may be left out.

    Raises CommandError (3) when process or timeperiod is unknown, or outside the process's tree.
    """
    node = node_of(context, name)
    is_short = len(timeperiod) in _QUALIFIER_BY_WIDTH
    padded = timeperiod.ljust(_DIGITS, '0') if is_short else timeperiod
    try:
        found = parse(node.process.qualifier, padded)
    except ValueError as error:
        # What was typed, not what was made of it.
        text = str(error).replace(repr(padded), repr(timeperiod))
        raise CommandError(f'{text} (for {name})', ExitCode.UNKNOWN) from error
    hierarchy = context.hierarchy
    if found.ordinal < node.first or (node.until is not None and found.ordinal >= node.until):
        first = hierarchy.timeperiod(node, node.first)
        last = 'now' if node.until is None else str(hierarchy.timeperiod(node, node.until - 1))
        raise CommandError(
            f'{name}@{found} is outside its tree {node.tree.name!r}, '
            f'which reaches from {first} to {last}; choose an interval in it',
            ExitCode.UNKNOWN,
        )
    return JobKey(node.process.name, found)


def end_of(context: Context, name: str, text: str) -> Timeperiod:
    """Return the end of a range, exclusive, of process `name`; raise CommandError (3)."""
    node = node_of(context, name)
    calendar = context.hierarchy.calendar
    instant = instant_of(text)
    found = calendar.containing(node.process.qualifier, instant)
    return found if calendar.start(found) == instant else found.shift(1)


def instant_of(text: str) -> datetime:
    """Return the first instant of `2013`, `201301`, `20130115`, `2013011507` or `2013010000`.

    Raises CommandError (3) when it is none of them.
    """
    digits = text
    while len(digits) == _DIGITS and digits.endswith('00') and digits[4:6] == '00':
        digits = digits[:4]
    if len(digits) == _DIGITS and digits[6:] == '0000':
        digits = digits[:6]
    qualifier = _QUALIFIER_BY_WIDTH.get(len(digits))
    if qualifier is None or not digits.isdecimal():
        raise CommandError(
            f'{text!r} is no timeperiod; give YYYY, YYYYMM, YYYYMMDD or YYYYMMDDHH',
            ExitCode.UNKNOWN,
        )
    try:
        return start_utc(parse(qualifier, digits.ljust(_DIGITS, '0')))
    except ValueError as error:
        raise CommandError(str(error), ExitCode.UNKNOWN) from error
