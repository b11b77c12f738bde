"""One trace for one cascade, on real processes: the request, its jobs, and a span of user code."""

from __future__ import annotations

from pathlib import Path

from synergy.core.states import JobState
from synergy.core.trace_ids import span_of_request, trace_of_request, uuid_of_request
from tests.receivers import receiver
from tests.system_harness import SystemHarness


def test_a_cascade_is_one_trace_which_the_spans_of_user_code_join(tmp_path: Path) -> None:
    with (
        receiver() as collector,
        SystemHarness(
            tmp_path / 'home',
            'tests.pipelines.traced',
            SYNERGY_OTLP_ENDPOINT=collector.url,
            SYNERGY_OTLP_HEADERS='x-api-key=5ecret',
            SYNERGY_OPENLINEAGE_URL=collector.url,
            TRACED_ENDPOINT=collector.url,
        ) as system,
    ):
        for name in ('Watch', 'Scheduler', 'TracedHourly', 'TracedDaily'):
            system.start(name)
        day = system.key('TracedDaily')
        assert system.wait_final(day) is JobState.PROCESSED
        system.wait_for(lambda: len(system.store.journal_cursors()) >= 2, 'Watch')

        asked = system.launch('reprocess', 'TracedHourly', '2026110101', '--yes')
        assert asked.returncode == 0, asked.stderr
        (request,) = [command.id for command in system.store.open_commands(9)]
        root = bytes.fromhex(span_of_request(request))
        parent = uuid_of_request(request)
        collector.wait_for(
            lambda: any(span.span_id == root for span in collector.spans), 'the request'
        )
        collector.wait_for(
            lambda: [item for item in collector.events if item['run']['runId'] == parent][1:],
            'both events of the request',
        )

        mine = [
            span for span in collector.spans if span.trace_id.hex() == trace_of_request(request)
        ]
        by_id = {span.span_id: span for span in mine}
        assert sorted(span.name for span in mine) == [
            'TracedDaily', 'TracedHourly', 'attempt', 'attempt', 'load', 'reprocess', 'run', 'run',
        ]  # fmt: skip
        (load,) = [span for span in mine if span.name == 'load']
        path = []
        while load.parent_span_id:
            load = by_id[load.parent_span_id]
            path.append(load.name)
        assert path == ['attempt', 'run', 'TracedHourly', 'reprocess']
        events = [
            (event['eventType'], event['job']['name'])
            for event in collector.events
            if parent in str(event['run'])
        ]
        assert events == [
            ('START', 'reprocess TracedHourly'),
            ('START', 'TracedHourly'),
            ('COMPLETE', 'TracedHourly'),
            ('START', 'TracedDaily'),
            ('COMPLETE', 'TracedDaily'),
            ('COMPLETE', 'reprocess TracedHourly'),
        ]
        assert '5ecret' not in system.logs()
