"""References that people give: only those that the context names for this process at this place."""

from __future__ import annotations

from typing import Any

import pytest

from synergy.conf.secret import secret
from synergy.core.commands import CommandKind
from synergy.core.records import Json, ProcessName
from synergy.core.structs import replace
from synergy.operations import freeruns
from synergy.operations.refusal import OperationRefused, RefusalKind
from synergy.operations.request_options import with_options
from synergy.operations.submission import command_for
from tests.operations.test_operations import TIDY, Desk, desk

__all__ = ['desk']

KNOWN: dict[str, Json] = {'environment': {'PW': secret('env:PW')}}
WRONG: list[dict[str, Any]] = [
    {'environment': {'PW': secret('env:OTHER')}},
    {'environment': {'HOME': secret('env:PW')}},
    {'host': secret('env:PW')},
    {'environment': {'PW': {'@secret': 'env:PW', 'more': 1}}},
    {'environment': {'PW': {'@secret': ['env:PW']}}},
    {'@secret': 'env:PW'},
]


def knowing(desk: Desk) -> None:
    context = desk.caller.context
    entries = {
        name: replace(entry, arguments={**entry.arguments, **KNOWN})
        for name, entry in context.freeruns.items()
    }
    managed = {
        name: replace(entry, process=replace(entry.process, arguments=KNOWN))
        for name, entry in context.managed.items()
    }
    known = replace(context, freeruns=entries, managed=managed)
    desk.caller = replace(desk.caller, context=known, is_admin=True)


def test_a_free_run_may_name_what_the_context_names_there(desk: Desk) -> None:
    knowing(desk)
    saved = freeruns.save_freerun(desk.caller, TIDY, {'trigger': 'every 60', 'arguments': KNOWN})
    assert saved.details['arguments'] == KNOWN


@pytest.mark.parametrize('arguments', WRONG)
def test_other_references_are_refused_even_to_admins(desk: Desk, arguments: dict[str, Any]) -> None:
    knowing(desk)
    with pytest.raises(OperationRefused) as refused:
        freeruns.save_freerun(desk.caller, TIDY, {'trigger': 'every 60', 'arguments': arguments})
    assert refused.value.kind is RefusalKind.FORBIDDEN
    process = next(iter(desk.caller.context.managed))
    command = command_for(desk.caller, CommandKind.REPROCESS, process, {})
    with pytest.raises(OperationRefused) as refused:
        with_options(desk.caller, command, {'arguments': arguments})
    assert refused.value.kind is RefusalKind.FORBIDDEN


def test_a_request_may_name_what_the_context_names_there(desk: Desk) -> None:
    knowing(desk)
    process = ProcessName(next(iter(desk.caller.context.managed)))
    command = command_for(desk.caller, CommandKind.REPROCESS, process, {})
    found = with_options(desk.caller, command, {'arguments': KNOWN})
    assert found.details['arguments'] == KNOWN
