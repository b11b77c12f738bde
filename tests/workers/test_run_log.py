"""The log of a run: of a long one its beginning and its end, in the store as in memory."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.core.records import LogLine, LogPlace
from synergy.workers.run_log import LOG_CHARACTERS_MAX, RunLog
from tests.builders import instant

NOW = instant('2026112312')


def run_log(lines_max: int = 10_000) -> RunLog:
    return RunLog(1, SimulatedClock(NOW), lines_max)


class Kept:
    """What a store has of the log of one attempt."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []

    def append(self, lines: Sequence[LogLine]) -> None:
        if any(line.place is LogPlace.GAP for line in lines):
            self.lines = [line for line in self.lines if line.place is LogPlace.HEAD]
        self.lines += lines

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines]


def names(start: int, stop: int) -> list[str]:
    return [f'line {number}' for number in range(start, stop)]


def test_of_30_011_lines_the_first_2_000_and_the_last_8_000_are_kept() -> None:
    log = run_log()
    for text in names(0, 30_010):
        log.add('INFO', text)
    log.add('ERROR', 'ValueError: no data')

    texts = [line.text for line in log.finish()]

    assert texts[:2000] == names(0, 2000)
    assert texts[2000] == '... 20,011 lines left out (see the log file of the worker) ...'
    assert texts[2001:] == [*names(22_011, 30_010), 'ValueError: no data']


@pytest.mark.parametrize('count', [0, 1, 2, 3, 9, 10, 11, 12, 35, 400])
@pytest.mark.parametrize('drained_every', [1, 3, 7, 1000])
@pytest.mark.parametrize('at_once', [1, 4])
def test_however_often_it_is_drained_the_same_is_kept(
    count: int, drained_every: int, at_once: int
) -> None:
    log, kept = run_log(10), Kept()
    for start in range(0, count, at_once):
        log.extend('INFO', names(start, min(start + at_once, count)))
        if start % drained_every == 0:
            kept.append(log.drain())
            written = min(start + at_once, count)
            assert kept.texts[-1] == f'line {written - 1}'
            assert len(kept.lines) <= 11
    kept.append(log.finish())

    if count <= 10:
        assert kept.texts == names(0, count)
    else:
        noun = 'line' if count == 11 else 'lines'
        gap = f'... {count - 10} {noun} left out (see the log file of the worker) ...'
        assert kept.texts == [*names(0, 2), gap, *names(count - 8, count)]


def test_while_it_runs_a_long_log_shows_a_short_end_and_nothing_when_nothing_came() -> None:
    log, kept = run_log(), Kept()
    log.extend('INFO', names(0, 50_000))
    kept.append(log.drain())

    assert kept.texts[2000] == '... 47,800 lines left out (see the log file of the worker) ...'
    assert kept.texts[2001:] == names(49_800, 50_000)
    assert log.drain() == []


def test_long_lines_are_bounded_together() -> None:
    log = run_log()
    for _ in range(3000):
        log.add('INFO', 'x' * 8000)
    log.add('ERROR', 'the end')

    lines = log.finish()

    assert lines[-1].text == 'the end'
    assert sum(len(line.text) for line in lines) < LOG_CHARACTERS_MAX + 2 * 8000
    assert [line.place for line in lines].count(LogPlace.GAP) == 1


def test_what_somebody_holds_is_asked_for_before_looking() -> None:
    log = run_log()
    log.follow(lambda: log.add('INFO', 'held'))

    assert [line.text for line in log.drain()] == ['held']
    log.follow(None)
    assert log.drain() == []
