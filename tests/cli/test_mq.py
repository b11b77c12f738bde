"""`launch.py mq` on the embedded broker and on RabbitMQ: what it shows is what is there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from synergy import bootstrap
from synergy.cli.queues import routes_in_use, routes_of
from synergy.core.records import BoxProcess
from synergy.ports.broker import BrokerAdmin, Message
from synergy.scheduler.loop import LoopSettings, Scheduler
from synergy.scheduler.main import pipeline_of
from synergy.view.index import load_index
from synergy.view.status import status
from tests.cli.conftest import Said


@pytest.fixture(params=['embedded', 'rabbitmq'])
def broker(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    launch: Callable[..., Said],
) -> BrokerAdmin:
    """Return the broker of the home on which `launch` runs; its queues are declared."""
    if request.param == 'rabbitmq':
        server = request.getfixturevalue('rabbit')
        monkeypatch.setenv('SYNERGY_BROKER_URI', server.add_vhost(request.node.name))
    assert launch('mq', 'declare').code == 0
    runtime = request.getfixturevalue('runtime')
    opened: BrokerAdmin = runtime.open_broker()
    return opened


@pytest.fixture
def runtime() -> Iterator[bootstrap.Runtime]:
    settings, context = bootstrap.load()
    with bootstrap.open_runtime(settings, context) as opened:
        yield opened


def ring(broker: BrokerAdmin, queue: str, count: int) -> None:
    _, context = bootstrap.load()
    [route] = [route for route in routes_of(context) if route.queue == queue]
    broker.publish([Message(route, {'uow': str(number)}) for number in range(count)])


def test_ls_shows_depths_and_purge_empties_one(
    broker: BrokerAdmin, launch: Callable[..., Said]
) -> None:
    ring(broker, 'queue_flight_daily', 3)
    ring(broker, 'queue_flight_hourly', 2)

    shown = json.loads(launch('mq', 'ls', '--json').out)
    depths = {item['queue']: item['depth'] for item in shown}
    assert (depths['queue_flight_daily'], depths['queue_flight_hourly']) == (3, 2)
    assert depths['q_uow_status'] == 0

    said = launch('mq', 'purge', 'queue_flight_daily', '--yes')

    assert (said.code, said.out) == (0, 'queue_flight_daily purged of 3 messages\n')
    after = {item['queue']: item['depth'] for item in json.loads(launch('mq', 'ls', '--json').out)}
    assert (after['queue_flight_daily'], after['queue_flight_hourly']) == (0, 2)


@pytest.mark.usefixtures('broker')
def test_delete_removes_a_queue_and_declare_makes_it_again(launch: Callable[..., Said]) -> None:
    said = launch('mq', 'purge', '--delete', '--yes', 'queue_flight_daily')

    assert (said.code, said.out) == (0, 'queue_flight_daily removed, with 0 messages\n')
    assert '1 queues are not declared yet' in launch('mq').out
    launch('mq', 'declare')
    assert 'not declared yet' not in launch('mq').out


def test_of_thousands_of_queues_status_asks_about_those_in_use(launch: Callable[..., Said]) -> None:
    launch('mq', 'declare')
    settings, context = bootstrap.load()
    with bootstrap.open_runtime(settings, context) as runtime:
        store = runtime.open_store()

        def used() -> set[str]:
            now = runtime.clock.now()
            seen = status(load_index(context.hierarchy, store, now), store, None, now)
            return {route.queue for route in routes_in_use(context, seen)}

        of_flights = {'queue_flight_hourly', 'queue_flight_daily', 'queue_flight_monthly'}
        everything = {route.queue for route in routes_of(context)}
        assert used().isdisjoint(of_flights)
        assert 'q_uow_status' in used()

        Scheduler(
            pipeline_of(context, runtime.clock),
            store=store,
            broker=runtime.open_broker(),
            clock=runtime.clock,
            settings=LoopSettings(
                owner='dev:1',
                leader_lease=timedelta(seconds=10),
                sweep_period=timedelta(seconds=10),
                inbox_batch_max=100,
            ),
        ).step()

        assert used() & of_flights == {'queue_flight_hourly'}, 'which has been asked for'
        row = BoxProcess(box_id='dev', process='FlightDaily', is_on=True, pids=(7,))
        store.report_actual([row])
        assert used() & of_flights == {'queue_flight_hourly', 'queue_flight_daily'}
        assert used() < everything


def test_an_unknown_queue_is_refused_with_the_nearest_name(launch: Callable[..., Said]) -> None:
    said = launch('mq', 'purge', 'queue_flight_dayly', '--yes')

    assert said.code == 3
    assert "did you mean 'queue_flight_daily'" in said.err


def test_nothing_is_dropped_unasked(launch: Callable[..., Said]) -> None:
    assert launch('mq', 'purge', 'queue_flight_daily').code == 2
    assert launch('mq', 'purge', '--yes').code == 2


@pytest.mark.heavy
def test_dead_messages_are_shown_with_the_reason(
    rabbit_uri: str, launch: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('SYNERGY_BROKER_URI', rabbit_uri)
    launch('mq', 'declare')
    settings, context = bootstrap.load()
    [route] = [route for route in routes_of(context) if route.queue == 'queue_flight_daily']
    with bootstrap.open_runtime(settings, context) as runtime:
        broker = runtime.open_broker()
        consumer = broker.consumer(route)
        broker.publish([Message(route, {'uow': 7})])  # type: ignore[dict-item]  # As garbage.
        while not broker.dead_letters(route.queue, 1):
            consumer.take(1)
            consumer.wait(0.1)

    said = launch('mq', 'ls', '--dead')

    assert said.code == 1
    assert 'queue_flight_daily' in said.out
    assert 'it is not a JSON object of texts' in said.out
    assert launch('mq', 'ls').code == 1
    assert (
        'purged of 1 message\n'
        in launch('mq', 'purge', '--dead', 'queue_flight_daily', '--yes').out
    )
    assert launch('mq').code == 0


@pytest.fixture
def rabbit_uri(request: pytest.FixtureRequest) -> str:
    server = request.getfixturevalue('rabbit')
    uri: str = server.add_vhost('mq-dead')
    return uri
