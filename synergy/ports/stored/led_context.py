"""The context that was led, as a JSON text with a number for its form.

What most processes and inputs do not have stands in an object behind the others: a text without
any is as older programs know it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from synergy.core.lanes import LaneStart
from synergy.core.led_context import LedContext, LedInput, LedProcess
from synergy.core.node import InputKind
from synergy.core.pool_record import PoolName
from synergy.core.records import Json, ProcessName
from synergy.core.timeperiod import Qualifier
from synergy.core.zones import UTC_ZONE

#: Longest text that is read: some hundred bytes for each process.
TEXT_MAX: Final = 8_000_000
_FORM: Final = 1
#: What is raised where the text is not as it is written here.
_WRONG: Final = (KeyError, TypeError, AttributeError, IndexError, RecursionError, OverflowError)
_EPOCH: Final = datetime.fromtimestamp(0, UTC)


def encode(context: LedContext) -> str:
    """Return the text form, the same for equal contexts."""
    processes: dict[str, Json] = {
        name: _encoded(context.processes[name]) for name in sorted(context.processes)
    }
    said: dict[str, Json] = {'form': _FORM, 'rev': context.rev, 'processes': processes}
    if context.lanes:
        said['lanes'] = {
            name: _encoded_lanes(context.lanes[name]) for name in sorted(context.lanes)
        }
    if context.demands:
        said['demands'] = {
            name: [[pool, share] for pool, share in context.demands[name]]
            for name in sorted(context.demands)
        }
    return json.dumps(said, separators=(',', ':'))


@lru_cache(maxsize=1)
def decode(text: str) -> LedContext:
    """Return the context of a text form, of the same text the same one; raise ValueError when it is
    not one.
    """
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
            lanes={
                ProcessName(str(name)): _decoded_lanes(value)
                for name, value in read.get('lanes', {}).items()
            },
            demands={
                ProcessName(str(name)): tuple(map(_decoded_share, _listed(value)))
                for name, value in read.get('demands', {}).items()
            },
        )
    except (
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
        OverflowError,
    ) as error:
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
                *_more(
                    offset=item.offset or None,
                    last=item.last,
                    at_least=item.at_least,
                    late_ignored=item.is_late_ignored or None,
                    order_only=item.is_order_only or None,
                    zone=None if item.zone == UTC_ZONE else item.zone,
                    calendar=item.calendar,
                ),
            ]
            for item in led.inputs
        ]
    more = _more(zone=None if led.zone == UTC_ZONE else led.zone, recut=led.recut)
    return [led.qualifier.value, led.grouping, led.first, led.until, inputs, led.is_out, *more]


def _encoded_lanes(start: LaneStart) -> Json:
    instants = (start.first_at, start.live_from, start.left_out_before, start.answered_at)
    return [int(start.is_on), *map(_micros, instants)]


def _decoded_lanes(value: object) -> LaneStart:
    is_on, first_at, live_from, left_out_before, answered_at = _listed(value)
    return LaneStart(
        first_at=_instant_or_none(first_at),
        live_from=_EPOCH + timedelta(microseconds=_whole(live_from)),
        is_on=bool(is_on),
        left_out_before=_instant_or_none(left_out_before),
        answered_at=_instant_or_none(answered_at),
    )


def _decoded_share(value: object) -> tuple[PoolName, int]:
    pool, share = _listed(value)
    return PoolName(str(pool)), _whole(share)


def _micros(instant: datetime | None) -> int | None:
    return None if instant is None else (instant - _EPOCH) // timedelta(microseconds=1)


def _instant_or_none(micros: object) -> datetime | None:
    return None if micros is None else _EPOCH + timedelta(microseconds=_whole(micros))


def _more(**fields: Json) -> list[Json]:
    """Return an object of the fields that are not None; nothing if all are."""
    said: dict[str, Json] = {name: value for name, value in fields.items() if value is not None}
    return [said] if said else []


def _decoded(value: list[object]) -> LedProcess:
    (qualifier, grouping, first, until, inputs, is_out), more = value[:6], _read(value[6:])
    return LedProcess(
        qualifier=Qualifier(str(qualifier)),
        grouping=_whole(grouping),
        first=_whole(first),
        until=_whole_or_none(until),
        inputs=None if inputs is None else tuple(map(_decoded_input, _listed(inputs))),
        is_out=bool(is_out),
        zone=str(more.get('zone', UTC_ZONE)),
        recut=None if more.get('recut') is None else str(more['recut']),
    )


def _decoded_input(value: object) -> LedInput:
    listed = _listed(value)
    (kind, process, qualifier, grouping, first, until), more = listed[:6], _read(listed[6:])
    return LedInput(
        kind=InputKind(str(kind)),
        process=ProcessName(str(process)),
        qualifier=Qualifier(str(qualifier)),
        grouping=_whole(grouping),
        first=_whole(first),
        until=_whole_or_none(until),
        offset=_whole(more.get('offset', 0)),
        last=_whole_or_none(more.get('last')),
        at_least=_whole_or_none(more.get('at_least')),
        is_late_ignored=bool(more.get('late_ignored')),
        is_order_only=bool(more.get('order_only')),
        zone=str(more.get('zone', UTC_ZONE)),
        calendar=None if more.get('calendar') is None else str(more['calendar']),
    )


def _read(rest: list[object]) -> dict[str, object]:
    """Return the fields behind the others."""
    if not rest:
        return {}
    (more,) = rest
    if not isinstance(more, dict):
        raise TypeError(f'{more!r:.50} where an object is expected')
    return more


def _listed(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f'{value!r:.50} where a list is expected')
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f'{value!r:.50} where a whole number is expected')
    return value


def _whole_or_none(value: object) -> int | None:
    return None if value is None else _whole(value)
