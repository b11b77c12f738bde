"""Why an interval is left out: by its working calendar, or by `CatchUp.NONE`."""

from __future__ import annotations

from synergy.core.hierarchy import Hierarchy
from synergy.core.node import Node
from synergy.core.timeperiod import Timeperiod, date_of


def can_leave_out(node: Node) -> bool:
    """Tell whether any interval of a process may be left out."""
    return node.process.working is not None or node.process.left_out_before is not None


def left_out_until(hierarchy: Hierarchy, node: Node) -> int:
    """Return the ordinal before which intervals without a row are left out."""
    before = node.process.left_out_before
    return node.first if before is None else hierarchy.started_until(node, before)


def left_out_by(hierarchy: Hierarchy, node: Node, ordinal: int) -> str:
    """Return by what an interval is left out, to follow these words."""
    process = node.process
    before = process.left_out_before
    if before is not None and ordinal < left_out_until(hierarchy, node):
        override = process.override
        if override is not None and override.catch_up is not None:
            return (
                f'by catch-up none of {override.catch_up_by}: it was due before '
                f'{before:%Y-%m-%d %H:%M:%S} UTC'
            )
        return (
            f"by catch_up='none': it lies before the first start at {before:%Y-%m-%d %H:%M:%S} UTC"
        )
    working = process.working
    if working is None:
        return 'by its calendar'
    told = f'by the calendar {working.name}'
    source = working.source
    last = None if source is None or not source.is_list else date_of(source.until - 1)
    start = node.calendar.start(Timeperiod(process.qualifier, ordinal))
    if last is None or start.astimezone(node.calendar.zone).date() <= last:
        return told
    return f'{told}, whose last date is {last}'
