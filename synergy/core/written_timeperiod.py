"""Intervals as people write them: `2026-11-28`, `2026-11-28 07`, `2026112807`, `last month`.

Each form says which level it means: an hour, a day, a month or a year, of the UTC calendar. What
can be read in two ways is refused, and so is a zone: there is none but UTC. The one form that
levels share is the name of ten digits, `2026112800`, which is a day or its first hour: whoever
knows the level reads that by it (`at_level`).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from synergy.core.bounded import shortened
from synergy.core.calendar import Calendar
from synergy.core.timeperiod import (
    LEVELS,
    YEAR_MAX,
    YEAR_MIN,
    Qualifier,
    Timeperiod,
    containing_utc,
    parse,
    start_utc,
)

#: What a message advises.
FORMS: Final = (
    'give 2026, 2026-11, 2026-11-28 or 2026-11-28 07 (or its digits alone), or words as in today, '
    'yesterday, yesterday 07, last month, this hour, 3 days ago; all in UTC'
)
_ABSOLUTE_FORMS: Final = 'give 2026, 2026-11, 2026-11-28 or 2026-11-28 07, or its digits alone'
_DIGITS: Final = 10
_LEVEL_BY_WIDTH: Final = {4 + 2 * at: level for at, level in enumerate(LEVELS)}
NOUN_BY_LEVEL: Final = {
    Qualifier.YEARLY: 'year',
    Qualifier.MONTHLY: 'month',
    Qualifier.DAILY: 'day',
    Qualifier.HOURLY: 'hour',
}
_LEVEL_BY_NOUN: Final = {noun: level for level, noun in NOUN_BY_LEVEL.items()}
#: How each level is written with separators: most parts of `YYYY-MM-DD HH`.
_WIDTH_BY_LEVEL: Final = {
    Qualifier.YEARLY: 4, Qualifier.MONTHLY: 7, Qualifier.DAILY: 10, Qualifier.HOURLY: 13,
}  # fmt: skip
_SHIFT_BY_WORD: Final = {
    'this': 0, 'current': 0, 'last': -1, 'previous': -1, 'next': 1,
}  # fmt: skip
_SHIFT_BY_DAY: Final = {'today': 0, 'yesterday': -1, 'tomorrow': 1}

_HOUR: Final = r'(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.0+)?)?)?'
_UTC: Final = r'(?: ?(?:z|utc|[+]00:?00))?'
_PLAIN: Final = re.compile(r'[0-9]{4}|[0-9]{6}|[0-9]{8}|[0-9]{10}')
_SEPARATED: Final = re.compile(
    r'(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})'
    rf'(?:-(?P<day>[0-9]{{1,2}})(?:(?:t| )(?:{_HOUR}))?)?{_UTC}'
)
_COMPACT: Final = re.compile(
    rf'(?P<year>[0-9]{{4}})(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})(?:t| ){_HOUR}{_UTC}'
)
_DAY: Final = re.compile(rf'(?P<word>{"|".join(_SHIFT_BY_DAY)})(?: {_HOUR})?{_UTC}')
_BESIDE: Final = re.compile(
    rf'(?P<word>{"|".join(_SHIFT_BY_WORD)}) (?P<noun>{"|".join(_LEVEL_BY_NOUN)})'
)
_AGO: Final = re.compile(
    rf'(?P<count>[0-9]{{1,6}}|an?|one) (?P<noun>{"|".join(_LEVEL_BY_NOUN)})s? ago'
)
#: A blank of a phrase that is written as one word, as in `last-month`; no part of a date is.
_HYPHEN: Final = re.compile(r'(?<=[a-z])[-_]+(?=[a-z0-9])|(?<=[0-9])[-_]+(?=[a-z])')
_ZONE: Final = re.compile(
    r'.*[0-9:] ?(?P<zone>[+-][0-9]{2}:?[0-9]{2}|[a-z]+/[a-z_/ -]+|(?!am|pm)[a-z]{3,4})'
)
_TWELVE: Final = re.compile(r'.*[0-9] ?[ap]m')
_WEEK: Final = re.compile(r'week|[0-9]-?w[0-9]')
#: Day, month and year in an order that could be another one.
_OTHER_ORDER: Final = re.compile(r'[0-9]{1,4}([./-])[0-9]{1,2}\1[0-9]{1,4}(?:\D.*)?')


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


def written(text: str, now: datetime | None) -> Timeperiod:
    """Return the interval that a text names, of the level that it is written as.

    now: that words are counted from; None where words are refused, for a text that is kept would
    mean something else each day. Raises UnreadTimeperiod.
    """
    plain = text.strip().lower()
    if _PLAIN.fullmatch(plain):
        return _of_digits(plain, text)
    if match := _SEPARATED.fullmatch(plain) or _COMPACT.fullmatch(plain):
        return _of_parts(match, text)
    spoken = ' '.join(_HYPHEN.sub(' ', plain).split())
    found = _spoken(spoken, text, now)
    if found is None:
        raise _unread(plain, spoken, text, now)
    return found


def at_level(qualifier: Qualifier, text: str, now: datetime | None) -> Timeperiod:
    """Return the interval of a level that a text names; raise UnreadTimeperiod.

    A day of hours would be its hour 00, which nobody means: what is coarser or finer is refused.
    """
    plain = text.strip()
    if len(plain) == _DIGITS and _PLAIN.fullmatch(plain):
        try:
            return parse(qualifier, plain)
        except ValueError as error:
            what, _, advice = str(error).rpartition('; ')
            raise UnreadTimeperiod(what, advice) from error
    found = written(text, now)
    if found.qualifier is qualifier:
        return found
    own = NOUN_BY_LEVEL[found.qualifier]
    wanted = NOUN_BY_LEVEL[qualifier]
    start = containing_utc(qualifier, start_utc(found))
    if found.qualifier.rank > qualifier.rank:
        advice = f'give its {wanted}, {spelled(start)}'
    else:
        end = containing_utc(qualifier, start_utc(found.shift(1)))
        advice = f'give one {wanted}, as in {spelled(start)}; the whole {own} is {start} --to {end}'
    raise UnreadTimeperiod(
        f'{shortened(text)} is {_article(own)} {own}, not {_article(wanted)} {wanted}',
        advice,
        is_other_level=True,
    )


def begin_at(qualifier: Qualifier, text: str, now: datetime | None) -> Timeperiod:
    """Return the first interval of a range whose end is given, too; raise UnreadTimeperiod.

    What is coarser means its beginning, for nobody means the whole of it who says where the range
    ends; what is finer than an interval would begin within it.
    """
    try:
        return at_level(qualifier, text, now)
    except UnreadTimeperiod as error:
        if not error.is_other_level:
            raise
        found = written(text, now)
        if found.qualifier.rank > qualifier.rank:
            raise
        return containing_utc(qualifier, start_utc(found))


def instant_at(text: str, now: datetime | None) -> datetime:
    """Return the first instant of the interval that a text names; raise UnreadTimeperiod."""
    return start_utc(written(text, now))


def end_at(calendar: Calendar, qualifier: Qualifier, text: str, now: datetime) -> Timeperiod:
    """Return the end of a range of intervals, exclusive, as a text of any level names it.

    Raises UnreadTimeperiod.
    """
    instant = instant_at(text, now)
    found = calendar.containing(qualifier, instant)
    return found if calendar.start(found) == instant else found.shift(1)


def spelled(timeperiod: Timeperiod) -> str:
    """Return an interval as people write it: `2026-11-28 07`; `written` reads it back."""
    return f'{start_utc(timeperiod):%Y-%m-%d %H}'[: _WIDTH_BY_LEVEL[timeperiod.qualifier]]


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
    _refuse_minutes(parts, text)
    digits = ''.join(part.zfill(2) for part in given)
    if '00' in (parts['month'], parts['day']):
        raise UnreadTimeperiod(f'{shortened(text)} names no real date', 'count from 01')
    return _parsed(LEVELS[len(given) - 1], digits, text)


def _spoken(spoken: str, text: str, now: datetime | None) -> Timeperiod | None:
    """Return what words mean; None when they are not among those that are known."""
    day, beside, ago = (form.fullmatch(spoken) for form in (_DAY, _BESIDE, _AGO))
    if now is None or not (day or beside or ago or spoken == 'now'):
        return None
    if spoken == 'now':
        return containing_utc(Qualifier.HOURLY, now)
    if day:
        found = containing_utc(Qualifier.DAILY, now).shift(_SHIFT_BY_DAY[day['word']])
        if day['hour'] is None:
            return found
        _refuse_minutes(day.groupdict(), text)
        return _parsed(Qualifier.HOURLY, f'{str(found)[:8]}{day["hour"].zfill(2)}', text)
    if beside:
        level, shift = _LEVEL_BY_NOUN[beside['noun']], _SHIFT_BY_WORD[beside['word']]
    else:
        assert ago is not None
        level = _LEVEL_BY_NOUN[ago['noun']]
        shift = -(int(ago['count']) if ago['count'].isdecimal() else 1)
    return _within(containing_utc(level, now).shift(shift), text)


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


def _refuse_minutes(parts: dict[str, str | None], text: str) -> None:
    minute, second = parts['minute'] or '00', parts['second'] or '00'
    if (minute, second) != ('00', '00'):
        raise UnreadTimeperiod(
            f'{shortened(text)} lies within an hour', 'give the hour alone, as in 2026-11-28 07'
        )


def _unread(plain: str, spoken: str, text: str, now: datetime | None) -> UnreadTimeperiod:
    forms = _ABSOLUTE_FORMS if now is None else FORMS
    what = f'{shortened(text)} is not a timeperiod'
    if now is None and _spoken(spoken, text, start_utc(Timeperiod(Qualifier.YEARLY, 30))):
        return UnreadTimeperiod(
            f'{shortened(text)} would mean another time each day', f'{forms} in UTC'
        )
    if _WEEK.search(plain):
        return UnreadTimeperiod(f'{what}: there are hours, days, months and years', forms)
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
