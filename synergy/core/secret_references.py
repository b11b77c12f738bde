"""References to secrets within arguments: where a value is, never the value.

A reference is the JSON object `{"@secret": "env:NAME"}`, anywhere in arguments. It is what is
stored, sent and shown; the worker puts the value in its place just before user code is called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

MARK: Final = '@secret'
#: How references are written, for messages.
FORMS: Final = "'env:NAME', 'file:/run/secrets/x' or 'vault:mount/path#key'"
#: Characters of a reference, and bytes of a value.
LENGTH_MAX: Final = 1_024
VALUE_LENGTH_MAX: Final = 64 * 1024

Path = tuple[str, ...]
_NAME: Final = re.compile(r'[A-Za-z_][A-Za-z0-9_]{0,254}')
_SEGMENT: Final = re.compile(r'[^/#?%\s\\]+')


class UnresolvedReference(RuntimeError):
    """A secret cannot be had now; the message names its reference, and nothing of its value."""


def problem_of(reference: object) -> str | None:
    """Return what is wrong with a reference; None: nothing.

    What might itself be a secret, written where its place belongs, is not repeated.
    """
    if not isinstance(reference, str) or len(reference) > LENGTH_MAX:
        return f'a secret is named by a text; give {FORMS}'
    scheme, colon, place = reference.partition(':')
    if not reference.isprintable() or not colon or scheme not in ('env', 'file', 'vault'):
        return f'a secret must say where it is; give {FORMS}'
    match scheme:
        case 'env':
            is_good = _NAME.fullmatch(place) is not None
            return None if is_good else 'env: needs the name of a variable, as in env:DB_PASSWORD'
        case 'file':
            is_good = place.startswith('/') and not place.endswith('/') and '..' not in place
            return None if is_good else 'file: needs an absolute path, as in file:/run/secrets/x'
        case _:
            path, _, key = place.partition('#')
            segments = path.split('/')
            is_path = len(segments) > 1 and all(
                _SEGMENT.fullmatch(item) and item not in ('.', '..') for item in segments
            )
            if is_path and key and '#' not in key:
                return None
            return 'vault: needs a mount, a path and a key, as in vault:secret/db#password'


def is_reference(value: object) -> bool:
    """Tell whether a value is a sound reference: it may be shown."""
    return isinstance(value, Mapping) and [*value] == [MARK] and problem_of(value[MARK]) is None


def references_in(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Yield what claims to be a reference, and its place; an object with more keys, as None.

    value: of JSON; its depth is bounded where it is read.
    """
    if isinstance(value, Mapping):
        if MARK in value:
            yield path, value[MARK] if len(value) == 1 else None
            return
        for key, item in value.items():
            yield from references_in(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from references_in(item, (*path, str(number)))


def with_values(value: Any, value_of: Callable[[str], str]) -> Any:
    """Return a copy of a value of JSON with secrets in place of their references."""
    if isinstance(value, Mapping):
        if MARK in value:
            reference = value[MARK]
            if len(value) > 1 or (problem := problem_of(reference)) is not None:
                problem = (
                    'a reference to a secret has nothing beside it' if len(value) > 1 else problem
                )
                raise UnresolvedReference(f'{problem}; correct the arguments')
            return value_of(reference)
        return {key: with_values(item, value_of) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_values(item, value_of) for item in value]
    return value
