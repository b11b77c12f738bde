"""What a doorbell message says, whichever broker carries it: a small JSON object of texts.

Each broker hands the bytes here before anything else looks at them. What is not such an object is
put aside to `<queue>.dead` with the reason; it never reaches whoever takes messages.

What a worker reports of units that ended together is one message with the id of each: `uow`,
`uow1`, `uow2`. An older Scheduler hears of the first, and its sweep finds the others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from synergy.core.bounded import Bounds, OutOfBounds, loads
from synergy.core.records import UowId

#: A message carries an id. Longer ones are put aside unread.
MESSAGE_BYTES_MAX: Final = 4096
#: Longest value: ids of 2.x, of commands and of units have 12 to 24 characters.
VALUE_LENGTH_MAX: Final = 200
#: How much is shown of a message that was put aside.
SHOWN_BYTES_MAX: Final = 2000
#: Longest reason that is kept with a message that was put aside.
REASON_LENGTH_MAX: Final = 200
_BOUNDS: Final = Bounds(length=MESSAGE_BYTES_MAX, depth=3, items=33)
#: Units of one message, at most; each with an id that is no longer than this.
_UNITS_MAX: Final = 32
_UNIT_ID_LENGTH_MAX: Final = 64
_UNIT: Final = 'uow'
_UNIT_NAMES: Final = [_UNIT, *(f'{_UNIT}{number}' for number in range(1, _UNITS_MAX))]
#: What nearly all messages are, as this program writes them: one short name, one plain id.
_PLAIN: Final = re.compile(rb'\{"([a-z]{1,20})": ?"([\w.:-]{1,200})"\}', re.ASCII)


class NotUnderstood(Exception):
    """The message is not a doorbell message of a version that we know; str() is the reason."""

    def __init__(self, reason: str) -> None:
        """Keep the beginning of a reason."""
        super().__init__(storable_reason(reason))


def body_of(text: bytes) -> Mapping[str, str]:
    """Return what a message says; raise NotUnderstood."""
    if (plain := _PLAIN.fullmatch(text)) is not None:
        name, value = plain.groups()
        return {name.decode(): value.decode()}
    return _read(text)


def text_of(body: Mapping[str, str]) -> str:
    """Return the text of a message that says `body`."""
    if len(body) == 1:
        [(name, value)] = body.items()
        if name and value and isinstance(value, str) and _is_plain(name + value):
            return f'{{"{name}": "{value}"}}'  # As nearly all are, in a quarter of the time.
    return json.dumps(dict(body))


def bodies_about(uow_ids: Sequence[UowId]) -> Iterator[Mapping[str, str]]:
    """Yield what messages say that are about units, in few messages."""
    is_short = all(len(uow_id) <= _UNIT_ID_LENGTH_MAX for uow_id in uow_ids)
    step = _UNITS_MAX if is_short else 1
    for first in range(0, len(uow_ids), step):
        yield dict(zip(_UNIT_NAMES, uow_ids[first : first + step], strict=False))


def units_of(body: Mapping[str, str]) -> Iterator[UowId]:
    """Yield the units that a message is about."""
    if len(body) == 1:  # As most are.
        if (uow_id := body.get(_UNIT)) is not None:
            yield UowId(uow_id)
        return
    for name in _UNIT_NAMES:
        if (uow_id := body.get(name)) is not None:
            yield UowId(uow_id)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isalnum()


def _read(text: bytes) -> Mapping[str, str]:
    if not text:
        raise NotUnderstood('it is empty')
    if len(text) > MESSAGE_BYTES_MAX:
        # How much longer, nobody has looked.
        raise NotUnderstood(f'it is longer than {MESSAGE_BYTES_MAX:,} bytes')
    try:
        found = loads(text, _BOUNDS)
    except OutOfBounds as error:
        raise NotUnderstood(str(error)) from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise NotUnderstood('it is not a JSON object of texts')
    body = cast('dict[str, str]', found)
    for name, value in body.items():
        if not 0 < len(value) <= VALUE_LENGTH_MAX:
            raise NotUnderstood(
                f'its {name!r:.60} has {len(value)} characters; give 1 to {VALUE_LENGTH_MAX}'
            )
    return body


def storable_reason(reason: str) -> str:
    """Return the beginning of a reason, as a text that every broker takes."""
    return reason[:REASON_LENGTH_MAX].encode(errors='backslashreplace').decode()


def shown_body(text: bytes) -> str:
    """Return what an operator is shown of the bytes of a message that was put aside."""
    shown = text[:SHOWN_BYTES_MAX].decode(errors='backslashreplace')
    return shown if len(text) <= SHOWN_BYTES_MAX else f'{shown}…'


def dead_queue_of(queue: str) -> str:
    """Return the queue to which messages of `queue` go that cannot be understood."""
    return f'{queue}.dead'
