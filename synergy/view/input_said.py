"""What a process waits for, in words and as it is sent: which intervals, and how many will do."""

from __future__ import annotations

from typing import Annotated, TypedDict

from synergy.core.input import Input
from synergy.view.why_documents import ProcessText
from synergy.view.words import span


class InputDocument(TypedDict):
    """What a process waits for."""

    process: ProcessText
    kind: str
    offset: Annotated[int, 'as for the interval so many places away; negative: earlier']
    last: Annotated[int | None, 'so many intervals, which end there; null: those that belong to it']
    at_least: Annotated[int | None, 'so many of them will do after a while; null: all are needed']
    give_up_after_seconds: Annotated[
        float, 'how long all are waited for, once the interval is over'
    ]
    is_late_ignored: Annotated[bool, 'what comes later does not make it run again']
    is_order_only: Annotated[bool, 'what runs again there does not make it run again']


def encode_input(item: Input) -> InputDocument:
    """Return an input as it is sent."""
    return {
        'process': item.process,
        'kind': item.kind.value,
        'offset': item.offset,
        'last': item.last,
        'at_least': item.at_least,
        'give_up_after_seconds': item.give_up_after.total_seconds(),
        'is_late_ignored': item.is_late_ignored,
        'is_order_only': item.is_order_only,
    }


def which_said(item: Input) -> str:
    """Return which intervals are meant, in few words; '' where it is those that belong to it."""
    count = abs(item.offset)
    way = 'before' if item.offset < 0 else 'after'
    place = '' if not count else f'the one {way}' if count == 1 else f'{count} {way}'
    return ', '.join(filter(None, [place, '' if item.last is None else f'last {item.last}']))


def edge_said(item: Input) -> str:
    """Return which intervals are meant, and how, as it is written at an edge of the graph."""
    partly = '' if item.at_least is None else f'at least {item.at_least}'
    order = 'order only' if item.is_order_only else ''
    return ', '.join(filter(None, [which_said(item), partly, order]))


def input_said(item: Input) -> str:
    """Return why, and how, a process waits for another: `dependency, the one before`."""
    partly = ''
    if item.at_least is not None:
        partly = f'at least {item.at_least} after {span(item.give_up_after)}'
    order = 'order only' if item.is_order_only else ''
    return ', '.join(filter(None, [item.kind.value, which_said(item), partly, order]))
