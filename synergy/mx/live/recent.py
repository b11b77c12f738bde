"""The newest changes as a list to read: many alike are one line, so that the rare ones are seen.

A live interval rests and runs again all the time; its lines would fill the list within seconds, and
with it hide the one that failed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from synergy.core.letter_groups import folded_once
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.mx.live.read_model import Change

#: More changes alike than these are one line.
ALIKE_MAX: Final = 3


class FoldedChange(Struct, frozen=True):
    """The newest of changes that are alike. more: how many others, since `since`."""

    change: Change
    more: int
    since: datetime


def folded_changes(newest_first: Iterable[Change], limit: int) -> Sequence[FoldedChange]:
    """Return at most `limit` lines, in the order of the newest change of each.

    Alike are changes of one process to one condition, for one reason but for digits and ids.
    """
    alike: dict[tuple[ProcessName, str, str], list[Change]] = defaultdict(list)
    for change in newest_first:
        reason = folded_once(change.reason)
        alike[change.key.process, change.mark.name, reason].append(change)
    lines = [line for found in alike.values() for line in _lines(found)]
    return sorted(lines, key=lambda line: line.change.number, reverse=True)[:limit]


def _lines(found: Sequence[Change]) -> Sequence[FoldedChange]:
    if len(found) <= ALIKE_MAX:
        return [FoldedChange(change, 0, change.at) for change in found]
    return [FoldedChange(found[0], len(found) - 1, found[-1].at)]
