"""What happened, in paragraphs: what belongs together is told together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from synergy.core.journal import (
    BY_CLOCK,
    BY_UNIT,
    Cause,
    CauseKind,
    Happened,
    Line,
    LineKind,
)
from synergy.core.records import CommandId, ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey
from synergy.view.lateness import LateNow
from synergy.view.story import Asked, Paragraph, Topic, ids_of, in_order, still_late, story
from tests.builders import instant, key

NOW = instant('2026112312')
HOUR, DAY = key('SiteHourly@2026112200'), key('SiteDaily@2026112200')
BY_ANNA = Cause(CauseKind.COMMAND, 'c1')
ASKED = {'c1': Asked(who='anna: late data', what='reprocess SiteDaily 2026112200')}
E, P, D, S = JobState.EMBRYO, JobState.IN_PROGRESS, JobState.PROCESSED, JobState.SKIPPED


def hour(place: int) -> JobKey:
    return JobKey(HOUR.process, HOUR.timeperiod.shift(place))


def line(
    minute: float, about: JobKey, what: Happened, after: JobState = P, **fields: object
) -> Line:
    given: dict[str, object] = {'cause': BY_CLOCK, 'run': 1, **fields}
    return Line(
        number=1,
        term=1,
        at=NOW + timedelta(minutes=minute),
        kind=LineKind.JOB,
        process=about.process,
        timeperiod=about.timeperiod,
        what=what,
        to_state=after,
        **given,  # type: ignore[arg-type]
    )


def ran(minute: float, about: JobKey, count: int = 7) -> list[Line]:
    return [
        line(minute, about, Happened.STARTED),
        line(minute + 1, about, Happened.ENDED, D, cause=BY_UNIT, count=count),
    ]


def asked_for(minute: float, about: JobKey) -> list[Line]:
    request = CommandId('c1')
    return [
        line(minute, about, Happened.RESET, E, cause=BY_ANNA, reason='reset', request=request),
        line(minute + 1, about, Happened.STARTED, cause=BY_ANNA, request=request),
        line(minute + 2, about, Happened.ENDED, D, cause=BY_UNIT, count=7, request=request),
    ]


def freerun(minute: float, what: Happened, reason: str, cause: Cause = BY_CLOCK) -> Line:
    return Line(
        number=1,
        term=1,
        at=NOW + timedelta(minutes=minute),
        kind=LineKind.FREERUN,
        process=ProcessName('Cleaner::tick'),
        what=what,
        cause=cause,
        reason=reason,
    )


FAILED = [
    line(0, HOUR, Happened.STARTED),
    line(1, HOUR, Happened.RETRIED, cause=BY_UNIT, reason='attempt 1 of 3 failed: disk full'),
]
HELD = line(2, HOUR, Happened.HELD, cause=BY_UNIT, reason='held for an operator: disk full')


@pytest.mark.parametrize(
    ('lines', 'told'),
    [
        ([], []),
        (
            [*ran(0, HOUR), *ran(1, hour(1)), *ran(2, DAY, 100)],
            [
                (
                    'As planned',
                    ['SiteHourly: 2 runs ended well, 14 processed.',
                     'SiteDaily: 1 run ended well, 100 processed.'],
                    'ok',
                )
            ],
        ),
        (ran(0, HOUR)[:1], [('As planned', ['1 run started; none has ended well yet.'], 'ok')]),
        (
            [*FAILED, line(2, HOUR, Happened.ENDED, D, cause=BY_UNIT, count=1)],
            [
                (
                    'SiteHourly: 1 interval failed',
                    ['1 attempt failed; the last: Attempt 1 of 3 failed: disk full.',
                     '1 ended well after another attempt.'],
                    'ok',
                )
            ],
        ),
        (
            [*FAILED, HELD],
            [
                (
                    'SiteHourly: 1 interval failed',
                    ['2 attempts failed; the last: Held for an operator: disk full.',
                     '1 held for an operator.'],
                    'held',
                )
            ],
        ),
        (
            [*FAILED, HELD, *asked_for(9, HOUR)],
            [
                (
                    'anna: late data: reprocess SiteDaily 2026112200',
                    ['1 job: 1 reset, 1 started again, 1 ended well.'],
                    'ok',
                ),
                (
                    'SiteHourly: 1 interval failed',
                    ['2 attempts failed; the last: Held for an operator: disk full.',
                     '1 repaired by anna: late data.'],
                    'ok',
                ),
            ],
        ),
        (
            [item for place in range(30) for item in asked_for(place, hour(place))][:-1],
            [
                (
                    'anna: late data: reprocess SiteDaily 2026112200',
                    ['30 jobs: 30 reset, 30 started again, 29 ended well, 1 still running.'],
                    'ok',
                )
            ],
        ),
        (
            [line(0, hour(n), Happened.SKIPPED, S, reason='skipped: an input was') for n in (0, 1)],
            [('SiteHourly: 2 intervals skipped', ['Skipped: an input was.'], 'skip')],
        ),
        (
            [freerun(0, Happened.STARTED, 'run 1'), freerun(1, Happened.GAVE_UP, 'run 1 dead')],
            [
                ('Cleaner::tick failed', ['1 run failed; the last: Run 1 dead.'], 'fail'),
                ('As planned', ['1 run started; none has ended well yet.'], 'ok'),
            ],
        ),
        (
            [freerun(0, Happened.REMOVED, 'removed', Cause(CauseKind.COMMAND, 'unknown'))],
            [('Request unknown', ['Removed.'], 'ok')],
        ),
    ],
)  # fmt: skip
def test_lines_are_told(lines: Sequence[Line], told: list[tuple[str, list[str], str]]) -> None:
    found = story(lines, ASKED)

    assert [(item.title, [*item.sentences], item.mark.css) for item in found] == told


def test_what_ended_after_its_deadline_was_late() -> None:
    def late_at(about: JobKey) -> datetime | None:
        return NOW + timedelta(minutes=30) if about.process == 'SiteHourly' else None

    found = story([*ran(0, HOUR), *ran(40, hour(1)), *ran(60, DAY)], {}, late_at)

    (late,) = [item for item in found if item.topic is Topic.LATE]
    assert late.title == 'SiteHourly was late'
    assert late.sentences == ['1 interval ended up to 11 min after the deadline.']
    assert late.keys == [hour(1)]


@pytest.mark.parametrize(
    ('lines', 'told'),
    [
        # Nobody but the operator has ended it: nothing has failed.
        (
            [line(0, HOUR, Happened.STARTED), line(1, HOUR, Happened.CANCELED, S, cause=BY_ANNA)],
            [('anna: late data: reprocess SiteDaily 2026112200', '1 job: 1 cancelled.', 'ok'),
             ('As planned', '1 run started; none has ended well yet.', 'ok')],
        ),
        # The worker has ended it so.
        (
            [line(0, HOUR, Happened.STARTED), line(1, HOUR, Happened.CANCELED, S, cause=BY_UNIT)],
            [('SiteHourly: 1 interval cancelled', '1 cancelled.', 'fail')],
        ),
        (
            [*FAILED, HELD, line(5, HOUR, Happened.SKIPPED, S, cause=BY_ANNA)],
            [('anna: late data: reprocess SiteDaily 2026112200', '1 job: 1 skipped.', 'ok'),
             ('SiteHourly: 1 interval failed', '1 skipped by anna: late data.', 'skip')],
        ),
        (
            [*FAILED, HELD, *asked_for(5, HOUR)[:2]],
            [('anna: late data: reprocess SiteDaily 2026112200',
              '1 job: 1 reset, 1 started again, 1 still running.', 'ok'),
             ('SiteHourly: 1 interval failed', '1 asked to run again by anna: late data.', 'run')],
        ),
        # Repaired, and in trouble once more by itself.
        (
            [*FAILED, HELD, *asked_for(5, HOUR),
             line(9, HOUR, Happened.GAVE_UP, S, cause=BY_UNIT, reason='disk full')],
            [('SiteHourly: 1 interval failed', '1 failed for good.', 'fail'),
             ('anna: late data: reprocess SiteDaily 2026112200',
              '1 job: 1 reset, 1 started again, 1 ended well.', 'ok')],
        ),
    ],
)  # fmt: skip
def test_how_it_stands_is_told_by_the_last_line(
    lines: Sequence[Line], told: list[tuple[str, str, str]]
) -> None:
    found = [(item.title, item.sentences[-1], item.mark.css) for item in story(lines, ASKED)]
    assert found == told


def test_what_has_failed_and_ended_late_is_told_as_both() -> None:
    ended = line(60, HOUR, Happened.ENDED, D, cause=BY_UNIT, count=1)
    (told,) = story([*FAILED, ended], {}, lambda _: NOW)
    assert told.sentences[1:] == [
        '1 ended well after another attempt.',
        '1 interval ended up to 1 h after the deadline.',
    ]


def test_what_is_late_as_yet_comes_first() -> None:
    late = LateNow(process=DAY.process, count=7, since=NOW - timedelta(hours=19), first=[DAY])
    told = in_order([*story([*FAILED, HELD], {}), *still_late([late], NOW + timedelta(minutes=9))])
    assert [item.title for item in told] == [
        'SiteDaily is late',
        'SiteHourly: 1 interval failed',
    ]
    assert told[0].sentences == [
        '7 intervals are not done yet; the first deadline passed 19 h 9 min ago.'
    ]
    assert (told[0].keys, told[0].more_count) == ([DAY], 6)


def test_troubles_that_are_hours_apart_are_told_apart() -> None:
    def failing(minute: float, place: int) -> Line:
        return line(minute, hour(place), Happened.GAVE_UP, S, reason='run 1 dead')

    found = story([failing(0, 0), failing(30, 1), failing(200, 2)], {})

    assert [(item.title, item.keys) for item in found] == [
        ('SiteHourly: 1 interval failed', [hour(2)]),
        ('SiteHourly: 2 intervals failed', [hour(0), hour(1)]),
    ]


def test_what_led_to_a_trouble_is_told_with_it() -> None:
    lines = [line(0, HOUR, Happened.STARTED), *ran(5, hour(1)), line(300, HOUR, Happened.GAVE_UP)]

    trouble, planned = story(lines, {})

    assert (trouble.topic, planned.topic) == (Topic.TROUBLE, Topic.PLANNED)
    assert (trouble.begin, trouble.end) == (NOW, NOW + timedelta(minutes=300))


def test_a_paragraph_names_some_intervals_and_counts_the_others() -> None:
    lines = [item for place in range(12) for item in asked_for(place, hour(place))]

    (told,) = story(lines, ASKED)

    assert isinstance(told, Paragraph)
    assert (len(told.keys), told.more_count, told.request) == (5, 7, 'c1')
    assert [*ids_of(lines)] == ['c1']
