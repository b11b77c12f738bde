"""What a leader does first when its context is not the one that the store was last led with.

The request by which finished intervals above something new run again, and the memory of the present
context, are saved in one commit, in this order: whoever dies in between leaves the next leader the
same change, and the same request. The request is then applied to its end before anything is
started, so that nothing runs on what is about to be reset.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from datetime import datetime
from typing import Final

from synergy.core.changed_levels import RefusedLevel, returned, rows_by_level
from synergy.core.closure import keys_of
from synergy.core.command_decisions import CommandDecisions
from synergy.core.commands import RESETTING_KINDS, Command, CommandKind, CommandState
from synergy.core.context_change import ContextChange, Surroundings, compare
from synergy.core.context_commands import ACTOR, growth_request, kept_record
from synergy.core.effects import Effects, InsertCommand, Note, SaveContext
from synergy.core.hierarchy import Hierarchy
from synergy.core.invariants import Under, check
from synergy.core.lanes import LaneStart
from synergy.core.led_context import LedContext
from synergy.core.records import Job, ProcessName
from synergy.core.recut import with_cuts
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.ports.store import JobFilter, SchedulerStore
from synergy.scheduler.gathering import gather

logger = logging.getLogger(__name__)

_OPEN_COMMANDS_MAX: Final = 10_000
_PAGE: Final = 5000


class Found(Struct, frozen=True, kw_only=True):
    """What a comparison has led to. effects: to be saved before anything is decided."""

    refused: Mapping[ProcessName, RefusedLevel]
    effects: Effects


def is_known(led: LedContext | None, hierarchy: Hierarchy) -> bool:
    """Tell whether each process was led last, at its present level and in its present zone.

    Else all rows must be read: a copy of the index tells nothing of rows of another level, and of
    a process that was out of the context it is older than its date says.
    """
    return led is not None and all(
        (before := led.processes.get(node.process.name)) is not None
        and before.qualifier is node.process.qualifier
        and before.zone == node.tree.zone
        and not before.is_out
        for node in hierarchy
    )


def found(
    store: SchedulerStore,
    led: LedContext | None,
    timetable: Timetable,
    outside: Sequence[JobKey],
    lanes: Mapping[ProcessName, LaneStart],
    now: datetime,
) -> Found:
    """Compare the context with the one that was led; return what is to be done about it.

    outside: keys of rows that have no place in the timetable. lanes: to be remembered.
    """
    if outside:
        logger.warning(
            '%d job rows, such as %s, have no place in the context; they are left alone',
            len(outside),
            outside[0],
            extra={'event': 'rows_outside_context'},
        )
    hierarchy = timetable.hierarchy
    led = with_cuts(hierarchy, led)
    counts = rows_by_level(timetable, outside, led)
    applying = [
        command
        for command in store.open_commands(_OPEN_COMMANDS_MAX)
        if command.kind in RESETTING_KINDS and command.state is not CommandState.RUNNING
    ]
    back = returned(hierarchy, led, counts)
    change = compare(
        led,
        timetable,
        Surroundings(
            rows_by_level=counts,
            live={
                node.process.name
                for node in hierarchy
                if hierarchy.machine(node.process.name).runs_live
            },
            applying=applying,
            lanes=lanes,
            behind=_behind(store, hierarchy, back, Under(led=led), now)
            - _about_to_be_reset(back, applying, hierarchy),
        ),
    )
    return Found(refused=change.refused, effects=_effects(change, led, hierarchy, now))


def _behind(
    store: SchedulerStore,
    hierarchy: Hierarchy,
    back: Collection[ProcessName],
    under: Under,
    now: datetime,
) -> Set[JobKey]:
    """Return the jobs of processes that are back which are older than what they wait for.

    Cost: the rows of these processes, and of those that they wait for.
    """
    if not back:
        return frozenset()
    sources = {source.process for name in back for source in hierarchy.nodes[name].inputs}
    rows = _rows_of(store, tuple(sorted({*back, *sources})))
    return {
        item.key
        for item in check(hierarchy, rows, (), now, under)
        if item.invariant == 'I2' and item.key.process in back
    }


def _about_to_be_reset(
    back: Collection[ProcessName], applying: Sequence[Command], hierarchy: Hierarchy
) -> Set[JobKey]:
    return {
        key
        for command in applying
        for key in keys_of(hierarchy, command.plan or {})
        if key.process in back
    }


def _rows_of(store: SchedulerStore, processes: tuple[ProcessName, ...]) -> Iterator[Job]:
    where = JobFilter(processes=processes)
    page = store.find_jobs(where, _PAGE)
    while page:
        yield from page
        page = store.find_jobs(where, _PAGE, page[-1].key)


def _effects(
    change: ContextChange, led: LedContext | None, hierarchy: Hierarchy, now: datetime
) -> Effects:
    effects = Effects()
    if not change.is_changed:
        return effects
    request = growth_request(change, led, hierarchy, now)
    if request is not None:
        text = f'{request.reason}; {request.planned_count} finished jobs run again by request'
        effects.saves.append(InsertCommand(request))
        effects.notes.append(Note('context_grown', f'{text} {request.id}', is_warning=True))
    record = kept_record(change, led, hierarchy, now)
    if record is not None:
        effects.saves.append(InsertCommand(record))
        effects.notes.append(Note('context_shrunk', f'{record.reason}; {record.outcome}'))
    effects.saves.append(SaveContext(change.context))
    return effects


def apply_own(
    store: SchedulerStore,
    decisions: CommandDecisions,
    do: Callable[[Effects], None],
    now: datetime,
) -> None:
    """Apply what nothing may start in the midst of, before anything starts.

    That is what Schedulers have asked for themselves, each request batch by batch until all of its
    plan is reset, or somebody has paused it; and what is being put back, until all of it is.
    """
    for listed in store.open_commands(_OPEN_COMMANDS_MAX):
        command: Command | None = listed
        is_own = listed.actor == ACTOR and listed.kind is CommandKind.REPROCESS
        if not is_own and listed.kind is not CommandKind.ABANDON:
            continue
        while command is not None and command.state is CommandState.APPLYING:
            facts = gather(store, command, decisions.jobs)
            effects = decisions.decide(command, facts, now)
            if not effects:
                break
            do(effects)
            command = store.command(listed.id)


def tell(
    refused: Mapping[ProcessName, RefusedLevel], told: frozenset[ProcessName]
) -> frozenset[ProcessName]:
    """Say which processes are left out, and what to do, unless it was told; return which are."""
    for item in [] if told == frozenset(refused) else refused.values():
        logger.error('%s', item, extra={'event': 'level_changed'})
    return frozenset(refused)
