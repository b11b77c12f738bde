"""Well is what needs nobody: a vanished box or a process that stays down needs somebody."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.adapters.os.clocks import SimulatedClock
from synergy.core.effects import SaveContext
from synergy.core.leader_standing import Isolated, LeaderStanding, Subject, SubjectKind
from synergy.core.led_context import LedContext, LedProcess
from synergy.core.records import BoxProcess, ProcessName
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier
from synergy.mx.live.broker_watch import BrokerTrouble, BrokerWatch
from synergy.ports.broker import Broker
from synergy.ports.errors import BrokerUnavailable
from tests.mx.dashboard_harness import BOX, NOW, DashboardHarness


def health(pages: DashboardHarness, status: int) -> Any:
    answer = pages.get('/api/v1/health')
    assert answer.status_code == status
    return answer.json


def test_what_waits_for_a_person_is_listed_and_is_not_a_fault(pages: DashboardHarness) -> None:
    found = health(pages, 200)

    assert found['is_well'] is True
    assert found['needs'] == []
    assert found['waits']['dead letters'] == 1
    assert (found['processes_up'], found['processes_wanted']) == (5, 5)
    assert 'Waits for a person' in pages.get('/health').text


@pytest.mark.parametrize(
    ('what', 'address'),
    [
        ('Failed intervals', '/search?q=state:failed'),
        ('Late intervals', '/search?q=state:late'),
        ('Failing free runs', '/freeruns?only=failing'),
        ('Dead letters', '/dead'),
    ],
)
def test_what_waits_leads_to_its_list(pages: DashboardHarness, what: str, address: str) -> None:
    assert f'<a href="{address}">{what}</a>' in pages.get('/health').text
    assert pages.get(address).status_code == 200


def test_a_vanished_box_needs_somebody(pages: DashboardHarness) -> None:
    pages.runtime.clock.advance(timedelta(seconds=20))

    found = health(pages, 503)

    assert (found['vanished'], found['processes_up'], found['processes_wanted']) == (['dev'], 0, 5)
    assert 'Box dev (dev.example) has vanished' in found['needs'][0]
    text = pages.get('/health').text
    assert 'needs somebody' in text
    assert '0 of 5 up' in text
    boxes = pages.get('/boxes').text
    assert 'class="n ill">1<span> vanished' in boxes
    assert 'host dev.example' in boxes
    assert 'version 3.0.0' in boxes
    assert '>running<' not in boxes


def test_a_box_without_processes_has_no_table_of_them(pages: DashboardHarness) -> None:
    pages.store.heartbeat(replace(BOX, box_id='empty'), timedelta(seconds=15))

    shown = pages.get('/boxes').text
    empty = shown[shown.index('<h2>empty') :].partition('</section>')[0]

    assert '0 processes' in empty
    assert '<table' not in empty
    assert 'on other pages' not in empty


def test_a_box_that_was_stopped_in_order_needs_nobody(pages: DashboardHarness) -> None:
    pages.store.heartbeat(replace(BOX, pid=None), timedelta(seconds=15))
    pages.runtime.clock.advance(timedelta(minutes=2))

    found = health(pages, 200)

    assert (found['vanished'], found['processes_wanted']) == ([], 0)
    assert 'stopped in order' in pages.get('/boxes').text


def test_a_process_that_does_not_stay_up_needs_somebody(pages: DashboardHarness) -> None:
    row = BoxProcess(box_id='dev', process='SiteHourly', is_on=True, state='fatal')
    pages.store.report_actual([row])

    found = health(pages, 503)

    assert 'SiteHourly on box dev was given up: it ended again and again' in found['needs'][0]
    assert './launch.py super --start SiteHourly --box dev' in found['needs'][0]
    assert (found['processes_up'], found['processes_wanted']) == (4, 5)


def test_without_a_leader_somebody_is_needed(pages: DashboardHarness) -> None:
    pages.runtime.clock.advance(timedelta(days=2000))

    assert 'No Scheduler leads' in health(pages, 503)['needs'][0]


ISOLATED = Isolated(
    subject=Subject(SubjectKind.PROCESS, 'SiteHourly'),
    reason='unit 51f3 is there already with password=hunter2 <b>',
    since=NOW,
    refusal_count=3,
    next_at=NOW + timedelta(seconds=40),
)


def say(pages: DashboardHarness, **standing: Any) -> None:
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    pages.store.report_standing(leadership, LeaderStanding(**standing))


@pytest.mark.parametrize(
    ('kind', 'name', 'href'),
    [
        (SubjectKind.PROCESS, 'SiteHourly', '/t/SiteHourly'),
        (SubjectKind.FREERUN, 'Shell::tick', '/freeruns/Shell%3A%3Atick'),
        (SubjectKind.COMMAND, 'c1', None),
    ],
)
def test_an_isolated_subject_needs_somebody_and_is_named(
    pages: DashboardHarness, kind: SubjectKind, name: str, href: str | None
) -> None:
    say(pages, isolated=(replace(ISOLATED, subject=Subject(kind, name)),))

    found = health(pages, 503)

    (need,) = found['needs']
    assert need.startswith(
        f'{kind.value.capitalize()} {name} is isolated since 2026-11-23 12:17:00 UTC'
    )
    assert 'tried again; all others go on' in need
    assert 'hunter2' not in str(found)
    assert [(item['kind'], item['name']) for item in found['isolated']] == [(kind.value, name)]
    for address in ('/health', '/'):
        answer = pages.get(address)
        assert f'{name} is isolated since' in answer.text
        assert 'hunter2' not in answer.text
        assert '<b>' not in answer.text.partition('is isolated since')[2][:300]
    answer = pages.get('/health')
    assert answer.status_code == 503
    assert 'needs somebody' in answer.text
    assert pages.get('/health', **{'X-Live': '1'}).status_code == 200
    if href is not None:
        assert f'href="{href}"' in pages.get('/').text

    say(pages)
    assert health(pages, 200)['isolated'] == []


def test_a_leader_that_can_save_nothing_needs_somebody(pages: DashboardHarness) -> None:
    say(pages, stuck_since=NOW, stuck_because='no majority')

    found = health(pages, 503)

    assert found['stuck_since'] == '2026-11-23T12:17:00Z'
    assert 'could save nothing since 2026-11-23 12:17:00 UTC' in found['needs'][0]
    assert 'no majority' in found['needs'][0]
    assert 'could save nothing' in pages.get('/').text


def test_what_a_leader_said_that_is_gone_is_void(pages: DashboardHarness) -> None:
    say(pages, isolated=(ISOLATED,))
    pages.runtime.clock.advance(timedelta(days=2000))

    found = health(pages, 503)

    assert found['isolated'] == []
    assert 'isolated' not in found['needs'][0]


def test_work_that_is_due_and_that_nobody_starts_needs_somebody(pages: DashboardHarness) -> None:
    health(pages, 200)
    pages.runtime.clock.advance(timedelta(minutes=1))
    pages.store.heartbeat(BOX, timedelta(seconds=15))
    health(pages, 200)
    pages.runtime.clock.advance(timedelta(minutes=1, seconds=1))
    pages.store.heartbeat(BOX, timedelta(seconds=15))

    needs = health(pages, 503)['needs']

    assert 'may start since 2026-11-23 12:17:00 UTC or longer, but dev:4711, which' in needs[0]
    # A new leader has its time, too.
    assert pages.store.lead('dev:4712', timedelta(days=1)) is not None
    assert health(pages, 200)['needs'] == []


def test_daemons_show_how_long_they_run_and_what_they_use(pages: DashboardHarness) -> None:
    daemons = {item['process']: item for item in health(pages, 200)['daemons']}

    assert daemons['Scheduler']['up_seconds'] == 5 * 3600
    assert daemons['Supervisor']['memory_bytes'] == 80_000_000
    assert '80 MB' in pages.get('/health').text
    boxes = pages.get('/boxes').text
    assert 'load 0.7 on 4 CPUs' in boxes
    assert '5 h' in boxes


def test_a_broker_that_is_away_is_told_at_once_and_needs_somebody_after_a_while(
    pages: DashboardHarness,
) -> None:
    assert health(pages, 200)['broker_away_since'] is None

    pages.site.broker.look()

    found = health(pages, 200)
    assert found['broker_away_since'] == '2026-11-23T12:17:00Z'
    assert found['needs'] == []
    assert 'no unit is handed to a worker' in found['warnings'][0]
    text = pages.get('/health').text
    assert 'The broker cannot be used from here since 2026-11-23 12:17:00 UTC' in text
    assert 'no broker in these tests' in text
    pages.runtime.clock.advance(timedelta(seconds=61))
    pages.store.heartbeat(BOX, timedelta(seconds=15))
    pages.site.broker.look()
    found = health(pages, 503)
    assert found['broker_away_since'] == '2026-11-23T12:17:00Z'
    assert 'The broker cannot be used' in found['needs'][0]
    assert 'needs somebody' in pages.get('/health').text


def test_a_broker_that_is_back_is_forgotten(tmp_path: Path) -> None:
    clock = SimulatedClock(NOW)
    found: list[Broker] = []

    def open_broker() -> Broker:
        if not found:
            raise BrokerUnavailable('closed port')
        return found[0]

    watch = BrokerWatch(open_broker, clock)
    watch.look()
    clock.advance(timedelta(seconds=5))
    watch.look()
    assert watch.trouble == BrokerTrouble(NOW, 'closed port')

    with closing(EmbeddedBroker.open(tmp_path, clock=clock)) as broker:
        found.append(broker)
        watch.look()

    assert watch.trouble is None


def test_a_process_that_is_left_out_because_of_its_level_needs_somebody(
    pages: DashboardHarness,
) -> None:
    """Its history is daily, as the Scheduler has written down."""
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    led = LedContext(
        rev=1, processes={ProcessName('SiteHourly'): LedProcess(qualifier=Qualifier.DAILY)}
    )
    pages.store.commit(leadership, [SaveContext(led)])

    found = health(pages, 503)
    told: Any = pages.get('/api/v1/jobs/SiteHourly/2026112311/why').json

    assert found['needs'] == [
        'SiteHourly is hourly instead of daily in context.py: nothing of it runs, and what waits '
        'for it waits. Recut it, which archives its history: ./launch.py recut SiteHourly '
        'TIMEPERIOD (of all of its tree: ./launch.py recut --tree site TIMEPERIOD); or give the '
        'hourly process another name; or make SiteHourly daily again; then restart the Scheduler.'
    ]
    assert 'make SiteHourly daily again' in pages.get('/health').text
    assert told['causes'][0]['kind'] == 'left_out'
    assert 'make SiteHourly daily again' in told['causes'][0]['text']
