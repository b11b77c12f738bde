"""Logs of which the middle is left out, in a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from synergy.core.records import LogLine, LogPlace, Outcome, UnitEnd, UowId
from synergy.core.structs import replace
from synergy.ports.store import Store
from tests.contract.conftest import NOW
from tests.contract.rows import claim, start


def line(second: int, text: str, place: LogPlace = LogPlace.HEAD, attempt: int = 1) -> LogLine:
    at = NOW + timedelta(seconds=second)
    return LogLine(attempt=attempt, at=at, level='INFO', text=text, place=place)


def gap(second: int, attempt: int = 1) -> LogLine:
    return line(second, '... left out ...', LogPlace.GAP, attempt)


def tail(*seconds: int, attempt: int = 1) -> Sequence[LogLine]:
    return [line(second, f'tail {second}', LogPlace.TAIL, attempt) for second in seconds]


def texts(store: Store, uow_id: UowId) -> list[str]:
    return [item.text for item in store.log(uow_id)]


def test_a_gap_takes_the_place_of_the_tail_before_it(store: Store) -> None:
    unit = start(store)
    claim(store, unit.id, 'w')
    store.append_log(unit.id, [line(1, 'first'), *tail(2, 3)])
    store.append_log(unit.id, tail(4))
    assert texts(store, unit.id) == ['first', 'tail 2', 'tail 3', 'tail 4']

    store.append_log(unit.id, [gap(5), *tail(5)])
    assert texts(store, unit.id) == ['first', '... left out ...', 'tail 5']

    end = UnitEnd(
        uow_id=unit.id, fence=1, outcome=Outcome.processed(1), log=(gap(5), *tail(5, 6, 7))
    )
    for _ in range(2):
        assert store.finish([end]) == []
        assert texts(store, unit.id) == ['first', '... left out ...', 'tail 5', 'tail 6', 'tail 7']


def test_what_other_attempts_and_units_have_logged_stays(store: Store) -> None:
    unit = start(store)
    claim(store, unit.id, 'w')
    other = UowId('5' * 24)
    store.append_log(unit.id, [line(1, 'first'), gap(2), *tail(2)])
    store.append_log(other, [line(1, 'other'), gap(2), *tail(2)])

    store.release(unit.id, 1, [gap(4, 2), *tail(4, attempt=2)])

    assert texts(store, unit.id) == [
        'first',
        '... left out ...',
        'tail 2',
        '... left out ...',
        'tail 4',
    ]
    assert texts(store, other) == ['other', '... left out ...', 'tail 2']


def test_an_end_of_long_lines_is_kept_whole(store: Store) -> None:
    unit = start(store)
    claim(store, unit.id, 'w')
    long = '\N{MUSICAL SYMBOL G CLEF}' * 8000
    lines = [replace(item, text=long) for item in tail(*range(1000))]
    end = UnitEnd(uow_id=unit.id, fence=1, outcome=Outcome.processed(1), log=(gap(0), *lines))

    store.finish([end])

    found = store.log(unit.id)
    assert len(found) == 1001
    assert [item.at for item in found[1:]] == [item.at for item in lines]
