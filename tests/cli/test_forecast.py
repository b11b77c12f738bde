"""`launch.py forecast`, on the store of this machine and through a dashboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from synergy.cli.commands.forecast import show
from synergy.view.forecast import encode_forecast
from tests.cli.conftest import Said
from tests.cli.test_remote import history as history
from tests.cli.test_remote import pages as pages
from tests.cli.test_remote import remote as remote
from tests.forecast.test_stuck import DAY, held_job, hierarchy, key, look, timetable_of
from tests.mx.dashboard_harness import DashboardHarness

Launch = Callable[..., Said]


@pytest.fixture
def here(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> Launch:
    """Return `launch` on a store of its own."""
    monkeypatch.setenv('SYNERGY_CONTEXT_MODULE', 'tests.pipelines.pages')
    monkeypatch.delenv('SYNERGY_END_TIMEPERIOD')
    assert launch('db', '--update').code == 0
    return launch


def test_a_forecast_tells_when_what_is_due_is_done(here: Launch) -> None:
    found = json.loads(
        here('forecast', '--by', '+2 hours', '--process', 'SiteHourly', '--json').out
    )

    assert found['jobs'] > 0
    assert found['due']['jobs'] > 0
    assert {item['process'] for item in found['items']} == {'SiteHourly'}
    ends = [item['end'] for item in found['items'] if item['end'] is not None]
    assert ends == sorted(ends)
    assert all(item['low'] <= item['end'] <= (item['high'] or '9') for item in found['items'])
    assert 'what is due now' in here('forecast', '--by', '+2 hours').out


@pytest.mark.parametrize(
    ('given', 'said', 'code'),
    [
        (('--by', '26:00'), 'is not a time of day', 2),
        (('--by', 'soon'), "'soon' cannot be read", 2),
        (('--by', '2020-01-01'), 'is not ahead of now', 2),
        (('--by', '+900 hours'), 'more than 7 days ahead', 2),
        (('--process', 'SiteHorly'), 'did you mean', 3),
    ],
)
def test_what_makes_no_sense_is_refused(
    here: Launch, given: tuple[str, ...], said: str, code: int
) -> None:
    found = here('forecast', *given)

    assert said in found.err
    assert found.code == code


def test_a_dashboard_answers_too_and_keeps_its_answer_for_a_while(
    pages: DashboardHarness, remote: Launch
) -> None:
    pages.foresees = True

    def asked() -> dict[str, object]:
        found: dict[str, object] = json.loads(
            remote('forecast', '--process', 'SiteHourly', '--json').out
        )
        return found

    first = asked()
    pages.runtime.clock.advance(timedelta(seconds=20))
    again = asked()
    pages.runtime.clock.advance(timedelta(seconds=20))

    assert first['items']
    assert again == first
    assert asked()['at'] != first['at']
    assert 'cannot be read' in remote('forecast', '--by', 'soon').err


def test_what_does_not_start_is_told_by_its_root(capsys: pytest.CaptureFixture[str]) -> None:
    tree = hierarchy()
    job = held_job(tree)

    show(encode_forecast(look(timetable_of(tree, job))))

    said = capsys.readouterr().out
    hour, day = job.timeperiod, key(tree, DAY).timeperiod
    assert f'Day      {day}  does not start' in said
    assert f'Day {day} does not start: Hour {hour} has failed for good' in said
    assert f'held for an operator: that holds up Day {day}, Report {day}\n' in said
    assert '3 jobs are due by then and do not start by themselves' in said
