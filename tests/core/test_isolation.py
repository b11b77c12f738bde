"""Whom to leave out: every stage and every event, and how long it lasts."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from synergy.core.isolation import (
    DELAY_SECONDS,
    DELAY_SECONDS_MAX,
    REASON_CHARS_MAX,
    REFUSALS_MAX,
    SUSPICION_SECONDS,
    TRIAL_SECONDS,
    Isolation,
    Record,
    Refusal,
    Stage,
    delay_seconds,
    later,
    refused,
)
from synergy.core.leader_standing import Subject, SubjectKind
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from tests.builders import instant

NOW = instant('2026112312')
SITE = Subject(SubjectKind.PROCESS, 'SiteHourly')
UNIT = Refusal('unit 1 is there already', 'unit 1')
COMMAND = Subject(SubjectKind.COMMAND, 'c1')


def known(stage: Stage, count: int = 1, **fields: object) -> Record:
    return replace(Record(stage=stage, count=count, what='x', at=100.0), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ('record', 'kind', 'what', 'seconds', 'stage', 'count'),
    [
        (Record(), SubjectKind.PROCESS, 'x', 0, Stage.SUSPECT, 1),
        (known(Stage.SUSPECT), SubjectKind.PROCESS, 'x', 0, Stage.SUSPECT, 2),
        # Something else, long after: two races.
        (known(Stage.SUSPECT, 2), SubjectKind.PROCESS, 'y', 61, Stage.SUSPECT, 1),
        (known(Stage.SUSPECT, 2), SubjectKind.PROCESS, 'y', 59, Stage.ISOLATED, 3),
        (known(Stage.SUSPECT, 2), SubjectKind.PROCESS, 'x', 61, Stage.ISOLATED, 3),
        (known(Stage.SUSPECT, 2), SubjectKind.FREERUN, 'x', 0, Stage.ISOLATED, 3),
        (known(Stage.SUSPECT, 2), SubjectKind.COMMAND, 'x', 0, Stage.ON_TRIAL, 3),
        (known(Stage.ON_TRIAL, 3), SubjectKind.COMMAND, 'x', 0, Stage.ISOLATED, 4),
        (known(Stage.ON_TRIAL, 3), SubjectKind.PROCESS, 'z', 300, Stage.ISOLATED, 4),
        (known(Stage.ISOLATED, 3), SubjectKind.PROCESS, 'x', 0, Stage.ISOLATED, 3),
    ],
)
def test_what_a_refusal_makes_of_a_subject(
    record: Record, kind: SubjectKind, what: str, seconds: float, stage: Stage, count: int
) -> None:
    after = refused(record, kind, Refusal(what), NOW, record.at + seconds)

    assert (after.stage, after.count) == (stage, count)


@pytest.mark.parametrize(
    ('stage', 'seconds', 'after'),
    [
        (Stage.SUSPECT, SUSPICION_SECONDS, Stage.SUSPECT),
        (Stage.SUSPECT, TRIAL_SECONDS + 1, None),
        (Stage.ISOLATED, DELAY_SECONDS - 0.1, Stage.ISOLATED),
        (Stage.ISOLATED, DELAY_SECONDS, Stage.ON_TRIAL),
        (Stage.ON_TRIAL, TRIAL_SECONDS, Stage.ON_TRIAL),
        (Stage.ON_TRIAL, TRIAL_SECONDS + 1, None),
    ],
)
def test_what_time_makes_of_a_subject(stage: Stage, seconds: float, after: Stage | None) -> None:
    found = later(known(stage, until=100.0 + DELAY_SECONDS), 100.0 + seconds)

    assert (None if found is None else found.stage) is after


def test_delays_double_up_to_five_minutes() -> None:
    delays = [delay_seconds(number) for number in range(1, 1000)]

    assert delays[:4] == [5.0, 10.0, 20.0, 40.0]
    assert set(delays[6:]) == {DELAY_SECONDS_MAX}


def test_a_poisonous_process_costs_others_ever_less() -> None:
    """Of a day with one row that is refused whenever it is tried, others lose few commits."""
    isolation, refusals, monotonic = Isolation(), 0, 0.0
    while monotonic < 86_400:
        isolation.advance(monotonic)
        if ProcessName(SITE.name) in isolation.names(SubjectKind.PROCESS):
            monotonic += 0.5
            continue
        refusals += 1
        isolation.refuse({SITE: UNIT}, NOW, monotonic)

    assert refusals < 86_400 / DELAY_SECONDS_MAX + 20
    assert isolation.isolated[0].refusal_count == refusals


def test_the_first_isolation_is_told_with_its_reason_and_since_when() -> None:
    isolation = Isolation()
    told = [
        isolation.refuse({SITE: Refusal('x' * 10_000)}, NOW + timedelta(seconds=n), float(n))
        for n in range(REFUSALS_MAX)
    ]

    assert told == [False] * (REFUSALS_MAX - 1) + [True]
    (item,) = isolation.isolated
    assert item.since == NOW + timedelta(seconds=REFUSALS_MAX - 1)
    assert len(item.reason) == REASON_CHARS_MAX
    assert isolation.next_at == REFUSALS_MAX - 1 + DELAY_SECONDS


@pytest.mark.parametrize('is_on_trial', [False, True])
def test_a_row_that_was_saved_is_trusted_again_and_only_by_itself(is_on_trial: bool) -> None:
    isolation = Isolation()
    for _ in range(REFUSALS_MAX if is_on_trial else REFUSALS_MAX - 1):
        isolation.refuse({SITE: UNIT}, NOW, 0.0)
    isolation.advance(DELAY_SECONDS)
    before = isolation.stage_of(SITE)

    isolation.save({'unit 2'})
    assert isolation.stage_of(SITE) is before
    isolation.save({'unit 1'})
    assert isolation.stage_of(SITE) is Stage.FREE
    assert isolation.is_empty


def test_an_isolated_subject_stays_so_whatever_a_command_saves_of_it() -> None:
    isolation = Isolation()
    for _ in range(REFUSALS_MAX):
        isolation.refuse({SITE: UNIT}, NOW, 0.0)

    isolation.save({'unit 1'})

    assert isolation.stage_of(SITE) is Stage.ISOLATED


def test_trouble_after_a_trial_long_ago_begins_again() -> None:
    isolation = Isolation()
    for _ in range(REFUSALS_MAX):
        isolation.refuse({SITE: UNIT}, NOW, 0.0)
    assert isolation.advance(DELAY_SECONDS) == [SITE]
    isolation.advance(DELAY_SECONDS + TRIAL_SECONDS + 1)

    isolation.refuse({SITE: UNIT}, NOW, 10_000.0)

    assert isolation.stage_of(SITE) is Stage.SUSPECT


def test_whoever_is_refused_at_every_try_is_isolated_and_nobody_else() -> None:
    """Random order of trouble: every subject is left out by itself, whatever happens to others."""
    random = Random(11)
    for _ in range(50):
        isolation, counts, monotonic = Isolation(), dict[Subject, int](), 0.0
        subjects = [Subject(SubjectKind.PROCESS, f'P{n}') for n in range(4)]
        for _ in range(20):
            monotonic += random.random()
            isolated = isolation.names(SubjectKind.PROCESS)
            free = [item for item in subjects if ProcessName(item.name) not in isolated]
            isolation.advance(monotonic)
            if free:
                subject = random.choice(free)
                counts[subject] = counts.get(subject, 0) + 1
                isolation.refuse({subject: UNIT}, NOW, monotonic)
        for item in isolation.isolated:
            assert counts[item.subject] >= REFUSALS_MAX
