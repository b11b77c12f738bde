"""Who asks for a change over HTTP, and by what the same change is known again.

The id of a command is derived from the form or from the caller's Idempotency-Key, so asking the
same twice, by a double click or by a repeated call, is asking once. A key belongs to the caller and
is of one request: the id is made of nothing else, so that another request under it is found out, by
a fingerprint of all of it. A form that was changed before it was sent again is another one. Those
that come at once are answered one after the other (`app`).
"""

from __future__ import annotations

import json
import secrets
from functools import partial
from hashlib import blake2b
from typing import Final

from synergy.core.commands import CommandId, CommandKind
from synergy.core.records import Json
from synergy.core.users import Role
from synergy.mx.web.access import FORM_TOKEN
from synergy.mx.web.errors import wrong
from synergy.mx.web.request_context import TEXT_LENGTH_MAX, RequestContext
from synergy.operations.caller import Caller

KEY_HEADER: Final = 'Idempotency-Key'
KEY_FIELD: Final = 'form_id'
PASSWORD_FIELD: Final = 'password'


def caller_of(request: RequestContext) -> Caller:
    """Return who asks, for `synergy.operations`; raise Refused when the reason is too long."""
    return Caller(
        store=request.store,
        context=request.context,
        actor=request.actor,
        now=request.now,
        reason=reason_of(request),
        ring=request.site.ring,
        id_of=partial(id_of, request),
        has_key=KEY_HEADER in request.http.headers,
        fingerprint=fingerprint_of(request),
        is_admin=request.visitor.may(Role.ADMIN),
    )


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
