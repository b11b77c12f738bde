"""Where boxes and arrows of a graph of processes go: in columns, inputs left of outputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from synergy.core.hierarchy import Hierarchy
from synergy.core.node import InputKind
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.view.input_said import edge_said

BOX_WIDTH: Final = 168
BOX_HEIGHT: Final = 58
GAP_X: Final = 56
GAP_Y: Final = 18
TOP: Final = 24
#: Letters of what is said of one arrow, and how wide and high one is.
LABEL_MAX: Final = 34
LETTER: Final = 7
LINE: Final = 15
#: How far an arrow bends that leads back.
BACK: Final = 20


class Place(Struct, frozen=True, kw_only=True):
    """Where the box of one process stands; column counts from 1."""

    process: ProcessName
    column: int
    x: int
    y: int


class Arrow(Struct, frozen=True, kw_only=True):
    """A line from what is waited for to what waits. path: of SVG.

    text: what was said of the input, and where that is written; of several between two, of all.
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
    gap = _gap(hierarchy, column)
    rows: dict[int, int] = {}
    places: dict[ProcessName, Place] = {}
    for name, number in column.items():
        row = rows.get(number, 0)
        rows[number] = row + 1
        places[name] = Place(
            process=name,
            column=number,
            x=1 + (number - 1) * (BOX_WIDTH + gap),
            y=TOP + row * (BOX_HEIGHT + GAP_Y),
        )
    arrows = _arrows(hierarchy, places)
    count = max(rows, default=1)
    return Layout(
        places=list(places.values()),
        arrows=arrows,
        width=2 + count * BOX_WIDTH + (count - 1) * gap,
        height=TOP + max(rows.values(), default=1) * (BOX_HEIGHT + GAP_Y),
        columns=[1 + number * (BOX_WIDTH + gap) for number in range(count)],
    )


def _labels(
    hierarchy: Hierarchy, chosen: Collection[ProcessName]
) -> Mapping[tuple[ProcessName, ProcessName, bool], str]:
    """Return who waits for whom, as a child or not, and what was said of that."""
    found: dict[tuple[ProcessName, ProcessName, bool], list[str]] = {}
    for name in chosen:
        for source in hierarchy.nodes[name].inputs:
            if source.process in chosen:
                key = (source.process, name, source.kind is InputKind.DEPENDENCY)
                found.setdefault(key, []).append(edge_said(source))
    return {
        key: '; '.join(item or 'the same' for item in said) if any(said) else ''
        for key, said in found.items()
    }


def _gap(hierarchy: Hierarchy, column: Mapping[ProcessName, int]) -> int:
    """Return how far columns are apart, so that what is said of arrows fits between them."""
    labels = _labels(hierarchy, column)
    longest = max(
        (len(said) for (source, name, _), said in labels.items() if column[source] < column[name]),
        default=0,
    )
    return max(GAP_X, GAP_X // 2 + 12 + min(longest, LABEL_MAX) * LETTER) if longest else GAP_X


def _arrows(hierarchy: Hierarchy, places: Mapping[ProcessName, Place]) -> Sequence[Arrow]:
    arrows = []
    told: dict[ProcessName, int] = {}
    for (name, target, is_dependency), said in _labels(hierarchy, places).items():
        source, to = places[name], places[target]
        text = said if len(said) <= LABEL_MAX else f'{said[: LABEL_MAX - 1]}…'
        if source.column < to.column:
            # One below the other where several lead away from one box.
            line = told[name] = told.get(name, -1) + bool(text)
            path = _path(source, to)
            x, y = source.x + BOX_WIDTH + 6, source.y + BOX_HEIGHT // 2 - 5 + line * LINE
        else:
            path = _back(source, to)
            x, y = min(source.x, to.x) + 28, source.y - 3
        arrows.append(
            Arrow(
                source=name, target=target, path=path, is_dependency=is_dependency,
                text=text, x=x, y=y,
            )
        )  # fmt: skip
    return arrows


def _back(source: Place, target: Place) -> str:
    """Return an arrow over the boxes: of a process to itself, or to one further left."""
    x1, x2 = source.x + BOX_WIDTH - 16, target.x + 16
    top = min(source.y, target.y) - BACK
    return f'M{x1} {source.y}C{x1} {top} {x2} {top} {x2} {target.y - 1}'


def _path(source: Place, target: Place) -> str:
    x1, y1 = source.x + BOX_WIDTH, source.y + BOX_HEIGHT // 2
    x2, y2 = target.x - 1, target.y + BOX_HEIGHT // 2
    if y1 == y2:
        return f'M{x1} {y1}H{x2}'
    middle = x2 - GAP_X // 2
    return f'M{x1} {y1}H{middle - 12}C{middle} {y1} {middle} {y2} {x2} {y2}'
