"""Kinds of lines in the table of routes that speak JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from werkzeug.wrappers import Response

from synergy.core.structs import replace
from synergy.core.users import Role
from synergy.mx.web.route import Parameter, Route

View: TypeAlias = Callable[..., Response]

ROOT: Final = '/api/v1'
REASON: Final = Parameter('reason', 'why, for the audit')


def reading(
    endpoint: str,
    rule: str,
    view: View,
    answer: type[Any],
    *parameters: Parameter,
    role: Role = Role.VIEWER,
) -> Route:
    """Return what only looks. answer: the shape of the answer, or of one item of a list."""
    return Route(
        endpoint=endpoint,
        rule=ROOT + rule,
        method='GET',
        role=role,
        view=view,
        is_api=True,
        parameters=parameters,
        answer=answer,
    )


def listing(
    endpoint: str,
    rule: str,
    view: View,
    answer: type[Any],
    *parameters: Parameter,
    role: Role = Role.VIEWER,
) -> Route:
    """Return a list that is read page by page."""
    return replace(reading(endpoint, rule, view, answer, *parameters, role=role), is_list=True)


def change(
    endpoint: str,
    rule: str,
    view: View,
    answer: type[Any],
    *fields: Parameter,
    required: tuple[str, ...] = (),
    needs_reason: bool = False,
) -> Route:
    """Return a change that the Scheduler makes; a reason may be given with each."""
    return Route(
        endpoint=endpoint,
        rule=ROOT + rule,
        method='POST',
        role=Role.OPERATOR,
        view=view,
        is_api=True,
        fields=(*fields, REASON),
        required=required,
        needs_reason=needs_reason,
        status=202,
        answer=answer,
    )


def action(
    endpoint: str,
    rule: str,
    view: View,
    answer: type[Any],
    actions: Iterable[str],
    *fields: Parameter,
    needs_reason: tuple[str, ...] = (),
) -> Route:
    """Return a change that is named in the address. needs_reason: the actions that need one."""
    found = replace(change(endpoint, rule, view, answer, *fields), actions=tuple(actions))
    needs_reason = tuple(action for action in found.actions if action in needs_reason)
    if not needs_reason:
        return found
    reason = replace(REASON, text=f'{REASON.text}; to {" or ".join(needs_reason)}: required')
    return replace(found, needs_reason=needs_reason, fields=(*fields, reason))


def at_once(route: Route) -> Route:
    """Return a change that is done when it is answered."""
    return replace(route, status=200)


def by_admins(route: Route) -> Route:
    """Return a change that admins alone make, at once."""
    return at_once(replace(route, role=Role.ADMIN))
