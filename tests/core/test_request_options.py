"""Requests that say how their jobs run: how many, in which order, with what, although off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from synergy.core.commands import CommandId, CommandKind
from synergy.core.index_codes import OWN
from synergy.core.request_options import RequestOptions, details_of, options_of
from synergy.core.states import JobState
from synergy.core.structs import replace
from tests.builders import instant, key
from tests.core.engine_harness import EngineHarness
from tests.core.test_lanes import NAME, NOW, hourly, rerun

FIRST, LAST = '2026111000', '2026111006'


def asked(harness: EngineHarness, **details: object) -> None:
    """Run six hours, then ask for them again."""
    harness.look()
    harness.work_all()
    command = replace(rerun(FIRST, LAST), details=details_of(CommandKind.REPROCESS, details))
    options = options_of(command)
    harness.timetable.pause([], {} if options is None else {command.id: options})
    harness.units.clear()
    harness.command(command)


def harness_of(**fields: object) -> EngineHarness:
    return EngineHarness(hourly(instant('2026111000'), FIRST, **fields), instant(LAST))


def hours(harness: EngineHarness) -> Sequence[int]:
    return [instant(str(unit.timeperiod)).hour for unit in harness.live()]


def test_so_many_of_a_request_run_at_the_same_time() -> None:
    harness = harness_of(max_running=5)
    asked(harness, max_running=2)

    ran: list[int] = []
    while live := harness.live():
        assert len(live) <= 2
        ran += hours(harness)[:1]
        harness.work(live[0])
    assert ran == list(range(6))


def test_the_newest_come_first_and_a_request_without_options_takes_turns() -> None:
    harness = harness_of()
    asked(harness, order='newest')

    ran: list[int] = []
    while live := harness.live():
        ran += hours(harness)
        harness.work(live[0])
    assert ran == [5, 4, 3, 2, 1, 0]


def test_arguments_are_those_of_the_runs_of_the_request_alone() -> None:
    harness = harness_of(max_running=6, arguments={'depth': 1, 'mode': 'fast'})
    asked(harness, arguments={'mode': 'full'})

    assert [unit.arguments for unit in harness.live()] == [{'depth': 1, 'mode': 'full'}] * 6
    harness.work_all()
    harness.now += timedelta(hours=1)
    harness.look()
    assert [unit.arguments for unit in harness.live()] == [{'depth': 1, 'mode': 'fast'}]


@pytest.mark.parametrize('is_even_if_off', [True, False])
def test_a_request_may_run_although_its_process_is_off(is_even_if_off: bool) -> None:
    on = harness_of(max_running=9)
    on.look()
    on.work_all()
    off = hourly(instant('2026111000'), FIRST, max_running=9, is_on=False)
    harness = EngineHarness(off, instant('2026111008'))
    harness.timetable.extend(harness.now)
    for job in on.jobs.values():
        harness.jobs[job.key] = job
        harness.timetable.put(job)
    harness.timetable.settle()
    command = replace(rerun(FIRST, LAST), details={'even_if_off': True} if is_even_if_off else {})
    options = options_of(command)
    harness.timetable.pause([], {} if options is None else {command.id: options})

    harness.command(command)

    # Hours 6 and 7 are new, and stay: nobody has asked for them.
    assert hours(harness) == (list(range(6)) if is_even_if_off else [])


def test_beyond_as_many_as_there_are_codes_they_wait_for_one_to_end() -> None:
    harness = harness_of(max_running=9)
    harness.look()
    harness.work_all()
    options = RequestOptions(process=NAME, max_running=5)
    own = {CommandId(f'other{number}'): options for number in range(len(OWN))}
    harness.timetable.pause([], {**own, CommandId('r'): options})

    harness.command(rerun(FIRST, LAST))
    harness.look()
    assert harness.state(key('SiteHourly@2026111000')) is JobState.EMBRYO
    assert hours(harness) == []

    own.pop(CommandId('other0'))
    harness.timetable.pause([], {**own, CommandId('r'): options})
    harness.look()
    assert hours(harness) == list(range(5))


def test_counts_and_searches_know_jobs_of_such_requests() -> None:
    harness = harness_of(is_on=True)
    asked(harness, max_running=1)
    span = harness.timetable.span(NAME)

    assert harness.timetable.has_reruns(NAME)
    assert harness.timetable.rerun_count(NAME, span) == 5
    assert harness.timetable.count_by_state(NAME)[JobState.EMBRYO] == 6
    assert [*harness.timetable.embryo_runs(NAME, span)] == [range(span.start + 1, span.stop)]
    assert harness.timetable.pending_count(NAME, span) == 7


@pytest.mark.parametrize(
    ('kind', 'wanted', 'said'),
    [
        (CommandKind.SKIP, {'max_running': 2}, 'runs nothing'),
        (CommandKind.REPROCESS, {'max_running': 0}, 'max_running: '),
        (CommandKind.REPROCESS, {'max_running': 'x'}, 'max_running: '),
        (CommandKind.REPROCESS, {'order': 'random'}, 'order: '),
        (CommandKind.REPROCESS, {'arguments': [1]}, 'arguments: '),
        (CommandKind.REPROCESS, {'arguments': {'a': 'x' * 100_000}}, 'arguments: '),
    ],
)
def test_what_makes_no_sense_is_refused(
    kind: CommandKind, wanted: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        details_of(kind, wanted)


def test_a_row_with_nonsense_runs_as_others_do() -> None:
    assert options_of(replace(rerun(FIRST, LAST), details={'max_running': 'many'})) is None
    assert instant(LAST) < NOW
