"""Users and tokens as JSON, managed by admins."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from synergy.core.commands import Command
from synergy.core.users import ApiToken, User
from synergy.mx.api.answers import need_key, paged
from synergy.mx.pages.users import add_token, add_user, change_user, revoke_token
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer
from synergy.view.encode import instant


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
    command = revoke_token(request, token_id, action)
    return json_answer(request.http, {'id': command.id, 'revoked': token_id})


def _done(request: RequestContext, command: Command) -> Response:
    return json_answer(request.http, {'id': command.id, **dict(command.details)})


def _encode_user(user: User) -> dict[str, Any]:
    return {
        'name': user.name,
        'role': user.role.value,
        'created_at': instant(user.created_at),
    }


def _encode_token(token: ApiToken) -> dict[str, Any]:
    return {
        'id': token.id,
        'user': token.user,
        'role': token.role.value,
        'label': token.label,
        'created_at': instant(token.created_at),
        'expires_at': instant(token.expires_at),
    }
