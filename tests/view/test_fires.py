"""Next fires as they are told: on the clock of a zone, and when that clock is changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from synergy.core.trigger import parse_trigger
from synergy.view.fires import fires_after, fires_said


def told(text: str, now: datetime) -> list[str]:
    trigger = parse_trigger(text)
    return list(fires_said(trigger, fires_after(trigger, now, 3), now))


def test_in_utc_nothing_is_said_twice() -> None:
    assert told('at 07:30', datetime(2026, 3, 28, tzinfo=UTC)) == [
        'next fires (UTC): Sat 2026-03-28 07:30:00, Sun 2026-03-29 07:30:00, '
        'Mon 2026-03-30 07:30:00'
    ]


@pytest.mark.parametrize(
    ('day', 'fires', 'change'),
    [
        (
            datetime(2026, 3, 28, tzinfo=UTC),
            'Sat 2026-03-28 02:30:00 CET, 01:30:00 UTC; '
            'Sun 2026-03-29 03:00:00 CEST, 01:00:00 UTC; '
            'Mon 2026-03-30 02:30:00 CEST, 00:30:00 UTC',
            'the clock of Europe/Berlin is changed on 2026-03-29: at 02:00 it is put forward to '
            '03:00; a time in between fires at 03:00',
        ),
        (
            datetime(2026, 10, 24, tzinfo=UTC),
            'Sat 2026-10-24 02:30:00 CEST, 00:30:00 UTC; '
            'Sun 2026-10-25 02:30:00 CEST, 00:30:00 UTC; '
            'Mon 2026-10-26 02:30:00 CET, 01:30:00 UTC',
            'the clock of Europe/Berlin is changed on 2026-10-25: at 03:00 it is put back to '
            '02:00; a time that comes twice fires the first time only',
        ),
    ],
)
def test_a_change_of_the_clock_is_told_with_what_it_does(
    day: datetime, fires: str, change: str
) -> None:
    assert told('at 02:30 Europe/Berlin', day) == [f'next fires (Europe/Berlin): {fires}', change]
