"""Rows of the index that SQLite counts instead of handing them over: the same as one by one."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from synergy.adapters.os.clocks import SystemClock
from synergy.adapters.sqlite import timetable
from synergy.adapters.sqlite.states import JOB_STATE_BY_NUMBER, QUALIFIER_BY_NUMBER
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core import index_stretches
from synergy.core.index_pages import IndexStretch
from synergy.core.index_stretches import StoredRow
from synergy.core.timeperiod import Qualifier, parse

NUMBER = {qualifier: number for number, qualifier in QUALIFIER_BY_NUMBER.items()}
PROCESSED, SKIPPED = (
    next(n for n, state in JOB_STATE_BY_NUMBER.items() if state.value == f'state_{word}')
    for word in ('processed', 'skipped')
)


class Filled:
    """A file whose rows are written past the store, and how the index reads them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = SqliteStore.open(path, clock=SystemClock())
        self.file = sqlite3.connect(path)

    def close(self) -> None:
        self.file.close()
        self.store.close()

    def put(self, process: object, name: object, level: object, state: object) -> None:
        self.file.execute(
            'INSERT OR REPLACE INTO job (process_name, timeperiod, time_qualifier, state, rev, '
            'term, run, number_of_failures, is_held, changed_at) '
            'VALUES (?, ?, ?, ?, 1, 1, 1, 0, 0, 0)',
            (process, name, level, state),
        )

    def fill(self, process: str, first: str, count: int, level: Qualifier) -> None:
        begin = parse(level, first)
        for at in range(count):
            self.put(process, int(str(begin.shift(at))), NUMBER[level], PROCESSED)

    def read(self) -> tuple[dict[tuple[str, Qualifier, int], int], int]:
        """Return the code of each interval, and how many stretches there were."""
        self.file.commit()
        found: dict[tuple[str, Qualifier, int], int] = {}
        stretches: list[IndexStretch] = list(self.store.index_stretches())
        for process, first, codes in ((s.process, s.first, s.codes) for s in stretches):
            for at, code in enumerate(codes):
                key = str(process), first.qualifier, first.ordinal + at
                assert key not in found, 'read twice'
                found[key] = code
        return found, len(stretches)

    def agree(self, monkeypatch: pytest.MonkeyPatch) -> int:
        """Check that months are read as rows are; return how many stretches that were."""
        with monkeypatch.context() as patched:
            patched.setattr(timetable, '_ROWS', 10_000_000)
            expected, _ = self.read()
            told = len(self.store.illegal_rows())
        with monkeypatch.context() as patched:
            patched.setattr(timetable, '_ROWS', 20)
            found, count = self.read()
        assert found == expected
        assert len(self.store.illegal_rows()) == told
        return count


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    found = Filled(tmp_path / 'store.db')
    yield found
    found.close()


@pytest.mark.parametrize(
    ('level', 'first', 'count'),
    [
        (Qualifier.MINUTELY_15, '202602261200', 700),
        (Qualifier.MINUTELY_20, '202312310000', 200),
        (Qualifier.HOURLY, '2024022800', 1500),
        (Qualifier.HOURLY, '2026010100', 20),
        (Qualifier.DAILY, '2026010100', 200),
        (Qualifier.MONTHLY, '2020010000', 50),
    ],
)
def test_what_is_whole_is_read_as_it_is(
    filled: Filled, level: Qualifier, first: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.fill('A', first, count, level)
    filled.fill('B', first, 3, level)
    filled.put('A', int(str(parse(level, first).shift(count // 2))), NUMBER[level], SKIPPED)

    assert len(filled.read()[0]) == count + 3
    filled.agree(monkeypatch)


def test_months_are_not_read_row_by_row(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.fill('A', '2026010100', 24 * 120, Qualifier.HOURLY)
    seen: list[object] = []
    monkeypatch.setattr(timetable, '_ROWS', 20)
    by_row = index_stretches.stretches

    def counting(rows: Iterable[StoredRow], *rest: Any) -> Iterator[IndexStretch]:
        read = list(rows)
        seen.extend(read)
        return by_row(read, *rest)

    monkeypatch.setattr(timetable, 'stretches', counting)

    assert len(filled.read()[0]) == 24 * 120
    assert len(seen) == 20


FAULTS: list[tuple[str, Callable[[Filled], object]]] = [
    ('a name of another level', lambda f: f.put('A', 2026021512, NUMBER[Qualifier.DAILY], 3)),
    ('no hour', lambda f: f.put('A', 2026021577, NUMBER[Qualifier.HOURLY], PROCESSED)),
    ('a fraction', lambda f: f.put('A', 2026021512.5, NUMBER[Qualifier.HOURLY], PROCESSED)),
    ('a text', lambda f: f.put('A', '20260215x', NUMBER[Qualifier.HOURLY], PROCESSED)),
    ('no state', lambda f: f.put('A', 2026021512, NUMBER[Qualifier.HOURLY], 99)),
    ('no level', lambda f: f.put('A', 2026021512, 99, PROCESSED)),
    ('no day', lambda f: f.put('A', 2026023001, NUMBER[Qualifier.HOURLY], PROCESSED)),
    ('a blob', lambda f: f.put('A', b'\xff\x00', NUMBER[Qualifier.HOURLY], PROCESSED)),
    ('process of bytes', lambda f: f.put(b'\xff', 2026021512, NUMBER[Qualifier.HOURLY], 3)),
    ('lack', lambda f: f.file.execute('DELETE FROM job WHERE timeperiod = 2026021512')),
    (
        'a fraction for another',
        lambda f: f.file.execute(
            'UPDATE job SET timeperiod = 2026021512.5 '
            "WHERE process_name = 'A' AND timeperiod = 2026021512"
        ),
    ),
    (
        'one for another',
        lambda f: f.file.execute(
            'UPDATE job SET timeperiod = 2026021524 '
            "WHERE process_name = 'A' AND timeperiod = 2026021512"
        ),
    ),
    (
        'not UTF-8',
        lambda f: f.file.execute(
            "UPDATE job SET process_name = CAST(x'41ff' AS TEXT) "
            "WHERE process_name = 'A' AND timeperiod > 2026030000"
        ),
    ),
]


@pytest.mark.parametrize('do', [do for _, do in FAULTS], ids=[what for what, _ in FAULTS])
def test_whatever_is_wrong_is_found_as_when_every_row_is_read(
    filled: Filled, do: Callable[[Filled], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for process in ('A', 'B'):
        filled.fill(process, '2026013000', 24 * 60, Qualifier.HOURLY)
    do(filled)

    filled.agree(monkeypatch)


def test_any_history_is_read_as_it_is(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(5)
    states = sorted(JOB_STATE_BY_NUMBER)
    for process in 'ABCDE':
        level = chance.choice([Qualifier.HOURLY, Qualifier.MINUTELY_30, Qualifier.DAILY])
        start = '2026013010' + ('00' if level is Qualifier.MINUTELY_30 else '')
        if level is Qualifier.DAILY:
            start = '2026013000'
        odd = chance.choice([0, 0.02, 0.3])
        begin = parse(level, start)
        for at in range(chance.randrange(1, 1600)):
            if chance.random() < odd / 20:
                continue
            state = chance.choice(states) if chance.random() < odd else PROCESSED
            filled.put(process, int(str(begin.shift(at))), NUMBER[level], state)

    filled.agree(monkeypatch)


def test_it_is_one_state_of_the_file(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.fill('A', '2026010100', 24 * 60, Qualifier.HOURLY)
    filled.file.commit()
    monkeypatch.setattr(timetable, '_ROWS', 20)
    reading = iter(filled.store.index_stretches())
    known = len(next(reading).codes)

    filled.file.execute('DELETE FROM job')
    filled.file.commit()

    assert known + sum(len(stretch.codes) for stretch in reading) == 24 * 60
    assert filled.read()[0] == {}
