"""Migrate a database that Synergy 2.x wrote: its jobs, units of work, free runs, logs and boxes.

Documents stay where they are and get the fields that they lack; dates, texts there, become dates.
What has ended stays as it ended. What was under way is not believed: its unit is cancelled, its job
goes back to embryo and runs again. Each document is converted once and by itself, those of this
program have a `rev`, a `fence` or a date already: what breaks off may be repeated. What cannot be
understood is left as it is and reported; corrected, it is migrated by the next update, while what
this program has written since is never touched. Stop Synergy 2.x before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import count, groupby
from typing import Any, Final

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.database import Database

from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.jobs import job_values
from synergy.adapters.mongo.documents.processes import freerun_values
from synergy.adapters.mongo.documents.units import unit_document
from synergy.adapters.mongo.fields_of_2x import (
    arguments_of,
    date_of,
    events_of,
    has_object_id,
    number_of,
    state_of,
    text_of,
    timeperiod_of,
    timeperiod_or,
)
from synergy.adapters.mongo.names import JOB_COLLECTION, QUALIFIER_BY_COLLECTION, TYPE_FREERUN
from synergy.core.freerun_record import Freerun
from synergy.core.records import Job, ProcessName, Unit, UowId
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import LEVELS, Qualifier, parse
from synergy.core.trigger import parse_trigger
from synergy.ports.administration import Findings, FormerProcess
from synergy.ports.rows import Malformed
from synergy.ports.store import EVENTS_PER_JOB_MAX

REASON: Final = 'taken over from Synergy 2.x'
_BATCH: Final = 1000
_PROBLEMS_SHOWN_MAX: Final = 50
_NO_REV: Final[Document] = {'rev': {'$exists': False}}
#: What this program has not written or migrated yet, by collection.
_OLD: Final[Mapping[str, Document]] = {
    'unit_of_work': {'fence': {'$exists': False}},
    **dict.fromkeys(QUALIFIER_BY_COLLECTION, _NO_REV),
    'freerun_process': _NO_REV,
    'log_recording': {'created_at': {'$type': 'string'}},
    'box_configuration': {'pids': {'$exists': False}},
}
#: As earlier migrations left them; this program claims before it finishes, and counts runs.
_UNCLAIMED: Final[Document] = {'state': UnitState.PROCESSED.value, 'fence': {'$lt': 1}}
_NEVER_RUN: Final[Document] = {'state': JobState.PROCESSED.value, 'run': 0}
_AT_REST: Final = [state.value for state in JobState if state.is_final or state is JobState.EMBRYO]
#: Parameters of context.py that make a process behave differently.
_SAID: Final = (
    'time_qualifier', 'trigger_frequency', 'state_machine_name', 'blocking_type', 'time_grouping',
)  # fmt: skip
_UNIT_DATES: Final = ('submitted_at', 'started_at', 'finished_at')


class MigrationFrom2x:
    """One pass over a database; with `is_dry` nothing is written."""

    def __init__(self, database: Database[Document], now: datetime, *, is_dry: bool) -> None:
        """Say what is to be migrated; nothing is read. now: the instant of the migration."""
        self._database = database
        self._now = now
        self._is_dry = is_dry
        self._changes: Counter[str] = Counter()
        self._problems: list[str] = []
        self._problem_count = 0
        self._run_by_key: Counter[tuple[str, str]] = Counter()
        self._is_repeated = False
        self._taken: dict[tuple[str, str], set[int]] = {}
        self._run_by_process: Counter[str] = Counter()
        self._freerun_by_unit: dict[str, str] = {}
        self._qualifier_by_process: dict[str, Qualifier] = {}

    def run(self) -> Findings:
        """Convert everything, units first: jobs are told how many runs they have had."""
        self._learn()
        self._convert('unit_of_work', _OLD['unit_of_work'], self._unit, by_key=True)
        for collection, qualifier in QUALIFIER_BY_COLLECTION.items():
            self._convert(collection, _OLD[collection], self._job_reader(qualifier))
        self._convert('freerun_process', _OLD['freerun_process'], self._freerun)
        self._convert('log_recording', _OLD['log_recording'], self._log)
        self._convert('box_configuration', _OLD['box_configuration'], self._box)
        self._correct()
        if not self._is_dry:
            self._drop_old_indexes()
        hidden = self._problem_count - len(self._problems)
        more = [f'and {hidden} more of the kind'] if hidden else []
        return Findings(
            changes=[f'{number} {what}' for what, number in self._changes.items()],
            problems=[*self._problems, *more],
        )

    def _learn(self) -> None:
        """Read what says of which kind a unit is."""
        for item in self._database['managed_process'].find({}, ['process_name', 'time_qualifier']):
            if item.get('time_qualifier') in set(Qualifier):
                self._qualifier_by_process[item['process_name']] = Qualifier(item['time_qualifier'])
        for collection, qualifier in QUALIFIER_BY_COLLECTION.items():
            for process in self._database[collection].distinct('process_name'):
                self._qualifier_by_process.setdefault(str(process), qualifier)
        done = {'fence': {'$exists': True}}
        fields = ['process_name', 'timeperiod', 'run']
        for item in self._database['unit_of_work'].find(done, fields):
            key = str(item.get('process_name')), str(item.get('timeperiod'))
            run = number_of(item, 'run')
            self._taken.setdefault(key, set()).add(run)
            self._run_by_key[key] = max(self._run_by_key[key], run)
            self._run_by_process[key[0]] += 1
        self._is_repeated = any(
            self._database[name].find_one({'rev': {'$exists': True}}, {'_id': 1})
            for name in QUALIFIER_BY_COLLECTION
        )
        for item in self._database['freerun_process'].find():
            name = f'{item.get("process_name")}::{item.get("entry_name")}'
            self._freerun_by_unit[str(item.get('related_unit_of_work'))] = name

    def _correct(self) -> None:
        """Give units and jobs that an earlier migration left without one a fence, and a run."""
        what = 'units taken over earlier get the fence of their last attempt'
        fence = {'$max': [1, {'$ifNull': ['$attempt', 1]}]}
        self._set('unit_of_work', _UNCLAIMED, {'fence': fence}, what)
        for collection in QUALIFIER_BY_COLLECTION:
            what = f'processed jobs of {collection} whose units are gone count one run'
            self._set(collection, _NEVER_RUN, {'run': 1}, what)

    def _set(self, collection: str, where: Document, values: Document, what: str) -> None:
        found = self._database[collection].count_documents(where)
        if found:
            self._changes[what] += found
            if not self._is_dry:
                self._database[collection].update_many(where, [{'$set': values}])

    def _convert(
        self,
        collection: str,
        where: Document,
        values_of: Callable[[Document], Document],
        *,
        by_key: bool = False,
    ) -> None:
        batch: list[UpdateOne] = []
        for document in self._documents(collection, where, by_key=by_key):
            try:
                values = values_of(document)
            except Malformed as error:
                self._problem(collection, document, str(error))
                continue
            if values and not self._is_dry:
                batch.append(UpdateOne({'_id': document['_id'], **where}, {'$set': values}))
            if len(batch) >= _BATCH:
                self._database[collection].bulk_write(batch, ordered=False)
                batch = []
        if batch:
            self._database[collection].bulk_write(batch, ordered=False)

    def _documents(self, collection: str, where: Document, *, by_key: bool) -> Iterator[Document]:
        found = self._database[collection].find(where, allow_disk_use=True)
        if not by_key:
            yield from found
            return
        # The order is the same whenever this is repeated: dates are compared as texts and as
        # dates of the same second alike.
        order = [('process_name', 1), ('timeperiod', 1), ('_id', 1)]
        for _, same in groupby(
            found.sort(order), lambda item: (item.get('process_name'), item.get('timeperiod'))
        ):
            yield from sorted(same, key=lambda item: text_of(item.get('created_at')))

    def _unit(self, document: Document) -> Document:
        process, is_freerun = self._name_of_unit(document)
        text = str(document.get('timeperiod'))
        # Before anything is refused: corrected later, it finds its number free.
        run = self._count_run(process, text)
        self._refuse_under_way(process, text, run)
        qualifier = Qualifier.REAL_TIME if is_freerun else self._qualifier(process, text)
        timeperiod = timeperiod_of(qualifier, text)
        state = state_of(document, UnitState)
        if state.is_live:
            self._changes['units under way are cancelled; their jobs run again'] += 1
        else:
            self._changes['ended units of work are kept, with dates for texts'] += 1
        start = timeperiod_or(qualifier, document.get('start_timeperiod'), timeperiod)
        unit = Unit(
            id=UowId(str(document['_id'])) if has_object_id(document) else UowId('0' * 24),
            process=ProcessName(process),
            timeperiod=timeperiod,
            start=start,
            end=timeperiod_or(qualifier, document.get('end_timeperiod'), start.shift(1)),
            run=run,
            attempt=number_of(document, 'number_of_retries') + 1,
            state=UnitState.CANCELED if state.is_live else state,
            # It was claimed once for each attempt; 2.x did not count that.
            fence=1 if state.is_live else number_of(document, 'number_of_retries') + 1,
            created_at=date_of(document, 'created_at') or self._date_of_id(document),
            processed_count=number_of(document, 'number_of_processed_documents'),
            error=REASON if state.is_live else None,
            arguments=arguments_of(document),
        )
        values = unit_document(unit) | {name: date_of(document, name) for name in _UNIT_DATES}
        if state.is_live:
            values['finished_at'] = self._now
        del values['_id']
        return values

    def _name_of_unit(self, document: Document) -> tuple[str, bool]:
        process = document.get('process_name')
        if not isinstance(process, str):
            raise Malformed(f"field 'process_name' is {process!r}")
        is_freerun = document.get('unit_of_work_type') == TYPE_FREERUN
        if is_freerun and '::' not in process:
            process = self._freerun_by_unit.get(str(document['_id']), process)
        return process, is_freerun

    def _count_run(self, process: str, timeperiod: str) -> int:
        key = process, timeperiod
        taken = self._taken.setdefault(key, set())
        run = next(number for number in count(1) if number not in taken)
        taken.add(run)
        self._run_by_key[key] = max(self._run_by_key[key], run)
        self._run_by_process[process] += 1
        return run

    def _refuse_under_way(self, process: str, text: str, run: int) -> None:
        """Refuse a unit that is corrected late while its job waits for the number it would take.

        Otherwise the job counts it: its next run is numbered behind.
        """
        collection = JOB_COLLECTION.get(
            self._qualifier_by_process.get(process, Qualifier.REAL_TIME)
        )
        if not self._is_repeated or collection is None:
            return
        key = {'process_name': process, 'timeperiod': text, 'rev': {'$exists': True}}
        job = self._database[collection].find_one(key, ['state', 'run'])
        if job is None or job.get('run', 0) >= run:
            return
        if job['state'] not in _AT_REST:
            raise Malformed('its job runs again by now; update once that has ended')
        if not self._is_dry:
            key |= {'state': job['state'], 'run': job['run']}
            self._database[collection].update_one(key, {'$set': {'run': run}})

    def _qualifier(self, process: str, timeperiod: str) -> Qualifier:
        known = self._qualifier_by_process.get(process)
        if known is not None:
            return known
        for qualifier in LEVELS:
            try:
                parse(qualifier, timeperiod)
            except ValueError:
                continue
            return qualifier
        raise Malformed(f"field 'timeperiod' is {timeperiod!r}")

    def _job_reader(self, qualifier: Qualifier) -> Callable[[Document], Document]:
        def read(document: Document) -> Document:
            return self._job(document, qualifier)

        return read

    def _job(self, document: Document, qualifier: Qualifier) -> Document:
        process, text = document.get('process_name'), str(document.get('timeperiod'))
        if not isinstance(process, str):
            raise Malformed(f"field 'process_name' is {process!r}")
        state = state_of(document, JobState)
        events = events_of(document)
        is_ended = state.is_final or state is JobState.EMBRYO
        if not is_ended:
            events = [[self._now, f'reset: {REASON}'], *events][:EVENTS_PER_JOB_MAX]
            self._changes['jobs under way are reset and run again'] += 1
        elif state.is_final:
            self._changes['finished jobs are kept'] += 1
        else:
            self._changes['jobs that never ran are kept'] += 1
        uow_id = document.get('related_unit_of_work') if state.is_final else None
        job = Job(
            process=ProcessName(process),
            timeperiod=timeperiod_of(qualifier, text),
            state=state if is_ended else JobState.EMBRYO,
            rev=1,
            run=max(self._run_by_key[process, text], int(state is JobState.PROCESSED)),
            uow_id=UowId(str(uow_id)) if uow_id else None,
            failure_count=number_of(document, 'number_of_failures'),
            reason=None if is_ended else REASON,
            changed_at=events[0][0] if events else self._now,
        )
        return job_values(job, 0) | {'event_log': events}

    def _freerun(self, document: Document) -> Document:
        process, entry = document.get('process_name'), document.get('entry_name')
        name = ProcessName(f'{process}::{entry}')
        try:
            trigger = parse_trigger(str(document.get('trigger_frequency')))
        except ValueError as error:
            raise Malformed(f"field 'trigger_frequency': {error}") from error
        self._changes['free runs are kept; those of context.py follow it from now on'] += 1
        freerun = Freerun(
            name=name,
            trigger=trigger,
            is_on=bool(document.get('is_on', True)),
            arguments=arguments_of(document),
            description=document.get('description') or None,
            rev=1,
            last_fire=self._now,
            last_run=self._run_by_process[name],
            changed_at=self._now,
        )
        return freerun_values(freerun, 0) | {'event_log': events_of(document)}

    def _log(self, document: Document) -> Document:
        at = date_of(document, 'created_at') or self._date_of_id(document)
        lines = document.get('log') or []
        self._changes['logs are kept, and grow old from now on'] += 1
        return {
            'created_at': at,
            'parent_object_id': str(document.get('parent_object_id')),
            'log': [
                line if isinstance(line, list) else [1, at, 'INFO', str(line)] for line in lines
            ],
        }

    def _box(self, document: Document) -> Document:
        self._changes['rows of boxes are kept'] += 1
        is_on = document.get('is_on')
        return {
            'is_on': is_on if isinstance(is_on, bool) else bool(is_on),
            'state': None,
            'pids': [],
            'restart_count': 0,
            'changed_at': None,
        }

    def _date_of_id(self, document: Document) -> datetime:
        """Return when a document was made as its id says, for want of a date that can be read."""
        uow_id = document['_id']
        return uow_id.generation_time if isinstance(uow_id, ObjectId) else self._now

    def _problem(self, collection: str, document: Mapping[str, Any], text: str) -> None:
        self._problem_count += 1
        if len(self._problems) < _PROBLEMS_SHOWN_MAX:
            self._problems.append(
                f'document {document["_id"]} of {collection} ({document.get("process_name")} '
                f'{document.get("timeperiod", document.get("entry_name", ""))}): {text}; it is '
                'left as it is: correct it and run this again, or remove it'
            )

    def _drop_old_indexes(self) -> None:
        """Drop unique keys of 2.x that would refuse what is new: two runs, two parts of a log."""
        for name, index in self._database['unit_of_work'].index_information().items():
            if any(key == 'start_obj_id' for key, _ in index['key']):
                self._database['unit_of_work'].drop_index(name)


def is_left(database: Database[Document]) -> bool:
    """Tell whether there is something of 2.x that an update would look at (again)."""
    looked_for = [*_OLD.items(), ('unit_of_work', _UNCLAIMED)]
    looked_for += [(collection, _NEVER_RUN) for collection in QUALIFIER_BY_COLLECTION]
    return any(database[name].find_one(where, {'_id': 1}) for name, where in looked_for)


def former_processes(database: Database[Document]) -> list[FormerProcess]:
    """Return the processes and free runs that 2.x has left, by name."""
    found = [
        FormerProcess(
            name=str(item.get('process_name')),
            is_on=bool(item.get('is_on', True)),
            said={name: str(item[name]) for name in _SAID if item.get(name) is not None},
        )
        # Those of this program are what operators have changed.
        for item in database['managed_process'].find({'definition': {'$exists': False}})
    ]
    found += [
        FormerProcess(
            name=f'{item.get("process_name")}::{item.get("entry_name")}',
            is_on=bool(item.get('is_on', True)),
            said={'trigger_frequency': str(item.get('trigger_frequency'))},
        )
        for item in database['freerun_process'].find()
    ]
    return sorted(found, key=lambda item: item.name)
