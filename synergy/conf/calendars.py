"""Working calendars of a context: what they are written with, and the days that they mean.

Public holidays come from the library `holidays`, trading days from `exchange_calendars`; both are
extras. Asking them takes up to seconds, so what they have said is kept in a file beside the data of
the installation, under their versions.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import wraps
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, ParamSpec

from synergy.conf.calendar_answers import Told, kept, version_of
from synergy.conf.mistyped import read_call
from synergy.core.bounded import shortened
from synergy.core.nearest import nearest
from synergy.core.structs import Struct
from synergy.core.timeperiod import DAY_NAMES, Qualifier, of_date
from synergy.core.working import Source, WorkingDays

P = ParamSpec('P')

#: Of a file of dates, and of a list.
DATES_MAX: Final = 100_000
_BYTES_MAX: Final = 4_000_000
_DAY: Final = timedelta(days=1)
_PIP: Final = 'python -m pip install {}'
_DAY_BY_NAME: Final = {
    name.lower(): number for number, day in enumerate(DAY_NAMES) for name in (day[:3], day)
}


class CalendarProblem(ValueError):
    """A calendar that cannot be used; the message says why and what helps."""


class RawCalendar(Struct, frozen=True):
    """A calendar as written, not evaluated yet. kind: which constructor made it.

    mistakes: what is wrong with how it was called.
    """

    kind: str
    fields: Mapping[str, Any]
    mistakes: Sequence[str] = ()


class Span(Struct, frozen=True):
    """The days of which calendars are asked: [start, end)."""

    start: date
    end: date

    def __iter__(self) -> Any:
        """Yield the days."""
        return (self.start + _DAY * at for at in range((self.end - self.start).days))


def _noting_mistakes(make: Callable[P, RawCalendar]) -> Callable[P, RawCalendar]:
    """Return a constructor that keeps a wrong keyword, to be told with all else that is wrong."""
    signature = inspect.signature(make)

    @wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> RawCalendar:
        try:
            return make(*args, **kwargs)
        except TypeError:
            call = read_call(signature, args, kwargs)
            return RawCalendar(make.__name__, call.fields, call.mistakes)

    return made


@_noting_mistakes
def working_days(
    country: str, subdivision: str | None = None, weekdays: str = 'Mon-Fri'
) -> RawCalendar:
    """Return the calendar of the working days of a country: `weekdays` without public holidays.

    country, subdivision: as the library `holidays` calls them, as in DE and BY.
    """
    return RawCalendar('working_days', locals())


@_noting_mistakes
def exchange_days(code: str) -> RawCalendar:
    """Return the calendar of the trading days of an exchange, as in XNYS.

    code: as the library `exchange_calendars` calls it.
    """
    return RawCalendar('exchange_days', locals())


@_noting_mistakes
def dates_from(path: str) -> RawCalendar:
    """Return the calendar of the dates of a file of the project, YYYY-MM-DD, one a line.

    What follows a # is left out.
    """
    return RawCalendar('dates_from', locals())


@_noting_mistakes
def weekdays(days: str) -> RawCalendar:
    """Return the calendar of some days of the week, as in `Mon-Fri` or `Mon,Wed`."""
    return RawCalendar('weekdays', locals())


@_noting_mistakes
def last_working_day_of_month(calendar: str) -> RawCalendar:
    """Return the calendar of the last day of each month that works in another calendar."""
    return RawCalendar('last_working_day_of_month', locals())


class Calendars:
    """The calendars of one context, each evaluated once and only if something asks for it."""

    def __init__(
        self, raw_by_name: Mapping[str, object], span: Span, *, project: Path, folder: Path | None
    ) -> None:
        """Evaluate nothing yet.

        span: the days that are known; it holds whole months. project: where files are looked for.
        folder: where answers of libraries are kept; None: nowhere.
        """
        self._raw_by_name = raw_by_name
        self._span = span
        self._project = project
        self._folder = folder
        self._known: dict[str, WorkingDays] = {}
        self._asked: list[str] = []

    def of(self, name: str) -> WorkingDays:
        """Return the calendar `name`; raise CalendarProblem."""
        if name not in self._known:
            if name not in self._raw_by_name:
                raise CalendarProblem(
                    f'there is no calendar {name!r:.80}{nearest(name, self._raw_by_name)}; define '
                    'it in calendar_context'
                )
            if name in self._asked:
                circle = ' <- '.join([*self._asked, name])
                raise CalendarProblem(f'{circle}: these calendars need each other; change one')
            self._asked.append(name)
            try:
                told = self._told_of(name, self._raw_by_name[name])
            finally:
                self._asked.pop()
            self._known[name] = WorkingDays(
                name=name,
                first=_ordinal(self._span.start),
                days=told.days,
                source=told.source,
            )
        return self._known[name]

    def _told_of(self, name: str, raw: object) -> Told:
        if isinstance(raw, list | tuple):
            return self._among(_dates(raw, f'calendar {name!r}'), 'its list')
        if not isinstance(raw, RawCalendar):
            raise CalendarProblem(
                f'calendar {name!r} is {shortened(raw)}; make it with working_days, exchange_days, '
                'dates_from, weekdays or last_working_day_of_month, or as a list of dates'
            )
        if raw.mistakes:
            raise CalendarProblem(f'calendar {name!r}: {"; ".join(raw.mistakes)}')
        fields = raw.fields
        match raw.kind:
            case 'weekdays':
                days = _weekdays(fields['days'])
                return Told(days=bytes(day.weekday() in days for day in self._span))
            case 'dates_from':
                path = shortened(str(fields['path']))
                return self._among(self._dates_of_file(fields['path']), f'the file {path}')
            case 'last_working_day_of_month':
                return self._last_of_months(self.of(str(fields['calendar'])))
            case 'working_days':
                return self._kept('holidays', raw, lambda: self._without_holidays(**fields))
            case _:
                return self._kept('exchange_calendars', raw, lambda: self._trading(fields['code']))

    def _among(self, dates: Iterable[date], where: str) -> Told:
        """Return the days that are among some dates. where: the dates are, in words."""
        wanted = set(dates)
        days = bytes(day in wanted for day in self._span)
        if not any(days):
            last = self._span.end - _DAY
            raise CalendarProblem(
                f'none of its dates lies from {self._span.start} to {last}, so nothing would ever '
                'run; add the dates on which it shall, or leave the calendar out'
            )
        until = _ordinal(max(wanted)) + 1
        return Told(days=days, source=Source(told=where, until=until, is_list=True))

    def _dates_of_file(self, path: object) -> Sequence[date]:
        where = self._project / str(path)
        what = f'calendar file {shortened(str(where))}'
        try:
            if not where.is_file():
                raise CalendarProblem(f'{what} is not a file; correct the path')
            with where.open('rb') as file:
                said = file.read(_BYTES_MAX + 1)
            if len(said) > _BYTES_MAX:
                raise CalendarProblem(f'{what} is too long; at most {_BYTES_MAX:,} bytes are read')
            # Editors and spreadsheets of Windows begin a file with a mark.
            text = said.decode('utf-8-sig')
        except CalendarProblem:
            raise
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise CalendarProblem(f'{what} cannot be read ({why}); correct the path') from error
        lines = (line.partition('#')[0].strip() for line in text.splitlines())
        return _dates([line for line in lines if line], what)

    def _last_of_months(self, other: WorkingDays) -> Told:
        days = [day for day in self._span if other.works(_ordinal(day))]
        last = {
            first
            for first, second in pairwise([*days, self._span.end])
            if (first.year, first.month) != (second.year, second.month)
        }
        return Told(days=bytes(day in last for day in self._span), source=other.source)

    def _without_holidays(self, country: str, subdivision: str | None, weekdays: str) -> Told:
        days = _weekdays(weekdays)
        _text('country', country, 'DE')
        if subdivision is not None:
            _text('subdivision', subdivision, 'BY')
        library = _library('holidays', 'country_holidays')
        years = range(self._span.start.year, self._span.end.year + 1)
        try:
            free = library.country_holidays(country, subdiv=subdivision, years=years)
        except (NotImplementedError, KeyError, ValueError, TypeError) as error:
            known = library.list_supported_countries(include_aliases=True)
            if country not in known:
                raise CalendarProblem(
                    f'country {country!r:.40} is not known to holidays'
                    f'{nearest(country.upper(), known)}; give its code, as in DE'
                ) from error
            raise CalendarProblem(
                f'subdivision {subdivision!r:.40} of {country} is not known to holidays'
                f'{nearest(str(subdivision), known[country])}; give one of '
                f'{", ".join(known[country]) or "none"}'
            ) from error
        return Told(
            days=bytes(day.weekday() in days and day not in free for day in self._span),
            source=self._of_library('holidays', country, date(free.end_year, 12, 31)),
        )

    def _trading(self, code: str) -> Told:
        _text('code', code, 'XNYS')
        library = _library('exchange_calendars', 'get_calendar')
        known = library.get_calendar_names(include_aliases=True)
        if code not in known:
            raise CalendarProblem(
                f'exchange {code!r:.40} is not known to exchange_calendars'
                f'{nearest(code.upper(), known)}; '
                'give its code, as in XNYS'
            )
        first, end = self._span.start, self._span.end - _DAY
        with warnings.catch_warnings():
            # About its own use of other libraries.
            warnings.simplefilter('ignore')
            bounds = library.get_calendar(code)
            first = max(first, _as_date(bounds.bound_min()) or first)
            end = min(end, _as_date(bounds.bound_max()) or end)
            found = library.get_calendar(code, start=first.isoformat(), end=end.isoformat())
        trading = {session.date() for session in found.sessions}
        # Before and after what the library knows: any day, as if there were no calendar.
        return Told(
            days=bytes(not first <= day <= end or day in trading for day in self._span),
            source=self._of_library('exchange_calendars', code, end),
        )

    def _of_library(self, library: str, code: str, last: date) -> Source | None:
        """Return that a library tells no more after a day; None: it tells of all that are asked."""
        if last >= self._span.end - _DAY:
            return None
        return Source(told=f'{library} {version_of(library)} of {code}', until=_ordinal(last) + 1)

    def _kept(self, library: str, raw: RawCalendar, ask: Callable[[], Told]) -> Told:
        asked = sorted(raw.fields.items(), key=str), self._span
        return kept(self._folder, library, asked, ask)


def _library(name: str, attribute: str) -> Any:
    try:
        library = importlib.import_module(name)
    except ImportError as error:
        raise CalendarProblem(
            f'{name} is not installed, which this calendar needs; {_PIP.format(name)}'
        ) from error
    if not hasattr(library, attribute):
        raise CalendarProblem(
            f'{name} has no {attribute}: it is too old, or a file of yours has its name; '
            f'{_PIP.format(f"--upgrade {name}")}'
        )
    return library


def _text(field: str, value: object, example: str) -> None:
    """Raise CalendarProblem unless a field has a text."""
    if not isinstance(value, str) or not value:
        raise CalendarProblem(f'{field} is {shortened(value)}; give a text, as in {example!r}')


def _dates(values: Sequence[object], what: str) -> Sequence[date]:
    """Return the dates of a list; raise CalendarProblem for none, too many, a twin or no date."""
    if not values:
        raise CalendarProblem(f'{what} has no date; give at least one, as YYYY-MM-DD')
    if len(values) > DATES_MAX:
        raise CalendarProblem(f'{what} has {len(values):,} dates; at most {DATES_MAX:,} are read')
    found: dict[date, None] = {}
    for value in values:
        try:
            # An instant is a date to Python as well, but none of a calendar.
            if isinstance(value, date) and not isinstance(value, datetime):
                day = value
            else:
                day = date.fromisoformat(str(value))
        except ValueError as error:
            raise CalendarProblem(
                f'{what} has {shortened(value)}, which is not a date; write it as YYYY-MM-DD'
            ) from error
        if day in found:
            raise CalendarProblem(f'{what} has {day} twice; remove one of the two')
        found[day] = None
    return list(found)


def _weekdays(text: object) -> set[int]:
    """Return the days of the week that a text names, 0 for Monday."""
    found: set[int] = set()
    for part in str(text).split(','):
        first, _, last = (item.strip().lower() for item in part.partition('-'))
        try:
            begin, end = _DAY_BY_NAME[first], _DAY_BY_NAME[last or first]
        except KeyError as error:
            raise CalendarProblem(
                f'{shortened(text)} does not name days of the week; write them as in Mon-Fri or '
                'Mon,Wed'
            ) from error
        found.update((begin + at) % 7 for at in range((end - begin) % 7 + 1))
    return found


def _as_date(stamp: Any) -> date | None:
    return None if stamp is None else stamp.date()


def _ordinal(day: date) -> int:
    return of_date(Qualifier.DAILY, day).ordinal
