"""What is scraped, alerted and drawn is what there is; and a real Prometheus reads and alerts."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from synergy.bootstrap import PROJECT
from synergy.core.users import Role
from synergy.operations.credentials import new_token
from synergy.view.metrics import METRICS
from tests.mx.browser import Server
from tests.mx.dashboard_harness import NOW, DashboardHarness, seed

MONITORING = PROJECT / 'scripts' / 'monitoring'
RULES = yaml.safe_load((MONITORING / 'synergy.rules.yml').read_text())['groups'][0]['rules']
DASHBOARD = json.loads((MONITORING / 'grafana-dashboard.json').read_text())
LABELS = {series: set(metric.labels) for metric in METRICS for series in metric.series}
#: Labels that Prometheus, or a histogram, adds.
_ADDED: Final = {'le', 'job', 'instance'}
_SERIES: Final = re.compile(r'\bsynergy_\w+')
_GROUPED: Final = re.compile(r'\bby \(([^)]*)\)\s*\(')
needs_prometheus = pytest.mark.skipif(
    shutil.which('promtool') is None or shutil.which('prometheus-alertmanager') is None,
    reason='needs prometheus and prometheus-alertmanager',
)


def expressions() -> Iterator[str]:
    yield from (rule['expr'] for rule in RULES)
    for panel in DASHBOARD['panels']:
        yield from (target['expr'] for target in panel['targets'])
    yield from (
        item['definition'] for item in DASHBOARD['templating']['list'] if 'definition' in item
    )


@pytest.mark.parametrize('expression', list(expressions()))
def test_an_expression_names_what_there_is(expression: str) -> None:
    named = set(_SERIES.findall(expression))
    known = {label for series in named for label in LABELS.get(series, ())} | _ADDED
    grouped = {
        label.strip() for found in _GROUPED.findall(expression) for label in found.split(',')
    }
    matched = {
        label
        for found in re.findall(r'synergy_\w+\{([^}]*)\}', expression)
        for label in re.findall(r'(\w+)\s*[=!]', found)
    }

    assert named <= LABELS.keys()
    assert grouped | matched <= known


def test_every_metric_is_drawn_or_watched_but_for_those_that_repeat_another() -> None:
    shown = {series for item in expressions() for series in _SERIES.findall(item)}
    # Up and drained tell what vanished and the page of boxes do, as do standbys and silence.
    rest = {'synergy_box_up', 'synergy_box_drained', 'synergy_box_silent_seconds'}
    rest |= {'synergy_scheduler_standbys'}

    missing = [
        metric.name
        for metric in METRICS
        if not shown & set(metric.series) and metric.name not in rest
    ]

    assert missing == []


def test_every_alert_says_what_and_what_to_do_next() -> None:
    names = [rule['alert'] for rule in RULES]

    assert len(set(names)) == len(names)
    for rule in RULES:
        assert rule['labels']['severity'] in ('warning', 'critical')
        assert set(rule['annotations']) == {'summary', 'description'}


def test_panels_lie_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD['panels']:
        at = panel['gridPos']
        places = {
            (x, y)
            for x in range(at['x'], at['x'] + at['w'])
            for y in range(at['y'], at['y'] + at['h'])
        }
        assert not taken & places, panel['title']
        assert max(x for x, _ in places) < 24
        taken |= places


@needs_prometheus
def test_promtool_is_content_with_the_rules() -> None:
    for command in (
        ['promtool', 'check', 'rules', 'synergy.rules.yml'],
        ['promtool', 'test', 'rules', 'synergy.rules.test.yml'],
        ['promtool', 'check', 'config', '--syntax-only', 'prometheus.yml'],
    ):
        done = subprocess.run(command, cwd=MONITORING, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def running(command: list[str], log: Path) -> Iterator[None]:
    with log.open('w') as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.kill()
            process.wait(10)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return int(found.getsockname()[1])


def asked(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=5) as answer:
        return json.load(answer)


def awaited(address: str, found_in: Any, seconds: float = 30.0) -> Any:
    until = time.monotonic() + seconds
    while True:
        try:
            if found := found_in(asked(address)):
                return found
        except OSError:
            pass
        assert time.monotonic() < until, f'{address} never had it'
        time.sleep(0.1)


@needs_prometheus
def test_a_real_prometheus_scrapes_with_a_token_and_an_alertmanager_is_told(tmp_path: Path) -> None:
    pages = DashboardHarness(tmp_path)
    seed(pages)
    pages.add_user('prometheus', Role.VIEWER)
    token, secret = new_token('prometheus', Role.VIEWER, 'scrapes', NOW, None)
    pages.store.save_token(token)
    served, mine, alerts = Server(pages.app), free_port(), free_port()
    config = yaml.safe_load((MONITORING / 'prometheus.yml').read_text())
    (scrape,) = config['scrape_configs']
    scrape |= {
        'scrape_interval': '2s',
        'scrape_timeout': '2s',
        'authorization': {'credentials': secret},
        'static_configs': [{'targets': [f'127.0.0.1:{served.port}']}],
    }
    config['global'] = {'evaluation_interval': '1s'}
    config['rule_files'] = [str(MONITORING / 'synergy.rules.yml')]
    (manager,) = config['alerting']['alertmanagers']
    manager['static_configs'] = [{'targets': [f'127.0.0.1:{alerts}']}]
    (tmp_path / 'prometheus.yml').write_text(yaml.safe_dump(config))
    (tmp_path / 'alertmanager.yml').write_text(
        yaml.safe_dump({'route': {'receiver': 'nobody'}, 'receivers': [{'name': 'nobody'}]})
    )
    prometheus = [
        'prometheus',
        f'--config.file={tmp_path}/prometheus.yml',
        f'--storage.tsdb.path={tmp_path}/tsdb',
        f'--web.listen-address=127.0.0.1:{mine}',
    ]
    alertmanager = [
        'prometheus-alertmanager',
        f'--config.file={tmp_path}/alertmanager.yml',
        f'--storage.path={tmp_path}/alerts',
        f'--web.listen-address=127.0.0.1:{alerts}',
        '--cluster.listen-address=',
    ]
    try:
        with (
            running(alertmanager, tmp_path / 'alertmanager.log'),
            running(prometheus, tmp_path / 'prometheus.log'),
        ):
            query = f'http://127.0.0.1:{mine}/api/v1/query?query=synergy_intervals_held'
            held = awaited(query, lambda found: found['data']['result'])
            told = awaited(
                f'http://127.0.0.1:{alerts}/api/v2/alerts',
                lambda found: [
                    item for item in found if item['labels']['alertname'] == 'SynergyHeld'
                ],
            )
    finally:
        served.close()
        pages.close()

    assert {item['metric']['process']: item['value'][1] for item in held}['SiteHourly'] == '1'
    assert [item['labels']['process'] for item in told] == ['SiteHourly']
    assert told[0]['annotations']['summary'] == '1 intervals of SiteHourly are held for an operator'
