"""What runs again while its process is off: told, or switched on with --switch-on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from synergy.cli.local import open_local
from synergy.core.effects import SaveJob, SaveOverride
from synergy.core.overrides import override_of
from synergy.core.records import Job, ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import Qualifier, parse
from tests.cli.conftest import Said

Launch = Callable[..., Said]
HOURLY = ProcessName('FlightHourly')
AGAIN = ('reprocess', HOURLY, '2013-01-01', '07')


def has_run(*, is_on: bool) -> None:
    """Let an hour of FlightHourly have run, and the process be on or off now."""
    with open_local() as ask:
        node = ask.runtime.context.hierarchy.nodes[HOURLY]
        now = ask.clock.now()
        override = override_of(node, {'is_on': False}, None, 'anna: migration', now)
        leadership = ask.store.lead('dev:1', timedelta(minutes=1))
        assert override is not None
        assert leadership is not None
        hour = parse(Qualifier.HOURLY, '2013010107')
        job = Job(
            process=HOURLY, timeperiod=hour, state=JobState.PROCESSED, rev=1, run=1, changed_at=now
        )
        ask.store.commit(
            leadership, [SaveJob(job, 'done'), *([] if is_on else [SaveOverride(override)])]
        )
        # Nobody leads, so that no command waits for what it asks for.
        ask.store.resign(leadership)


@pytest.fixture
def off(launch: Launch) -> Launch:
    """Return a function that runs commands where FlightHourly has run, and is off."""
    assert launch('db', '--update').code == 0
    has_run(is_on=False)
    return launch


def kinds(launch: Launch) -> list[str]:
    return [item['kind'] for item in json.loads(launch('requests', '--json').out)]


def test_that_it_is_off_is_said_before_and_after(off: Launch) -> None:
    told = off(*AGAIN, '--dry-run').out
    said = off(*AGAIN)

    assert 'FlightHourly is switched off since' in told
    assert 'by anna: migration; nothing of it runs until ./launch.py process on Fl' in told
    assert said.code == 0
    assert said.err == (
        'FlightHourly is off: nothing of it runs until ./launch.py process on FlightHourly\n'
    )
    assert kinds(off) == ['reprocess']


def test_it_is_switched_on_when_asked_for(off: Launch) -> None:
    said = off(*AGAIN, '--switch-on')

    assert said.code == 0
    assert 'off' not in said.err
    assert 'FlightHourly is switched on\n' in said.out
    assert sorted(kinds(off)) == ['process_save', 'reprocess']


def test_nothing_is_said_of_what_is_on(launch: Launch) -> None:
    assert launch('db', '--update').code == 0
    has_run(is_on=True)

    said = launch(*AGAIN, '--switch-on')

    assert said.err == ''
    assert 'switched on' not in said.out
    assert kinds(launch) == ['reprocess']


def test_a_letter_that_is_dropped_switches_nothing_on(launch: Launch) -> None:
    said = launch('dead', 'drop', '--all', '--switch-on')

    assert said.code == 2
    assert '--switch-on goes with dead retry' in said.err
