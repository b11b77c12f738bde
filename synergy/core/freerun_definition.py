"""From what an operator or a context wrote to a free run, or to a reason why not."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from synergy.core import readers
from synergy.core.bounded import shortened
from synergy.core.freerun_record import Freerun, Misfire, Overlap, base_of
from synergy.core.nearest import nearest
from synergy.core.readers import Reader, read_fields
from synergy.core.records import ProcessName
from synergy.core.structs import replace

MISFIRE_MAX: Final = 1000
DESCRIPTION_LENGTH_MAX: Final = 2000
_NAME: Final = re.compile(r'[A-Za-z0-9_.-]{1,100}::[A-Za-z0-9_.-]{1,100}')
_READERS: Final[Mapping[str, Reader[Any]]] = {
    'trigger': readers.trigger,
    'is_on': readers.boolean,
    'overlap': readers.member(Overlap),
    'misfire': readers.member(Misfire),
    'misfire_max': readers.whole(1, MISFIRE_MAX),
    'arguments': readers.json_object,
    'description': readers.optional(readers.text(0, DESCRIPTION_LENGTH_MAX)),
}
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
    try:
        values = read_fields(details, _READERS)
    except ValueError as error:
        raise FreerunRefused(str(error)) from error
    if before is None and 'trigger' not in details:
        raise FreerunRefused(f'{name} is new and needs a trigger, as in "every 15 min"')
    if before is not None:
        return replace(before, **values)
    return Freerun(name=name, changed_at=now, **values)


def definition_of(details: Mapping[str, Any]) -> str:
    """Return a hash of a definition: another one, another hash."""
    text = json.dumps(details, sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=8).hexdigest()
