"""Two hours within their day, whose worker makes a span of its own."""

from __future__ import annotations

import os

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from synergy.conf.entries import (
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    managed_context_entry,
    timetable_tree_entry,
)
from synergy.workers import Outcome, Uow, Worker


class Tracing(Worker):
    """As a library does it: the parent comes from the header."""

    def process_uow(self, uow: Uow) -> Outcome:
        provider = TracerProvider()
        endpoint = os.environ['TRACED_ENDPOINT'] + '/v1/traces'
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint)))
        tracer = provider.get_tracer('etl')
        parent = extract({'traceparent': uow.traceparent})
        with tracer.start_as_current_span('load', context=parent) as span:
            span.set_attribute('timeperiod', uow.timeperiod)
        provider.shutdown()
        return Outcome.processed(3)


process_context = [
    managed_context_entry(
        process_name='TracedHourly',
        classname='tests.pipelines.traced.Tracing',
        token='hourly',
        time_qualifier=QUALIFIER_HOURLY,
        trigger_frequency='every 1',
        present_on_boxes=['.*'],
        source='s3://lake/raw',
        sink='traced_hourly',
    ),
    managed_context_entry(
        process_name='TracedDaily',
        classname='synergy.workers.shell.ShellWorker',
        token='daily',
        time_qualifier=QUALIFIER_DAILY,
        trigger_frequency='every 1',
        present_on_boxes=['.*'],
        sink='traced_daily',
        arguments={'command': ['true']},
    ),
]
timetable_context = [
    timetable_tree_entry(
        'traced',
        ['TracedDaily', 'TracedHourly'],
        start_timeperiod='2026110100',
        end_timeperiod='2026110102',
    )
]
