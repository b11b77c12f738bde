"""What an operator sees of the store of this machine as it was at an instant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from synergy.bootstrap import Runtime
from synergy.cli.interface import JobsWanted
from synergy.cli.local_reading import LocalReading
from synergy.cli.past import check_is_told
from synergy.core.structs import replace
from synergy.core.timetable import Timetable
from synergy.operations.past import context_of, past_of, unknown
from synergy.ports.store import Store
from synergy.view.conditions import paused_requests
from synergy.view.documents import CauseDocument, JobDocument, JobPageDocument, StatusDocument
from synergy.view.encode import encode_status
from synergy.view.group_documents import LetterGroupDocument
from synergy.view.inputs import InputsDocument
from synergy.view.past import PastUnknown
from synergy.view.past_store import then
from synergy.view.status import status


class LocalPast:
    """`synergy.cli.interface.PastReading`: what `LocalReading` tells of a store of then."""

    def __init__(self, runtime: Runtime, store: Store, at: datetime) -> None:
        """Rebuild how everything stood; raise OperationRefused where that is not known."""
        past = past_of(runtime.context, store, at)
        context = context_of(runtime.context, past)
        self.at = at.isoformat().replace('+00:00', 'Z')
        self._reading = _Reading(replace(runtime, context=context), then(store, past))
        self._reading.now = at
        self._reading.timetable = past.timetable
        past.timetable.pause(paused_requests(self._reading.store, past.timetable))

    def status(self) -> StatusDocument:
        """Return how the system stood."""
        reading = self._reading
        with _told():
            found = status(
                reading.timetable,
                reading.store,
                None,
                reading.now,
                reading.runtime.settings.box_vanished,
                context=reading.runtime.context,
            )
            return encode_status(found)

    def jobs(self, wanted: JobsWanted, limit: int) -> Sequence[JobDocument]:
        """Return at most `limit` jobs."""
        with _told():
            return self._reading.jobs(wanted, limit)

    def job_groups(self, wanted: JobsWanted) -> Sequence[LetterGroupDocument]:
        """Return the failed ones of these jobs by process and kind of error, the largest first."""
        with _told():
            return self._reading.job_groups(wanted)

    def job(self, process: str, timeperiod: str) -> JobPageDocument:
        """Return one job with its runs, its history and its neighbours."""
        with _told():
            return self._reading.job(process, timeperiod)

    def why(self, process: str, timeperiod: str | None) -> Sequence[CauseDocument]:
        """Return why a job stood where it stood."""
        check_is_told(process)
        with _told():
            return self._reading.why(process, timeperiod)

    def inputs(self, process: str, timeperiod: str) -> InputsDocument:
        """Return what a job waited for, each input with what it still lacked."""
        with _told():
            return self._reading.inputs(process, timeperiod)


class _Reading(LocalReading):
    """What is told of a store that has an index already."""

    timetable: Timetable

    def index(self) -> Timetable:
        return self.timetable


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except PastUnknown as error:
        raise unknown(error) from error
