"""Events of OpenLineage over HTTP, made of the classes of its own client, an extra.

The client makes the documents; they are sent by our own hand, one by one and in order, for what a
receiver can do is bounded so (`synergy.adapters.senders.requests`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from synergy import __version__
from synergy.adapters.senders.posting import SECONDS_MAX, post
from synergy.core.secret_url import SecretUrl
from synergy.core.telemetry import DataSet, LineageEvent, LineageRun

_PATH: Final = '/api/v1/lineage'
#: Who makes these events, as OpenLineage wants it: an address that names the software.
PRODUCER: Final = f'https://pypi.org/project/synergy-scheduler/{__version__}'
_INTEGRATION: Final = 'SYNERGY'


def lineage_url(url: SecretUrl) -> SecretUrl:
    """Return where events go: an address names a host, or the path of its events itself."""
    parts = urlsplit(url.url)
    if parts.path.rstrip('/'):
        return url
    return SecretUrl(parts._replace(path=_PATH).geturl())


class OpenLineageSink:
    """Sends to one receiver. It is a `LineageSink`."""

    def __init__(
        self,
        url: SecretUrl,
        headers: Mapping[str, str],
        namespace: str,
        seconds_max: float = SECONDS_MAX,
    ) -> None:
        """headers: with each request. namespace: of jobs."""
        self._url = lineage_url(url)
        self._headers = headers
        self._namespace = namespace
        self._seconds_max = seconds_max

    def send(self, items: Sequence[LineageEvent]) -> None:
        """Send once; raise NotTaken at the first that is not taken."""
        # Imported here, for it is an extra; settings that ask for it say so where it is missing.
        from openlineage.client.serde import Serde

        for event in items:
            body = Serde.to_json(self.document(event)).encode()
            post(self._url, 'application/json', body, self._headers, self._seconds_max)

    def document(self, event: LineageEvent) -> Any:
        """Return an event as the client has it."""
        from openlineage.client.event_v2 import Job, Run, RunEvent, RunState

        return RunEvent(
            eventTime=_instant(event.at),
            producer=PRODUCER,
            eventType=RunState(event.kind.value),
            run=Run(runId=event.run.id, facets=self._run_facets(event)),
            job=Job(
                namespace=self._namespace, name=event.run.job, facets=_job_facets(event.job_type)
            ),
            inputs=[_input(item) for item in event.inputs],
            outputs=[_output(item) for item in event.outputs],
        )

    def _run_facets(self, event: LineageEvent) -> dict[str, Any]:
        from openlineage.client import facet_v2 as facets

        found: dict[str, Any] = {
            'processing_engine': facets.processing_engine_run.ProcessingEngineRunFacet(
                version=__version__, name='Synergy Scheduler', producer=PRODUCER
            ),
            'tags': facets.tags_run.TagsRunFacet(
                tags=[
                    facets.tags_run.TagsRunFacetFields(name, value, _INTEGRATION)
                    for name, value in event.tags.items()
                ],
                producer=PRODUCER,
            ),
        }
        if event.begin is not None:
            found['nominalTime'] = facets.nominal_time_run.NominalTimeRunFacet(
                nominalStartTime=_instant(event.begin),
                nominalEndTime=None if event.end is None else _instant(event.end),
                producer=PRODUCER,
            )
        if event.parent is not None:
            found['parent'] = self._parent(event.parent)
        if event.error is not None:
            found['errorMessage'] = facets.error_message_run.ErrorMessageRunFacet(
                message=event.error, programmingLanguage='Python', producer=PRODUCER
            )
        return found

    def _parent(self, parent: LineageRun) -> Any:
        from openlineage.client.facet_v2 import parent_run

        return parent_run.ParentRunFacet(
            run=parent_run.Run(runId=parent.id),
            job=parent_run.Job(namespace=self._namespace, name=parent.job),
            producer=PRODUCER,
        )


def _job_facets(job_type: str) -> dict[str, Any]:
    from openlineage.client.facet_v2 import job_type_job

    return {
        'jobType': job_type_job.JobTypeJobFacet(
            processingType='BATCH',
            integration=_INTEGRATION,
            jobType=job_type,
            producer=PRODUCER,
        )
    }


def _input(item: DataSet) -> Any:
    from openlineage.client.event_v2 import InputDataset

    return InputDataset(namespace=item.namespace, name=item.name)


def _output(item: DataSet) -> Any:
    from openlineage.client.event_v2 import OutputDataset

    return OutputDataset(namespace=item.namespace, name=item.name)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec='microseconds').replace('+00:00', 'Z')
