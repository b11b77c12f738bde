"""Spans and events of lineage against real sockets: what arrives, and what is bounded."""

from __future__ import annotations

import importlib
import json
import socket
from datetime import timedelta
from typing import Any

import attr
import pytest

from synergy.adapters.senders.openlineage import OpenLineageSink, lineage_url
from synergy.adapters.senders.otlp import OtlpSink, traces_url
from synergy.core.secret_url import SecretUrl
from synergy.core.telemetry import DataSet, LineageEvent, LineageKind, LineageRun, Span
from synergy.core.trace_ids import uuid_of_run
from synergy.ports.telemetry import NotTaken
from tests.adapters.test_webhook import receiver as raw_receiver
from tests.builders import instant
from tests.receivers import Receiver, attributes_of, receiver

NOW = instant('2026112312')
SPAN = Span(
    trace='0a' * 16,
    id='0b' * 8,
    parent='0c' * 8,
    name='SiteHourly',
    begin=NOW,
    end=NOW + timedelta(microseconds=1_500_001),
    attributes={'synergy.run': 2, 'synergy.process': 'SiteHourly', 'synergy.is_lost': True},
    error='boom',
)
EVENT = LineageEvent(
    kind=LineageKind.FAIL,
    at=NOW,
    run=LineageRun(uuid_of_run('a1'), 'SiteHourly'),
    job_type='JOB',
    parent=LineageRun(uuid_of_run('a2'), 'SiteDaily'),
    begin=NOW,
    end=NOW + timedelta(hours=1),
    inputs=(DataSet('s3://lake', 'raw'),),
    outputs=(DataSet('ours', 'site_hourly'),),
    error='boom',
    tags={'run': '1'},
)


def spans_to(receiver: Receiver, seconds: float = 5) -> OtlpSink:
    headers = {'x-api-key': 'secret'}
    return OtlpSink(SecretUrl(receiver.url), headers, {'service.name': 'night'}, seconds)


def events_to(receiver: Receiver, seconds: float = 5) -> OpenLineageSink:
    headers = {'Authorization': 'Bearer secret'}
    return OpenLineageSink(SecretUrl(receiver.url), headers, 'ours', seconds)


def test_a_span_arrives_as_it_is() -> None:
    with receiver() as collector:
        spans_to(collector).send([SPAN])

        (found,) = collector.spans
        (request,) = collector.requests
    assert (found.trace_id.hex(), found.span_id.hex()) == (SPAN.trace, SPAN.id)
    assert found.parent_span_id.hex() == SPAN.parent
    assert (found.name, found.status.code, found.status.message) == ('SiteHourly', 2, 'boom')
    assert found.end_time_unix_nano - found.start_time_unix_nano == 1_500_001_000
    assert found.start_time_unix_nano == int(NOW.timestamp()) * 10**9
    assert attributes_of(found) == SPAN.attributes
    assert request.headers['x-api-key'] == 'secret'
    assert request.headers['Content-Type'] == 'application/x-protobuf'


def test_many_spans_are_compressed() -> None:
    with receiver() as collector:
        spans_to(collector).send([SPAN] * 500)

        assert len(collector.spans) == 500
        assert collector.requests[0].headers['Content-Encoding'] == 'gzip'


#: Which class of the official client has which facet, by the name that OpenLineage gives it.
FACETS = {
    'nominalTime': 'nominal_time_run.NominalTimeRunFacet',
    'parent': 'parent_run.ParentRunFacet',
    'errorMessage': 'error_message_run.ErrorMessageRunFacet',
    'processing_engine': 'processing_engine_run.ProcessingEngineRunFacet',
    'tags': 'tags_run.TagsRunFacet',
    'jobType': 'job_type_job.JobTypeJobFacet',
}


def check_facets(facets: dict[str, dict[str, Any]]) -> None:
    """Check facets against the classes that the official client has made of their schemas."""
    for name, facet in facets.items():
        module, _, kind = FACETS[name].partition('.')
        made_by = getattr(importlib.import_module(f'openlineage.client.generated.{module}'), kind)
        fields = {item.name: item for item in attr.fields(made_by)}
        needed = {
            name for name, item in fields.items() if item.default is attr.NOTHING and item.init
        }
        assert needed <= facet.keys() <= fields.keys()
        assert facet['_schemaURL'] == made_by._get_schema()
        assert facet['_producer'].startswith('https://')


def test_an_event_arrives_as_its_schema_has_it() -> None:
    with receiver() as marquez:
        events_to(marquez).send([EVENT])

        (found,) = marquez.events
        (request,) = marquez.requests
    assert request.headers['Authorization'] == 'Bearer secret'
    assert (found['eventType'], found['eventTime']) == ('FAIL', '2026-11-23T12:00:00.000000Z')
    assert found['schemaURL'].endswith('OpenLineage.json#/$defs/RunEvent')
    assert found['run']['runId'] == EVENT.run.id
    assert (found['job']['namespace'], found['job']['name']) == ('ours', 'SiteHourly')
    facets = found['run']['facets']
    check_facets(facets | found['job']['facets'])
    assert facets['nominalTime']['nominalEndTime'] == '2026-11-23T13:00:00.000000Z'
    assert facets['parent']['run']['runId'] == uuid_of_run('a2')
    assert facets['errorMessage']['message'] == 'boom'
    named = [(item['namespace'], item['name']) for item in found['inputs'] + found['outputs']]
    assert named == [('s3://lake', 'raw'), ('ours', 'site_hourly')]
    assert json.dumps(found).count('secret') == 0


def test_events_arrive_in_order() -> None:
    with receiver() as marquez:
        events_to(marquez).send([EVENT, EVENT, EVENT])

        assert len(marquez.events) == 3


@pytest.mark.parametrize(
    ('status', 'is_final'),
    [
        (400, True),
        (413, True),
        (401, False),
        (404, False),
        (429, False),
        (500, False),
        (307, False),
    ],
)
def test_what_is_not_taken_says_whether_it_ever_will_be(status: int, is_final: bool) -> None:
    with receiver() as collector:
        collector.status = status
        for sink, item in ((spans_to(collector), SPAN), (events_to(collector), EVENT)):
            with pytest.raises(NotTaken) as raised:
                sink.send([item])  # type: ignore[list-item]

            assert raised.value.is_final is is_final
            assert f'status {status}' in str(raised.value)


def waits(link: socket.socket) -> None:
    link.recv(1)


def test_a_collector_that_is_away_or_says_nothing_costs_a_bounded_time() -> None:
    away = OtlpSink(SecretUrl('http://127.0.0.1:9/5ecret'), {}, {}, 1)
    with pytest.raises(NotTaken, match='nothing listens there') as raised:
        away.send([SPAN])
    assert '5ecret' not in str(raised.value)

    with raw_receiver(waits) as (port, _):
        hangs = OtlpSink(SecretUrl(f'http://127.0.0.1:{port}'), {}, {}, 0.2)
        with pytest.raises(NotTaken, match='did not answer in time'):
            hangs.send([SPAN])


def test_addresses_name_a_host_or_the_path_itself() -> None:
    for given in ('http://c:4318', 'http://c:4318/', 'http://c:4318/v1/traces'):
        assert traces_url(SecretUrl(given)).url == 'http://c:4318/v1/traces'
    assert traces_url(SecretUrl('https://c/otlp?t=a')).url == 'https://c/otlp/v1/traces?t=a'
    assert lineage_url(SecretUrl('http://m:5000/')).url == 'http://m:5000/api/v1/lineage'
    assert lineage_url(SecretUrl('https://m/own/path')).url == 'https://m/own/path'
