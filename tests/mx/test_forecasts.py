"""Forecasts for pages: made aside and once for all who ask, the one before shown meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synergy.doors import forecaster_command
from synergy.mx.live.forecaster import Aside
from synergy.mx.live.forecasts import ForecastFailed, Forecasts
from synergy.operations.foreseen import Asked
from tests.mx.dashboard_harness import DashboardHarness

ALL = Asked()


class Told:
    """Answers with how often it was asked; or fails, as often as it is told to."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.closed = 0
        self.problem: str | Exception | None = None
        self.takes = 0.0
        self.seconds = 0.0

    def answer(self, asked: Asked) -> Any:
        self.asked.append(asked)
        self.seconds += self.takes
        if isinstance(self.problem, Exception):
            raise self.problem
        if self.problem is not None:
            raise ForecastFailed(self.problem)
        return {'at': str(len(self.asked))}

    def close(self) -> None:
        self.closed += 1


class Work:
    """Work that is started, and done when a test lets it."""

    def __init__(self) -> None:
        self.begun: list[Callable[[], None]] = []

    def start(self, work: Callable[[], None]) -> None:
        self.begun.append(work)

    def do(self) -> None:
        while self.begun:
            self.begun.pop(0)()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def forecasts(told: Told, work: Work) -> Forecasts:
    return Forecasts(told, lambda: told.seconds, work.start, idle_seconds=0.0)


def at(forecasts: Forecasts, asked: Asked = ALL, patience_seconds: float = 0.0) -> str | None:
    found = forecasts.of(asked, patience_seconds)
    return None if found is None else found['at']


def test_nobody_waits_and_the_one_before_is_shown_while_the_next_is_made(
    told: Told, work: Work, forecasts: Forecasts
) -> None:
    assert forecasts.of(ALL) is None
    assert forecasts.of(ALL) is None
    work.do()
    assert told.asked == [ALL], 'once for all who ask'
    assert at(forecasts) == '1'

    told.seconds += 31
    assert at(forecasts) == '1'
    work.do()

    assert at(forecasts) == '2'
    assert told.closed == 2, 'what makes them is given back once nobody asks'


def test_none_is_made_where_nobody_asks(told: Told, work: Work, forecasts: Forecasts) -> None:
    forecasts.of(ALL)
    work.do()
    told.seconds += 1_000

    assert work.begun == []
    assert told.asked == [ALL]


def test_what_takes_long_is_made_seldom(told: Told, work: Work, forecasts: Forecasts) -> None:
    told.takes = 12.0
    forecasts.of(ALL)
    work.do()
    told.seconds += 119
    forecasts.of(ALL)
    assert work.begun == []

    told.seconds += 2
    forecasts.of(ALL)
    assert len(work.begun) == 1


def test_each_question_has_its_answer_and_too_many_are_told_to_come_again(
    told: Told, work: Work, forecasts: Forecasts
) -> None:
    questions = [Asked(process=f'P{number}') for number in range(20)]
    for asked in questions:
        assert forecasts.of(asked) is None
    work.do()

    assert told.asked == questions[:8]
    assert at(forecasts, questions[3]) == '4'
    assert forecasts.of(questions[10]) is None


@pytest.mark.parametrize('problem', ['the store is away', ValueError('boom')])
def test_a_failure_is_said_and_hides_no_answer_of_before(
    told: Told, work: Work, forecasts: Forecasts, problem: str | Exception
) -> None:
    told.problem = problem
    forecasts.of(ALL)
    work.do()
    with pytest.raises(ForecastFailed, match=r'store is away|log of MX'):
        forecasts.of(ALL)
    assert work.begun == [], 'not tried again at once'

    told.seconds += 31
    told.problem = None
    with pytest.raises(ForecastFailed):
        forecasts.of(ALL)
    work.do()
    assert at(forecasts) == '2'

    told.seconds += 31
    told.problem = problem
    forecasts.of(ALL)
    work.do()
    assert at(forecasts) == '2'


def test_who_waits_is_told_as_soon_as_it_is_made(told: Told) -> None:
    forecasts = Forecasts(told, lambda: 0.0, idle_seconds=0.0)

    assert at(forecasts, ALL, 60.0) == '1'
    forecasts.stop()
    assert forecasts.of(Asked(process='other'), 60.0) is None


def test_a_process_of_its_own_answers_with_what_this_one_would(pages: DashboardHarness) -> None:
    # The store of the tests stands in 2026; what is due at the real time is the same for both.
    environ = {
        'SYNERGY_HOME': str(pages.runtime.path.parent),
        'SYNERGY_STORE_URI': f'sqlite://{pages.runtime.path}',
        'SYNERGY_CONTEXT_MODULE': 'tests.pipelines.pages',
    }
    child = subprocess.Popen(
        (*forecaster_command(), str(os.getpid())),
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    questions = [{'process': 'SiteHourly'}, {'process': 'SiteHourly', 'timeperiod': '2026112310'}]
    questions.append({'process': 'nothing'})
    said, _ = child.communicate(
        b''.join(json.dumps(item).encode() + b'\n' for item in questions), timeout=60
    )

    whole, job, refused = map(json.loads, said.splitlines())
    assert child.returncode == 0
    # The boxes of the tests have long vanished, and their workers with them.
    assert whole['answer']['items'] == []
    assert {item['process'] for item in whole['answer']['stuck']} == {'SiteHourly'}
    assert whole['answer']['at'] == job['answer']['at'], 'from one forecast'
    assert job['answer']['likely']['root']['cause'] == 'workers'
    assert 'is not a managed process' in refused['problem']


@pytest.mark.parametrize(
    ('code', 'said'),
    [
        ('raise SystemExit(7)', 'exit code 7'),
        ('print("no JSON")', 'failed'),
        ('import sys; sys.stdin.readline(); print("{\\"problem\\": \\"away\\"}")', 'away'),
    ],
)
def test_a_process_that_fails_is_told_of_and_started_again(
    tmp_path: Path, code: str, said: str
) -> None:
    aside = Aside((sys.executable, '-c', code), tmp_path)
    for _ in range(2):
        with pytest.raises(ForecastFailed, match=said):
            aside.answer(ALL)
    aside.close()
    aside.close()


def test_the_api_tells_of_a_tree_a_process_and_a_job(pages: DashboardHarness) -> None:
    refused = pages.get('/api/v1/forecast?by=%2B2 hours')
    assert refused.status_code == 503
    assert 'Retry-After' in refused.headers
    pages.foresees = True

    site = pages.get('/api/v1/forecast?tree=site&limit=5').json
    whole = pages.get('/api/v1/forecast').json
    assert site is not None
    assert whole is not None
    assert {item['tree'] for item in site['trees']} == {'site'}
    assert len(site['items']) == 5
    assert site['jobs'] < whole['jobs']
    first = site['items'][0]
    job = pages.get(f'/api/v1/jobs/{first["process"]}/{first["timeperiod"]}/forecast').json
    assert job is not None
    assert (job['likely']['end'], job['likely']['low']) == (first['end'], first['low'])
    assert job['likely']['path'], 'what decides it'
    running = {item['process']: item for item in whole['items'] if item['started']}
    assert running['SiteHourly']['timeperiod'] == '2026112310'
    assert pages.get('/api/v1/forecast?tree=sight').status_code == 404
    assert pages.get('/api/v1/forecast?limit=0').status_code == 400
    assert pages.get('/api/v1/jobs/SiteHourly/2020112310/forecast').status_code == 404
