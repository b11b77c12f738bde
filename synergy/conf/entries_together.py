"""What is wrong with entries that are sound one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from synergy.conf.model import Entry, FreerunEntry
from synergy.core.records import ProcessName

#: What all entries of one freerun process must agree on: the same workers run them.
_OF_WORKERS: Final = (
    'classname',
    'token',
    'route',
    'present_on_boxes',
    'instances',
    'recycle_after',
    'memory_mb_max',
    'group',
    'is_isolated',
    'run_memory_mb_max',
    'run_cpu_seconds_max',
    'start_timeout',
)
#: As they are written, where that is not the same.
_WRITTEN: Final = {
    'is_isolated': 'isolation',
    'run_memory_mb_max': 'memory_mb_max',
    'run_cpu_seconds_max': 'cpu_seconds_max',
    'start_timeout': 'start_timeout_seconds',
}


def unlike(entries: Iterable[FreerunEntry], file: str) -> Iterator[str]:
    """Yield where entries of one freerun process do not agree on how it runs."""
    first_by_name: dict[ProcessName, FreerunEntry] = {}
    for entry in entries:
        first = first_by_name.setdefault(entry.name, entry)
        for field in _OF_WORKERS:
            if getattr(first, field) != getattr(entry, field):
                yield (
                    f'{_WRITTEN.get(field, field)} of {entry.name}::{entry.entry_name} in {file} '
                    f'differs from that of {first.name}::{first.entry_name}; one process runs '
                    'both, so make them the same'
                )


def sharing(entries: Iterable[Entry], file: str) -> Iterator[str]:
    """Yield processes whose queue, pid file or log file is another one's, too."""
    owner_by_thing: dict[tuple[str, str], ProcessName] = {}
    for entry in entries:
        for thing in (
            ('queue', entry.route.queue),
            ('pid_file', str(entry.pid_file)),
            ('log_file', str(entry.log_file)),
        ):
            owner = owner_by_thing.setdefault(thing, entry.name)
            if owner != entry.name:
                yield (
                    f'{entry.name} in {file} has the same {thing[0]} {thing[1]!r} as {owner}; '
                    'give one of them another token'
                )
                break
