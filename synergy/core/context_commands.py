"""The commands that a Scheduler makes itself when its context has changed: request and record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from synergy.core.commands import Command, CommandId, CommandKind, CommandState, Ranges
from synergy.core.context_change import ContextChange
from synergy.core.hierarchy import Hierarchy
from synergy.core.led_context import LedContext
from synergy.core.structs import replace
from synergy.core.timeperiod import Timeperiod

#: Who asks for what the Scheduler asks for itself.
ACTOR: Final = 'scheduler'
_FACTS_SHOWN_MAX: Final = 3


def growth_request(
    change: ContextChange, led: LedContext | None, hierarchy: Hierarchy, now: datetime
) -> Command | None:
    """Return the request by which all that is stale runs again; None: nothing is.

    Its plan stands in it. The same change of the same context has the same id: however often a
    leader dies on the way, there is one request.
    """
    if not change.stale:
        return None
    about = _about(change.stale, hierarchy)
    return replace(
        about,
        id=_id_of(change, led, 'grown'),
        kind=CommandKind.REPROCESS,
        reason='context.py has changed: ' + _said(change.grown_facts),
        state=CommandState.APPLYING,
        plan=change.stale,
        planned_count=sum(stop - start for runs in change.stale.values() for start, stop in runs),
        created_at=now,
    )


def kept_record(
    change: ContextChange, led: LedContext | None, hierarchy: Hierarchy, now: datetime
) -> Command | None:
    """Return the record that what waits for less now keeps its results; None: nothing does."""
    if not change.kept:
        return None
    counts = {name: sum(stop - start for start, stop in runs) for name, runs in change.kept.items()}
    told = ', '.join(f'{count} of {name}' for name, count in counts.items())
    return replace(
        _about(change.kept, hierarchy),
        id=_id_of(change, led, 'kept'),
        kind=CommandKind.CONTEXT,
        reason='context.py has changed: ' + _said(change.shrunk_facts),
        state=CommandState.DONE,
        created_at=now,
        finished_at=now,
        outcome=f'nothing runs again: finished intervals keep their results, {told:.300}',
    )


def _about(ranges: Ranges, hierarchy: Hierarchy) -> Command:
    """Return a command about the first process of `ranges`, from its first job to its last."""
    process, runs = next(iter(ranges.items()))
    qualifier = hierarchy.nodes[process].process.qualifier
    return Command(
        id=CommandId(''),
        kind=CommandKind.CONTEXT,
        process=process,
        start=Timeperiod(qualifier, min(start for start, _ in runs)),
        end=Timeperiod(qualifier, max(stop for _, stop in runs)),
        actor=ACTOR,
        created_at=datetime.fromtimestamp(0, UTC),
    )


def _id_of(change: ContextChange, led: LedContext | None, what: str) -> CommandId:
    before = '' if led is None else led.fingerprint
    named = f'{what} {before} {change.context.fingerprint}'
    return CommandId(blake2b(named.encode(), digest_size=6).hexdigest())


def _said(facts: Sequence[str]) -> str:
    shown = [f'{fact:.200}' for fact in facts[:_FACTS_SHOWN_MAX]]
    more = len(facts) - len(shown)
    return '; '.join(shown) + (f'; and {more} more' if more else '')
