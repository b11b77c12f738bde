"""Where boxes and arrows of a graph of processes go: in columns, inputs left of outputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from synergy.core.hierarchy import Hierarchy
from synergy.core.node import InputKind
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.view.input_said import which_said

BOX_WIDTH: Final = 168
BOX_HEIGHT: Final = 58
GAP_X: Final = 56
GAP_Y: Final = 18
TOP: Final = 24
_TEXT_ABOVE: Final = 4
#: How high a loop above a box is.
_LOOP: Final = 14


class Place(Struct, frozen=True, kw_only=True):
    """Where the box of one process stands; column counts from 1."""

    process: ProcessName
    column: int
    x: int
    y: int


class Arrow(Struct, frozen=True, kw_only=True):
    """A line from what is waited for to what waits. path: of SVG.

    text: which intervals are meant, at (x, y); '' where it is those that belong to it.
    """

    source: ProcessName
    target: ProcessName
    path: str
    is_dependency: bool
    text: str = ''
    x: int = 0
    y: int = 0


class Layout(Struct, frozen=True, kw_only=True):
    """A drawing of width x height."""

    places: Sequence[Place]
    arrows: Sequence[Arrow]
    width: int
    height: int
    columns: Sequence[int]


def columns_of(hierarchy: Hierarchy, chosen: Collection[ProcessName]) -> Mapping[ProcessName, int]:
    """Return in which step each of `chosen` comes, from 1: after all of them that it waits for."""
    column: dict[ProcessName, int] = {}
    for node in hierarchy:
        name = node.process.name
        if name in chosen:
            before = [column[item.process] for item in node.inputs if item.process in column]
            column[name] = 1 + max(before, default=0)
    return column


def layout(hierarchy: Hierarchy, chosen: Collection[ProcessName]) -> Layout:
    """Return where the boxes of `chosen` stand."""
    column = columns_of(hierarchy, chosen)
    rows: dict[int, int] = {}
    places: dict[ProcessName, Place] = {}
    for name, number in column.items():
        row = rows.get(number, 0)
        rows[number] = row + 1
        places[name] = Place(
            process=name,
            column=number,
            x=1 + (number - 1) * (BOX_WIDTH + GAP_X),
            y=TOP + row * (BOX_HEIGHT + GAP_Y),
        )
    arrows = [
        Arrow(
            source=source.process,
            target=name,
            path=_path(places[source.process], places[name]),
            is_dependency=source.kind is InputKind.DEPENDENCY,
            text=which_said(source),
            x=places[name].x if source.process != name else places[name].x + BOX_WIDTH // 2,
            y=places[name].y - _TEXT_ABOVE,
        )
        for name in column
        for source in hierarchy.nodes[name].inputs
        if source.process in places
    ]
    count = max(rows, default=1)
    return Layout(
        places=list(places.values()),
        arrows=arrows,
        width=2 + count * BOX_WIDTH + (count - 1) * GAP_X,
        height=TOP + max(rows.values(), default=1) * (BOX_HEIGHT + GAP_Y),
        columns=[1 + number * (BOX_WIDTH + GAP_X) for number in range(count)],
    )


def _path(source: Place, target: Place) -> str:
    if source == target:
        # Its own interval before: a loop above its box.
        x, y = source.x + BOX_WIDTH * 3 // 4, source.y
        return f'M{x} {y}C{x} {y - _LOOP} {x - 2 * _LOOP} {y - _LOOP} {x - 2 * _LOOP} {y - 1}'
    x1, y1 = source.x + BOX_WIDTH, source.y + BOX_HEIGHT // 2
    x2, y2 = target.x - 1, target.y + BOX_HEIGHT // 2
    if y1 == y2:
        return f'M{x1} {y1}H{x2}'
    middle = x2 - GAP_X // 2
    return f'M{x1} {y1}H{middle - 12}C{middle} {y1} {middle} {y2} {x2} {y2}'
