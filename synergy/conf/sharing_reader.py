"""Read what an entry says of the workers that run its units: its own, or those of a group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from synergy.core import readers
from synergy.core.records import ProcessName
from synergy.core.structs import Struct

RECYCLE_AFTER_MAX: Final = 1_000_000_000
#: A terabyte.
MEMORY_MB_MAX: Final = 1_048_576
#: A year.
CPU_SECONDS_MAX: Final = 31_536_000
INSTANCES_MAX: Final = 1000

INSTANCES: Final = readers.optional(readers.whole(1, INSTANCES_MAX))
RECYCLE_AFTER: Final = readers.optional(readers.whole(1, RECYCLE_AFTER_MAX))
MEMORY_MB: Final = readers.optional(readers.whole(1, MEMORY_MB_MAX))
_CPU_SECONDS: Final = readers.optional(readers.whole(1, CPU_SECONDS_MAX))
_GROUP: Final = readers.optional(readers.name)
_ISOLATION: Final = readers.optional(readers.one_of(['process', 'worker']))

#: What a group says for all of its processes.
_OF_GROUP: Final = (
    'instances', 'present_on_boxes', 'queue', 'routing', 'recycle_after', 'pid_file', 'log_file',
)  # fmt: skip


class Sharing(Struct, frozen=True, kw_only=True):
    """What an entry says of its workers.

    group: whose workers run its units; None: its own. recycle_after, memory_mb_max: bounds of one
    worker of its own. is_isolated: whether each run has a process of its own; None: nothing says
    so. run_memory_mb_max, run_cpu_seconds_max: bounds of one run that is isolated.
    """

    group: ProcessName | None
    instances: int
    recycle_after: int | None
    memory_mb_max: int | None
    is_isolated: bool | None
    run_memory_mb_max: int | None
    run_cpu_seconds_max: int | None


def sharing(
    fields: Mapping[str, Any],
    read: Callable[[str, readers.Reader[Any], Any], Any],
    refuse: Callable[[str, str], None],
) -> Sharing:
    """Return what an entry with `fields` says; note what contradicts itself.

    read: returns what a field means, or notes what is wrong with it and returns the third argument.
    refuse: notes what is wrong with a field.
    """
    group = read('group', _GROUP, None)
    isolation = read('isolation', _ISOLATION, None)
    is_isolated = None if isolation is None else isolation == 'process'
    instances = read('instances', INSTANCES, None)
    recycle_after = read('recycle_after', RECYCLE_AFTER, None)
    memory_mb = read('memory_mb_max', MEMORY_MB, None)
    cpu_seconds = read('cpu_seconds_max', _CPU_SECONDS, None)
    if group is not None:
        for field in _OF_GROUP:
            if fields[field] is not None:
                refuse(
                    field,
                    f'its group {group!r} says that for all of its processes; say it there, in '
                    'worker_context, or leave group out',
                )
    # An unknown word is told already.
    is_unbounded = fields['isolation'] is None or is_isolated is False
    if is_unbounded and group is not None and memory_mb is not None:
        refuse(
            'memory_mb_max',
            f'a worker of group {group!r} serves others, too: say it there, in worker_context, or '
            "let each run have a process of its own to be bounded: isolation='process'",
        )
    if is_unbounded and cpu_seconds is not None:
        refuse(
            'cpu_seconds_max',
            'it bounds a run that has a process of its own; say so, too: '
            "isolation='process', or leave it out",
        )
    return Sharing(
        group=None if group is None else ProcessName(group),
        instances=instances or 1,
        recycle_after=recycle_after,
        memory_mb_max=None if is_isolated else memory_mb,
        is_isolated=is_isolated,
        run_memory_mb_max=memory_mb if is_isolated else None,
        run_cpu_seconds_max=cpu_seconds,
    )
