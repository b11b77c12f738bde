"""Users and tokens as JSON, managed by admins."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.mx.api.answers import need_key, paged
from synergy.mx.pages.accounts import (
    _done,
    _encode_token,
    _encode_user,
    add_token,
    add_user,
    change_user,
    revoke_token,
)
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer


def api_users(request: RequestContext) -> Response:
    """List users."""
    return paged(request, request.store.users(), lambda user: user.name, _encode_user)


def api_submit_user(request: RequestContext) -> Response:
    """Make a user."""
    need_key(request)
    return _done(request, add_user(request))


def api_submit_user_action(request: RequestContext, name: str, action: str) -> Response:
    """Change the role or the password of a user, or remove it; its logins end."""
    need_key(request)
    return _done(request, change_user(request, name, action))


def api_tokens(request: RequestContext) -> Response:
    """List tokens of the API, never their secrets."""
    return paged(request, request.store.tokens(), lambda token: token.id, _encode_token)


def api_submit_token(request: RequestContext) -> Response:
    """Make a token of the API for a user; its text is in this one answer and nowhere else."""
    need_key(request)
    made = add_token(request, request.text('user'))
    if made.token is None:
        return _done(request, made.command)
    body = {**_encode_token(made.token), 'text': made.text, 'request': made.command.id}
    return json_answer(request.http, body, 200)


def api_submit_token_action(request: RequestContext, token_id: str, action: str) -> Response:
    """Let a token be worth nothing from now on."""
    need_key(request)
    return _done(request, revoke_token(request, token_id, action))
