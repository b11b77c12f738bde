"""Cells of strips and heat maps as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synergy.mx.widgets.cells import Cell


def encode_cell(cell: Cell) -> Mapping[str, Any]:
    """Return a cell as it is sent."""
    return {
        'timeperiod': cell.timeperiod,
        'state': cell.word,
        'condition': cell.condition,
        'done': cell.done,
        'total': cell.total,
        'is_late': cell.is_late,
        'skipped': cell.skipped,
        'skipped_of': cell.skipped_of,
        'left_out': cell.left_out,
    }
