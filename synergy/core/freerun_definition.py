"""From what an operator or a context wrote to a free run, or to a reason why not."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, cast

from synergy.core.bounded import ARGUMENTS, OutOfBounds, check_text, copied, shortened
from synergy.core.freerun_record import Freerun, Misfire, Overlap, base_of
from synergy.core.nearest import nearest
from synergy.core.records import ProcessName
from synergy.core.trigger import parse_trigger

MISFIRE_MAX: Final = 1000
DESCRIPTION_LENGTH_MAX: Final = 2000
_NAME: Final = re.compile(r'[A-Za-z0-9_.-]{1,100}::[A-Za-z0-9_.-]{1,100}')
_FIELDS: Final = (
    'trigger',
    'is_on',
    'overlap',
    'misfire',
    'misfire_max',
    'arguments',
    'description',
)
#: Says, when true, that an entry is meant to be made and none to be changed.
IS_NEW: Final = 'is_new'  # fmt: skip


class FreerunRefused(ValueError):
    """The definition makes no free run; the message says why and what to do."""


def freerun_of(
    name: ProcessName,
    details: Mapping[str, Any],
    processes: Collection[ProcessName],
    before: Freerun | None,
    now: datetime,
) -> Freerun:
    """Return the free run `name` as `details` define it; what they do not say is as `before`.

    processes: freerun processes of the context. details: any of trigger, is_on, overlap, misfire,
    misfire_max, arguments, description; a new entry needs a trigger. is_new: refuse to change one
    that exists, for it may have been made since the author looked. Raises FreerunRefused.
    """
    if not _NAME.fullmatch(name):
        raise FreerunRefused(
            f'{shortened(name)} is not a name of a free run; give Process::entry, each of at most '
            '100 letters, digits and _ . -'
        )
    if base_of(name) not in processes:
        raise FreerunRefused(
            f'{base_of(name)!r} is not a freerun process of the context'
            f'{nearest(base_of(name), processes)}; register it with a freerun_context_entry'
        )
    if details.get(IS_NEW) and before is not None:
        raise FreerunRefused(f'{name} exists already; edit it, or choose a name')
    details = {field: value for field, value in details.items() if field != IS_NEW}
    unknown = [field for field in details if field not in _FIELDS]
    if unknown:
        hint = nearest(unknown[0], _FIELDS)
        raise FreerunRefused(f'unknown field {shortened(unknown[0])}{hint}')
    if before is None and 'trigger' not in details:
        raise FreerunRefused(f'{name} is new and needs a trigger, as in "every 60"')
    values = {field: _READ[field](details[field]) for field in details}
    if before is not None:
        return replace(before, **values)
    return Freerun(name=name, changed_at=now, **values)


def definition_of(details: Mapping[str, Any]) -> str:
    """Return a hash of a definition: another one, another hash."""
    text = json.dumps(details, sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _trigger(value: Any) -> Any:
    if not isinstance(value, str):
        raise FreerunRefused(f'trigger is {shortened(value)}; give a text, as in "every 60"')
    try:
        return parse_trigger(value)
    except ValueError as error:
        raise FreerunRefused(str(error)) from error


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise FreerunRefused(f'is_on is {shortened(value)}; give true or false')
    return value


def _overlap(value: Any) -> Overlap:
    return Overlap(_word('overlap', value, [item.value for item in Overlap]))


def _misfire(value: Any) -> Misfire:
    return Misfire(_word('misfire', value, [item.value for item in Misfire]))


def _word(field: str, value: Any, known: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in known:
        hint = nearest(value, known) if isinstance(value, str) else ''
        raise FreerunRefused(f'unknown {field} {shortened(value)}{hint}; one of {", ".join(known)}')
    return value


def _bound(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MISFIRE_MAX:
        raise FreerunRefused(
            f'misfire_max is {shortened(value)}; give a number from 1 to {MISFIRE_MAX}'
        )
    return value


def _arguments(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise FreerunRefused(
            f'arguments are not a JSON object: {shortened(value)}; give {{"name": value}}'
        )
    try:
        return cast('dict[str, Any]', copied(dict(value), ARGUMENTS))
    except OutOfBounds as error:
        raise FreerunRefused(f'the arguments cannot be taken: {error}') from error


def _description(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > DESCRIPTION_LENGTH_MAX:
        raise FreerunRefused(
            f'description is {shortened(value)}; give a text of at most {DESCRIPTION_LENGTH_MAX} '
            'characters'
        )
    try:
        check_text(value)
    except OutOfBounds as error:
        raise FreerunRefused(f'the description cannot be taken: {error}') from error
    return value


_READ: Final = {
    'trigger': _trigger,
    'is_on': _switch,
    'overlap': _overlap,
    'misfire': _misfire,
    'misfire_max': _bound,
    'arguments': _arguments,
    'description': _description,
}
