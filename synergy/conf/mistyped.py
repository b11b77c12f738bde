"""A call with wrong keywords, read as well as it can be: all that is wrong is told at once."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final

from synergy.core.nearest import nearest, nearest_name
from synergy.core.structs import Struct


class Missing:
    """What stands for an argument that was not given; no second complaint follows from it."""

    def __str__(self) -> str:
        """Return how an entry without a name is called."""
        return 'an entry without a name'


MISSING: Final = Missing()


class Call(Struct, frozen=True, kw_only=True):
    """What a call meant. fields: by parameter; MISSING for what was not given."""

    fields: Mapping[str, Any]
    mistakes: Sequence[str]


def read_call(
    signature: inspect.Signature, args: Sequence[object], kwargs: Mapping[str, object]
) -> Call:
    """Return what a call that Python refuses meant; a mistyped keyword counts for its nearest."""
    names = list(signature.parameters)
    fields = {
        name: MISSING if parameter.default is parameter.empty else parameter.default
        for name, parameter in signature.parameters.items()
    }
    given = dict(zip(names, args, strict=False))
    mistakes = []
    if len(args) > len(names):
        mistakes.append(
            f'{len(args)} values are given without their names; there are {len(names)} fields'
        )
    free = [name for name in names if name not in given and name not in kwargs]
    for keyword, value in kwargs.items():
        if keyword in given:
            mistakes.append(f'{keyword} is given twice; keep one of them')
        elif keyword in fields:
            given[keyword] = value
        else:
            mistakes.append(f'unknown keyword {keyword!r}{nearest(keyword, names)}')
            if (meant := nearest_name(keyword, free)) is not None:
                given[meant] = value
    fields |= given
    mistakes += [f'{name} is missing' for name, value in fields.items() if value is MISSING]
    return Call(fields=fields, mistakes=mistakes)
