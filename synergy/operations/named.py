"""Ids as people give them: whole, or a beginning that only one of them has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from synergy.operations.refusal import OperationRefused, RefusalKind

T = TypeVar('T')

#: A shorter beginning may be a slip of the hand.
PREFIX_LENGTH_MIN: Final = 3
#: The newest so many are looked through for a beginning.
NAMED_AMONG_MAX: Final = 20_000
_CANDIDATES_SHOWN: Final = 10


def meant_by(text: str, items: Iterable[T], id_of: Callable[[T], str], what: str) -> T | None:
    """Return the one of `items` whose id begins with `text`; None when none does.

    Raises OperationRefused, with the candidates, when several do.
    """
    if len(text) < PREFIX_LENGTH_MIN:
        return None
    found = [item for item in items if id_of(item).startswith(text)]
    if len(found) > 1:
        shown = ', '.join(id_of(item) for item in found[:_CANDIDATES_SHOWN])
        more = len(found) - _CANDIDATES_SHOWN
        rest = f' and {more:,} more' if more > 0 else ''
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'{text!r:.80} is the beginning of {len(found):,} ids of a {what}: {shown}{rest}',
            'give more letters of the one that you mean',
        )
    return found[0] if found else None
