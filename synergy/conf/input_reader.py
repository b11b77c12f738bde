"""Read the inputs that an entry of a context declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from synergy.conf.entries import RawEntry
from synergy.core import readers
from synergy.core.input import Input, InputKind
from synergy.core.records import ProcessName

#: More inputs of one process than anybody can follow.
INPUTS_MAX: Final = 100
PLACES_MAX: Final = 100_000
_LATE: Final = ('rerun', 'ignore')
_READERS: Final[Mapping[str, readers.Reader[Any]]] = {
    'process_name': readers.name,
    'offset': readers.whole(-PLACES_MAX, PLACES_MAX),
    'last': readers.optional(readers.whole(1, PLACES_MAX)),
    'at_least': readers.optional(readers.whole(1, PLACES_MAX)),
    'give_up_after_minutes': readers.duration('minutes', 0),
    'late': readers.one_of(_LATE),
    'order_only': readers.boolean,
}


def inputs(value: object, own: ProcessName) -> tuple[Input, ...]:
    """Return the inputs of process `own`; raise ValueError that says what is wrong with one."""
    if not isinstance(value, list | tuple):
        raise ValueError("give a list, as in [wait_for('SiteHourly'), previous()]")
    if len(value) > INPUTS_MAX:
        raise ValueError(f'give at most {INPUTS_MAX} inputs')
    found, wrong = [], []
    for number, item in enumerate(value, 1):
        try:
            found.append(_input(item, own))
        except ValueError as error:
            wrong.append(f'input {number}: {error}')
    if wrong:
        raise ValueError('; '.join(wrong))
    return tuple(found)


def _input(value: object, own: ProcessName) -> Input:
    if not isinstance(value, RawEntry) or value.kind != 'input':
        raise ValueError(f"give wait_for('...') or previous() instead of {value!r:.80}")
    if value.mistakes:
        raise ValueError('; '.join(value.mistakes))
    if not value.fields:
        return Input(kind=InputKind.DEPENDENCY, process=own, offset=-1)
    fields = readers.read_fields(value.fields, _READERS)
    is_partial = fields['at_least'] is not None
    if not is_partial and (fields['give_up_after_minutes'] or fields['late'] != _LATE[0]):
        raise ValueError(
            'give_up_after_minutes and late are about a part that will do; give at_least with them'
        )
    return Input(
        kind=InputKind.DEPENDENCY,
        process=ProcessName(fields['process_name']),
        offset=fields['offset'],
        last=fields['last'],
        at_least=fields['at_least'],
        give_up_after=fields['give_up_after_minutes'],
        is_late_ignored=fields['late'] != _LATE[0],
        is_order_only=fields['order_only'],
    )
