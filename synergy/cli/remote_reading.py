"""What an operator sees of a dashboard, over HTTP and without access to the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

from synergy import bootstrap
from synergy.cli.http_client import HttpClient
from synergy.cli.interface import RUNS_MAX, JobsWanted
from synergy.core.dead_letters import LetterAction
from synergy.core.freerun_record import is_freerun
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.ports.clock import Clock
from synergy.view.box_work import BoxWorkDocument
from synergy.view.conditions import LIVE_RUNS
from synergy.view.documents import (
    CauseDocument,
    CommandDocument,
    DeadDocument,
    EventDocument,
    FollowedDocument,
    FreerunDocument,
    JobDocument,
    JobPageDocument,
    LineDocument,
    StatusDocument,
    UnitDocument,
)
from synergy.view.group_documents import GroupPlanDocument, LetterGroupDocument
from synergy.view.inputs import InputsDocument
from synergy.view.letters import LetterDocument
from synergy.view.process_documents import ProcessDocument
from synergy.view.standing import Wanted


class RemoteReading:
    """`synergy.cli.interface.Reading` by the API of a dashboard."""

    def __init__(self, server: HttpClient) -> None:
        """Ask nothing yet."""
        self.server = server
        #: Of the past: the instant.
        self.at: str | None = None
        self.clock: Clock = bootstrap.clock()

    def status(self) -> StatusDocument:
        """Return how the system stands."""
        found: StatusDocument = self.server.get('status', at=self.at)
        return found

    def jobs(self, wanted: JobsWanted, limit: int) -> Sequence[JobDocument]:
        """Return at most `limit` jobs."""
        if wanted.newest is None:
            return list(self._jobs(wanted, wanted.process, limit))
        names = [wanted.process] if wanted.process else [row['process'] for row in self.processes()]
        newest = (self._jobs(wanted, name, wanted.newest) for name in names)
        return list(islice(chain.from_iterable(newest), limit))

    def _jobs(self, wanted: JobsWanted, process: str | None, limit: int) -> Iterator[JobDocument]:
        yield from self.server.items(
            'jobs',
            limit=limit,
            process=process,
            state=_word_of(wanted.state),
            start=wanted.start,
            end=wanted.end,
            order=None if wanted.newest is None else 'newest',
            at=self.at,
        )

    def job_groups(self, wanted: JobsWanted) -> Sequence[LetterGroupDocument]:
        """Return the failed ones of these jobs by process and kind of error, the largest first."""
        return list(
            self.server.items(
                'jobs',
                'groups',
                process=wanted.process,
                state=_word_of(wanted.state),
                start=wanted.start,
                end=wanted.end,
                at=self.at,
            )
        )

    def job(self, process: str, timeperiod: str) -> JobPageDocument:
        """Return one job with its runs, its history and its neighbours."""
        found: JobPageDocument = self.server.get('jobs', process, timeperiod, at=self.at)
        return found

    def why(self, process: str, timeperiod: str | None) -> Sequence[CauseDocument]:
        """Return why a job stands where it stands; or a free run, of any of its runs."""
        if timeperiod is None or is_freerun(ProcessName(process)):
            found = self.server.get('freeruns', process, 'why')
        else:
            found = self.server.get('jobs', process, timeperiod, 'why', at=self.at)
        causes: Sequence[CauseDocument] = found['causes']
        return causes

    def inputs(self, process: str, timeperiod: str) -> InputsDocument:
        """Return what a job waits for, each input with what it still lacks."""
        found = self.server.get('jobs', process, timeperiod, 'inputs', at=self.at)
        # Of an earlier version on the other side it has no reason.
        return {'inputs': found['inputs'], 'left_out': found.get('left_out')}

    def runs(self, process: str, timeperiod: str | None) -> Sequence[UnitDocument]:
        """Return the runs of a job, or of a free run, the oldest first."""
        if timeperiod is None or is_freerun(ProcessName(process)):
            return list(reversed(_freerun(self.server, process)['runs']))
        return self.job(process, timeperiod)['runs']

    def log(self, uow_id: str) -> Sequence[LineDocument]:
        """Return the log of a run."""
        return list(self.server.items('units', uow_id, 'log'))

    def requests(self, limit: int) -> Sequence[CommandDocument]:
        """Return at most `limit` requests, the newest."""
        return list(self.server.items('requests', limit=limit, all='true'))

    def request(self, request_id: str) -> FollowedDocument:
        """Return a request with its progress."""
        found: FollowedDocument = self.server.get('requests', request_id)
        return found

    def dead_letters(self) -> Sequence[LetterDocument]:
        """Return all dead letters, the newest first."""
        return list(self.server.items('dead'))

    def dead_groups(self) -> Sequence[LetterGroupDocument]:
        """Return the dead letters by process and kind of error, the largest groups first."""
        return list(self.server.items('dead', 'groups'))

    def plan_group(self, process: str, error: str, action: LetterAction) -> GroupPlanDocument:
        """Return what settling all dead letters of a process and a kind of error would do."""
        found: GroupPlanDocument = self.server.get(
            'dead', 'groups', action.value, process=process, error=error
        )
        return found

    def freeruns(self) -> Sequence[FreerunDocument]:
        """Return all free runs."""
        return list(self.server.items('freeruns'))

    def freerun_runs(self, name: str | None, limit: int = RUNS_MAX) -> Sequence[DeadDocument]:
        """Return the newest runs of a free run, or those of all that are under way."""
        if name is None:
            live = [condition.name for condition in LIVE_RUNS]
            return list(self.server.items('freeruns', 'runs', state=live))
        units: Sequence[UnitDocument] = _freerun(self.server, name, limit)['runs']
        return [{'process': name, 'timeperiod': unit['start_timeperiod'], **unit} for unit in units]

    def freerun_events(self, name: str) -> Sequence[EventDocument]:
        """Return what has happened to a free run, the newest first."""
        events: Sequence[EventDocument] = _freerun(self.server, name)['events']
        return events

    def processes(self) -> Sequence[ProcessDocument]:
        """Return the managed processes as the Scheduler uses them."""
        return list(self.server.items('processes', at=self.at))

    def boxes(self) -> Sequence[BoxWorkDocument]:
        """Return the boxes with what runs on them."""
        return list(self.server.items('boxes'))


def _freerun(server: HttpClient, name: str, limit: int = RUNS_MAX) -> Any:
    return server.get('freeruns', name, limit=min(limit, RUNS_MAX))


def _word_of(wanted: Wanted) -> str | None:
    if wanted is None:
        return None
    return wanted.value if isinstance(wanted, JobState) else wanted.name
