"""Which jobs are late: one by one, counted, and searched for, the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy.core.deadline import ByClock, Deadline, of_tree, parse
from synergy.core.hierarchy import Hierarchy
from synergy.core.records import CommandId, Job, uow_id_of
from synergy.core.states import JobState
from synergy.core.timeperiod import Qualifier
from synergy.core.timetable import Timetable
from synergy.core.trigger import parse_trigger
from synergy.view.conditions import LATE, Looking
from synergy.view.lateness import (
    deadline_warnings,
    deadlines,
    due_cause,
    is_late,
    late_count,
    late_now,
)
from synergy.view.standing import looked_at
from tests.builders import instant, key, two_trees

SIX = parse('06:00')
OF_DAY = of_tree(SIX, Qualifier.HOURLY)
REQUEST = CommandId('r')


def stood(hierarchy: Hierarchy, at: str) -> Timetable:
    """Return an index in which one hour is done, one is run again and one runs."""
    found = Timetable(hierarchy)
    found.extend(instant(at))
    for name, state, request in (
        ('2026112203', JobState.PROCESSED, None),
        ('2026112204', JobState.EMBRYO, REQUEST),
        ('2026112205', JobState.IN_PROGRESS, REQUEST),
        ('2026112206', JobState.IN_PROGRESS, None),
    ):
        hour = key(f'SiteHourly@{name}')
        if hour.timeperiod.ordinal not in found.span(hour.process):
            continue
        found.put(
            Job(
                process=hour.process,
                timeperiod=hour.timeperiod,
                state=state,
                rev=1,
                run=1,
                uow_id=uow_id_of(hour, 1) if state is JobState.IN_PROGRESS else None,
                request_id=request,
                changed_at=instant(at),
            )
        )
    found.settle()
    return found


@pytest.mark.parametrize(
    ('deadline', 'at', 'count'),
    [
        # Nothing of a day before six on the next one; then all but what is done or run again.
        (OF_DAY, '202611230559', 0),
        (OF_DAY, '202611230600', 24 - 3),
        (OF_DAY, '202611240600', 48 - 3),
        # Those that had ended before six, and the others a day later.
        (SIX, '202611220559', 0),
        (SIX, '202611220600', 5 - 2),
        (SIX, '202611230559', 5 - 2),
        (SIX, '202611230600', 29 - 3),
        (None, '202611220905', 8 - 3),
    ],
)
def test_late_jobs_are_counted_as_they_are_told_one_by_one(
    deadline: Deadline | None, at: str, count: int
) -> None:
    timetable = stood(two_trees(SiteHourly={'deadline': deadline}), at)
    now, node = instant(at), timetable.hierarchy.nodes[key('SiteHourly@2026112200').process]
    until = timetable.hierarchy.late_until(node, now)
    span = timetable.span(node.process.name)

    late = [ordinal for ordinal in span if is_late(timetable, node, ordinal, until)]

    assert len(late) == late_count(timetable, node, until) == count
    told = [*late_now(timetable, now)]
    if deadline is None or not count:
        assert told == []
    else:
        (item,) = told
        assert (item.process, item.count) == (node.process.name, count)
        assert [found.timeperiod.ordinal for found in item.first] == late[:5]
        assert item.since == timetable.hierarchy.late_at(node, late[0])
        assert [*late_now(timetable, now, 'SiteDaily')] == []
    looking = Looking(timetable=timetable, failed={}, runs={}, now=now)
    found = looked_at(looking, node, span, LATE)
    meant = [ordinal for ordinal, is_meant in found if is_meant]
    assert meant == late
    assert not is_late(timetable, node, node.first - 1, until)


def test_a_deadline_is_told_until_a_job_is_done() -> None:
    timetable = stood(two_trees(SiteHourly={'deadline': OF_DAY}), '202611222300')
    now = instant('202611222300')

    def said(name: str, at: int = 0) -> tuple[str, str] | None:
        cause = due_cause(timetable, key(name), now + timedelta(hours=at))
        return None if cause is None else (cause.kind.value, cause.text)

    assert said('SiteHourly@2026112206') == (
        'deadline',
        'is to be done by 2026-11-23 06:00:00 UTC (in 7 h): its deadline is 06:00 after its day',
    )
    assert said('SiteHourly@2026112206', at=8) == (
        'late',
        'is late since 2026-11-23 06:00:00 UTC (1 h ago): its deadline is 06:00 after its day',
    )
    # Done, run again, not begun, without a deadline.
    for name in ('2026112203', '2026112204', '2026112500'):
        assert said(f'SiteHourly@{name}', at=8) is None
    assert said('SiteDaily@2026112200', at=800) is None


def test_a_sample_of_each_process_with_a_deadline_is_told() -> None:
    at_seven = {'deadline': SIX, 'trigger': parse_trigger('at 07:00')}
    early = {'deadline': ByClock(minute=360, days=1), 'trigger': parse_trigger('at 07:00')}
    hierarchy = two_trees(SiteHourly={'deadline': OF_DAY}, SiteDaily=at_seven, AlertDaily=early)
    now = instant('202611241200')

    found = {item['process']: item for item in deadlines(hierarchy, now)}
    warnings = list(deadline_warnings(hierarchy, now))

    assert set(found) == {'SiteHourly', 'SiteDaily', 'AlertDaily'}
    assert found['SiteHourly']['timeperiod'] == '2026112410'
    assert found['SiteHourly']['text'] == '2026-11-25 06:00 UTC'
    assert found['AlertDaily']['late_at'] == '2026-11-25T06:00:00Z'
    assert warnings == [
        'SiteDaily 2026112300 is late from 2026-11-24 06:00 UTC on (deadline 06:00) and may start '
        'at 2026-11-24 07:00 UTC only (at 07:00); give a later deadline, or an earlier trigger'
    ]
    assert list(deadlines(two_trees(), now)) == []


def test_the_first_interval_of_a_tree_is_a_sample_before_any_is_over() -> None:
    hierarchy = two_trees(SiteDaily={'deadline': SIX})
    (found,) = deadlines(hierarchy, instant('202611220600'))

    assert (found['timeperiod'], found['text']) == ('2026112200', '2026-11-23 06:00 UTC')
