"""What a project that comes from Synergy 2.x would do differently: said before it is started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from synergy.conf.model import Context, ManagedEntry
from synergy.ports.administration import FormerProcess


def differences(former: Sequence[FormerProcess], context: Context) -> list[str]:
    """Return what runs, or stops running, once this context follows what 2.x has left."""
    if not former:
        return []
    found: list[str] = []
    managed = {str(name): entry for name, entry in context.managed.items()}
    entries = {f'{entry.name}::{entry.entry_name}': entry for entry in context.freeruns.values()}
    processes = {str(entry.name) for entry in context.freeruns.values()}
    for item in former:
        if item.name in managed:
            found += _of_managed(item, managed[item.name])
        elif item.name in entries:
            found += _of_switch(item, is_on=entries[item.name].is_on, verb='fire')
            said = {'trigger_frequency': str(entries[item.name].trigger)}
            found += _of_said(item, said)
        elif '::' not in item.name:
            found.append(f'{item.name} is not in context.py: its jobs stay, nobody runs them')
        elif item.name.partition('::')[0] not in processes:
            found.append(f'{item.name} rests: its process is not in context.py')
    known = {item.name for item in former}
    if not known.isdisjoint(managed) or any('::' not in name for name in known):
        found += [
            f'{name} is new to this database: all its intervals since its start would run'
            for name, entry in managed.items()
            if name not in known and entry.process.is_on
        ]
    return found


def _of_managed(item: FormerProcess, entry: ManagedEntry) -> Iterator[str]:
    process = entry.process
    old, new = item.said.get('time_qualifier'), process.qualifier.value
    if old is not None and old != new:
        yield (
            f'{item.name} was {old} and is {new} in context.py: its jobs are of another level; '
            'register it under another name'
        )
    yield from _of_switch(item, is_on=process.is_on, verb='start')
    said = {
        'trigger_frequency': str(process.trigger),
        'state_machine_name': process.machine,
        'blocking_type': process.blocking.value,
        'time_grouping': str(process.grouping),
    }
    yield from _of_said(item, said)


def _of_switch(item: FormerProcess, *, is_on: bool, verb: str) -> Iterator[str]:
    if is_on and not item.is_on:
        yield (
            f'{item.name} was switched off in Synergy 2.x and would {verb}: is_on is True in '
            'context.py; say False there if it is to stay off'
        )
    elif item.is_on and not is_on:
        yield (
            f'{item.name} was on in Synergy 2.x and would not {verb}: is_on is False in context.py'
        )


def _of_said(item: FormerProcess, said: Mapping[str, str]) -> Iterator[str]:
    for name, value in said.items():
        old = item.said.get(name)
        if old is not None and old != value:
            yield f'{item.name}: {name} was {old!r} in Synergy 2.x, and is {value!r} in context.py'
