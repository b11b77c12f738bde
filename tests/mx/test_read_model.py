"""The read model follows the store by its changes; tabs hear of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from synergy.core.effects import SaveJob
from synergy.core.records import Job
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey
from synergy.mx.live import read_model
from synergy.mx.web.access import COOKIE
from synergy.mx.web.redact import MASK, masked
from synergy.ports.store import JobChange, LiveRun
from synergy.view.index import load_index
from tests.mx.dashboard_harness import NOW, DashboardHarness

FORM_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')


def change(pages: DashboardHarness, key: JobKey, rev: int, state: JobState, seconds: int) -> None:
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    job = Job(
        process=key.process,
        timeperiod=key.timeperiod,
        state=state,
        rev=rev,
        failure_count=int(state is JobState.SKIPPED),
        changed_at=NOW + timedelta(seconds=seconds),
    )
    pages.store.commit(leadership, [SaveJob(job, state.value)])
    pages.runtime.clock.advance(timedelta(seconds=1))


def test_it_follows_changes(pages: DashboardHarness) -> None:
    model, key = pages.site.model, pages.key('SiteHourly', '2026112311')
    model.look(pages.store)

    change(pages, key, 1, JobState.IN_PROGRESS, 1)
    model.look(pages.store)
    assert model.timetable.state(key) is JobState.IN_PROGRESS

    change(pages, key, 2, JobState.SKIPPED, 1)
    model.look(pages.store)
    assert model.timetable.state(key) is JobState.SKIPPED
    assert key.timeperiod.ordinal in model.failed[key.process]


def test_a_change_of_the_same_instant_is_seen_once(pages: DashboardHarness) -> None:
    model, key = pages.site.model, pages.key('SiteHourly', '2026112311')
    model.look(pages.store)
    change(pages, key, 1, JobState.IN_PROGRESS, 1)
    model.look(pages.store)
    version = model.version

    pages.runtime.clock.advance(timedelta(seconds=1))
    model.look(pages.store)

    assert model.version == version


@pytest.mark.parametrize('page_rows', [1, 2, 3, 100])
def test_of_many_pages_of_changes_what_runs_is_read_with_the_first_and_the_last(
    pages: DashboardHarness, page_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, reads = pages.site.model, list[str]()
    model.look(pages.store)
    live_runs, changed_jobs = pages.store.live_runs, pages.store.changed_jobs

    def noting_rows(*asked: Any) -> Sequence[JobChange]:
        reads.append('rows')
        return changed_jobs(*asked)

    def noting_runs() -> Sequence[LiveRun]:
        reads.append('runs')
        return live_runs()

    monkeypatch.setattr(read_model, 'PAGE_ROWS', page_rows)
    monkeypatch.setattr(pages.store, 'changed_jobs', noting_rows)
    monkeypatch.setattr(pages.store, 'live_runs', noting_runs)
    keys = [pages.key('SiteHourly', f'20261123{hour:02d}') for hour in range(6)]
    for number, key in enumerate(keys):
        change(pages, key, 2, JobState.IN_PROGRESS, 100 + number)
    reads.clear()

    model.look(pages.store)

    assert [model.timetable.state(key) for key in keys] == [JobState.IN_PROGRESS] * len(keys)
    assert reads[:2] == ['rows', 'runs']
    assert reads[-1] == 'runs', 'of whatever was changed'
    assert reads.count('runs') == (1 if page_rows == 100 else 2)


def test_it_is_what_a_fresh_index_is(pages: DashboardHarness) -> None:
    model = pages.site.model
    model.look(pages.store)
    for number, state in enumerate(JobState):
        change(pages, pages.key('SiteHourly', f'20261123{number:02d}'), 2, state, number)
        model.look(pages.store)
        pages.runtime.clock.advance(timedelta(seconds=1))

    fresh = load_index(model.hierarchy, pages.store, pages.runtime.clock.now())
    for name in model.hierarchy.nodes:
        assert model.timetable.count_by_state(name) == fresh.count_by_state(name)


def test_another_leader_makes_it_read_everything(pages: DashboardHarness) -> None:
    model, key = pages.site.model, pages.key('SiteHourly', '2026112311')
    model.look(pages.store)
    pages.runtime.clock.advance(timedelta(days=2000))
    leadership = pages.store.lead('other:1', timedelta(hours=1))
    assert leadership is not None
    # Its clock is far behind.
    job = Job(
        process=key.process,
        timeperiod=key.timeperiod,
        state=JobState.NOOP,
        rev=1,
        changed_at=NOW - timedelta(days=300),
    )
    pages.store.commit(leadership, [SaveJob(job, 'noop')])

    model.look(pages.store)

    assert model.timetable.state(key) is JobState.NOOP


def test_a_clock_set_back_hides_nothing(pages: DashboardHarness) -> None:
    model, key = pages.site.model, pages.key('SiteHourly', '2026112308')
    rev = pages.store.jobs([key])[key].rev
    change(pages, pages.key('SiteHourly', '2026112300'), 2, JobState.NOOP, 0)
    model.look(pages.store)

    pages.runtime.clock.step(NOW - timedelta(hours=3))
    pages.runtime.clock.sleep(1)
    change(pages, key, rev + 1, JobState.IN_PROGRESS, -3 * 3600)
    model.look(pages.store)

    assert model.timetable.state(key) is JobState.IN_PROGRESS


def test_secrets_go_by_their_names() -> None:
    given = {'api_token': 'x', 'password': 'x', 'key': 'x', 'keys': 'x', 'deep': [{'secret': 1}]}

    assert masked(given) == {
        'api_token': MASK,
        'password': MASK,
        'key': MASK,
        'keys': MASK,
        'deep': [{'secret': MASK}],
    }
    assert masked('amqp://user:hunter2@host/x') == f'amqp://user:{MASK}@host/x'


def test_live_tabs_share_one_rendering_without_anybodys_token(pages: DashboardHarness) -> None:
    first = pages.get('/', **{'X-Live': '1'})
    pages.store.report_actual([])
    change(pages, pages.key('SiteHourly', '2026112311'), 1, JobState.IN_PROGRESS, 1)
    pages.runtime.clock.step(NOW)

    again = pages.get('/', **{'X-Live': '1'})
    pages.runtime.clock.advance(timedelta(seconds=2))
    later = pages.get('/', **{'X-Live': '1'})

    assert first.data == again.data != later.data
    assert not FORM_TOKEN.search(first.text)
    found = FORM_TOKEN.search(pages.get('/').text)
    assert found is not None
    sessions, cookie = pages.site.sessions, pages.client.get_cookie(COOKIE)
    assert cookie is not None
    session = sessions.read(cookie.value)
    assert session is not None
    assert sessions.is_form_token(session, found[1])
