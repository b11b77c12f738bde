"""What `/metrics` says, in both formats, and to whom."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import Client

from synergy.conf.model import Settings
from synergy.core.leader_counts import LeaderCounts, Outcome
from synergy.core.structs import replace
from synergy.core.users import Role
from synergy.mx.app import App
from synergy.mx.live.scrapes import ANSWERS_MAX, KEPT_SECONDS, Scrapes
from synergy.operations.credentials import new_token
from synergy.view.metrics import METRICS
from tests.mx.dashboard_harness import NOW, DashboardHarness

OPEN = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5'


def use(pages: DashboardHarness, settings: Settings) -> None:
    """Let a dashboard go by other settings, and forget what it has answered."""
    pages.site = replace(pages.site, settings=settings, scrapes=Scrapes())
    pages.app = App(pages.site)
    pages.client = Client(pages.app)


def values_of(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float:
    return values_of(text)[name, tuple(sorted(labels.items()))]


def counted(pages: DashboardHarness) -> None:
    counts = LeaderCounts()
    counts.ended('SiteHourly', Outcome.PROCESSED, 2.0)
    counts.ended('SiteHourly', Outcome.PROCESSED, 50.0)
    counts.ended('SiteHourly', Outcome.LOST, None)
    counts.refused = 4
    leadership = pages.store.leadership()
    assert leadership is not None
    pages.store.report_counts(leadership, counts)
    # Of a follower of ours, and of one that is none.
    for name in ('alerts', 'somebody'):
        pages.store.save_journal_cursor(name, 1)


def test_all_numbers_are_told_in_both_formats(pages: DashboardHarness) -> None:
    counted(pages)

    plain = pages.get('/metrics')
    opened = pages.get('/metrics', Accept=OPEN)

    assert plain.status_code == opened.status_code == 200
    assert 'Set-Cookie' not in plain.headers
    assert plain.content_type.startswith('text/plain')
    assert opened.content_type.startswith('application/openmetrics-text')
    families = list(open_families(opened.text))  # type: ignore[no-untyped-call]
    assert {family.name for family in families} == {metric.name for metric in METRICS}
    text = plain.text
    assert value(text, 'synergy_scheduler_leads') == 1
    assert value(text, 'synergy_units_total', process='SiteHourly', state='processed') == 2
    assert value(text, 'synergy_units_total', process='SiteHourly', state='lost') == 1
    assert value(text, 'synergy_unit_duration_seconds_count', process='SiteHourly') == 2
    assert value(text, 'synergy_unit_duration_seconds_sum', process='SiteHourly') == 52
    bucket = 'synergy_unit_duration_seconds_bucket'
    assert value(text, bucket, process='SiteHourly', le='10.0') == 1
    assert value(text, bucket, process='SiteHourly', le='+Inf') == 2
    assert value(text, 'synergy_scheduler_commits_refused_total') == 4
    assert value(text, 'synergy_dead_letters', process='SiteHourly') == 1
    assert value(text, 'synergy_intervals_failed', process='SiteHourly') == 1
    assert value(text, 'synergy_box_up', box='dev') == 1
    assert value(text, 'synergy_process_resident_memory_bytes', box='dev', process='MX') > 8e7
    assert value(text, 'synergy_pool_slots', pool='warehouse') > 0
    behind = max(pages.store.journal_span().stop - 2, 0)
    assert value(text, 'synergy_follower_lag_lines', follower='alerts') == behind
    assert 'somebody' not in text
    assert value(text, 'synergy_behind_seconds', process='SiteHourly') > 0
    total = sum(
        number
        for (name, labels), number in values_of(text).items()
        if name == 'synergy_intervals' and ('process', 'SiteHourly') in labels
    )
    with pages.site.model.lock:
        timetable = pages.site.model.timetable
        (hourly,) = (name for name in timetable.hierarchy.nodes if name == 'SiteHourly')
        assert total == len(timetable.span(hourly))


def test_late_is_told_as_the_pages_tell_it(pages: DashboardHarness) -> None:
    text = pages.get('/metrics').text
    told = pages.get('/api/v1/health').get_json()['late_count']

    late = sum(n for (name, _), n in values_of(text).items() if name == 'synergy_intervals_late')

    assert late == told > 0


@pytest.mark.skipif(shutil.which('promtool') is None, reason='needs prometheus')
def test_promtool_finds_nothing_wrong_with_the_names(pages: DashboardHarness) -> None:
    counted(pages)

    done = subprocess.run(
        ['promtool', 'check', 'metrics'],
        input=pages.get('/metrics').text,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')


def test_labels_are_bounded(pages: DashboardHarness) -> None:
    few = replace(pages.site.settings, metrics_processes_max=1)
    whole = pages.get('/metrics').text
    use(pages, few)

    text = pages.get('/metrics').text

    first = next(iter(pages.site.context.hierarchy.nodes))
    assert {dict(labels)['process'] for name, labels in values_of(text)
            if name == 'synergy_intervals_late'} == {first, 'other'}  # fmt: skip
    for name in ('synergy_intervals_late', 'synergy_dead_letters', 'synergy_units_queued'):
        assert sum(n for (found, _), n in values_of(text).items() if found == name) == sum(
            n for (found, _), n in values_of(whole).items() if found == name
        )


def test_an_answer_serves_all_for_a_moment(pages: DashboardHarness) -> None:
    before = pages.get('/metrics').text
    counted(pages)
    assert pages.get('/metrics').text == before

    pages.runtime.clock.sleep(KEPT_SECONDS + 1)

    assert pages.get('/metrics').text != before


def test_who_asks_all_the_time_is_told_to_come_again(pages: DashboardHarness) -> None:
    answers = [pages.get('/metrics').status_code for _ in range(ANSWERS_MAX + 1)]

    assert answers == [200] * ANSWERS_MAX + [429]
    pages.runtime.clock.sleep(1)
    assert pages.get('/metrics').status_code == 200


def test_a_token_or_a_listed_network_lets_in_and_nothing_else(guarded: DashboardHarness) -> None:
    guarded.add_user('reader', Role.VIEWER)
    token, text = new_token('reader', Role.VIEWER, 'prometheus', NOW, None)
    guarded.store.save_token(token)
    guarded.client = Client(guarded.app)

    assert guarded.get('/metrics').status_code == 401
    assert guarded.get('/metrics', Authorization='Bearer x.y').status_code == 401
    assert guarded.get('/metrics', Authorization=f'Bearer {text}').status_code == 200
    use(guarded, replace(guarded.site.settings, mx_metrics_networks=('127.0.0.0/8', '10.1.0.0/16')))
    assert guarded.get('/metrics').status_code == 200
    assert guarded.get('/api/v1/status').status_code == 401
    use(guarded, replace(guarded.site.settings, mx_metrics_networks=('10.1.0.0/16',)))
    assert guarded.get('/metrics').status_code == 401


def test_without_the_library_the_answer_names_the_command(
    pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'prometheus_client', None)

    answer = pages.get('/metrics')

    assert answer.status_code == 501
    assert 'pip install' in answer.text


@pytest.mark.parametrize(
    ('accept', 'kind'),
    [
        ('', 'text/plain'),
        ('*/*', 'text/plain'),
        ('text/html', 'text/plain'),
        (OPEN, 'application/openmetrics-text'),
        ('text/plain;version=0.0.4,application/openmetrics-text;q=0.3', 'text/plain'),
        ('application/openmetrics-text;version=abc', 'application/openmetrics-text'),
        ('application/openmetrics-text;version=99.7;escaping=<b>', 'application/openmetrics-text'),
        ('application/vnd.google.protobuf;q=0.9,text/plain;q=0.1', 'text/plain'),
        (';,;q=x', 'text/plain'),
    ],
)
def test_there_are_two_formats_whatever_is_asked_for(
    pages: DashboardHarness, accept: str, kind: str
) -> None:
    answer = pages.get('/metrics', Accept=accept)

    assert (answer.status_code, answer.mimetype) == (200, kind)
    assert '<b>' not in answer.content_type


def test_two_dashboards_tell_the_same(pages: DashboardHarness, tmp_path: Path) -> None:
    counted(pages)
    other = DashboardHarness(tmp_path)

    told, again = values_of(pages.get('/metrics').text), values_of(other.get('/metrics').text)

    other.close()
    assert told == again
