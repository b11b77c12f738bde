"""Intervals as people write them: `2026-11-28`, `2026-11-28 07`, `2026112807`, `last month`.

Each form says which level it means: a minute, an hour, a day, a week, a month or a year. Days and
coarser intervals are named by dates, hours and minutes in UTC, whatever the zone of a tree is;
words are counted from what is today there. What can be read in two ways is refused, and so is a
zone. Two forms are shared by levels: the name of ten digits, `2026112800`, which is a day, its
first hour or the week that begins with it, and the date of that day. Whoever knows the level reads
them by it (`at_level`).
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final

from synergy.core.bounded import shortened
from synergy.core.calendar import Calendar, UtcCalendar
from synergy.core.late_pattern import late_pattern
from synergy.core.timeperiod import (
    YEAR_MAX,
    YEAR_MIN,
    Measure,
    Qualifier,
    Timeperiod,
    containing_utc,
    parse,
    start_utc,
)

#: What a message advises.
FORMS: Final = (
    'give 2026, 2026-11, 2026-11-28, 2026-11-28 07 or 2026-11-28 07:30 (or its digits alone), or '
    'words as in today, yesterday, yesterday 07, last month, last week, this hour, 3 days ago; all '
    'in UTC'
)
_ABSOLUTE_FORMS: Final = (
    'give 2026, 2026-11, 2026-11-28, 2026-11-28 07 or 2026-11-28 07:30, or its digits alone'
)
_DIGITS: Final = 10
_DIGITS_OF_MINUTES: Final = 12
_MINUTE: Final = Qualifier.MINUTELY_1
_LEVEL_BY_WIDTH: Final = {
    4: Qualifier.YEARLY, 6: Qualifier.MONTHLY, 8: Qualifier.DAILY, 10: Qualifier.HOURLY,
    12: _MINUTE,
}  # fmt: skip
NOUN_BY_LEVEL: Final = {
    Qualifier.YEARLY: 'year',
    Qualifier.MONTHLY: 'month',
    Qualifier.WEEKLY: 'week',
    Qualifier.DAILY: 'day',
    Qualifier.HOURLY: 'hour',
    _MINUTE: 'minute',
}
_LEVEL_BY_NOUN: Final = {noun: level for level, noun in NOUN_BY_LEVEL.items()}
#: How each level is written with separators: most parts of `YYYY-MM-DD HH:MM`.
_WIDTH_BY_MEASURE: Final = {
    Measure.YEAR: 4, Measure.MONTH: 7, Measure.WEEK: 10, Measure.DAY: 10, Measure.HOUR: 13,
    Measure.MINUTE: 16,
}  # fmt: skip
_UTC_CALENDAR: Final = UtcCalendar()
_SHIFT_BY_WORD: Final = {
    'this': 0, 'current': 0, 'last': -1, 'previous': -1, 'next': 1,
}  # fmt: skip
_SHIFT_BY_DAY: Final = {'today': 0, 'yesterday': -1, 'tomorrow': 1}

_HOUR: Final = r'(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.0+)?)?)?'
_IN_UTC: Final = r'(?: ?(?:z|utc|[+]00:?00))?'
_PLAIN: Final = late_pattern(r'[0-9]{4}|[0-9]{6}|[0-9]{8}|[0-9]{10}|[0-9]{12}')
#: Source: ISO 8601.
_ISO_WEEK: Final = late_pattern(r'(?P<year>[0-9]{4})-?w(?P<week>[0-9]{2})')
_SEPARATED: Final = late_pattern(
    r'(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})'
    rf'(?:-(?P<day>[0-9]{{1,2}})(?:(?:t| )(?:{_HOUR}))?)?{_IN_UTC}'
)
_COMPACT: Final = late_pattern(
    rf'(?P<year>[0-9]{{4}})(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})(?:t| ){_HOUR}{_IN_UTC}'
)
_DAY: Final = late_pattern(rf'(?P<word>{"|".join(_SHIFT_BY_DAY)})(?: {_HOUR})?{_IN_UTC}')
_BESIDE: Final = late_pattern(
    rf'(?P<word>{"|".join(_SHIFT_BY_WORD)}) (?P<noun>{"|".join(_LEVEL_BY_NOUN)})'
)
_AGO: Final = late_pattern(
    rf'(?P<count>[0-9]{{1,6}}|an?|one) (?P<noun>{"|".join(_LEVEL_BY_NOUN)})s? ago'
)
#: A blank of a phrase that is written as one word, as in `last-month`; no part of a date is.
_HYPHEN: Final = late_pattern(r'(?<=[a-z])[-_]+(?=[a-z0-9])|(?<=[0-9])[-_]+(?=[a-z])')
_ZONE: Final = late_pattern(
    r'.*[0-9:] ?(?P<zone>[+-][0-9]{2}:?[0-9]{2}|[a-z]+/[a-z_/ -]+|(?!am|pm)[a-z]{3,4})'
)
_TWELVE: Final = late_pattern(r'.*[0-9] ?[ap]m')
_WEEK: Final = late_pattern(r'[0-9]-?w[0-9]')
#: Day, month and year in an order that could be another one.
_OTHER_ORDER: Final = late_pattern(r'[0-9]{1,4}([./-])[0-9]{1,2}\1[0-9]{1,4}(?:\D.*)?')


class UnreadTimeperiod(ValueError):
    """A text names no interval, or none of the level that is asked for.

    what: what is wrong with it. advice: what to give instead. is_other_level: it can be read, but
    is longer or shorter than the intervals that are asked for.
    """

    def __init__(self, what: str, advice: str, *, is_other_level: bool = False) -> None:
        """Say it."""
        super().__init__(f'{what}; {advice}')
        self.what = what
        self.advice = advice
        self.is_other_level = is_other_level


def written(
    text: str,
    now: datetime | None,
    calendar: Calendar = _UTC_CALENDAR,
    level: Qualifier | None = None,
) -> Timeperiod:
    """Return the interval that a text names, of the level that it is written as.

    now: that words are counted from; None where words are refused, for a text that is kept would
    mean something else each day. calendar: which day that is. level: of those who ask, which says
    when a week begins. Raises UnreadTimeperiod.
    """
    plain = text.strip().lower()
    if _PLAIN.fullmatch(plain):
        return _of_digits(plain, text)
    if match := _SEPARATED.fullmatch(plain) or _COMPACT.fullmatch(plain):
        return _of_parts(match, text)
    if match := _ISO_WEEK.fullmatch(plain):
        return _of_week(match, text)
    spoken = ' '.join(_HYPHEN.sub(' ', plain).split())
    found = _spoken(spoken, text, now, calendar, level)
    if found is None:
        raise _unread(plain, spoken, text, now)
    return found


def at_level(
    qualifier: Qualifier, text: str, now: datetime | None, calendar: Calendar = _UTC_CALENDAR
) -> Timeperiod:
    """Return the interval of a level that a text names; raise UnreadTimeperiod.

    A day of hours would be its hour 00, which nobody means: what is coarser or finer is refused.
    """
    plain = text.strip()
    digits = _DIGITS_OF_MINUTES if qualifier.measure is Measure.MINUTE else _DIGITS
    if len(plain) == digits and _PLAIN.fullmatch(plain):
        return _named(qualifier, plain)
    found = written(text, now, calendar, qualifier)
    if found.qualifier is qualifier:
        return found
    if qualifier.measure is Measure.MINUTE and _has_minutes(plain):
        # With zeros it was read as an hour.
        return _named(qualifier, f'{start_utc(found):%Y%m%d%H%M}')
    if qualifier.measure is Measure.MINUTE and found.qualifier is _MINUTE:
        return calendar.containing(qualifier, calendar.start(found))
    if qualifier.measure is Measure.WEEK and found.qualifier is Qualifier.DAILY:
        week = calendar.parent(found, qualifier)
        if str(week) == str(found):
            return week
    raise _other_level(qualifier, found, text, calendar)


def begin_at(
    qualifier: Qualifier, text: str, now: datetime | None, calendar: Calendar = _UTC_CALENDAR
) -> Timeperiod:
    """Return the first interval of a range whose end is given, too; raise UnreadTimeperiod.

    What is coarser means its beginning, for nobody means the whole of it who says where the range
    ends; what is finer than an interval would begin within it.
    """
    try:
        return at_level(qualifier, text, now, calendar)
    except UnreadTimeperiod as error:
        if not error.is_other_level:
            raise
        found = written(text, now, calendar, qualifier)
        if found.qualifier.rank > qualifier.rank:
            raise
        return Timeperiod(qualifier, calendar.children(found, qualifier).start)


def instant_at(text: str, now: datetime | None, calendar: Calendar = _UTC_CALENDAR) -> datetime:
    """Return the first instant of the interval that a text names; raise UnreadTimeperiod."""
    return calendar.start(written(text, now, calendar))


def end_at(calendar: Calendar, qualifier: Qualifier, text: str, now: datetime) -> Timeperiod:
    """Return the end of a range of intervals, exclusive, as a text of any level names it.

    Raises UnreadTimeperiod.
    """
    instant = calendar.start(_at_end(calendar, qualifier, text, now))
    found = calendar.containing(qualifier, instant)
    return found if calendar.start(found) == instant else found.shift(1)


def _at_end(calendar: Calendar, qualifier: Qualifier, text: str, now: datetime) -> Timeperiod:
    """Return what the end of a range names: of its own level, or of any other."""
    try:
        return at_level(qualifier, text, now, calendar)
    except UnreadTimeperiod:
        return written(text, now, calendar, qualifier)


def spelled(timeperiod: Timeperiod) -> str:
    """Return an interval as people write it: `2026-11-28 07`; `at_level` reads it back."""
    width = _WIDTH_BY_MEASURE[timeperiod.qualifier.measure]
    return f'{start_utc(timeperiod):%Y-%m-%d %H:%M}'[:width]


def _named(qualifier: Qualifier, digits: str) -> Timeperiod:
    """Return the interval of a level that is called so."""
    try:
        return parse(qualifier, digits)
    except ValueError as error:
        what, _, advice = str(error).rpartition('; ')
        raise UnreadTimeperiod(what, advice) from error


def _other_level(
    qualifier: Qualifier, found: Timeperiod, text: str, calendar: Calendar
) -> UnreadTimeperiod:
    """Return that a text means another length of interval, and what of this one to give."""
    own, wanted = NOUN_BY_LEVEL.get(found.qualifier, found.qualifier.noun), qualifier.noun
    if qualifier is Qualifier.HOURLY and found.qualifier is _MINUTE:
        return UnreadTimeperiod(
            f'{shortened(text)} lies within an hour',
            f'give the hour alone, as in {spelled(calendar.parent(found, qualifier))}',
        )
    if found.qualifier.rank > qualifier.rank:
        advice = f'give its {wanted}, {spelled(calendar.parent(found, qualifier))}'
    else:
        within = calendar.children(found, qualifier)
        start, end = (Timeperiod(qualifier, at) for at in (within.start, within.stop))
        advice = f'give one {wanted}, as in {spelled(start)}; the whole {own} is {start} --to {end}'
    return UnreadTimeperiod(
        f'{shortened(text)} is {_article(own)} {own}, not {_article(wanted)} {wanted}',
        advice,
        is_other_level=True,
    )


def _has_minutes(plain: str) -> bool:
    match = _SEPARATED.fullmatch(plain.lower()) or _COMPACT.fullmatch(plain.lower())
    return match is not None and match['minute'] is not None


def _of_digits(plain: str, text: str) -> Timeperiod:
    digits = plain
    if digits.endswith('0000') or len(digits) < _DIGITS:
        # `2013010000` is January: zeros fill up what is coarser than it looks.
        while len(digits) > len('YYYY') and digits.endswith('00'):
            digits = digits[:-2]
    return _parsed(_LEVEL_BY_WIDTH[len(digits)], digits, text)


def _of_parts(match: re.Match[str], text: str) -> Timeperiod:
    parts = match.groupdict()
    given = [parts[name] for name in ('year', 'month', 'day', 'hour') if parts[name] is not None]
    digits = ''.join(part.zfill(2) for part in given) + _minutes_of(parts, text)
    if '00' in (parts['month'], parts['day']):
        raise UnreadTimeperiod(f'{shortened(text)} names no real date', 'count from 01')
    return _parsed(_LEVEL_BY_WIDTH[len(digits)], digits, text)


def _of_week(match: re.Match[str], text: str) -> Timeperiod:
    try:
        monday = date.fromisocalendar(int(match['year']), int(match['week']), 1)
        return parse(Qualifier.WEEKLY, f'{monday:%Y%m%d}00')
    except ValueError as error:
        what = f'{shortened(text)} names no real week of the years {YEAR_MIN} to {YEAR_MAX}'
        raise UnreadTimeperiod(what, 'correct it') from error


def _spoken(
    spoken: str,
    text: str,
    now: datetime | None,
    calendar: Calendar,
    asked: Qualifier | None,
) -> Timeperiod | None:
    """Return what words mean; None when they are not among those that are known."""
    day, beside, ago = (form.fullmatch(spoken) for form in (_DAY, _BESIDE, _AGO))
    if now is None or not (day or beside or ago or spoken == 'now'):
        return None
    if spoken == 'now':
        return calendar.containing(Qualifier.HOURLY, now)
    if day:
        found = calendar.containing(Qualifier.DAILY, now).shift(_SHIFT_BY_DAY[day['word']])
        if day['hour'] is None:
            return found
        digits = f'{str(found)[:8]}{day["hour"].zfill(2)}{_minutes_of(day.groupdict(), text)}'
        return _parsed(_LEVEL_BY_WIDTH[len(digits)], digits, text)
    if beside:
        level, shift = _LEVEL_BY_NOUN[beside['noun']], _SHIFT_BY_WORD[beside['word']]
    else:
        assert ago is not None
        level = _LEVEL_BY_NOUN[ago['noun']]
        shift = -(int(ago['count']) if ago['count'].isdecimal() else 1)
    if asked is not None and asked.measure is Measure.WEEK is level.measure:
        level = asked
    return _within(calendar.containing(level, now).shift(shift), text)


def _parsed(level: Qualifier, digits: str, text: str) -> Timeperiod:
    try:
        return parse(level, digits.ljust(_DIGITS, '0'))
    except ValueError as error:
        what = str(error).rpartition('; ')[0].replace(repr(digits.ljust(_DIGITS, '0')), repr(text))
        raise UnreadTimeperiod(what, 'correct it') from error


def _within(found: Timeperiod, text: str) -> Timeperiod:
    last = parse(Qualifier.HOURLY, f'{YEAR_MAX}123123')
    most = containing_utc(found.qualifier, start_utc(last)).ordinal
    if not 0 <= found.ordinal <= most:
        raise UnreadTimeperiod(
            f'{shortened(text)} lies outside the years {YEAR_MIN} to {YEAR_MAX}', 'count less'
        )
    return found


def _minutes_of(parts: dict[str, str | None], text: str) -> str:
    """Return the minutes that are given, if they are more than the hour itself."""
    minute, second = parts['minute'] or '00', parts['second'] or '00'
    if second != '00':
        raise UnreadTimeperiod(
            f'{shortened(text)} lies within a minute', 'give the minute alone, as in 07:30'
        )
    return '' if minute == '00' else minute


def _unread(plain: str, spoken: str, text: str, now: datetime | None) -> UnreadTimeperiod:
    forms = _ABSOLUTE_FORMS if now is None else FORMS
    what = f'{shortened(text)} is not a timeperiod'
    if now is None and _spoken(
        spoken, text, start_utc(Timeperiod(Qualifier.YEARLY, 30)), _UTC_CALENDAR, None
    ):
        return UnreadTimeperiod(
            f'{shortened(text)} would mean another time each day', f'{forms} in UTC'
        )
    if _WEEK.search(plain):
        return UnreadTimeperiod(f'{what}: a week is called by its number, 2026-W48', forms)
    if _TWELVE.fullmatch(spoken):
        return UnreadTimeperiod(f'{what}: hours count from 00 to 23', forms)
    if _OTHER_ORDER.fullmatch(plain) and not re.match(r'[0-9]{4}-', plain):
        return UnreadTimeperiod(f'{what}: the year comes first, then hyphens', forms)
    if (zone := _ZONE.fullmatch(plain)) is not None:
        told = text.strip()[zone.start('zone') :]
        return UnreadTimeperiod(f'{what}: it is in UTC, so leave {told!r} out', forms)
    return UnreadTimeperiod(what, forms)


def _article(noun: str) -> str:
    return 'an' if noun == 'hour' else 'a'
