"""Read single values that people write: settings, context entries, free runs, overrides, options.

A reader takes one value, of Python or of JSON, and returns what it means; else it raises ValueError
that says what to give instead, without naming the value or its field: `read_field` and the other
callers put those in front, as in `misfire_max = 0: give a whole number from 1 to 1,000`. Texts are
never taken for numbers, except through `spelled`, for places where everything is a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, timedelta
from enum import Enum
from ipaddress import ip_address as parse_ip_address
from ipaddress import ip_network as parse_ip_network
from typing import Any, Final, TypeAlias, TypeVar, cast
from urllib.parse import urlsplit

from synergy.core.bounded import ARGUMENTS, Json, OutOfBounds, check_text, copied, shortened
from synergy.core.calendar import Calendar
from synergy.core.closed import COUNT_MAX as CLOSED_COUNT_MAX
from synergy.core.closed import ClosedHours, parse
from synergy.core.deadline import ByClock
from synergy.core.deadline import parse as parse_deadline
from synergy.core.nearest import nearest
from synergy.core.timeperiod import Qualifier, Timeperiod, containing_utc
from synergy.core.trigger import Trigger, parse_trigger
from synergy.core.written_timeperiod import instant_at
from synergy.core.zones import calendar_named

T = TypeVar('T')
E = TypeVar('E', bound=Enum)
Reader: TypeAlias = Callable[[object], T]

#: Longest text, and most names in a list, unless a reader is told otherwise.
TEXT_LENGTH_MAX: Final = 4_096
NAMES_MAX: Final = 1_000
#: Greatest whole number: bytes of a log file are among them.
WHOLE_MAX: Final = 10**15
#: Greatest other number: thirty years of seconds; of minutes and hours, more than anybody needs.
REAL_MAX: Final = 1e9
_NAME: Final = re.compile(r'[A-Za-z0-9_.-]+')
_WHOLE: Final = re.compile(r'0|-?[1-9][0-9]{0,17}')
_REAL: Final = re.compile(r'-?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})(e[+-]?[0-9]{1,2})?')
_BOOLEANS: Final = {'true': True, '1': True, 'yes': True, 'false': False, '0': False, 'no': False}
_SCHEMES_OF_FILES: Final = ('sqlite', 'embedded')
_USER: Final = re.compile(r':[^/]*@')


def read_field(field: str, value: object, read: Reader[T]) -> T:
    """Return what `value` of `field` means; raise ValueError that names both."""
    try:
        return read(value)
    except ValueError as error:
        raise ValueError(f'{field} = {shortened(value)}: {error}') from error


def read_fields(
    given: Mapping[str, object], reader_by_field: Mapping[str, Reader[Any]]
) -> dict[str, Any]:
    """Return what the given fields mean; raise ValueError that names an unknown or a wrong one."""
    for field in given:
        if field not in reader_by_field:
            raise ValueError(f'unknown field {shortened(field)}{nearest(field, reader_by_field)}')
    return {field: read_field(field, given[field], reader_by_field[field]) for field in given}


def optional(read: Reader[T]) -> Reader[T | None]:
    """Return a reader that also takes None, for what is not given."""
    return lambda value: None if value is None else read(value)


def spelled(read: Reader[T]) -> Reader[T]:
    """Return a reader of numbers that also takes them as texts.

    Only as they are written plainly: no sign but minus, no blanks, leading zeros, underscores or
    digits of other scripts, which `int` and `float` would all take.
    """

    def read_spelled(value: object) -> T:
        if isinstance(value, str):
            if _WHOLE.fullmatch(value):
                return read(int(value))
            if _REAL.fullmatch(value):
                return read(float(value))
        return read(value)

    return read_spelled


def boolean(value: object) -> bool:
    """Return true or false."""
    if isinstance(value, bool):
        return value
    raise ValueError('give true or false')


def spelled_boolean(value: object) -> bool:
    """Return true or false, which may be a text: true, yes, 1, false, no, 0."""
    return boolean(_BOOLEANS.get(value.lower(), value) if isinstance(value, str) else value)


def whole(least: int, most: int = WHOLE_MAX) -> Reader[int]:
    """Return a reader of whole numbers within [least, most]."""

    def read(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        raise ValueError(f'give a whole number from {least:,} to {most:,}')

    return read


def real(least: float, most: float = REAL_MAX, unit: str = '') -> Reader[float]:
    """Return a reader of numbers within [least, most]; unit: what they count, for the message."""

    def read(value: object) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and least <= cast('float', value) <= most:
            return float(cast('float', value))
        counted = f' of {unit}' if unit else ''
        raise ValueError(f'give a number{counted} from {least:,.10g} to {most:,.10g}')

    return read


def duration(unit: str, least: float, most: float = REAL_MAX) -> Reader[timedelta]:
    """Return a reader of durations, given as a number of `unit`: seconds, minutes, hours, days."""
    read_number = real(least, most, unit)
    return lambda value: timedelta(**{unit: read_number(value)})


def text(least: int = 1, most: int = TEXT_LENGTH_MAX) -> Reader[str]:
    """Return a reader of texts of `least` (0 or 1) to `most` characters."""

    def read(value: object) -> str:
        if not isinstance(value, str) or len(value) < least:
            raise ValueError('give a text that is not empty' if least else 'give a text')
        if len(value) > most:
            raise ValueError(f'give a text of at most {most:,} characters')
        check_text(value)
        return value

    return read


def name(value: object) -> str:
    """Return a name of a process, an entry, a tree, a queue."""
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise ValueError('give a name of letters, digits, and _ . -')


def names(value: object) -> tuple[str, ...]:
    """Return the names of a list; none for None."""
    if value is None:
        return ()
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ValueError('give a list of names')


def spelled_names(value: object) -> tuple[str, ...]:
    """Return names: a list, or a text in which commas separate them."""
    found = value.split(',') if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not all(isinstance(word, str) for word in found):
        raise ValueError('give names, as a list or separated by commas')
    if len(found) > NAMES_MAX:
        raise ValueError(f'give at most {NAMES_MAX:,} names')
    return tuple(text()(word.strip()) for word in found if word.strip())


def closed_hours(value: object) -> tuple[ClosedHours, ...]:
    """Return closed hours: one as a text, or a list; in UTC where they name no zone."""
    found = [value] if isinstance(value, str) else value or ()
    if not isinstance(found, list | tuple) or not all(isinstance(item, str) for item in found):
        raise ValueError("give a list of texts, as in ['Sun 02:00-04:00 Europe/Berlin']")
    if len(found) > CLOSED_COUNT_MAX:
        raise ValueError(f'give at most {CLOSED_COUNT_MAX} of them')
    return tuple(parse(item, UTC) for item in found)


def spelled_closed_hours(value: object) -> tuple[str, ...]:
    """Return the texts of closed hours, which may be one text that semicolons separate."""
    if isinstance(value, str):
        value = [part for part in value.split(';') if part.strip()]
    return tuple(hours.text for hours in closed_hours(value))


def patterns(value: object) -> tuple[str, ...]:
    """Return regular expressions: one as a text, or a list; none for None."""
    found = [value] if isinstance(value, str) else value or []
    if not isinstance(found, list | tuple):
        raise ValueError('give a list of regular expressions')
    wrong = []
    for pattern in found:
        try:
            re.compile(pattern)
        except (re.error, TypeError) as error:
            wrong.append(f'{pattern!r} is not a regular expression ({error})')
    if wrong:
        raise ValueError(', '.join(wrong))
    return tuple(found)


def one_of(known: Iterable[str]) -> Reader[str]:
    """Return a reader of one of some words."""
    words = tuple(known)

    def read(value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        hint = nearest(value, words) if isinstance(value, str) else ''
        raise ValueError(f'give one of {", ".join(words)}{hint}')

    return read


def member(enum: type[E]) -> Reader[E]:
    """Return a reader of the members of an enum, by their values, which are texts."""
    read_word = one_of(str(item.value) for item in enum)
    return lambda value: enum(read_word(value))


def trigger(value: object) -> Trigger:
    """Return a trigger, as in `every 15 min`."""
    if not isinstance(value, str):
        raise ValueError('give a text, as in "every 15 min"')
    try:
        return parse_trigger(value)
    except ValueError as error:
        raise ValueError(str(error).removeprefix(f'trigger {value!r} ')) from error


def deadline(value: object) -> ByClock:
    """Return a deadline by the clock, as in `06:00 +1d`."""
    if not isinstance(value, str):
        raise ValueError("give a text, as in '06:00' or '06:00 +1d'")
    return parse_deadline(text(least=0)(value))


def json_object(value: object) -> Mapping[str, Json]:
    """Return arguments: a copy of an object of JSON, within bounds."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError('is not a JSON object; give {"name": value}')
    try:
        return cast('dict[str, Any]', copied(dict(value), ARGUMENTS))
    except OutOfBounds as error:
        raise ValueError(f'cannot be taken: {error}; use fewer, plain values') from error


def hour(value: object) -> Timeperiod:
    """Return an hour, `2026112807`; of a day, a month or a year its first one."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    instant = instant_at(text()(str(value) if is_number else value), None)
    if instant.minute:
        raise ValueError('it lies within an hour; give the hour alone, as in 2026-11-28 07')
    return containing_utc(Qualifier.HOURLY, instant)


def calendar(value: object) -> Calendar:
    """Return the calendar of a time zone, `Europe/Berlin`."""
    return calendar_named(text()(value))


def ip_address(value: object) -> str:
    """Return the IP address of a machine."""
    return str(parse_ip_address(text()(value)))


def networks(value: object) -> tuple[str, ...]:
    """Return networks, as in 10.1.0.0/16; a single address is one, too."""
    found = []
    for item in spelled_names(value):
        try:
            found.append(str(parse_ip_network(item)))
        except ValueError as error:
            raise ValueError(
                f'{item!r:.60} is not a network ({error}); give some as in 10.1.0.0/16'
            ) from error
    return tuple(found)


def umask(value: object) -> int:
    """Return a mask of rights: a text in octal digits, or a number."""
    if isinstance(value, str) and value and not value.strip('01234567'):
        value = int(value, 8)
    # The owner keeps his rights: otherwise nothing that is made could be used.
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 0o077:
        raise ValueError("give octal digits from '000' to '077', as in '027'")
    return value


def uri(*schemes: str) -> Reader[str]:
    """Return a reader of URIs that begin with one of `schemes`."""

    def read(value: object) -> str:
        found = text()(value)
        parts = urlsplit(found)
        if parts.scheme not in schemes:
            raise ValueError(f'give a URI that begins with {" or ".join(schemes)}')
        if parts.scheme in _SCHEMES_OF_FILES and _USER.search(parts.netloc + parts.path):
            # It would become a folder of that name.
            raise ValueError(f'{parts.scheme} has no user; give {parts.scheme}:///ABSOLUTE/PATH')
        return found

    return read


def site_url(value: object) -> str:
    """Return the address of a site, as in https://synergy.example.com, without a slash at its end.

    Nothing that is secret belongs into it: it stands in messages.
    """
    found = uri('http', 'https')(value).strip().rstrip('/')
    if not found.isascii() or not found.isprintable() or ' ' in found:
        raise ValueError('give it in ASCII, without blanks, as in https://synergy.example.com')
    parts = urlsplit(found)
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError('give a port from 1 to 65535') from error
    if not parts.hostname or port == 0:
        raise ValueError('give a host, as in https://synergy.example.com')
    if '@' in parts.netloc or parts.query or parts.fragment:
        raise ValueError('give scheme, host and path alone, as in https://synergy.example.com')
    if parts.path:
        raise ValueError('give no path: the dashboard lies at the root of its host')
    return found
