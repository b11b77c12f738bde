"""Since when intervals of each process are live: decided by who begins to lead, and remembered.

With the first start of a process, when it is switched on again, when it is back in the context,
and when nobody has led for longer than a failover takes, what may start from then on is live, and
all that did not start before is history. What `CatchUp.NONE` leaves out is remembered, too: at
the first start, or, where an operator has answered so, what was history then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from synergy.core.hierarchy import Hierarchy
from synergy.core.lanes import CatchUp, LaneStart
from synergy.core.led_context import LedContext, LedProcess
from synergy.core.node import Node
from synergy.core.records import ProcessName
from synergy.core.structs import replace

#: For so long nobody may have led without anything being missed: longer than between two copies of
#: the index, by which it is known when somebody has led last.
FAILOVER_MAX: Final = timedelta(minutes=15)


def lane_starts(
    led: LedContext | None,
    hierarchy: Hierarchy,
    now: datetime,
    led_until: datetime | None,
) -> Mapping[ProcessName, LaneStart]:
    """Return what is to be remembered by who leads at `now`.

    hierarchy: with overrides. led_until: when somebody was seen to lead last, as far as is known.
    """
    led = led or LedContext(rev=0)
    absent_since = None
    if led_until is not None and now - led_until > FAILOVER_MAX:
        absent_since = led_until
    starts = dict(led.lanes)
    for node in hierarchy:
        name = node.process.name
        starts[name] = _start(
            hierarchy, node, starts.get(name), led.processes.get(name), now, absent_since
        )
    return starts


def _start(
    hierarchy: Hierarchy,
    node: Node,
    before: LaneStart | None,
    led: LedProcess | None,
    now: datetime,
    absent_since: datetime | None,
) -> LaneStart:
    process = node.process
    if before is None:
        found = LaneStart(first_at=_first_at(hierarchy, node, led), live_from=now)
    else:
        found = before
    if process.is_on:
        was_away = not found.is_on or (led is not None and led.is_out)
        # Else somebody who came after the absence has seen it already.
        was_missed = absent_since is not None and found.live_from <= absent_since
        found = replace(
            found,
            first_at=found.first_at or now,
            live_from=now if was_away or was_missed else found.live_from,
        )
    return _with_left_out(replace(found, is_on=process.is_on), node)


def _first_at(hierarchy: Hierarchy, node: Node, led: LedProcess | None) -> datetime | None:
    """Return when a process may have started first that was led before this was remembered."""
    is_led = led is not None and led.inputs is not None
    if not is_led or led is None or led.qualifier is not node.process.qualifier or led.first < 1:
        return None
    return hierarchy.over_at(node, led.first - 1)


def _with_left_out(start: LaneStart, node: Node) -> LaneStart:
    process = node.process
    if process.catch_up is not CatchUp.NONE:
        return replace(start, left_out_before=None, answered_at=None)
    override = process.override
    answered_at = None if override is None or not override.catch_up else override.catch_up_at
    if answered_at is None:
        return replace(start, left_out_before=start.first_at, answered_at=None)
    if start.answered_at == answered_at:
        return start
    return replace(start, left_out_before=start.live_from, answered_at=answered_at)
