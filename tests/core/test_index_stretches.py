"""Rows of the index put together: the same as one by one, and most of them not even read."""

from __future__ import annotations

from random import Random

import pytest

from synergy.core import index_stretches
from synergy.core.index_codes import STATE_BY_CODE
from synergy.core.index_stretches import StoredRow, stretches
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import Qualifier, Timeperiod, parse
from tests.builders import instant

LEVELS = [
    Qualifier.MINUTELY_1,
    Qualifier.MINUTELY_5,
    Qualifier.MINUTELY_30,
    Qualifier.HOURLY,
    Qualifier.DAILY,
    Qualifier.WEEKLY_SUN,
    Qualifier.MONTHLY,
    Qualifier.YEARLY,
]
STATES = dict(enumerate(JobState))
STRAY = [202613, 0, -1, 'soon', None, 2.5, 202602290000, 2026010124, 202601010060, 2026010100001]


class Reader:
    """Reads rows in full, one by one, and counts them."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, row: StoredRow) -> tuple[ProcessName, Timeperiod, JobState] | None:
        self.count += 1
        process, name, level, stored, _ = row
        try:
            return process, parse(level, str(name)), STATES.get(stored, JobState.IN_PROGRESS)
        except ValueError:
            return None


def row(process: str, timeperiod: Timeperiod, state: int = 3) -> StoredRow:
    return process, int(str(timeperiod)), timeperiod.qualifier, state, None


def one_by_one(found: list[StoredRow]) -> list[tuple[ProcessName, Timeperiod, JobState] | None]:
    """Return what may be read, in order."""
    return [taken for taken in map(Reader(), found) if taken is not None]


def together(rows: list[StoredRow], reader: Reader) -> list[tuple[object, ...]]:
    return [
        (item.process, item.first.shift(place), STATE_BY_CODE[code])
        for item in stretches(rows, STATES, reader)
        for place, code in enumerate(item.codes)
    ]


@pytest.mark.parametrize('seed', range(40))
def test_whatever_lies_in_a_store_is_the_same_as_row_by_row(seed: int) -> None:
    random = Random(seed)
    rows: list[StoredRow] = []
    for process in ('A', 'B', 'C'):
        level = random.choice(LEVELS)
        at = random.choice([instant('2026022723'), instant('1999123122'), instant('2024022922')])
        first = parse(Qualifier.HOURLY, f'{at:%Y%m%d%H}')
        timeperiod = Timeperiod(level, random.randrange(20, 50))
        if level.minutes:
            timeperiod = Timeperiod(level, first.ordinal * (60 // level.minutes))
        elif level in (Qualifier.HOURLY, Qualifier.DAILY):
            timeperiod = Timeperiod(level, first.ordinal // (1 if level is first.qualifier else 24))
        for _ in range(random.randrange(120)):
            rows.append(row(process, timeperiod, random.choice([0, 3, 3, 3, 3, 99])))
            timeperiod = timeperiod.shift(random.choice([1] * 12 + [0, 2, 40, -1]))
            if random.random() < 0.1:
                rows.append((process, random.choice(STRAY), level, 3, None))
            if random.random() < 0.05:
                rows.append(row(process, Timeperiod(random.choice(LEVELS), 1000)))

    assert together(rows, Reader()) == one_by_one(rows)


@pytest.mark.parametrize(
    ('level', 'name', 'count'),
    [
        (Qualifier.MINUTELY_5, '202602010000', 12 * 24 * 28),
        (Qualifier.HOURLY, '2026020100', 24 * 28),
        (Qualifier.DAILY, '2026020100', 28),
        (Qualifier.MONTHLY, '2026010000', 12),
    ],
)
def test_of_neighbours_only_the_first_of_a_month_is_read(
    level: Qualifier, name: str, count: int
) -> None:
    reader = Reader()
    first = parse(level, name)

    [stretch] = stretches([row('A', first.shift(at)) for at in range(count)], STATES, reader)

    assert (stretch.first, len(stretch.codes)) == (first, count)
    assert reader.count == 1


def test_what_is_put_together_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_stretches, 'STRETCH_MAX', 10)
    first = parse(Qualifier.YEARLY, '1970000000')
    rows = [row('A', first.shift(place)) for place in range(35)]

    assert [len(item.codes) for item in stretches(rows, STATES, Reader())] == [10, 10, 10, 5]
