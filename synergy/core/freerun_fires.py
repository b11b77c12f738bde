"""When free runs fire: at a phase of their own, without drift, and what becomes of missed fires."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from synergy.core.freerun_record import Freerun, Misfire
from synergy.core.jitter import phase
from synergy.core.records import Unit, uow_id_of
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc
from synergy.core.trigger import Every

#: A clock set back by more was wrong before: fires at a time of day come again. Source: cron(8).
CLOCK_SET_BACK_MAX: Final = timedelta(hours=3)
#: Fires looked at for one entry at a time; of more, the count is not exact.
FIRES_MAX: Final = 10_000


def next_fire(freerun: Freerun, after: datetime) -> datetime:
    """Return the first fire of an entry later than `after`."""
    trigger = freerun.trigger
    if isinstance(trigger, Every):
        own = phase(freerun.name, timedelta(seconds=trigger.seconds))
        return trigger.next_fire(after - own) + own
    return trigger.next_fire(after)


def armed_after(freerun: Freerun, now: datetime) -> datetime:
    """Return after which instant an entry fires next: its last fire, if that can be believed.

    A fire of later than now was handled before the clock was set back. What fired a moment ago is
    not to fire again, but a clock that was plainly wrong says nothing.
    """
    if freerun.last_fire is None:
        return now
    trigger = freerun.trigger
    ahead = CLOCK_SET_BACK_MAX
    if isinstance(trigger, Every):
        ahead = timedelta(seconds=trigger.seconds)
    return now if freerun.last_fire > now + ahead else freerun.last_fire


def fires_until(freerun: Freerun, first: datetime, now: datetime) -> list[datetime]:
    """Return the fires from `first` to `now`, newest kept when there are very many."""
    trigger = freerun.trigger
    if isinstance(trigger, Every):
        period = timedelta(seconds=trigger.seconds)
        count = (now - first) // period + 1
        skipped = max(count - FIRES_MAX, 0)
        return [first + period * number for number in range(skipped, count)]
    fires = [first]
    while len(fires) < FIRES_MAX and (following := next_fire(freerun, fires[-1])) <= now:
        fires.append(following)
    return fires


def chosen(freerun: Freerun, fires: list[datetime]) -> list[datetime]:
    """Return which of the fires that nobody was there to handle are handled all the same."""
    match freerun.misfire:
        case Misfire.ONCE:
            return fires[-1:]
        case Misfire.ALL:
            return fires[-freerun.misfire_max :]
        case Misfire.SKIP:
            return []


def next_unit(freerun: Freerun, planned: datetime, now: datetime) -> Unit:
    """Return the unit of the next run of an entry, for a fire of `planned`."""
    timeperiod = containing_utc(Qualifier.REAL_TIME, planned)
    # Unique for ever: the number of the run rises with each start of the entry.
    run = freerun.last_run + 1
    return Unit(
        id=uow_id_of(JobKey(freerun.name, timeperiod), run),
        process=freerun.name,
        timeperiod=timeperiod,
        start=timeperiod,
        end=timeperiod.shift(1),
        run=run,
        created_at=now,
        arguments=dict(freerun.arguments),
    )
