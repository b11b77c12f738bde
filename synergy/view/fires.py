"""When a trigger fires next, on the clock that it follows, and what that clock does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from synergy.core.trigger import Every, Trigger
from synergy.core.zones import changes, name_of
from synergy.view.clock import with_utc

#: How many are shown before something is changed.
NEXT_COUNT = 5
_FORM = '%a %Y-%m-%d %H:%M:%S'


def zone_of(trigger: Trigger) -> tzinfo:
    """Return the zone whose clock a trigger follows; UTC, too, of one that follows none."""
    return UTC if isinstance(trigger, Every) else trigger.zone or UTC


def fires_after(trigger: Trigger, now: datetime, count: int = NEXT_COUNT) -> Sequence[datetime]:
    """Return the next `count` fires of a trigger."""
    fires: list[datetime] = []
    for _ in range(count):
        fires.append(trigger.next_fire(fires[-1] if fires else now))
    return fires


def fires_said(trigger: Trigger, fires: Sequence[datetime], now: datetime) -> Iterator[str]:
    """Yield lines that tell when a trigger fires, and how its clock is changed until then."""
    zone = zone_of(trigger)
    told = ('; ' if zone is not UTC else ', ').join(fire_said(trigger, at) for at in fires)
    yield f'next fires ({name_of(zone)}): {told}'
    yield from changes_said(trigger, fires, now)


def fire_said(trigger: Trigger, at: datetime, form: str = _FORM) -> str:
    """Return a fire as the clock of its trigger reads it, with UTC beside where that differs."""
    zone = zone_of(trigger)
    return f'{at:{form}}' if zone is UTC else with_utc(at, zone, form)


def changes_said(trigger: Trigger, fires: Sequence[datetime], now: datetime) -> Iterator[str]:
    """Yield how the clock of a trigger is changed until its last fire, and what that means."""
    zone = zone_of(trigger)
    if zone is UTC or not fires:
        return
    for instant in changes(zone, now, fires[-1] + timedelta(seconds=1)):
        was = (instant - timedelta(seconds=1)).astimezone(zone) + timedelta(seconds=1)
        reads = instant.astimezone(zone)
        is_forward = reads.replace(tzinfo=None) > was.replace(tzinfo=None)
        meaning = (
            f'a time in between fires at {reads:%H:%M}'
            if is_forward
            else 'a time that comes twice fires the first time only'
        )
        yield (
            f'the clock of {name_of(zone)} is changed on {was:%Y-%m-%d}: at {was:%H:%M} it is put '
            f'{"forward" if is_forward else "back"} to {reads:%H:%M}; {meaning}'
        )
