"""What the stores keep whole is read as it was written, and rubbish harms nobody."""

from __future__ import annotations

import pytest

from synergy.core.context_change import Surroundings, compare
from synergy.core.hierarchy import Hierarchy
from synergy.core.leader_standing import Isolated, LeaderStanding, Subject, SubjectKind
from synergy.core.led_context import LedContext, LedInput, LedProcess
from synergy.core.node import InputKind
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier
from synergy.core.timetable import Timetable
from synergy.ports.stored import leader_standing, led_context
from tests.builders import instant, two_trees

NOW = instant('2026112500')
SITE_HOURLY = ProcessName('SiteHourly')
SITE = Subject(SubjectKind.PROCESS, 'SiteHourly')
COMMAND = Subject(SubjectKind.COMMAND, 'c1')


def context_of(hierarchy: Hierarchy) -> LedContext:
    timetable = Timetable(hierarchy)
    timetable.extend(NOW)
    return compare(None, timetable, Surroundings()).context


def test_a_context_survives_its_text_form() -> None:
    led = context_of(two_trees())

    assert led_context.decode(led_context.encode(led)) == led
    # One command reads it several times, and it is long.
    assert led_context.decode(led_context.encode(led)) is led_context.decode(
        led_context.encode(led)
    )


def test_a_context_with_zones_and_windows_survives_and_older_programs_read_one_without() -> None:
    plain = LedInput(
        kind=InputKind.DEPENDENCY, process=SITE_HOURLY, qualifier=Qualifier.HOURLY,
        grouping=1, first=5, until=None,
    )  # fmt: skip
    changes: list[dict[str, object]] = [
        {}, {'offset': -1}, {'last': 7}, {'at_least': 22}, {'is_late_ignored': True},
        {'is_order_only': True}, {'zone': 'Europe/Berlin'}, {'offset': 2, 'last': 3},
    ]  # fmt: skip
    inputs = tuple(replace(plain, **fields) for fields in changes)  # type: ignore[arg-type]
    days, weeks = (
        LedProcess(qualifier=Qualifier.DAILY, inputs=inputs, zone=zone)
        for zone in ('UTC', 'Asia/Kathmandu')
    )
    led = LedContext(rev=3, processes={ProcessName('A'): days, ProcessName('B'): weeks})

    assert led_context.decode(led_context.encode(led)) == led
    # They read six values of each process and input.
    alone = replace(led, processes={ProcessName('A'): replace(days, inputs=inputs[:1])})
    assert led_context.encode(alone) == (
        '{"form":1,"rev":3,"processes":{"A":["_daily",1,0,null,'
        '[["dependency","SiteHourly","_hourly",1,5,null]],false]}}'
    )


@pytest.mark.parametrize(
    'text',
    [
        '',
        '[]',
        'null',
        '{"form":2,"rev":1,"processes":{}}',
        '{"form":1,"rev":1,"processes":{"a":1}}',
        '[' * 100_000,
        '{"form":1,"rev":1,"processes":{"a":["_daily",1,0,null,[["children"]]]}}',
        '{"form":1,"rev":1,"processes":{"a":["_daily",1,0,null,null,false,7]}}',
        '{"form":1,"rev":1,"processes":{"a":["_daily",1,0,null,null,false,{},{}]}}',
    ],
)
def test_a_text_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what is wrong differs
        led_context.decode(text)


def test_what_a_leader_says_is_read_as_it_was_written_and_rubbish_says_nothing() -> None:
    said = LeaderStanding(
        isolated=(
            Isolated(subject=SITE, reason='x', since=NOW, refusal_count=3, next_at=None),
            Isolated(subject=COMMAND, reason='y', since=NOW, refusal_count=4, next_at=NOW),
        ),
        stuck_since=NOW,
        stuck_because='no',
    )

    assert leader_standing.decode(leader_standing.encode(said)) == said
    assert said.of(ProcessName('SiteHourly')) == said.isolated[0]
    assert said.of(ProcessName('c1')) is None
    rubbish: list[object] = [None, 1, 'x', [], {}, {'isolated': 1}, {'isolated': [{'kind': 'x'}]}]
    assert [leader_standing.decode(item) for item in rubbish] == [LeaderStanding()] * len(rubbish)
