"""Every state machine, free runs and operators' commands, on real processes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from synergy.core.records import ProcessName
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod, containing_utc
from tests.system_harness import SystemHarness


@pytest.fixture
def system(tmp_path: Path, pair: Mapping[str, str]) -> Iterator[SystemHarness]:
    with SystemHarness(tmp_path / 'home', 'tests.pipelines.governed', **pair) as running:
        running.start('Scheduler')
        yield running


def freeruns(system: SystemHarness) -> set[str]:
    """Return the free runs that the Scheduler knows; it takes what is asked in its next loop."""
    return {str(freerun.name) for freerun in system.store.freeruns()}


def now_in(qualifier: Qualifier) -> Timeperiod:
    return containing_utc(qualifier, datetime.now(UTC))


def test_a_live_day_runs_again_and_again_and_yesterday_once(system: SystemHarness) -> None:
    system.start('LiveDaily')
    today = JobKey(ProcessName('LiveDaily'), now_in(Qualifier.DAILY))
    yesterday = JobKey(today.process, today.timeperiod.shift(-1))

    system.wait_for(lambda: len(system.store.runs(today)) >= 3, 'three live runs')

    assert system.state(today) is JobState.IN_PROGRESS
    asked = ('why', 'LiveDaily', str(today.timeperiod))
    system.wait_for(lambda: 'rests after run' in system.launch(*asked).stdout, 'a rest')
    assert system.wait_final(yesterday) is JobState.PROCESSED
    assert len(system.store.runs(yesterday)) == 1


def test_a_recomputing_hour_covers_what_has_arrived(system: SystemHarness) -> None:
    database = sqlite3.connect(system.home / 'live.db', isolation_level=None)
    database.execute('CREATE TABLE row (id INTEGER PRIMARY KEY, hour TEXT)')
    hour = JobKey(ProcessName('ArrivedHourly'), now_in(Qualifier.HOURLY))
    system.start('ArrivedHourly')

    system.wait_for(
        lambda: any(unit.state is UnitState.NOOP for unit in system.store.runs(hour)),
        'a run without rows',
    )
    for number in (5, 9):
        database.execute('INSERT INTO row VALUES (?, ?)', (number, str(hour.timeperiod)))
        system.wait_for(lambda n=number: f'rows 5 to {n}' in system.journal(), 'the new row')  # type: ignore[misc]
    database.close()

    assert 'rows 5 to 5' in system.journal()


def test_a_machine_of_ones_own_decides(system: SystemHarness) -> None:
    system.start('OnceDaily')
    key = system.key('OnceDaily')

    assert system.wait_final(key) is JobState.SKIPPED
    assert system.unit(key).attempt == 1


def test_free_runs_fire_switch_and_are_made_at_run_time(system: SystemHarness) -> None:
    system.start('Shell')
    ticking = ProcessName('Shell::ticking')
    system.wait_for(lambda: len(system.store.freerun_units(ticking, 9)) >= 3, 'three ticks')

    assert system.launch('freerun', 'off', 'Shell::ticking').returncode == 0
    added = system.launch(
        'freerun', 'add', 'Shell::made', '--trigger', 'every 1', '--overlap', 'queue',
        '--arguments', '{"command": ["echo", "$made; here"]}',
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    assert 'next fires (UTC):' in added.stdout
    made = ProcessName('Shell::made')
    system.wait_for(lambda: len(system.store.freerun_units(made, 9)) >= 2, 'the new entry')
    first = system.store.freerun_units(made, 9)[-1]
    system.wait_for(lambda: bool(system.store.log(first.id)), 'its log')

    listed = {
        item['name']: item for item in json.loads(system.launch('freerun', 'ls', '--json').stdout)
    }
    assert [line.text for line in system.store.log(first.id)] == ['$made; here']
    assert (listed['Shell::ticking']['is_on'], listed['Shell::ticking']['next_fires']) == (
        False,
        [],
    )
    assert len(listed['Shell::made']['next_fires']) == 5
    assert listed['Shell::resting']['run_count'] == 0
    assert system.launch('freerun', 'run', 'Shell::resting').returncode == 0
    resting = ProcessName('Shell::resting')
    system.wait_for(lambda: bool(system.store.freerun_units(resting, 1)), 'the run out of turn')
    assert system.launch('freerun', 'rm', 'Shell::made').returncode == 0
    system.wait_for(lambda: 'Shell::made' not in freeruns(system), 'its end')
    assert system.launch('freerun', 'rm', 'Shell::made').returncode == 3
    refused = system.launch('freerun', 'rm', 'Shell::ticking')
    assert refused.returncode == 1
    assert 'stems from context.py' in refused.stdout


def test_an_operator_finds_retries_and_drops_what_failed(system: SystemHarness) -> None:
    system.start('OnceDaily')
    key = system.key('OnceDaily')
    system.wait_final(key)

    dead = json.loads(system.launch('dead', '--json').stdout)
    assert [item['process'] for item in dead] == ['OnceDaily']
    assert 'no such site' in dead[0]['error']
    log = system.launch('log', 'OnceDaily', '2026110100')
    assert 'LookupError' in log.stdout
    dry = system.launch('reprocess', 'OnceDaily', '2026110100', '--only', 'failed', '--dry-run')
    assert 'reprocess would touch 1 job' in dry.stdout
    retried = system.launch('dead', 'retry', dead[0]['id'], '--reason', 'fixed')
    assert retried.returncode == 0, retried.stdout

    system.wait_for(lambda: len(system.store.runs(key)) == 2, 'the second run')
    assert system.wait_final(key) is JobState.SKIPPED
    assert len(json.loads(system.launch('dead', '--json').stdout)) == 1
    assert system.launch('dead', 'drop', '--all').returncode == 0
    system.wait_for(lambda: not system.store.dead_units(9), 'the drop')
    assert json.loads(system.launch('dead', '--json').stdout) == []
    events = [event.text for event in system.store.events(key, 10)]
    assert any('reprocess by' in text and 'fixed' in text for text in events)


def test_a_dead_letter_whose_retry_is_refused_stays(system: SystemHarness) -> None:
    system.start('Shell')
    added = system.launch(
        'freerun', 'add', 'Shell::failing', '--trigger', 'every 3600',
        '--arguments', '{"command": "false"}',
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    system.wait_for(lambda: 'Shell::failing' in freeruns(system), 'the new entry')
    assert system.launch('freerun', 'run', 'Shell::failing').returncode == 0
    system.wait_for(lambda: bool(system.store.dead_units(9)), 'the dead letter')
    (dead,) = system.store.dead_units(9)
    assert system.launch('freerun', 'rm', 'Shell::failing').returncode == 0
    system.wait_for(lambda: 'Shell::failing' not in freeruns(system), 'its end')

    refused = system.launch('dead', 'retry', dead.id)

    assert refused.returncode == 1
    assert 'there is no free run' in refused.stdout
    assert [unit.id for unit in system.store.dead_units(9)] == [dead.id]


def test_commands_about_nothing_are_refused_before_they_are_asked(system: SystemHarness) -> None:
    system.wait_for(lambda: system.store.leadership() is not None, 'a leader')
    for arguments, code, expected in (
        (('reprocess', 'OnceDaily', '2026110200'), 3, 'outside its tree'),
        (('reprocess', 'LiveDaily', '2998010100'), 3, 'has begun'),
        (('reprocess', 'Nothing', '2026110100'), 3, 'not a managed process'),
        (('skip', 'LiveDaily', '20261', '--to', '2026'), 3, 'timeperiod'),
        (('cancel', 'OnceDaily', '2026110100', '--only', 'skipped'), 3, 'touches no job'),
        (('requests', 'cancel', 'nothing'), 3, 'no request'),
        (('freerun', 'edit', 'Shell::tickin', '--trigger', 'every 5'), 3, 'did you mean'),
        (('freerun', 'add', 'Shel::x', '--trigger', 'every 5'), 2, "did you mean 'Shell'"),
        (('freerun', 'add', 'Shell::x', '--trigger', 'cron 99 * * * *'), 2, 'not a cron'),
        (('freerun', 'add', 'Shell::x', '--arguments', '{'), 2, 'not JSON'),
        (('freerun', 'add', 'Shell::ticking', '--trigger', 'every 5'), 5, 'exists already'),
        (('dead', 'retry', 'nothing'), 3, 'no dead letter'),
        (('log', 'OnceDaily'), 2, 'timeperiod'),
    ):
        said = system.launch(*arguments)

        assert said.returncode == code, (arguments, said)
        assert expected in said.stderr, (arguments, said)
