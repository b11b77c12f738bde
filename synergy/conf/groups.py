"""Groups of workers: daemons that run the units of many processes, from one queue.

A context names them in `worker_context`; an entry joins one by `group`. What a group says (its
queue, its boxes, its instances, its files) then holds for the entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from synergy.conf.entries import RawEntry
from synergy.conf.entry_reader import EntryReader
from synergy.conf.model import FreerunEntry, GroupEntry, ManagedEntry
from synergy.conf.names import EXCHANGE_MANAGED_WORKER
from synergy.conf.sharing_reader import INSTANCES, MEMORY_MB, RECYCLE_AFTER
from synergy.core import readers
from synergy.core.nearest import nearest
from synergy.core.records import ProcessName, Route
from synergy.core.structs import replace

E = TypeVar('E', ManagedEntry, FreerunEntry)

_NO_NAMES: Final[tuple[str, ...]] = ()


class GroupReader(EntryReader):
    """Reads a group of workers."""

    def group(self) -> GroupEntry | None:
        """Return the group, if it is sound."""
        name = self._name('group_name')
        boxes = self._read('present_on_boxes', readers.patterns, _NO_NAMES)
        if not boxes and self.is_sound:
            self._refuse(
                'present_on_boxes',
                "no box would run its workers; name the boxes, or all: present_on_boxes=['.*']",
            )
        entry = GroupEntry(
            name=ProcessName(name),
            route=Route(
                exchange=EXCHANGE_MANAGED_WORKER,
                routing=f'routing_{name}_group',
                queue=f'queue_{name}_group',
            ),
            present_on_boxes=boxes,
            instances=self._read('instances', INSTANCES, None) or 1,
            recycle_after=self._read('recycle_after', RECYCLE_AFTER, None),
            memory_mb_max=self._read('memory_mb_max', MEMORY_MB, None),
            log_file=self._settings.log_directory / f'{name}_group.log',
            pid_file=self._settings.pid_directory / f'{name}_group.pid',
        )
        return entry if self.is_sound else None


def raw_groups(module: object, file: str, problems: list[str]) -> list[RawEntry]:
    """Return the groups of a module as they are written; note what is not one."""
    found = getattr(module, 'worker_context', {})
    if not isinstance(found, Mapping):
        problems.append(
            f'`worker_context` in {file} is a {type(found).__name__}; make it a dict of groups by '
            "their names, as in {'etl': worker_group(instances=4, present_on_boxes=['.*'])}"
        )
        return []
    raws = []
    for name, raw in found.items():
        if isinstance(raw, RawEntry) and raw.kind == 'group':
            raws.append(replace(raw, fields={**raw.fields, 'group_name': name}))
        else:
            problems.append(
                f'{name!r} in `worker_context` of {file} is not a group of workers; make it with '
                'worker_group of synergy.conf.entries'
            )
    return raws


def read_groups(
    raws: Iterable[RawEntry],
    read_by: Callable[[type[GroupReader], RawEntry], GroupReader],
    taken: Iterable[object],
    note: Callable[[str], None],
) -> dict[ProcessName, GroupEntry]:
    """Return the groups that are sound. taken: names of processes, which no group may have.

    note: notes a problem.
    """
    names = set(taken)
    groups: dict[ProcessName, GroupEntry] = {}
    for raw in raws:
        name: Any = raw.fields['group_name']
        group = read_by(GroupReader, raw).group()
        if name in names:
            note(
                f'the group of workers {name!r} has the name of a process; give one of them another'
            )
        elif group is not None:
            groups[group.name] = group
    return groups


def joined(
    entry: E,
    groups: Mapping[ProcessName, GroupEntry],
    written: Iterable[object],
    note: Callable[[str], None],
) -> E:
    """Return an entry with what its group says, if it has one.

    written: names of all groups, those that were refused, too. note: notes a problem of the entry.
    """
    if entry.group is None:
        return entry
    group = groups.get(entry.group)
    if group is None:
        known = [str(name) for name in written]
        if entry.group not in known:
            has = f'it has {", ".join(known)}' if known else 'it has none'
            note(
                f'group = {str(entry.group)!r} of {entry.name}: nobody defines it'
                f'{nearest(entry.group, known)}; add it to worker_context ({has}), as in '
                f"{{{str(entry.group)!r}: worker_group(present_on_boxes=['.*'])}}"
            )
        return entry
    return replace(
        entry,
        route=group.route,
        present_on_boxes=group.present_on_boxes,
        instances=group.instances,
        log_file=group.log_file,
        pid_file=group.pid_file,
    )
