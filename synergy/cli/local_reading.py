"""What an operator sees of the store of this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice

from synergy.bootstrap import Runtime
from synergy.cli.caller import caller_of
from synergy.cli.command import CommandError, ExitCode
from synergy.cli.interface import RUNS_MAX, JobsWanted
from synergy.cli.queues import routes_in_use
from synergy.cli.target import known_key, node_of, written_of
from synergy.conf.model import Context
from synergy.core.changed_levels import left_out
from synergy.core.commands import CommandState
from synergy.core.freerun_record import is_freerun
from synergy.core.records import ProcessName, UowId
from synergy.core.redaction import redacted_text
from synergy.core.structs import replace
from synergy.core.timeperiod import start_utc
from synergy.core.timetable import Timetable
from synergy.operations.freeruns import known_freerun
from synergy.operations.requests import known_request
from synergy.ports.clock import Clock
from synergy.ports.store import EVENTS_PER_JOB_MAX, Store
from synergy.view.backlog import backlogs_of
from synergy.view.box_work import BoxWorkDocument, box_work, encode_box_work
from synergy.view.boxes import box_views
from synergy.view.broker import broker_warnings
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
from synergy.view.encode import (
    encode_causes,
    encode_command,
    encode_dead,
    encode_job,
    encode_line,
    encode_page,
    encode_progress,
    encode_status,
    encode_unit,
    instant,
)
from synergy.view.estimates import Estimator, workers_by_process
from synergy.view.freerun_encode import encode_freerun
from synergy.view.freeruns import freeruns
from synergy.view.group_documents import LetterGroupDocument
from synergy.view.group_encode import encode_group
from synergy.view.index import load_index, looking_at
from synergy.view.inputs import InputsDocument, encode_inputs
from synergy.view.jobs import JobQuery, failed_keys, find_jobs, job_page, with_failed
from synergy.view.letter_groups import failure_groups, letter_groups
from synergy.view.letters import LetterDocument, encode_letter, letters_of
from synergy.view.no_worker import able_on
from synergy.view.process_documents import ProcessDocument
from synergy.view.processes import encode_process, processes
from synergy.view.request_progress import NONE, progress_of, rest_of
from synergy.view.status import status
from synergy.view.troubles import other_context
from synergy.view.usual import durations_of
from synergy.view.whole import all_commands, all_dead_units
from synergy.view.why import explain
from synergy.view.why_freerun import explain_freerun, question_of
from synergy.view.workload import workload_of


class LocalReading:
    """`synergy.cli.interface.Reading` by `synergy.view`, bound to a store. now: when it began."""

    def __init__(self, runtime: Runtime, store: Store) -> None:
        """Look at nothing yet."""
        self.runtime = runtime
        self.store = store
        self.clock: Clock = runtime.clock
        self.now = self.clock.now()
        self._is_told = False

    def index(self) -> Timetable:
        """Return the index of the store; say it when another context is in force."""
        hierarchy = self.runtime.context.hierarchy
        index = load_index(hierarchy, self.store, self.now)
        told = other_context(index.hierarchy, self.store.led_context())
        if told is not None and not self._is_told:
            self._is_told = True
            print(redacted_text(f'warning: {told}'), file=sys.stderr)
        return index

    def estimator(self, index: Timetable, ahead: Mapping[ProcessName, int]) -> Estimator:
        """Return how long work takes. ahead: what is done before, by process."""
        vanished_after = self.runtime.settings.box_vanished
        return Estimator(
            hierarchy=index.hierarchy,
            durations=partial(durations_of, self.store),
            workers=workers_by_process(box_views(self.store, vanished_after)),
            ahead=ahead,
        )

    def status(self) -> StatusDocument:
        """Return how the system stands, and whether its broker can be reached."""
        vanished_after = self.runtime.settings.box_vanished
        found = status(
            load_index(self.runtime.context.hierarchy, self.store, self.now),
            self.store,
            None,
            self.now,
            vanished_after,
            context=self.runtime.context,
        )
        routes = routes_in_use(self.runtime.context, found)
        of_broker = broker_warnings(partial(self.runtime.open_broker, create=False), routes)
        return encode_status(replace(found, warnings=[*found.warnings, *of_broker]))

    def jobs(self, wanted: JobsWanted, limit: int) -> Sequence[JobDocument]:
        """Return at most `limit` jobs, those that nobody has touched yet included."""
        query = _query(self.runtime.context, wanted, self.now)
        index = self.index()
        found = find_jobs(index, self.store, query, self.now, limit)
        looking = looking_at(index, self.store, self.now)
        return [encode_job(looking, job) for job in found]

    def job_groups(self, wanted: JobsWanted) -> Sequence[LetterGroupDocument]:
        """Return the failed ones of these jobs by process and kind of error, the largest first."""
        query = _query(self.runtime.context, wanted, self.now)
        index = self.index()
        looking = with_failed(looking_at(index, self.store, self.now), self.store)
        found = failure_groups(index, self.store, failed_keys(looking, query))
        return [encode_group(view) for view in found]

    def job(self, process: str, timeperiod: str) -> JobPageDocument:
        """Return one job with its runs, its history and its neighbours."""
        key = known_key(self.runtime.context, self.store, process, timeperiod, self.now)
        index = self.index()
        page = job_page(index, self.store, key, self.now)
        return encode_page(looking_at(index, self.store, self.now), page)

    def why(self, process: str, timeperiod: str | None) -> Sequence[CauseDocument]:
        """Return why a job stands where it stands; or a free run, of any of its runs."""
        if timeperiod is None or is_freerun(ProcessName(process)):
            entry = known_freerun(caller_of(self.runtime, self.store), process).freerun
            context, vanished_after = self.runtime.context, self.runtime.settings.box_vanished
            return encode_causes(
                explain_freerun(
                    question_of(context, self.index(), self.store, entry, self.now, vanished_after)
                )
            )
        key = known_key(self.runtime.context, self.store, process, timeperiod, self.now)
        vanished_after = self.runtime.settings.box_vanished
        return encode_causes(explain(self.index(), self.store, key, self.now, vanished_after))

    def inputs(self, process: str, timeperiod: str) -> InputsDocument:
        """Return what a job waits for, each input with what it still lacks."""
        key = known_key(self.runtime.context, self.store, process, timeperiod, self.now)
        looking = looking_at(self.index(), self.store, self.now)
        node = looking.timetable.hierarchy.nodes[key.process]
        return encode_inputs(looking, node, key.timeperiod.ordinal)

    def runs(self, process: str, timeperiod: str | None) -> Sequence[UnitDocument]:
        """Return the runs of a job, or of a free run, the oldest first."""
        if timeperiod is None or is_freerun(ProcessName(process)):
            units = list(self.store.freerun_units(ProcessName(process), RUNS_MAX))
            units.reverse()
        else:
            units = list(
                self.store.runs(
                    known_key(self.runtime.context, self.store, process, timeperiod, self.now)
                )
            )
        return [encode_unit(unit, self.now) for unit in units]

    def log(self, uow_id: str) -> Sequence[LineDocument]:
        """Return the log of a run."""
        return [encode_line(line) for line in self.store.log(UowId(uow_id))]

    def requests(self, limit: int) -> Sequence[CommandDocument]:
        """Return at most `limit` requests, the newest."""
        found = all_commands(self.store, tuple(CommandState))
        return [encode_command(item) for item in islice(found, limit)]

    def request(self, request_id: str) -> FollowedDocument:
        """Return a request with its progress."""
        command = known_request(self.store, request_id)
        looking = looking_at(self.index(), self.store, self.now)
        able = partial(able_on, self.store, self.runtime.settings.box_vanished)
        found = progress_of(looking, self.store, [command], able).get(command.id, NONE)
        rest = rest_of(looking.timetable, self.estimator(looking.timetable, {}), command, found)
        states = self.store.request_progress(command.id)
        return {**encode_command(command), **encode_progress(states, found, rest)}

    def dead_letters(self) -> Sequence[LetterDocument]:
        """Return all dead letters, the newest first."""
        looking = looking_at(self.index(), self.store, self.now)
        letters = letters_of(list(all_dead_units(self.store)), looking)
        return [encode_letter(letter) for letter in letters]

    def dead_groups(self) -> Sequence[LetterGroupDocument]:
        """Return the dead letters by process and kind of error, the largest groups first."""
        return [encode_group(view) for view in letter_groups(self.index(), self.store)]

    def freeruns(self) -> Sequence[FreerunDocument]:
        """Return all free runs."""
        found = freeruns(self.runtime.context, self.store, self.now)
        return [encode_freerun(item) for item in found]

    def freerun_runs(self, name: str | None, limit: int = RUNS_MAX) -> Sequence[DeadDocument]:
        """Return the newest runs of a free run, or those of all that are under way."""
        if name is None:
            units = [unit for unit in self.store.live_units() if is_freerun(unit.process)]
        else:
            units = list(self.store.freerun_units(ProcessName(name), min(limit, RUNS_MAX)))
        return [encode_dead(unit, self.now) for unit in units]

    def freerun_events(self, name: str) -> Sequence[EventDocument]:
        """Return what has happened to a free run, the newest first."""
        events = self.store.freerun_events(ProcessName(name), EVENTS_PER_JOB_MAX)
        return [{'at': instant(event.at), 'text': event.text} for event in events]

    def processes(self) -> Sequence[ProcessDocument]:
        """Return the managed processes as the Scheduler uses them."""
        looking = looking_at(self.index(), self.store, self.now)
        timetable = looking.timetable
        work = workload_of(timetable, looking.runs)
        found = processes(self.runtime.context.hierarchy, self.store)
        refused = left_out(timetable.hierarchy, self.store.led_context())
        backlogs = backlogs_of(timetable, found, self.estimator(timetable, {}), self.now)
        return [
            encode_process(
                node,
                work.of(node.process.name),
                refused.get(node.process.name),
                backlogs.get(node.process.name),
            )
            for node in found
        ]

    def boxes(self) -> Sequence[BoxWorkDocument]:
        """Return the boxes with what runs on them."""
        views = box_views(self.store, self.runtime.settings.box_vanished)
        looking = looking_at(self.index(), self.store, self.now)
        work = box_work(looking.timetable, looking.runs, self.store, self.runtime.context.worker_of)
        return [encode_box_work(view, work) for view in views]


def _query(context: Context, wanted: JobsWanted, now: datetime) -> JobQuery:
    process = None
    if wanted.process is not None:
        process = node_of(context, wanted.process).process.name
    query = JobQuery(
        process=process,
        start=None if wanted.start is None else written_of(wanted.start, now),
        end=None if wanted.end is None else written_of(wanted.end, now),
        state=wanted.state,
        newest=wanted.newest,
    )
    if (
        query.start is not None
        and query.end is not None
        and start_utc(query.start) > start_utc(query.end)
    ):
        raise CommandError(
            f'--from {wanted.start} is later than --to {wanted.end}; swap the two',
            ExitCode.USAGE,
        )
    return query
