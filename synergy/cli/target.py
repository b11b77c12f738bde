"""From words on the command line to processes and intervals, with errors that name the nearest."""

from __future__ import annotations

from datetime import datetime

from synergy.cli.command import CommandError, ExitCode
from synergy.conf.model import Context
from synergy.core.calendar import Calendar
from synergy.core.hierarchy import Node
from synergy.core.nearest import nearest
from synergy.core.records import ProcessName
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod, containing_utc, parse, start_utc
from synergy.view.jobs import outside

_DIGITS = 10
_QUALIFIER_BY_WIDTH = {
    4: Qualifier.YEARLY,
    6: Qualifier.MONTHLY,
    8: Qualifier.DAILY,
    10: Qualifier.HOURLY,
}
_NOUNS = {Qualifier.YEARLY: 'year', Qualifier.MONTHLY: 'month', Qualifier.DAILY: 'day'}
_FORMS = {
    Qualifier.MONTHLY: 'YYYYMM',
    Qualifier.DAILY: 'YYYYMMDD',
    Qualifier.HOURLY: 'YYYYMMDDHH',
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


def padded(name: str, qualifier: Qualifier, text: str) -> str:
    """Return a timeperiod with the zeros at its end, which may be left out.

    Raises CommandError (2) for one that is coarser than the process: a day of an hourly one would
    be its hour 00, which nobody means.
    """
    given = _QUALIFIER_BY_WIDTH.get(len(text))
    if given is None or given is Qualifier.HOURLY or not text.isdecimal():
        return text
    if given.rank < qualifier.rank:
        form = _FORMS[qualifier]
        try:
            span = parse(given, text.ljust(_DIGITS, '0'))
        except ValueError:
            example = ''
        else:
            first, end = (
                containing_utc(qualifier, start_utc(item)) for item in (span, span.shift(1))
            )
            example = f'; the whole {_NOUNS[given]} is {first} --to {end}'
        raise CommandError(
            f'{text} is a {_NOUNS[given]}, but {name} is {qualifier.word}: give {form}{example}',
            ExitCode.USAGE,
        )
    return text.ljust(_DIGITS, '0')


def key_of(context: Context, name: str, timeperiod: str) -> JobKey:
    """Return the job that the user means; zeros at the end of `timeperiod` may be left out.

    Raises CommandError (3) when process or timeperiod is unknown, or outside the process's tree.
    """
    node = node_of(context, name)
    full = padded(name, node.process.qualifier, timeperiod)
    try:
        found = parse(node.process.qualifier, full)
    except ValueError as error:
        # What was typed, not what was made of it.
        text = str(error).replace(repr(full), repr(timeperiod))
        raise CommandError(f'{text} (for {name})', ExitCode.UNKNOWN) from error
    key = JobKey(node.process.name, found)
    if (reach := outside(context.hierarchy, key)) is not None:
        raise CommandError(f'{reach}; choose an interval in it', ExitCode.UNKNOWN)
    return key


def end_of(calendar: Calendar, qualifier: Qualifier, text: str) -> Timeperiod:
    """Return the end of a range of intervals, exclusive; raise CommandError (3)."""
    instant = instant_of(text)
    found = calendar.containing(qualifier, instant)
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
            f'{text!r} is not a timeperiod; give YYYY, YYYYMM, YYYYMMDD or YYYYMMDDHH',
            ExitCode.UNKNOWN,
        )
    try:
        return start_utc(parse(qualifier, digits.ljust(_DIGITS, '0')))
    except ValueError as error:
        raise CommandError(str(error), ExitCode.UNKNOWN) from error
