"""process: listing, switching and looking, with a Scheduler that executes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from synergy import bootstrap
from synergy.cli import local_asking as local
from synergy.scheduler.loop import LoopSettings, Scheduler
from synergy.scheduler.main import pipeline_of
from tests.cli.conftest import Said

Launch = Callable[..., Said]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, 'ANSWER_SECONDS', 0.05)


def step() -> None:
    """Let a Scheduler lead for a moment, which executes what is asked for."""
    settings, context = bootstrap.load()
    with bootstrap.open_runtime(settings, context) as runtime:
        scheduler = Scheduler(
            pipeline_of(context, runtime.clock),
            store=runtime.open_store(),
            broker=runtime.open_broker(),
            clock=runtime.clock,
            settings=LoopSettings(
                owner='dev:1',
                leader_lease=timedelta(seconds=10),
                sweep_period=timedelta(seconds=10),
                inbox_batch_max=100,
            ),
        )
        scheduler.step()
        scheduler.close()


def listed(launch: Launch, name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(launch('process', 'ls', name, '--json').out)[0]
    return found


def test_history_is_left_out_by_an_answer_and_comes_back_with_the_next(launch: Launch) -> None:
    step()
    assert launch('process', 'catch-up', 'FlightDaily').code == 2
    assert 'beside' in launch('process', 'catch-up', 'FlightDaily', 'sometimes').err
    said = launch('process', 'catch-up', 'FlightDaily', 'none', '--reason', 'we have that')
    assert said.code == 0, said

    step()
    step()

    item = listed(launch, 'FlightDaily')
    assert item['catch_up'] == 'none'
    assert item['left_out_before'] == item['live_from']
    assert 'catch-up none since' in launch('process').out
    told = launch('why', 'FlightDaily', '20130102').out
    assert 'is left out by catch-up none of ' in told
    assert 'we have that' in told
    assert '--anyway' in launch('reprocess', 'FlightDaily', '20130102', '--yes').err

    launch('process', 'catch-up', 'FlightDaily', 'default')
    step()
    step()

    assert listed(launch, 'FlightDaily')['left_out_before'] is None
    assert 'left out' not in launch('why', 'FlightDaily', '20130102').out


def test_a_process_is_switched_and_everybody_says_so(launch: Launch) -> None:
    step()
    said = launch('process', 'off', 'FlightDaily', '--reason', 'migration')
    assert said.code == 0
    assert 'is requested' in said.out

    step()

    assert listed(launch, 'FlightDaily')['is_on'] is False
    assert 'migration' in launch('process').out
    assert 'FlightDaily is switched off since' in launch('why', 'FlightDaily', '20130101').out
    status = json.loads(launch('status', '--json').out)
    assert {item['process']: item['is_on'] for item in status['processes']}['FlightDaily'] is False

    launch('process', 'on', 'FlightDaily')
    step()
    assert listed(launch, 'FlightDaily')['override'] is None


def test_a_trigger_is_changed_and_given_back(launch: Launch) -> None:
    step()
    assert launch('process', 'trigger', 'FlightDaily', 'at 05:00').code == 0
    step()
    assert listed(launch, 'FlightDaily')['trigger'] == 'at 05:00'

    assert launch('process', 'trigger', 'FlightDaily', 'default').code == 0
    step()
    assert listed(launch, 'FlightDaily')['override'] is None


@pytest.mark.parametrize(
    ('words', 'code', 'text'),
    [
        (['off'], 2, 'give the process'),
        (['off', 'FlightDayly'], 3, 'FlightDaily'),
        (['trigger', 'FlightDaily'], 2, 'give the trigger'),
        (['trigger', 'FlightDaily', 'never'], 2, 'never'),
    ],
)
def test_wrong_words_are_explained(launch: Launch, words: list[str], code: int, text: str) -> None:
    step()

    said = launch('process', *words)

    assert said.code == code
    assert text in said.err


def test_a_request_says_how_its_jobs_run(launch: Launch) -> None:
    step()
    asked = ('reprocess', 'FlightHourly', '2013010100', '--max-running', '2', '--order', 'newest')
    with_arguments = (*asked, '--arguments', '{"mode": "full"}', '--even-if-off')

    shown = launch(*with_arguments, '--dry-run')
    assert 'they run so: at most 2 of its jobs at the same time; the newest first' in shown.out
    assert 'FlightHourly with other mode; also where a process is switched off' in shown.out

    assert launch(*with_arguments, '--name', 'again').code == 0
    step()
    listed_request = json.loads(launch('requests', '--json').out)[0]
    assert listed_request['details'] == {
        'max_running': 2,
        'order': 'newest',
        'arguments': {'mode': 'full'},
        'even_if_off': True,
    }
    assert launch(*asked, '--arguments', '[1]').code == 2
    said = launch('reprocess', 'FlightHourly', '2013010100', '--max-running', '0')
    assert 'max_running' in said.err


def test_everything_is_frozen_and_thawed(launch: Launch) -> None:
    step()
    assert launch('freeze', '--until', '+2 hours').code == 2  # Without a reason.
    refused = launch('freeze', '--tree', 'nowhere', '--until', '+2 hours', '--reason', 'x')
    assert refused.code == 3
    assert 'there is no tree' in refused.err
    assert launch('freeze', '--until', '+2 hours', '--reason', 'migration').code == 0
    step()

    (found,) = json.loads(launch('thaw', '--json').out)
    assert (found['scope'], found['reason']) == ('all', 'migration')
    assert 'everything' in launch('thaw').out
    assert 'frozen: everything' in launch('status').out
    assert 'everything is frozen since' in launch('why', 'FlightDaily', '20130101').out
    assert launch('thaw', found['id'][:6], '--reason', 'done').code == 0
    step()
    assert 'nothing is frozen' in launch('thaw', '--all').out
