"""The context that was led, as a JSON text with a number for its form."""

from __future__ import annotations

import json
from typing import Final

from synergy.core.led_context import LedContext, LedInput, LedProcess
from synergy.core.node import InputKind
from synergy.core.records import Json, ProcessName
from synergy.core.timeperiod import Qualifier

#: Longest text that is read: some hundred bytes for each process.
TEXT_MAX: Final = 8_000_000
_FORM: Final = 1


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
