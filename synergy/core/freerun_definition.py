"""From what an operator or a context wrote to a free run, or to a reason why not."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from synergy.core.freerun_record import Freerun, Misfire, Overlap, base_of
from synergy.core.nearest import nearest
from synergy.core.records import ProcessName
from synergy.core.trigger import parse_trigger

MISFIRE_MAX: Final = 1000
_NAME: Final = re.compile(r'[A-Za-z0-9_.-]+::[A-Za-z0-9_.-]+')
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
            f'{name!r} is no name of a free run; give Process::entry, of letters, digits and _ . -'
        )
    if base_of(name) not in processes:
        raise FreerunRefused(
            f'{base_of(name)!r} is no freerun process of the context'
            f'{nearest(base_of(name), processes)}; register it with a freerun_context_entry'
        )
    if details.get(IS_NEW) and before is not None:
        raise FreerunRefused(f'{name} exists already; edit it, or choose a name')
    details = {field: value for field, value in details.items() if field != IS_NEW}
    unknown = [field for field in details if field not in _FIELDS]
    if unknown:
        raise FreerunRefused(f'unknown field {unknown[0]!r}{nearest(unknown[0], _FIELDS)}')
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
    try:
        return parse_trigger(str(value))
    except ValueError as error:
        raise FreerunRefused(str(error)) from error


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise FreerunRefused(f'is_on is {value!r}; give true or false')
    return value


def _overlap(value: Any) -> Overlap:
    if value not in set(Overlap):
        raise FreerunRefused(
            f'unknown overlap {value!r}{nearest(str(value), [item.value for item in Overlap])}; '
            f'one of {", ".join(Overlap)}'
        )
    return Overlap(value)


def _misfire(value: Any) -> Misfire:
    if value not in set(Misfire):
        raise FreerunRefused(
            f'unknown misfire {value!r}{nearest(str(value), [item.value for item in Misfire])}; '
            f'one of {", ".join(Misfire)}'
        )
    return Misfire(value)


def _bound(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MISFIRE_MAX:
        raise FreerunRefused(f'misfire_max is {value!r}; give a number from 1 to {MISFIRE_MAX}')
    return value


def _arguments(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise FreerunRefused(
            f'arguments are no JSON object: {value!r:.100}; give {{"name": value}}'
        )
    try:
        copied: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise FreerunRefused(f'arguments are no JSON object ({error})') from error
    return copied


def _description(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise FreerunRefused(f'description is {value!r:.100}; give a text')
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
