"""Read JSON that came from outside: bounded in length, depth, number and range, else refused.

Messages, bodies of requests, arguments, columns of rows, answers of other dashboards: whoever reads
one says its `Bounds`. The text is measured before it is parsed; what is parsed is looked through
level by level, without recursion, so that nothing later can run out of stack, of memory or of a
store's range because of it. Cost is linear in the length. Names that come twice, NaN and Infinity,
halves of surrogate pairs and NUL are refused as well: one reader would take them for something
else than the next.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, NoReturn, TypeAlias

from synergy.core.structs import Struct

#: What JSON can carry: the values of `arguments`.
Json: TypeAlias = 'bool | int | float | str | list[Json] | dict[str, Json] | None'

#: Whole numbers have at most this many bits; 2**256 has 78 digits.
_BITS_MAX: Final = 256
_KEY_LENGTH_MAX: Final = 200


class OutOfBounds(ValueError):
    """What came from outside cannot be taken; the message says why: `it is nested ...`."""


class Bounds(Struct, frozen=True, kw_only=True):
    """How much is taken. length: characters or bytes of the text. depth: of objects and lists
    within each other, 1 for a flat one. items: values of all lists and objects together.
    """

    length: int
    depth: int = 20
    items: int = 10_000


#: Arguments of a process or a free run, and the details of a command.
ARGUMENTS: Final = Bounds(length=64 * 1024)
#: The body of a request: arguments, and what stands around them.
BODY: Final = Bounds(length=256 * 1024, depth=24)
#: A column of a row. Wider than what is let in, for older versions let more in; still so that
#: whatever looks at it survives.
ROW: Final = Bounds(length=4 * 1024 * 1024, depth=100, items=1_000_000)
#: The plan of a request about a million jobs that lie apart.
PLAN: Final = Bounds(length=64 * 1024 * 1024, depth=5, items=8_000_000)
#: An answer of another dashboard, or a file of our own.
ANSWER: Final = Bounds(length=64 * 1024 * 1024, depth=120, items=8_000_000)


def loads(text: str | bytes, bounds: Bounds) -> Json:
    """Return the value that a JSON text spells; raise OutOfBounds."""
    if len(text) > bounds.length:
        unit = 'characters' if isinstance(text, str) else 'bytes'
        raise OutOfBounds(f'it has {len(text):,} {unit}; at most {bounds.length:,} are taken')
    try:
        found: Json = _DECODER.decode(text if isinstance(text, str) else text.decode())
    except OutOfBounds:
        raise
    except UnicodeDecodeError as error:
        raise OutOfBounds(f'it is not UTF-8 ({error.reason} at byte {error.start})') from error
    except json.JSONDecodeError as error:
        raise OutOfBounds(f'it is not JSON ({error})') from error
    except ValueError as error:
        raise OutOfBounds('a number in it has thousands of digits') from error
    except RecursionError as error:
        raise OutOfBounds(_too_deep(bounds)) from error
    check(found, bounds)
    return found


def copied(value: object, bounds: Bounds) -> Json:
    """Return what JSON makes of a value of Python: tuples become lists; raise OutOfBounds."""
    try:
        text = json.dumps(value, allow_nan=False)
    except RecursionError as error:
        raise OutOfBounds(_too_deep(bounds)) from error
    except (TypeError, ValueError) as error:
        raise OutOfBounds(f'it cannot be written as JSON ({error})') from error
    return loads(text, bounds)


def check(value: object, bounds: Bounds) -> None:
    """Raise OutOfBounds unless a value consists of what JSON can carry, within bounds."""
    count, depth = 0, 0
    level: list[object] = [value]
    while level:
        count += len(level)
        if count > bounds.items:
            raise OutOfBounds(f'it has more than {bounds.items:,} values')
        following: list[object] = []
        has_nested = False
        for item in level:
            if isinstance(item, str):
                check_text(item)
            elif isinstance(item, dict):
                has_nested = True
                for key in item:
                    _check_key(key)
                following += item.values()
            elif isinstance(item, list):
                has_nested = True
                following += item
            else:
                _check_scalar(item)
        depth += has_nested
        if depth > bounds.depth:
            raise OutOfBounds(_too_deep(bounds))
        level = following


def check_text(text: str) -> None:
    """Raise OutOfBounds for a text that not every store and every program can take."""
    if '\0' in text:
        raise OutOfBounds('a text in it contains NUL, the character 0')
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise OutOfBounds('a text in it contains half of a surrogate pair') from error


def shortened(value: object, length: int = 80) -> str:
    """Return how a value is shown in a message: its repr, at most `length` long, whatever it is."""
    if isinstance(value, str | bytes):
        return f'{value[: length + 1]!r:.{length}}'
    if isinstance(value, int) and value.bit_length() > _BITS_MAX:
        return f'a number of {value.bit_length():,} bits'
    if isinstance(value, list | tuple | set | frozenset | Mapping):
        return f'{type(value).__name__} of {len(value):,} items'
    return f'{value!r:.{length}}'


def _check_scalar(value: object) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if value.bit_length() > _BITS_MAX:
            raise OutOfBounds(f'a number in it has more than {_BITS_MAX} bits')
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise OutOfBounds('a number in it is too great to be kept, or is not a number')
    else:
        raise OutOfBounds(f'it contains a {type(value).__name__}, which JSON cannot carry')


def _check_key(key: object) -> None:
    if not isinstance(key, str):
        raise OutOfBounds(f'it has {shortened(key)} for a name; names are texts')
    if len(key) > _KEY_LENGTH_MAX:
        raise OutOfBounds(f'a name in it has {len(key):,} characters; at most {_KEY_LENGTH_MAX}')
    check_text(key)


def _too_deep(bounds: Bounds) -> str:
    return f'it is nested deeper than {bounds.depth} levels'


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise OutOfBounds(f'the name {shortened(twice)} comes twice in one object')
    return found


def _constant(name: str) -> NoReturn:
    raise OutOfBounds(f'it contains {name}, which is not a number of JSON')


#: Made once: `json.loads` with hooks would make one for each text.
_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
