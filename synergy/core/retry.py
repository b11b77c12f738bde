"""Retry, rescue and burial: what follows an attempt that failed, fell silent or lasted too long.

One module for jobs and for free runs: each event about a unit becomes a `FailedAttempt`, which
says whether another follows and what that takes. What becomes of the job or the free run when none
is left is theirs to say.

Failures and lost workers count apart: `max_attempts` is about the work, `max_lost` about those that
do it. A unit has at most `max_attempts` + `max_lost` - 1 attempts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, TypeAlias, assert_never

from synergy.core.effects import Announce, Effects, MoveUnit, Note
from synergy.core.events import Expired, Reported, TooOld
from synergy.core.records import RetryPolicy, Unit, UowId
from synergy.core.states import UnitState
from synergy.core.structs import Struct

#: Up to this share of the delay is added, so that what failed together is not retried together.
JITTER_SHARE: Final = 0.2

#: What may be told of an attempt that has come to nothing.
Failure: TypeAlias = Reported | Expired | TooOld


class FailedAttempt(Struct, frozen=True, kw_only=True):
    """An attempt that has come to nothing. next_at: when another may begin; None: none is left.

    unit: as it was. is_lost: its worker fell silent, so the work itself has not failed.
    """

    unit: Unit
    policy: RetryPolicy
    error: str | None
    next_at: datetime | None
    is_lost: bool = False

    @property
    def is_failure(self) -> bool:
        """Tell whether it counts as a failure: the last one that is lost ends the run like one."""
        return not self.is_lost or self.next_at is None

    @property
    def lost_count(self) -> int:
        """Return how many attempts of the unit have lost their worker, with this one."""
        return self.unit.lost_count + int(self.is_lost)

    def __str__(self) -> str:
        """Return which attempt of how many failed or was lost, and why."""
        most = attempts_max(self.unit, self.policy)
        how = 'failed'
        if self.is_lost:
            how = f'lost its worker ({self.lost_count} of {self.policy.max_lost})'
        return f'attempt {self.unit.attempt} of {most} {how}: {self.error}'

    def told_again(self, at: datetime) -> str:
        """Return the event for a history that it is followed by another attempt."""
        unit = self.unit
        return f'run {unit.run} {self}; next attempt at {at:%Y-%m-%d %H:%M:%S}{_borne_text(unit)}'

    def effects(self, now: datetime, told: str | None = None) -> Effects:
        """Return what is to be done with the unit: try again, or put it among the dead letters.

        told: what to say of it in the log, where more is known than that an attempt failed.
        """
        unit, at = self.unit, self.next_at
        move = MoveUnit(
            uow_id=unit.id,
            from_state=unit.state,
            from_fence=unit.fence,
            to_state=UnitState.DEAD if at is None else UnitState.REQUESTED,
            at=now,
            raises_fence=True,
            attempt=None if at is None else unit.attempt + 1,
            lost_count=self.lost_count if self.is_lost else None,
            not_before=later_than(now, at),
            error=self.error,
        )
        told = told or f'{unit}: {self}'
        if at is None:
            return Effects([move], notes=[Note('uow_dead', told, is_warning=True)])
        note = Note('uow_lost' if self.is_lost else 'uow_retried', told, is_warning=True)
        ring = Announce(unit.id, unit.process, at, move.from_fence + 1)
        return Effects([move], [ring], [note])


def failed_attempt(event: Failure, policy: RetryPolicy, now: datetime) -> FailedAttempt:
    """Return what follows an attempt that failed, has lost its lease, or lasted too long.

    A worker that was killed, ran out of memory, or whose box is gone says nothing more; its lease
    runs out. That is counted apart from failures, of the work or its time-out, which are told.
    """
    is_lost = not isinstance(event, Reported) and event.unit.state is UnitState.IN_PROGRESS
    match event:
        case Reported(unit):
            error, at = unit.error, next_attempt_at(policy, unit, now)
        case Expired(unit):
            at = rescue_attempt_at(policy, unit, now)
            error = _lost_because(unit, is_last=at is None)
        case TooOld(unit, why):
            error, at = why, None
        case _:
            assert_never(event)
    return FailedAttempt(unit=unit, policy=policy, error=error, next_at=at, is_lost=is_lost)


def attempts_max(unit: Unit, policy: RetryPolicy) -> int:
    """Return how many attempts of a unit there may be, as far as one can know.

    Each that has lost its worker is made up for.
    """
    return policy.max_attempts + unit.lost_count


def attempt_text(unit: Unit, policy: RetryPolicy) -> str:
    """Return the number of an attempt: `attempt 2 of 3`, `attempt 3 of 4, lost 1 of 5`."""
    text = f'attempt {unit.attempt} of {attempts_max(unit, policy)}'
    return f'{text}, {lost_text(unit, policy)}' if unit.lost_count else text


def lost_text(unit: Unit, policy: RetryPolicy) -> str:
    """Return how many attempts have lost their worker: `lost 1 of 5`."""
    return f'lost {unit.lost_count} of {policy.max_lost}'


def _lost_because(unit: Unit, *, is_last: bool) -> str:
    error = f'lease of {unit.owner} ran out'
    if not is_last:
        return error
    count = unit.lost_count + 1
    if count == 1:
        return f'{error}; max_lost is 1, so it is not started again'
    return (
        f'{error}; its worker was lost {count} times (max_lost), killed or without memory, or its '
        'box was gone: what the run does may end its worker'
    )


def announced_again(policy: RetryPolicy, unit: Unit, now: datetime) -> Effects:
    """Return what lets a worker hear of a requested unit, if its time has come.

    Where it has not, the unit is rung for then.
    """
    if is_too_late(policy, unit, now):
        return Effects(
            [brought_forward(unit, now)], [Announce(unit.id, unit.process, fence=unit.fence)]
        )
    if unit.not_before is not None and unit.not_before > now:
        return Effects()
    return Effects(announcements=[Announce(unit.id, unit.process, unit.not_before, unit.fence)])


def next_attempt_at(policy: RetryPolicy, unit: Unit, now: datetime) -> datetime | None:
    """Return when the attempt after one that failed may begin; None when none is left."""
    failed = max(unit.attempt - unit.lost_count, 1)
    if failed >= policy.max_attempts:
        return None
    doublings = min(failed - 1, 32)
    delay = min(policy.delay * (1 << doublings), policy.delay_max)
    return now + delay + delay * JITTER_SHARE * _jitter(unit.id, unit.attempt)


def rescue_attempt_at(policy: RetryPolicy, unit: Unit, now: datetime) -> datetime | None:
    """Return when a unit whose lease ran out may begin again; None when it was lost too often.

    At once: the lease was the delay.
    """
    return None if unit.lost_count + 1 >= policy.max_lost else now


def _borne_text(unit: Unit) -> str:
    """Return who bore an attempt that came to nothing: its unit forgets it at the next claim."""
    if unit.owner is None or unit.started_at is None:
        return ''
    since = f'{unit.started_at:%Y-%m-%d %H:%M:%S}'
    return f' (it was on {unit.owner} under fence {unit.fence} since {since})'


def held_for(unit: Unit) -> timedelta | None:
    """Return for how long a worker held the attempt that has failed or fallen silent.

    None when no attempt has: a unit that waits, for a worker, for its next attempt or for the end
    of an outage, is held by nobody, and that time counts against nobody.
    """
    match unit.state:
        case UnitState.INVALID:
            until = unit.finished_at
        case UnitState.IN_PROGRESS:
            until = unit.lease_until
        case _:
            until = None
    if unit.started_at is None or until is None:
        return None
    return max(until - unit.started_at, timedelta(0))


def given_up_because(unit: Unit, held_max: timedelta, seen_for: timedelta) -> str | None:
    """Return why no attempt may follow one that has failed or fallen silent; None: one may.

    seen_for: for how long the attempt was seen to be held, by a clock that nobody sets. By the
    instants of a row alone, a machine that slept, or a clock that was set, would have worked.
    """
    held = held_for(unit)
    if held is None or min(held, seen_for) <= held_max:
        return None
    hours = held.total_seconds() / 3600
    most = held_max.total_seconds() / 3600
    how = unit.error if unit.state is UnitState.INVALID else f'lease of {unit.owner} ran out'
    return (
        f'{how}; this attempt was worked on for {hours:.4g} hours, and after more than {most:g} '
        '(uow_age_hours_max) none follows'
    )


def later_than(now: datetime, at: datetime | None) -> datetime | None:
    """Return `at` when it lies ahead of `now`, otherwise None: at once.

    Claims are judged by the store's clock. Were that a little behind the Scheduler's, the first
    claim of what is due "from now on" would come too early, and the next a minute later.
    """
    return at if at is not None and at > now else None


def is_too_late(policy: RetryPolicy, unit: Unit, now: datetime) -> bool:
    """Tell whether a unit's attempt is to come later than any delay explains.

    The clock was ahead when that was decided, and has been set back.
    """
    return unit.not_before is not None and unit.not_before > now + 2 * policy.delay_max


def brought_forward(unit: Unit, now: datetime) -> MoveUnit:
    """Return what lets the attempt that a requested unit waits for begin at once."""
    return MoveUnit(
        uow_id=unit.id,
        from_state=unit.state,
        from_fence=unit.fence,
        to_state=unit.state,
        at=now,
        not_before=now,
        error=unit.error,
    )


def _jitter(uow_id: UowId, attempt: int) -> float:
    """Return a number in [0, 1) that is the same for the same attempt, whoever computes it."""
    digest = blake2b(f'{uow_id}#{attempt}'.encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**32


def waits_since(unit: Unit) -> datetime:
    """Return since when a unit waits for a worker that none has had yet: it was made, or its time
    has come.
    """
    made, due = unit.created_at, unit.not_before
    return made if due is None else max(made, due)
