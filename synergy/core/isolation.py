"""Whom to leave out when the same is refused again and again, so that all others go on.

One commit holds what many processes need. When the store refuses a part of it, or deciding for one
process raises, nothing of it is saved: once is a race, which a look at the store resolves; the same
again and again is a row or a definition that somebody has to look at. Then its subject is
isolated: nothing is decided for it until a delay has passed, which doubles each time.

    stage       refused                           saved    time passes
    free        suspect                           -        -
    suspect     counts; at REFUSALS_MAX isolated  free     free after TRIAL_SECONDS
    isolated    stays so                          -        on trial once its delay is over
    on trial    isolated, delay doubled           free     free after TRIAL_SECONDS

Saved means: the very row that was refused. Others of the same process say nothing.

A command is ended before it is isolated: at REFUSALS_MAX it goes on trial, which for a command
means that it is to be saved as refused; only when that fails, too, is it left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from synergy.core.commands import CommandId
from synergy.core.leader_standing import Isolated, Subject, SubjectKind
from synergy.core.records import ProcessName
from synergy.core.structs import Struct, replace

#: This many refusals in a row may be a race.
REFUSALS_MAX: Final = 3
#: Refusals of the same subject further apart, and about different things, are different races.
SUSPICION_SECONDS: Final = 60.0
#: The first delay until an isolated subject is tried again, and the longest.
DELAY_SECONDS: Final = 5.0
DELAY_SECONDS_MAX: Final = 300.0
#: How long after its isolation a subject must give no trouble to count as free.
TRIAL_SECONDS: Final = 600.0
#: Of a reason; an exception of user code may be of any length.
REASON_CHARS_MAX: Final = 500


class Refusal(NamedTuple):
    """What was refused and why, in words; row: which row of the store that was, if it was one."""

    what: str
    row: str = ''


class Stage(StrEnum):
    """How far suspicion has gone."""

    FREE = 'free'
    SUSPECT = 'suspect'
    ISOLATED = 'isolated'
    ON_TRIAL = 'on trial'


class Record(Struct, frozen=True, kw_only=True):
    """What is known of one subject that was refused.

    count: refusals in a row. what: was refused last, and why. row: of the store, if it was one;
    '': deciding failed. isolation_count: how often it was isolated. at: of the last change, until:
    of the isolation; seconds of the monotonic clock.
    since, next_at: the same for people.
    """

    stage: Stage = Stage.FREE
    count: int = 0
    what: str = ''
    row: str = ''
    isolation_count: int = 0
    at: float = 0.0
    until: float = 0.0
    since: datetime | None = None
    next_at: datetime | None = None


def delay_seconds(isolation_count: int) -> float:
    """Return how long the isolation of this number lasts, the first being 1."""
    return min(DELAY_SECONDS * 2.0 ** min(isolation_count - 1, 32), DELAY_SECONDS_MAX)


def refused(
    record: Record, kind: SubjectKind, refusal: Refusal, now: datetime, monotonic: float
) -> Record:
    """Return what is known of a subject after one more refusal."""
    what = refusal.what[:REASON_CHARS_MAX]
    is_same = (what, refusal.row) == (record.what, record.row)
    is_soon = monotonic - record.at <= SUSPICION_SECONDS
    count = record.count + 1 if is_same or is_soon else 1
    changed = replace(record, count=count, what=what, row=refusal.row, at=monotonic)
    match record.stage:
        case Stage.ISOLATED:
            return record
        case Stage.ON_TRIAL:
            return _isolated(replace(changed, count=record.count + 1), now, monotonic)
        case _ if count < REFUSALS_MAX:
            return replace(changed, stage=Stage.SUSPECT)
        case _ if kind is SubjectKind.COMMAND:
            return replace(changed, stage=Stage.ON_TRIAL, since=now)
        case _:
            return _isolated(changed, now, monotonic)


def _isolated(record: Record, now: datetime, monotonic: float) -> Record:
    number = record.isolation_count + 1
    seconds = delay_seconds(number)
    return replace(
        record,
        stage=Stage.ISOLATED,
        isolation_count=number,
        at=monotonic,
        until=monotonic + seconds,
        since=record.since or now,
        next_at=now + timedelta(seconds=seconds),
    )


def later(record: Record, monotonic: float) -> Record | None:
    """Return what is known of a subject as time has passed; None: it may be forgotten."""
    match record.stage:
        case Stage.ISOLATED if monotonic >= record.until:
            return replace(record, stage=Stage.ON_TRIAL, at=monotonic)
        case Stage.ON_TRIAL if monotonic - record.at > TRIAL_SECONDS:
            return None
        case Stage.SUSPECT if monotonic - record.at > TRIAL_SECONDS:
            return None
        case _:
            return record


class Isolation:
    """All subjects of one leader that were refused; nothing is known at first."""

    def __init__(self) -> None:
        """Suspect nobody."""
        self._records: dict[Subject, Record] = {}

    def refuse(self, refusals: Mapping[Subject, Refusal], now: datetime, monotonic: float) -> bool:
        """Take refusals in; tell whether anything is now done differently than before."""
        is_changed = False
        for subject, refusal in refusals.items():
            before = self._records.get(subject, Record())
            after = refused(before, subject.kind, refusal, now, monotonic)
            self._records[subject] = after
            is_changed |= after.stage is not before.stage and after.stage is not Stage.SUSPECT
        return is_changed

    def advance(self, monotonic: float) -> Sequence[Subject]:
        """Let time pass; return the subjects that are to be tried again now."""
        tried = []
        for subject, record in list(self._records.items()):
            after = later(record, monotonic)
            if after is None:
                del self._records[subject]
            elif after is not record:
                self._records[subject] = after
                tried.append(subject)
        return tried

    @property
    def is_empty(self) -> bool:
        """Tell whether nobody was ever refused: the usual case, in which nothing is to be done."""
        return not self._records

    def save(self, rows: Collection[str]) -> None:
        """Trust those again whose refused row is among `rows`, which were saved."""
        for subject, record in list(self._records.items()):
            if record.row in rows and record.stage is not Stage.ISOLATED:
                del self._records[subject]

    def forget(self, subjects: Iterable[Subject]) -> None:
        """Forget what is known of some: they are gone."""
        for subject in subjects:
            self._records.pop(subject, None)

    def stage_of(self, subject: Subject) -> Stage:
        """Return how far suspicion has gone."""
        record = self._records.get(subject)
        return Stage.FREE if record is None else record.stage

    def names(self, kind: SubjectKind) -> frozenset[ProcessName]:
        """Return the isolated processes or free runs."""
        return frozenset(
            ProcessName(subject.name)
            for subject, record in self._records.items()
            if subject.kind is kind and record.stage is Stage.ISOLATED
        )

    def why(self, subject: Subject) -> str:
        """Return what was refused last of a subject."""
        return self._records[subject].what

    @property
    def isolated(self) -> tuple[Isolated, ...]:
        """Return those for whom nothing is decided, by kind and name."""
        return tuple(
            Isolated(
                subject=subject,
                reason=record.what,
                since=record.since,
                refusal_count=record.count,
                next_at=record.next_at,
            )
            for subject, record in sorted(self._records.items())
            if record.stage is Stage.ISOLATED and record.since is not None
        )

    @property
    def next_at(self) -> float | None:
        """Return when the next one is to be tried again, in seconds of the monotonic clock."""
        return min(
            (item.until for item in self._records.values() if item.stage is Stage.ISOLATED),
            default=None,
        )


def command_subject(command: CommandId) -> Subject:
    """Return the subject that a command is."""
    return Subject(SubjectKind.COMMAND, command)
