"""The one door by which what operators ask for gets into the store; its row is the audit record.

A command whose id is known was asked for before, by a form sent twice or a call repeated under its
key: it is returned as it stands, and nothing is asked for again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from synergy.core.bounded import ARGUMENTS, BODY, OutOfBounds, check, check_text
from synergy.core.commands import JOB_KINDS, Command, CommandId, CommandKind, CommandState
from synergy.core.records import Json, ProcessName
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.operations.caller import Caller
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed


def command_for(
    caller: Caller,
    kind: CommandKind,
    process: str,
    details: Mapping[str, Json] | None = None,
    target: CommandId | None = None,
) -> Command:
    """Return a command that is not about a range of jobs; nothing is asked for yet."""
    stamp = containing_utc(Qualifier.REAL_TIME, caller.now)
    return Command(
        id=caller.id_of(kind, process),
        kind=kind,
        process=ProcessName(process),
        start=stamp,
        end=stamp.shift(1),
        target=target,
        details=details or {},
        actor=caller.actor,
        reason=caller.reason,
        created_at=caller.now,
    )


def submit(caller: Caller, command: Command) -> Command:
    """Insert a command and ring; return it as the store has it: an earlier one of its id wins.

    Raises OperationRefused for what no store takes, and for a key that was used for something else.
    """
    known = _inserted(caller, command)
    caller.ring(command.id)
    return known


def record_for(
    caller: Caller, kind: CommandKind, thing: str, details: Mapping[str, Json]
) -> Command:
    """Return the audit record of a change that is made at once; nothing is written."""
    said = f'{thing} {json.dumps(dict(details), sort_keys=True)}'
    return replace(
        command_for(caller, kind, thing, details),
        id=caller.id_of(kind, said),
        state=CommandState.DONE,
        finished_at=caller.now,
        outcome='done',
    )


def write_down(caller: Caller, record: Command) -> Command:
    """Write the audit record of what has been done; return it as the store has it."""
    return _inserted(caller, record)


def asked_before(caller: Caller, command: Command) -> Command | None:
    """Return what was asked for earlier under the id of a command, as it stands; None: nothing.

    Raises OperationRefused when that is something else.
    """
    known = caller.store.command(command.id)
    if known is None:
        return None
    # What a form, or a name, is about is part of its id; of a name its kind alone is looked at.
    is_other = (
        not _is_same(caller, command, known) if caller.has_key else known.kind != command.kind
    )
    if is_other:
        raise used_before(caller, known)
    return known


def used_before(caller: Caller, known: Command) -> OperationRefused:
    """Return the refusal of a key, or a form, under which something else was asked for."""
    name, title, advice = 'form', 'The form was used before', 'open the form again'
    if caller.has_name:
        name, title, advice = 'name', 'The name was used before', 'choose another'
    if caller.has_key:
        name, title = 'Idempotency-Key', 'The key was used before'
        advice = 'send a text of its own with each change'
    return OperationRefused(
        RefusalKind.REUSED,
        f'under this {name} something else was asked for, {known.id}',
        f'{advice}; nothing was done',
        title=title,
    )


def _inserted(caller: Caller, command: Command) -> Command:
    check_bounds(command)
    caller.store.insert_command(replace(command, fingerprint=caller.fingerprint))
    return asked_before(caller, command) or command


def check_bounds(command: Command) -> None:
    """Refuse what no store takes."""
    try:
        check(dict(command.details), BODY)
        check_text(command.reason or '')
        if len(command.reason or '') > ARGUMENTS.length:
            raise OutOfBounds(f'the reason has more than {ARGUMENTS.length:,} characters')
    except OutOfBounds as error:
        raise malformed(f'what was asked for cannot be taken: {error}', 'say less') from error


def _is_same(caller: Caller, command: Command, known: Command) -> bool:
    """Tell whether two commands of one key ask for the same, from wherever and whenever."""
    if known.fingerprint is not None:
        return known.fingerprint == caller.fingerprint
    # Inserted before there were fingerprints.
    return _asked(command) == _asked(known)


def _asked(command: Command) -> tuple[object, ...]:
    # Others begin at the instant at which they were asked for.
    span = (command.start, command.end) if command.kind in JOB_KINDS else None
    return (
        command.kind,
        command.process,
        span,
        command.only,
        command.with_children,
        command.plan_hash,
        command.target,
        dict(command.details),
        command.reason,
    )
