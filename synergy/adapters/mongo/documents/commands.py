"""Documents of commands."""

from __future__ import annotations

from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.fields import Fields, json_value
from synergy.core.commands import Command, CommandId, CommandKind, CommandState, Only
from synergy.core.records import ProcessName
from synergy.core.timeperiod import Qualifier
from synergy.ports import rows
from synergy.ports.rows import Malformed as Malformed


def command_of(document: Document) -> Command:
    """Return the command of a document; raise Malformed."""
    fields = Fields(document)
    qualifier = fields.word('time_qualifier', Qualifier)
    target = fields.text_or_none('target')
    plan = document.get('plan')
    return Command(
        id=CommandId(str(document['_id'])),
        kind=fields.word('kind', CommandKind),
        process=ProcessName(fields.text('process_name')),
        start=fields.timeperiod('start_timeperiod', qualifier),
        end=fields.timeperiod('end_timeperiod', qualifier),
        only=fields.word('only_jobs', Only),
        with_children=fields.switch('with_children'),
        plan_hash=fields.text_or_none('plan_hash'),
        target=None if target is None else CommandId(target),
        details=fields.json('details'),
        actor=fields.text('actor'),
        reason=fields.said('reason'),
        state=fields.word('state', CommandState),
        is_paused=fields.switch('is_paused'),
        plan=None
        if plan is None
        else {ProcessName(name): runs for name, runs in rows.ranges('plan', plan).items()},
        planned_count=fields.number('planned_count'),
        applied_count=fields.number('applied_count'),
        created_at=fields.instant('created_at'),
        finished_at=fields.instant_or_none('finished_at'),
        outcome=fields.said('outcome'),
        fingerprint=fields.text_or_none('fingerprint'),
    )


def command_document(command: Command) -> Document:
    """Return the document of a command."""
    return {
        '_id': command.id,
        'kind': command.kind.value,
        'process_name': command.process,
        'time_qualifier': command.start.qualifier.value,
        'start_timeperiod': str(command.start),
        'end_timeperiod': str(command.end),
        'only_jobs': command.only.value,
        'with_children': command.with_children,
        'plan_hash': command.plan_hash,
        'target': command.target,
        'details': json_value(command.details),
        'actor': command.actor,
        'reason': command.reason,
        'created_at': command.created_at,
        'fingerprint': command.fingerprint,
        **command_progress(command),
    }


def command_progress(command: Command) -> Document:
    """Return what the Scheduler writes of a command."""
    plan = command.plan
    return {
        'state': command.state.value,
        'is_paused': command.is_paused,
        # Pairs, for the order of processes is part of the plan.
        'plan': None if plan is None else [[name, [*map(list, plan[name])]] for name in plan],
        'planned_count': command.planned_count,
        'applied_count': command.applied_count,
        'finished_at': command.finished_at,
        'outcome': command.outcome,
    }
