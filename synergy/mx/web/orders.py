"""Asking for a change: insert the command, ring the Scheduler; the row is the audit record.

The id of a command is derived from the form or from the caller's Idempotency-Key, so asking the
same twice, by a double click or by a repeated call, is asking once. A key belongs to the caller and
is of one request: the id is made of nothing else, so that another request under it is found out, by
a fingerprint of all of it. A form that was changed before it was sent again is another one. Those
that come at once are answered one after the other (`app`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Final

from synergy.core.commands import JOB_KINDS, Command, CommandId, CommandKind, CommandState
from synergy.core.records import Json, ProcessName
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.mx.web.access import FORM_TOKEN
from synergy.mx.web.code_arguments import allowed
from synergy.mx.web.errors import Refused, wrong
from synergy.mx.web.request_context import TEXT_LENGTH_MAX, RequestContext

KEY_HEADER: Final = 'Idempotency-Key'
KEY_FIELD: Final = 'form_id'
PASSWORD_FIELD: Final = 'password'


def order(
    request: RequestContext,
    kind: CommandKind,
    process: str,
    *,
    target: CommandId | None = None,
    details: Mapping[str, Json] | None = None,
    reason: str | None = None,
) -> Command:
    """Ask the Scheduler for what is not about a range of jobs; return the command."""
    return place(
        request, ordered(request, kind, process, target=target, details=details, reason=reason)
    )


def ordered(
    request: RequestContext,
    kind: CommandKind,
    process: str,
    *,
    target: CommandId | None = None,
    details: Mapping[str, Json] | None = None,
    reason: str | None = None,
) -> Command:
    """Return a command that is not about a range of jobs; nothing is asked for yet."""
    stamp = containing_utc(Qualifier.REAL_TIME, request.now)
    return Command(
        id=id_of(request, kind, process),
        kind=kind,
        process=ProcessName(process),
        start=stamp,
        end=stamp.shift(1),
        target=target,
        details=details or {},
        actor=request.actor,
        reason=reason,
        created_at=request.now,
    )


def record(
    request: RequestContext, kind: CommandKind, process: str, details: Mapping[str, Json]
) -> Command:
    """Write down what has been done already, for the audit."""
    command = replace(
        record_of(request, kind, process, details),
        state=CommandState.DONE,
        finished_at=request.now,
        outcome='done',
    )
    return _inserted(request, command)


def done_before(
    request: RequestContext, kind: CommandKind, process: str, details: Mapping[str, Json]
) -> Command | None:
    """Return the record of this very change when the same form or key has made it before.

    Raises Refused when the key was used for something else.
    """
    return asked_before(request, record_of(request, kind, process, details))


def record_of(
    request: RequestContext, kind: CommandKind, process: str, details: Mapping[str, Json]
) -> Command:
    """Return the record of a change that is made at once; nothing is written."""
    said = f'{process} {json.dumps(dict(details), sort_keys=True)}'
    command = ordered(request, kind, process, details=details, reason=reason_of(request))
    return replace(command, id=id_of(request, kind, said))


def asked_before(request: RequestContext, command: Command) -> Command | None:
    """Return what was asked for earlier under the id of a command, as it stands; None: nothing.

    Raises Refused when that is something else.
    """
    known = request.store.command(command.id)
    if (
        known is not None
        and KEY_HEADER in request.http.headers
        and not _is_same(request, command, known)
    ):
        raise used_before(request, known)
    return known


def used_before(request: RequestContext, known: Command) -> Refused:
    """Return the refusal of a key, or a form, under which something else was asked for."""
    name = KEY_HEADER if KEY_HEADER in request.http.headers else 'form'
    return Refused(
        422,
        'The key was used before' if name == KEY_HEADER else 'The form was used before',
        f'under this {name} something else was asked for, {known.id}',
        'send a text of its own with each change; nothing was done'
        if name == KEY_HEADER
        else 'open the form anew; nothing was done',
    )


def place(request: RequestContext, command: Command) -> Command:
    """Insert a command and ring; return it as the store has it: an earlier one of this id wins.

    Raises Refused when the visitor may not give this one.
    """
    known = _inserted(request, allowed(request, command))
    request.site.ring(command.id)
    return known


def _inserted(request: RequestContext, command: Command) -> Command:
    request.store.insert_command(replace(command, fingerprint=fingerprint_of(request)))
    return asked_before(request, command) or command


def fingerprint_of(request: RequestContext) -> str | None:
    """Return a fingerprint of all that a request with a key asks for; None for one without.

    Not of passwords, which could be guessed from it.
    """
    if KEY_HEADER not in request.http.headers:
        return None
    http = request.http
    asked = [http.method, http.path, sorted(http.args.items(multi=True)), _sent(request)]
    return blake2b(json.dumps(asked, sort_keys=True).encode(), digest_size=16).hexdigest()


def _sent(request: RequestContext) -> dict[str, Json]:
    """Return the fields of the body; of those that are given more than once, all of them."""
    left_out = (PASSWORD_FIELD, FORM_TOKEN)
    if request.http.mimetype != 'application/json':
        form = request.http.form
        return {name: [*form.getlist(name)] for name in form if name not in left_out}
    return {name: value for name, value in request.body().items() if name not in left_out}


def _is_same(request: RequestContext, command: Command, known: Command) -> bool:
    """Tell whether two commands of one key ask for the same; whence and when is no matter."""
    if known.fingerprint is not None:
        return known.fingerprint == fingerprint_of(request)
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


def id_of(request: RequestContext, kind: CommandKind, thing: str, part: str = '') -> CommandId:
    """Return the id of a command: the same for the same form, or the same Idempotency-Key.

    kind, thing: what a form's button is about; one page has one form id for all of its forms.
    part: names the further commands of one request.
    """
    key = request.http.headers.get(KEY_HEADER)
    form = request.optional(KEY_FIELD)
    if key is not None:
        named = f'key\n{request.visitor.name}\n{part}\n{key}'
    elif form is not None:
        sent = json.dumps(_sent(request), sort_keys=True)
        named = f'{request.visitor.name}\n{kind.value}\n{thing}\n{form}\n{sent}'
    else:
        return CommandId(secrets.token_hex(6))
    return CommandId(blake2b(named.encode(), digest_size=6).hexdigest())


def key_of(request: RequestContext) -> str | None:
    """Return by what a request is known again: its key, or its form; None for one of neither."""
    key = request.http.headers.get(KEY_HEADER) or request.optional(KEY_FIELD)
    return None if key is None else f'{request.visitor.name}\n{key}'


def reason_of(request: RequestContext) -> str | None:
    """Return why the change is asked for; raise Refused when it is too long."""
    reason = request.optional('reason')
    if reason is not None and len(reason) > TEXT_LENGTH_MAX:
        raise wrong(
            f'the reason has {len(reason)} characters', f'say it in {TEXT_LENGTH_MAX} at most'
        )
    return reason


def fresh_form_id() -> str:
    """Return an id for a form, so that sending it twice asks once."""
    return secrets.token_hex(8)
