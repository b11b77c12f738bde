"""The JSON form of what people see: the same keys on the command line and in the HTTP API.

A new key is written down in `synergy.view.documents` first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.box_load import BoxLoad
from synergy.core.commands import Command
from synergy.core.freezes import Freeze
from synergy.core.records import BoxProcess, Job, LogLine, Unit
from synergy.core.states import JobState
from synergy.core.trace_ids import run_ids
from synergy.view import documents
from synergy.view.attempts import Attempt, attempts_of
from synergy.view.boxes import BoxView
from synergy.view.cause import Action, Cause
from synergy.view.clock import read_of
from synergy.view.conditions import (
    HELD,
    PARTIAL,
    RESTING,
    Looking,
    condition_of,
    condition_of_job,
    condition_of_unit,
)
from synergy.view.jobs import JobPage
from synergy.view.lateness import encode_due, is_late
from synergy.view.need import Need
from synergy.view.request_progress import RequestProgress
from synergy.view.skipped import skipped_of
from synergy.view.span_encode import encode_span
from synergy.view.status import ProcessSummary, Status


def encode_job(looking: Looking, job: Job) -> documents.JobDocument:
    """Return a job; changed_at is null for an embryo that nobody has touched."""
    below, hierarchy = skipped_of(looking.timetable, job.key), looking.timetable.hierarchy
    node, ordinal = hierarchy.nodes[job.process], job.timeperiod.ordinal
    return {
        'process': job.process,
        'timeperiod': str(job.timeperiod),
        'state': job.state.value,
        'condition': condition_of_job(looking, job).name,
        'skipped_below': None
        if below is None
        else {'process': below.node.process.name, 'count': below.count, 'of': below.total},
        'is_late': is_late(
            looking.timetable, node, ordinal, hierarchy.late_until(node, looking.now)
        ),
        'rev': job.rev,
        'run': job.run,
        'uow_id': job.uow_id,
        'request_id': job.request_id,
        'failure_count': job.failure_count,
        'lost_count': job.lost_count,
        'is_held': job.is_held,
        'reason': job.reason,
        'changed_at': instant(job.changed_at) if job.rev else None,
        'clock': read_of(job.key, looking.timetable.hierarchy.nodes),
    }


def encode_unit(unit: Unit, now: datetime) -> documents.UnitDocument:
    """Return one run of a job."""
    return {
        'id': unit.id,
        'run': unit.run,
        'attempt': unit.attempt,
        'lost_count': unit.lost_count,
        'state': unit.state.value,
        'condition': condition_of_unit(unit, now).name,
        'start_timeperiod': str(unit.start),
        'end_timeperiod': str(unit.end),
        'fence': unit.fence,
        'owner': unit.owner,
        'lease_until': instant(unit.lease_until),
        'created_at': instant(unit.created_at),
        'announced_at': instant(unit.announced_at),
        'not_before': instant(unit.not_before),
        'started_at': instant(unit.started_at),
        'finished_at': instant(unit.finished_at),
        'processed_count': unit.processed_count,
        'error': unit.error,
        'arguments': dict(unit.arguments),
        'idempotency_key': unit.idempotency_key,
        'request_id': unit.request_id,
        'trace_id': run_ids(unit.id, unit.request_id).trace,
    }


def encode_line(line: LogLine) -> documents.LineDocument:
    """Return one line of the log of a run."""
    return {
        'attempt': line.attempt,
        'at': instant(line.at),
        'level': line.level,
        'text': line.text,
    }


def encode_page(looking: Looking, page: JobPage) -> documents.JobPageDocument:
    """Return one job with runs, logs, events and neighbours."""
    hierarchy, nodes = looking.timetable.hierarchy, looking.timetable.hierarchy.nodes
    node, ordinal = nodes[page.job.process], page.job.timeperiod.ordinal
    return {
        **encode_job(looking, page.job),
        **encode_span(node, page.start, page.end),
        **encode_due(hierarchy, node, ordinal),
        'runs': [
            {
                **encode_unit(unit, looking.now),
                'attempts': [_encode_attempt(item) for item in attempts_of(unit, log, page.events)],
                'log': [encode_line(line) for line in log],
            }
            for unit, log in zip(page.runs, page.logs, strict=True)
        ],
        'events': [{'at': instant(event.at), 'text': event.text} for event in page.events],
        'neighbours': [
            {
                'relation': item.relation,
                'process': item.key.process,
                'timeperiod': str(item.key.timeperiod),
                'state': None if item.state is None else item.state.value,
                'condition': condition_of(looking, nodes[item.key.process], item.key).name,
            }
            for item in page.neighbours
        ],
    }


def encode_status(status: Status) -> documents.StatusDocument:
    """Return how the system stands."""
    leadership = status.leadership
    return {
        'at': instant(status.at),
        'leader': None
        if leadership is None
        else {
            'owner': leadership.owner,
            'term': leadership.term,
            'until': instant(leadership.until),
            'is_leading': status.is_led,
        },
        'processes': [_encode_summary(item) for item in status.processes],
        'boxes': [encode_box_process(item) for item in status.boxes],
        'supervisors': [encode_box(item) for item in status.supervisors],
        'schedulers': [
            {'owner': item.owner, 'is_leading': item.is_leading} for item in status.schedulers
        ],
        'leader_advice': status.leader_advice,
        'freezes': [encode_freeze(item) for item in status.freezes],
        'closed': [str(item) for item in status.closed],
        'warnings': list(status.warnings),
        'needs': [encode_need(item) for item in status.needs],
        'open_commands': [encode_command(item) for item in status.open_commands],
    }


def encode_need(need: Need) -> documents.NeedDocument:
    """Return something that waits for a person."""
    return {
        'kind': need.kind.value,
        'subject': need.subject,
        'text': need.text,
        'advice': need.advice,
        'since': instant(need.since),
        'count': need.count,
        'action': None if need.action is None else _encode_action(need.action),
        'log_file': need.log_file,
    }


def encode_box_view(view: BoxView) -> documents.BoxViewDocument:
    """Return a box with its processes."""
    processes = [encode_box_process(item) for item in view.processes]
    return {**encode_box(view), 'processes': processes}


def encode_box(view: BoxView) -> documents.BoxDocument:
    """Return a box, without its processes."""
    return {
        'box_id': view.box.box_id,
        'presence': view.presence.value,
        'host': view.box.host,
        'home': view.box.home,
        'pid': view.box.pid,
        'version': view.box.version,
        'seen_at': instant(view.box.seen_at),
        'is_draining': view.box.is_draining,
        'load': None if view.box.load is None else _encode_load(view.box.load),
    }


def _encode_load(load: BoxLoad) -> documents.LoadDocument:
    return {
        'load_average': load.load_average,
        'cpu_count': load.cpu_count,
        'memory_percent': load.memory_percent,
        'processes': [
            {
                'process': item.process,
                'pid': item.pid,
                'started_at': instant(item.started_at),
                'cpu_percent': item.cpu_percent,
                'memory_bytes': item.memory_bytes,
            }
            for item in load.processes
        ],
    }


def encode_box_process(item: BoxProcess) -> documents.BoxProcessDocument:
    """Return one process on one box."""
    return {
        'box_id': item.box_id,
        'process': item.process,
        'is_on': item.is_on,
        'state': item.state,
        'pids': list(item.pids),
        'restart_count': item.restart_count,
        'changed_at': instant(item.changed_at),
        'reason': item.reason,
        'log_file': item.log_file,
    }


def encode_command(command: Command) -> documents.CommandDocument:
    """Return one request of an operator."""
    return {
        'id': command.id,
        'kind': command.kind.value,
        'process': command.process,
        'start_timeperiod': str(command.start),
        'end_timeperiod': str(command.end),
        'with_children': command.with_children,
        'actor': command.actor,
        'reason': command.reason,
        'only': command.only.value,
        'target': command.target,
        'details': dict(command.details),
        'state': command.state.value,
        'is_paused': command.is_paused,
        'planned_count': command.planned_count,
        'applied_count': command.applied_count,
        'created_at': instant(command.created_at),
        'finished_at': instant(command.finished_at),
        'outcome': command.outcome,
    }


def encode_progress(
    states: Mapping[JobState, int], progress: RequestProgress, rest: timedelta | None
) -> documents.ProgressDocument:
    """Return how the jobs of a request stand."""
    return {
        'jobs': {state.value: count for state, count in states.items()},
        'conditions': {condition.name: count for condition, count in progress.shown},
        'waits_for_person': progress.waits_for,
        'rest_seconds': seconds(rest),
        'under_way': progress.under_way,
        'max_running': progress.max_running,
        'order': progress.order,
    }


def encode_dead(unit: Unit, now: datetime) -> documents.DeadDocument:
    """Return a dead letter."""
    return {
        'process': unit.process,
        'timeperiod': str(unit.timeperiod),
        **encode_unit(unit, now),
    }


def encode_causes(causes: Sequence[Cause]) -> list[documents.CauseDocument]:
    """Return an answer to why; depth 0 is the job asked about."""
    return [
        {
            'depth': cause.depth,
            'process': cause.key.process,
            'timeperiod': str(cause.key.timeperiod),
            'kind': cause.kind.value,
            'text': cause.text,
            'since': instant(cause.since),
            'expected_at': instant(cause.expected_at),
            'action': None if cause.action is None else _encode_action(cause.action),
            'box_id': cause.box_id,
            'log_file': cause.log_file,
        }
        for cause in causes
    ]


def instant(at: datetime | None) -> str | None:
    """Return an instant in ISO 8601, UTC."""
    return None if at is None else at.isoformat().replace('+00:00', 'Z')


def seconds(length: timedelta | None) -> float | None:
    """Return a length of time."""
    return None if length is None else round(length.total_seconds(), 3)


def _encode_attempt(item: Attempt) -> documents.AttemptDocument:
    return {
        'attempt': item.number,
        'is_lost': item.is_lost,
        'state': item.state.value,
        'owner': item.owner,
        'fence': item.fence,
        'started_at': instant(item.started_at),
        'finished_at': instant(item.ended_at),
        'error': item.error,
    }


def _encode_action(action: Action) -> documents.ActionDocument:
    return {
        'label': action.label,
        'method': None if action.address is None else 'POST' if action.is_post else 'GET',
        'address': action.address,
        'role': action.role.value,
        'command': action.command,
    }


#: Thousands of summaries are made at once.
_STATES: Final = tuple((state, state.value) for state in JobState)


def _encode_summary(item: ProcessSummary) -> documents.SummaryDocument:
    return {
        'process': item.process,
        'tree': item.tree,
        'qualifier': item.qualifier,
        'is_on': item.is_on,
        'states': {word: item.count_by_state[state] for state, word in _STATES},
        'conditions': item.work.by_name
        | ({PARTIAL.name: item.partial_count} if item.partial_count else {}),
        'resting': item.work[RESTING],
        'planned': item.planned_count,
        'overdue': item.overdue_count,
        'first_overdue': None if item.first_overdue is None else str(item.first_overdue.timeperiod),
        'first_overdue_clock': item.first_overdue_clock,
        'late': item.late_count,
        'held': item.work[HELD],
    }


def encode_freeze(freeze: Freeze) -> documents.FreezeDocument:
    """Return a freeze as the API and `--json` tell it."""
    return {
        'id': freeze.id,
        'scope': freeze.scope.value,
        'name': freeze.name,
        'since': instant(freeze.since),
        'until': instant(freeze.until),
        'by': freeze.by,
        'reason': freeze.reason,
    }
