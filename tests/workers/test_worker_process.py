"""Workers as real processes: what user code may do, and what becomes of its unit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.states import JobState, UnitState
from tests.system_harness import SystemHarness, kill

#: What the store and the broker have no part in.
ON_ONE_PAIR = pytest.mark.parametrize('pair', ['embedded'], indirect=True)


@pytest.fixture
def system(tmp_path: Path, pair: Mapping[str, str]) -> Iterator[SystemHarness]:
    with SystemHarness(tmp_path / 'home', 'tests.pipelines.behaviours', **pair) as running:
        running.start('Scheduler')
        yield running


def test_an_exception_fails_the_attempt_with_its_traceback_in_the_log(
    system: SystemHarness,
) -> None:
    system.start('RaisingDaily')
    key = system.key('RaisingDaily')

    assert system.wait_final(key) is JobState.PROCESSED

    unit = system.unit(key)
    log = [(line.attempt, line.text) for line in system.store.log(unit.id)]
    assert (unit.attempt, unit.processed_count) == (2, 2)
    assert (1, 'about to work on 2026110100') in log
    assert (2, 'about to work on 2026110100') in log
    failure = '\n'.join(text for attempt, text in log if attempt == 1)
    assert 'Traceback' in failure
    assert 'LookupError: no such site' in failure
    assert system.store.jobs([key])[key].failure_count == 1


@ON_ONE_PAIR
def test_a_worker_of_synergy_2_runs_unchanged(system: SystemHarness) -> None:
    system.start('LegacyDaily')
    key = system.key('LegacyDaily')

    assert system.wait_final(key) is JobState.PROCESSED
    assert system.unit(key).processed_count == 17


@ON_ONE_PAIR
def test_a_function_is_a_worker_and_none_means_processed(system: SystemHarness) -> None:
    system.start('PlainDaily')
    key = system.key('PlainDaily')

    assert system.wait_final(key) is JobState.PROCESSED
    assert system.journal() == ['plain 2026110100 green']


@ON_ONE_PAIR
def test_what_cannot_be_understood_is_a_failure_that_says_so(system: SystemHarness) -> None:
    system.start('NonsenseDaily')
    key = system.key('NonsenseDaily')

    assert system.wait_final(key) is JobState.SKIPPED
    reason = system.store.jobs([key])[key].reason
    assert reason is not None
    assert "returned 'all good'" in reason
    assert system.unit(key).state is UnitState.DEAD


@ON_ONE_PAIR
def test_exit_in_user_code_fails_the_attempt_not_the_worker(system: SystemHarness) -> None:
    worker = system.start('ExitingDaily')
    key = system.key('ExitingDaily')

    assert system.wait_final(key) is JobState.SKIPPED
    assert 'SystemExit: 3' in str(system.store.jobs([key])[key].reason)
    assert worker.poll() is None


def test_a_run_that_takes_too_long_is_interrupted_whatever_it_catches(
    system: SystemHarness,
) -> None:
    system.start('StubbornDaily')
    key = system.key('StubbornDaily')

    assert system.wait_final(key) is JobState.SKIPPED
    assert 'timed out after 0.5 s' in str(system.store.jobs([key])[key].reason)
    assert system.journal() == []


def test_a_killed_workers_unit_is_rescued_under_a_higher_fence_and_the_same_key(
    system: SystemHarness,
) -> None:
    worker = system.start('PatientDaily')
    system.wait_for(lambda: len(system.journal()) == 1, 'the first start')

    kill(worker)
    system.tell('go')
    system.start('PatientDaily')
    key = system.key('PatientDaily')

    assert system.wait_final(key) is JobState.PROCESSED
    unit = system.unit(key)
    assert (unit.run, unit.attempt, unit.fence) == (1, 2, 3)
    assert system.journal() == [
        'began 2026110100 attempt 1 fence 1',
        'began 2026110100 attempt 2 fence 3',
        'ended 2026110100 attempt 2 fence 3',
    ]


def test_the_lease_of_a_long_run_is_kept(system: SystemHarness) -> None:
    system.start('PatientDaily')
    key = system.key('PatientDaily')
    system.wait_for(lambda: len(system.journal()) == 1, 'the start')
    first = system.unit(key).lease_until
    assert first is not None

    def is_renewed() -> bool:
        """Tell whether the lease has been kept for twice its length."""
        lease = system.unit(key).lease_until
        return lease is not None and lease - first > timedelta(seconds=4)

    system.wait_for(is_renewed, 'renewals')
    system.tell('go')

    assert system.wait_final(key) is JobState.PROCESSED
    assert system.unit(key).attempt == 1


def test_a_stopped_worker_finishes_what_fits_into_its_grace(tmp_path: Path) -> None:
    with SystemHarness(
        tmp_path / 'home', 'tests.pipelines.behaviours', SYNERGY_STOP_GRACE_SECONDS='30'
    ) as system:
        system.start('Scheduler')
        worker = system.start('PatientDaily')
        system.wait_for(lambda: len(system.journal()) == 1, 'the start')

        worker.terminate()
        system.tell('go')

        assert worker.wait(30) == 0
        assert system.wait_final(system.key('PatientDaily')) is JobState.PROCESSED
        assert system.unit(system.key('PatientDaily')).attempt == 1


def test_a_stopped_worker_hands_back_what_does_not_fit(system: SystemHarness) -> None:
    worker = system.start('PatientDaily')
    key = system.key('PatientDaily')
    system.wait_for(lambda: len(system.journal()) == 1, 'the start')

    worker.terminate()
    assert worker.wait(20) == 0

    handed_back = system.unit(key)
    assert (handed_back.state, handed_back.attempt) == (UnitState.REQUESTED, 1)
    assert any('handed back' in line.text for line in system.store.log(handed_back.id))
    system.tell('go')
    system.start('PatientDaily')
    assert system.wait_final(key) is JobState.PROCESSED
    assert system.unit(key).attempt == 1


def test_a_skipped_run_is_interrupted_and_its_result_discarded(system: SystemHarness) -> None:
    worker = system.start('PatientDaily')
    key = system.key('PatientDaily')
    system.wait_for(lambda: len(system.journal()) == 1, 'the start')

    system.store.insert_command(
        Command(
            id=CommandId('c1'),
            kind=CommandKind.SKIP,
            process=key.process,
            start=key.timeperiod,
            end=key.timeperiod.shift(1),
            actor='anna',
            created_at=system.runtime.clock.now(),
        )
    )

    assert system.wait_final(key) is JobState.SKIPPED
    log = system.home / 'logs' / 'patientdaily_daily.log'
    system.wait_for(lambda: 'lease lost' in log.read_text(), 'the interruption')
    assert len(system.journal()) == 1
    assert worker.poll() is None


def test_two_workers_of_one_process_never_run_the_same_unit(system: SystemHarness) -> None:
    for _ in range(2):
        system.start('JournalDaily')
    key = system.key('JournalDaily')

    assert system.wait_final(key) is JobState.PROCESSED
    assert len(system.journal()) == 1


@ON_ONE_PAIR
def test_an_unknown_process_is_refused_with_the_nearest_name(system: SystemHarness) -> None:
    child = system.start('PatientDayly')

    assert child.wait(20) == 3
    assert "did you mean 'PatientDaily'" in (system.home / 'PatientDayly.out').read_text()


@ON_ONE_PAIR
def test_a_worker_goes_on_when_its_store_was_locked_for_a_while(system: SystemHarness) -> None:
    system.start('PatientDaily')
    key = system.key('PatientDaily')
    system.wait_for(lambda: len(system.journal()) == 1, 'the start')
    other = sqlite3.connect(system.home / 'store.db', isolation_level=None)
    other.execute('BEGIN IMMEDIATE')

    system.tell('go')
    system.wait_for(lambda: len(system.journal()) == 2, 'the end')
    other.execute('ROLLBACK')
    other.close()

    assert system.wait_final(key) is JobState.PROCESSED
