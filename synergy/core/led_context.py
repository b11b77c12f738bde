"""The context that a store was last led with: spans, levels and inputs, process by process.

A leader compares it with its own context (`synergy.core.context_change`) and saves its own. What
each process waits for is written down with the span that it had then, so that a process that is
out of the context for a while, and back later, is compared with what it was really led with.
Ordinals are of the level named beside them; spans are `[first, until)`, `until` None: growing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from synergy.core.hierarchy import Hierarchy, Input, InputKind, Node
from synergy.core.records import Json, ProcessName
from synergy.core.timeperiod import Qualifier

#: Longest text that is read: some hundred bytes for each process.
TEXT_MAX: Final = 8_000_000
_FORM: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LedInput:
    """What a process waited for, and which intervals of it there were or would be."""

    kind: InputKind
    process: ProcessName
    qualifier: Qualifier
    grouping: int
    first: int
    until: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedProcess:
    """One process as it was led, with its own span.

    inputs: None when only its level is known, from its rows; then the rest means nothing. is_out:
    it was not in the context that was led last, or left out of it.
    """

    qualifier: Qualifier
    grouping: int = 1
    first: int = 0
    until: int | None = None
    inputs: tuple[LedInput, ...] | None = None
    is_out: bool = False

    def input(self, source: Input) -> LedInput | None:
        """Return how it waited for the same process in the same way; None: it did not."""
        return next(
            (
                item
                for item in self.inputs or ()
                if (item.kind, item.process) == (source.kind, source.process)
            ),
            None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LedContext:
    """All processes that the store was ever led with, as each was last.

    rev: rises by one with every change that was saved.
    """

    rev: int
    processes: Mapping[ProcessName, LedProcess] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Return a hash of what it says."""
        return blake2b(encode(self).encode(), digest_size=12).hexdigest()


def led_process(hierarchy: Hierarchy, node: Node) -> LedProcess:
    """Return a process as it is led by `hierarchy`."""
    return LedProcess(
        qualifier=node.process.qualifier,
        grouping=node.process.grouping,
        first=node.first,
        until=node.until,
        inputs=tuple(led_input(hierarchy, source) for source in node.inputs),
    )


def is_led_so(hierarchy: Hierarchy, led: LedContext | None) -> bool:
    """Tell whether the store was last led with `hierarchy`."""
    return led is not None and all(
        led.processes.get(node.process.name) == led_process(hierarchy, node) for node in hierarchy
    )


def led_input(hierarchy: Hierarchy, source: Input) -> LedInput:
    """Return one input as it is in `hierarchy`."""
    other = hierarchy.nodes[source.process]
    return LedInput(
        kind=source.kind,
        process=source.process,
        qualifier=other.process.qualifier,
        grouping=other.process.grouping,
        first=other.first,
        until=other.until,
    )


def encode(context: LedContext) -> str:
    """Return the text form, the same for equal contexts."""
    processes: dict[str, Json] = {
        name: _encoded(context.processes[name]) for name in sorted(context.processes)
    }
    return json.dumps(
        {'form': _FORM, 'rev': context.rev, 'processes': processes}, separators=(',', ':')
    )


def decode(text: str) -> LedContext:
    """Return the context of a text form; raise ValueError when it is not one."""
    if len(text) > TEXT_MAX:
        raise ValueError(f'is {len(text)} characters long; at most {TEXT_MAX} are read')
    try:
        read = json.loads(text)
        if read['form'] != _FORM:
            raise ValueError(f'has form {read["form"]!r:.20}; this program knows {_FORM}')
        return LedContext(
            rev=int(read['rev']),
            processes={
                ProcessName(str(name)): _decoded(value) for name, value in read['processes'].items()
            },
        )
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError(f'cannot be read ({error!r:.100})') from error


def _encoded(led: LedProcess) -> Json:
    inputs: Json = None
    if led.inputs is not None:
        inputs = [
            [
                item.kind.value,
                item.process,
                item.qualifier.value,
                item.grouping,
                item.first,
                item.until,
            ]
            for item in led.inputs
        ]
    return [led.qualifier.value, led.grouping, led.first, led.until, inputs, led.is_out]


def _decoded(value: list[object]) -> LedProcess:
    qualifier, grouping, first, until, inputs, is_out = value
    return LedProcess(
        qualifier=Qualifier(str(qualifier)),
        grouping=_whole(grouping),
        first=_whole(first),
        until=None if until is None else _whole(until),
        inputs=None if inputs is None else tuple(map(_decoded_input, _listed(inputs))),
        is_out=bool(is_out),
    )


def _decoded_input(value: object) -> LedInput:
    kind, process, qualifier, grouping, first, until = _listed(value)
    return LedInput(
        kind=InputKind(str(kind)),
        process=ProcessName(str(process)),
        qualifier=Qualifier(str(qualifier)),
        grouping=_whole(grouping),
        first=_whole(first),
        until=None if until is None else _whole(until),
    )


def _listed(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f'{value!r:.50} where a list is expected')
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f'{value!r:.50} where a whole number is expected')
    return value
