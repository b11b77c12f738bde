"""Failures that are one trouble: of one process, with the same error but for digits and ids.

Two thousand intervals that failed because one host was away are one entry, and what is done about
them is one command, which names the kind of the error. Which letters that means is found out when
it is carried out, so that none is missed that was added meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from synergy.core.commands import Command, CommandKind
from synergy.core.error_kinds import ErrorKind, folded
from synergy.core.freerun_record import is_freerun
from synergy.core.records import ProcessName, UowId
from synergy.core.structs import Struct
from synergy.core.timeperiod import Timeperiod

#: Of a command about dead letters, or failed jobs: the folded error of those that are meant.
ERROR: Final = 'error'
#: Letters that one commit takes off the list: bounds how long a turn of the loop takes.
LETTERS_PER_BATCH_MAX: Final = 5_000
#: Errors whose kind is remembered.
FOLDED_KEPT_MAX: Final = 8_192


class DeadLetter(NamedTuple):
    """A dead letter, or a failed run whose letter was dropped, in brief. error: as it was said."""

    id: UowId
    process: ProcessName
    timeperiod: Timeperiod
    finished_at: datetime | None
    error: str | None


class LetterGroup(Struct, frozen=True, kw_only=True):
    """Dead letters, or failed jobs, of one kind. error: that of the newest, as it was said.

    timeperiods: of their intervals, rising; of free runs, when they were to run. first_at, last_at:
    when the first and the last of them died. newest: the id of the last.
    """

    kind: ErrorKind
    error: str
    timeperiods: Sequence[Timeperiod]
    newest: UowId
    first_at: datetime | None
    last_at: datetime | None

    @property
    def count(self) -> int:
        """Return how many letters there are."""
        return len(self.timeperiods)

    @property
    def process(self) -> ProcessName:
        """Return the process, or free run, whose letters they are."""
        return self.kind.process

    @property
    def first(self) -> Timeperiod:
        """Return the earliest interval."""
        return self.timeperiods[0]

    @property
    def last(self) -> Timeperiod:
        """Return the latest interval."""
        return self.timeperiods[-1]

    @property
    def is_freerun(self) -> bool:
        """Tell whether they are of a free run."""
        return is_freerun(self.process)


def grouped(letters: Iterable[DeadLetter]) -> list[LetterGroup]:
    """Return the groups of failures, those with most of them first.

    letters: the newest first.
    """
    found: dict[ErrorKind, list[DeadLetter]] = {}
    for letter in letters:
        kind = ErrorKind(letter.process, folded_once(letter.error))
        found.setdefault(kind, []).append(letter)
    groups = [
        LetterGroup(
            kind=kind,
            error=items[0].error or '',
            timeperiods=sorted(item.timeperiod for item in items),
            newest=items[0].id,
            first_at=items[-1].finished_at,
            last_at=items[0].finished_at,
        )
        for kind, items in found.items()
    ]
    return sorted(groups, key=lambda group: (-group.count, group.kind))


def meant(groups: Iterable[LetterGroup], text: str) -> list[LetterGroup]:
    """Return the groups that a text means: of the same error, else those that hold it.

    text: an error as it was said or folded, or a part of one.
    """
    found = list(groups)
    kind = folded_once(text)
    same = [group for group in found if group.kind.error == kind]
    if same or not kind:
        return same
    return [group for group in found if is_said(text, group.error, group.kind.error)]


@lru_cache(maxsize=FOLDED_KEPT_MAX)
def folded_once(error: str | None) -> str:
    """Return an error as `folded` does: pages look at the same thousands of them again and again.

    To fold one takes a tenth of a millisecond.
    """
    return folded(error)


def is_said(wanted: str, *errors: str) -> bool:
    """Tell whether one of the forms of an error holds a text, in small or capital letters."""
    return any(wanted.casefold() in error.casefold() for error in errors)


def error_of(command: Command) -> str | None:
    """Return the kind of error that a command is about; None: it is not about one."""
    found = command.details.get(ERROR)
    return found if isinstance(found, str) else None


def of_command(letters: Iterable[DeadLetter], command: Command) -> list[DeadLetter]:
    """Return the letters that a command about a kind of error is about.

    One that runs a free run again means all of its letters; others those of a range of intervals.
    """
    wanted = error_of(command)
    is_ranged = command.kind is not CommandKind.FREERUN_RUN
    return [
        letter
        for letter in letters
        if folded_once(letter.error) == wanted
        and (not is_ranged or command.start <= letter.timeperiod < command.end)
    ]
