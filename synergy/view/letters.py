"""Dead letters with how their intervals stand now, and which of them are meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Final

from synergy.core.freerun_record import is_freerun
from synergy.core.records import Unit
from synergy.core.structs import Struct
from synergy.view.conditions import (
    BLOCKED,
    FAILED,
    HELD,
    OFF,
    PAUSED,
    QUEUED,
    READY,
    RETRYING,
    RUNNING,
    SKIPPED,
    Condition,
    Looking,
    condition_of,
)
from synergy.view.documents import DeadDocument
from synergy.view.encode import encode_dead

#: How the interval of a dead letter may stand, by the name of that.
LETTER_CONDITIONS: Final = {
    condition.name: condition
    for condition in (
        HELD, FAILED, RUNNING, QUEUED, RETRYING, PAUSED, BLOCKED, READY, OFF, SKIPPED,
    )
}  # fmt: skip


class LetterDocument(DeadDocument):
    """A dead letter."""

    interval: Annotated[str | None, 'how its interval stands now; null: of a free run, or gone']


class Letter(Struct, frozen=True):
    """A dead letter. interval: how its interval stands now; None: it has none, or it is gone."""

    unit: Unit
    interval: Condition | None


class LetterFilter(Struct, frozen=True, kw_only=True):
    """Which letters are meant; what is None does not matter. text: within the error, in any case.

    interval: the name of a condition.
    """

    process: str | None = None
    interval: str | None = None
    text: str | None = None

    def is_meant(self, letter: Letter) -> bool:
        """Tell whether a letter is meant."""
        name = None if letter.interval is None else letter.interval.name
        return (
            self.process in (None, letter.unit.process)
            and self.interval in (None, name)
            and (self.text or '').casefold() in (letter.unit.error or '').casefold()
        )

    def __bool__(self) -> bool:
        """Tell whether it leaves anything out."""
        return any((self.process, self.interval, self.text))


def letters_of(units: Iterable[Unit], looking: Looking) -> Iterator[Letter]:
    """Yield dead letters with how their intervals stand."""
    nodes = looking.timetable.hierarchy.nodes
    for unit in units:
        node = nodes.get(unit.process)
        is_there = (
            node is not None
            and not is_freerun(unit.process)
            and unit.timeperiod.qualifier is node.process.qualifier
        )
        yield Letter(unit, condition_of(looking, node, unit.key) if node and is_there else None)


def encode_letter(letter: Letter) -> LetterDocument:
    """Return a dead letter as JSON."""
    interval = None if letter.interval is None else letter.interval.name
    # It is dead, whenever that is asked.
    return {**encode_dead(letter.unit, letter.unit.created_at), 'interval': interval}
