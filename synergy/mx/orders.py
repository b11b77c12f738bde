"""Asking for a change: insert the command, ring the Scheduler; the row is the audit record.

The id of a command is derived from the form or from the caller's Idempotency-Key, so asking the
same twice, by a double click or by a repeated call, is asking once.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from synergy.core.commands import JOB_KINDS, Command, CommandId, CommandKind, CommandState
from synergy.core.records import Json, ProcessName
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.mx.ask import TEXT_LENGTH_MAX, Ask
from synergy.mx.errors import Refused, wrong

KEY_HEADER: Final = 'Idempotency-Key'
KEY_FIELD: Final = 'form_id'


def order(
    ask: Ask,
    kind: CommandKind,
    process: str,
    *,
    target: CommandId | None = None,
    details: Mapping[str, Json] | None = None,
    reason: str | None = None,
) -> Command:
    """Ask the Scheduler for what is not about a range of jobs; return the command."""
    stamp = containing_utc(Qualifier.REAL_TIME, ask.now)
    command = Command(
        id=id_of(ask, kind, process),
        kind=kind,
        process=ProcessName(process),
        start=stamp,
        end=stamp.shift(1),
        target=target,
        details=details or {},
        actor=ask.actor,
        reason=reason,
        created_at=ask.now,
    )
    return place(ask, command)


def record(ask: Ask, kind: CommandKind, process: str, details: Mapping[str, Json]) -> Command:
    """Write down what has been done already, for the audit."""
    stamp = containing_utc(Qualifier.REAL_TIME, ask.now)
    command = Command(
        id=id_of(ask, kind, _said(process, details)),
        kind=kind,
        process=ProcessName(process),
        start=stamp,
        end=stamp.shift(1),
        details=details,
        actor=ask.actor,
        reason=reason_of(ask),
        state=CommandState.DONE,
        created_at=ask.now,
        finished_at=ask.now,
        outcome='done',
    )
    ask.store.insert_command(command)
    return command


def done_before(
    ask: Ask, kind: CommandKind, process: str, details: Mapping[str, Json]
) -> Command | None:
    """Return the record of this very change when the same form or key has made it before."""
    return ask.store.command(id_of(ask, kind, _said(process, details)))


def _said(process: str, details: Mapping[str, Json]) -> str:
    return f'{process} {json.dumps(dict(details), sort_keys=True)}'


def place(ask: Ask, command: Command) -> Command:
    """Insert a command and ring; return it as the store has it: an earlier one of this id wins."""
    ask.store.insert_command(command)
    known = ask.store.command(command.id) or command
    if KEY_HEADER in ask.request.headers and not _is_same(command, known):
        raise Refused(
            422,
            'The key was used before',
            f'under this {KEY_HEADER} something else was asked for, {known.id}',
            'send a text of its own with each change; nothing was done',
        )
    ask.site.ring(command.id)
    return known


def _is_same(command: Command, known: Command) -> bool:
    """Tell whether two commands of one key ask for the same."""
    is_of_jobs = command.kind in JOB_KINDS
    return dict(command.details) == dict(known.details) and (
        not is_of_jobs or (command.only, command.with_children) == (known.only, known.with_children)
    )


def id_of(ask: Ask, kind: CommandKind, thing: str) -> CommandId:
    """Return the id of a command: the same for the same form, or the same Idempotency-Key."""
    key = ask.request.headers.get(KEY_HEADER) or ask.optional(KEY_FIELD)
    if key is None:
        return CommandId(secrets.token_hex(6))
    named = f'{ask.visitor.name}\n{kind.value}\n{thing}\n{key}'
    return CommandId(blake2b(named.encode(), digest_size=6).hexdigest())


def reason_of(ask: Ask) -> str | None:
    """Return why the change is asked for; raise Refused when it is too long."""
    reason = ask.optional('reason')
    if reason is not None and len(reason) > TEXT_LENGTH_MAX:
        raise wrong(
            f'the reason has {len(reason)} characters', f'say it in {TEXT_LENGTH_MAX} at most'
        )
    return reason


def fresh_form_id() -> str:
    """Return an id for a form, so that sending it twice asks once."""
    return secrets.token_hex(8)
