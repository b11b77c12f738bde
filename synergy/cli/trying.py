"""What a run that is tried is given: what a real one would be, and an identity of its own.

The store is only read, and only where there is one: changes of operators, the request for which a
job is to run again, free runs that were made at run time. Without it all is as context.py says.
Its number is 0, and so is that in its id and its idempotency key: no real run has it, so nothing
that a try leaves behind is taken for the work of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from synergy.bootstrap import Runtime
from synergy.cli.command import CommandError, ExitCode
from synergy.cli.target import instant_of, key_of, node_of
from synergy.conf.model import Context, WorkerEntry
from synergy.core import freerun_fires, job_transitions
from synergy.core.calendar import Calendar
from synergy.core.freerun_record import Freerun, is_freerun
from synergy.core.hierarchy import Hierarchy
from synergy.core.inputs import end_of_group
from synergy.core.nearest import nearest
from synergy.core.overrides import applied
from synergy.core.records import Job, Json, ProcessName, Unit, uow_id_of
from synergy.core.request_options import options_of
from synergy.core.structs import Struct, field, replace
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.zones import UTC_CALENDAR
from synergy.ports.errors import StoreError
from synergy.ports.store import Store
from synergy.view.freeruns import entries
from synergy.view.index import load_index, looking_at
from synergy.view.inputs import encode_inputs, encode_resolved, resolved, which
from synergy.workers.zones import Zones

#: How long to wait for a store without which it goes as well.
_PATIENCE_SECONDS: Final = 2.0
#: Of a run that is tried; those of real ones begin with 1.
_RUN: Final = 0


class Trial(Struct, frozen=True, kw_only=True):
    """One run that is tried. inputs: what its interval waits for, in lines; notes: what to know."""

    unit: Unit
    entry: WorkerEntry
    zones: Zones
    calendar: Calendar
    inputs: Sequence[str] = ()
    notes: Sequence[str] = field(default_factory=tuple)


def trial_of(
    runtime: Runtime, name: str, timeperiod: str | None, given: Mapping[str, Json]
) -> Trial:
    """Return what is tried; raise CommandError for what is unknown. given: arguments over others.

    timeperiod: of a free run, None is now.
    """
    notes: list[str] = []
    store: Store | None = None
    try:
        store = runtime.open_store(create=False, busy_seconds_max=_PATIENCE_SECONDS)
    except StoreError as error:
        why = str(error).partition(';')[0]
        notes.append(f'no store is read ({why}): all is as context.py says')
    now = runtime.clock.now()
    if is_freerun(ProcessName(name)):
        trial = _of_freerun(runtime.context, store, name, timeperiod, now)
    else:
        trial = _of_job(runtime.context, store, name, timeperiod, now)
    unit, entry = trial.unit, trial.entry
    own = replace(
        unit, id=uow_id_of(unit.key, _RUN), run=_RUN, arguments={**unit.arguments, **given}
    )
    return replace(trial, unit=own, notes=[*notes, *trial.notes, *_unlike(entry)])


def _of_job(
    context: Context, store: Store | None, name: str, timeperiod: str | None, now: datetime
) -> Trial:
    if entry_names := [item.full_name for item in context.freeruns.values() if item.name == name]:
        raise CommandError(
            f'{name} is a process of free runs; name one of its entries, as in {entry_names[0]}',
            ExitCode.UNKNOWN,
        )
    if store is not None:
        context = replace(context, hierarchy=applied(context.hierarchy, store.overrides()))
    hierarchy = context.hierarchy
    node = node_of(context, name)
    if timeperiod is None:
        raise CommandError(
            f'give the timeperiod of {name}, as in ./launch.py try {name} yesterday',
            ExitCode.USAGE,
        )
    key = key_of(context, name, timeperiod, now)
    ordinal = key.timeperiod.ordinal
    span = hierarchy.covered(node, ordinal)
    if not span:
        end = Timeperiod(node.process.qualifier, end_of_group(node, ordinal))
        raise CommandError(
            f'{key} does no work of its own: that of its group is done with {end}; try that one',
            ExitCode.UNKNOWN,
        )
    job = job_transitions.embryo(key, now) if store is None else _row(store, key, now)
    unit = job_transitions.next_unit(job, node.process, span, now)
    unit, notes = replace(unit, request_id=None), []
    if store is not None and job.request_id is not None and not job.state.is_final:
        command = store.command(job.request_id)
        options = None if command is None else options_of(command)
        if options is not None and options.arguments and options.process == job.process:
            unit = replace(unit, arguments={**unit.arguments, **options.arguments})
            notes.append(f'arguments as request {job.request_id} says, too')
    return Trial(
        unit=unit,
        entry=context.managed[key.process],
        zones=Zones({key.process: node.calendar}),
        calendar=node.calendar,
        inputs=_inputs(hierarchy, store, key, now),
        notes=notes,
    )


def _row(store: Store, key: JobKey, now: datetime) -> Job:
    return store.jobs([key]).get(key) or job_transitions.embryo(key, now)


def _inputs(hierarchy: Hierarchy, store: Store | None, key: JobKey, now: datetime) -> Sequence[str]:
    """Return what an interval waits for; where there is a store, what it lacks of that, too."""
    node, ordinal = hierarchy.nodes[key.process], key.timeperiod.ordinal
    if not node.inputs:
        return ()
    if store is None:
        return [which(encode_resolved(item)) for item in resolved(hierarchy, node, ordinal)]
    looking = looking_at(load_index(hierarchy, store, now), store, now)
    node = looking.timetable.hierarchy.nodes[key.process]
    found = encode_inputs(looking, node, ordinal)['inputs']
    return [f'{which(item)}; lacks {item["lacks"]}' for item in found]


def _of_freerun(
    context: Context, store: Store | None, name: str, timeperiod: str | None, now: datetime
) -> Trial:
    freerun = _entry(context, store, name, now)
    entry = context.workers.get(freerun.process)
    if entry is None:
        raise CommandError(
            f'{freerun.process} of {name} is not in context.py any more, so there is no code to '
            'run; ./launch.py list shows what is',
            ExitCode.UNKNOWN,
        )
    planned = now if timeperiod is None else instant_of(timeperiod, now)
    unit = freerun_fires.next_unit(freerun, planned, now)
    zones = Zones(context.calendars_of(entry.name), store)
    zones.look([unit])
    return Trial(unit=unit, entry=entry, zones=zones, calendar=UTC_CALENDAR)


def _entry(context: Context, store: Store | None, name: str, now: datetime) -> Freerun:
    if store is None:
        known = [item.freerun(now) for item in context.freeruns.values()]
    else:
        known = [*entries(context, store, now)]
    by_name = {item.name: item for item in known}
    found = by_name.get(ProcessName(name))
    if found is None:
        raise CommandError(
            f'there is no free run {name!r}{nearest(name, by_name)}; ./launch.py freerun ls shows '
            'all',
            ExitCode.UNKNOWN,
        )
    return found


def _unlike(entry: WorkerEntry) -> Sequence[str]:
    """Return in what the run is unlike a real one, besides that nothing of it is kept."""
    notes = []
    if entry.group is not None:
        notes.append(f'workers of group {entry.group} do real runs; this one runs here')
    limits = (entry.run_memory_mb_max, entry.run_cpu_seconds_max)
    if entry.is_isolated or any(limits):
        notes.append(
            'a real run has a process of its own, with its limits; this one runs in the '
            'foreground without'
        )
    if entry.timeout is not None:
        seconds = entry.timeout.total_seconds()
        notes.append(f'its time-out of {seconds:g} s does not count here; Ctrl-C ends it')
    return notes
