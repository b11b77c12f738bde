"""Collections of a context module that nobody reads, for their names are not ones that are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from synergy.conf.alert_entry import RawAlert
from synergy.conf.calendars import RawCalendar
from synergy.conf.entries import RawEntry
from synergy.core.nearest import nearest

#: All that is read of a context module.
COLLECTIONS: Final = (
    'process_context',
    'timetable_context',
    'mq_queue_context',
    'machine_context',
    'calendar_context',
    'worker_context',
    'pool_context',
    'alert_context',
)
_SUFFIX: Final = '_context'


def unread_collections(module: object, file: str) -> Iterator[str]:
    """Tell of dicts and lists called like a collection whose entries no collection holds.

    One that is merged into a collection that is read is a way to write it, and entries under
    another name, such as `disabled`, are put aside on purpose.
    """
    read = {id(item) for name in COLLECTIONS for item in _items(getattr(module, name, None))}
    for name, value in vars(module).items():
        if name in COLLECTIONS or name.startswith('_') or not name.endswith(_SUFFIX):
            continue
        lost = [
            item
            for item in _items(value)
            if isinstance(item, RawEntry | RawAlert | RawCalendar) and id(item) not in read
        ]
        if lost:
            yield (
                f'`{name}` in {file} is not read, and what it holds of ours ({len(lost)}) is in no '
                f'collection that is{nearest(name, COLLECTIONS)}; those that are read are '
                f'{", ".join(COLLECTIONS)}'
            )


def _items(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value
