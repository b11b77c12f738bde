"""The context that a store was last led with: spans, levels and inputs, process by process.

A leader compares it with its own context (`synergy.core.context_change`) and saves its own. What
each process waits for is written down with the span that it had then, so that a process that is
out of the context for a while, and back later, is compared with what it was really led with.
Ordinals are of the level named beside them; spans are `[first, until)`, `until` None: growing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TypeAlias

from synergy.core.hierarchy import Hierarchy
from synergy.core.lanes import LaneStart
from synergy.core.node import Input, InputKind, Node
from synergy.core.pool_record import Demand, PoolName, SharedPools
from synergy.core.records import Process, ProcessName
from synergy.core.structs import Struct, field, replace
from synergy.core.timeperiod import Qualifier
from synergy.core.zones import UTC_ZONE

#: Of each pool so many slots.
Shares: TypeAlias = tuple[tuple[PoolName, int], ...]


class LedInput(Struct, frozen=True, kw_only=True):
    """What a process waited for, and which intervals of it there were or would be.

    offset to is_order_only: as the input had them. zone: of the tree of `process`. calendar: what
    leaves out intervals of it, and its version, and before when all are.
    """

    kind: InputKind
    process: ProcessName
    qualifier: Qualifier
    grouping: int
    first: int
    until: int | None
    offset: int = 0
    last: int | None = None
    at_least: int | None = None
    is_late_ignored: bool = False
    is_order_only: bool = False
    zone: str = UTC_ZONE
    calendar: str | None = None

    @property
    def identity(self) -> tuple[InputKind, ProcessName, int, int | None]:
        """Return what tells it from the other inputs of a process: which intervals it means."""
        return self.kind, self.process, self.offset, self.last

    @property
    def level(self) -> tuple[Qualifier, int, str]:
        """Return what its intervals are called by, and which of them do the work of others."""
        return self.qualifier, self.grouping, self.zone

    def __str__(self) -> str:
        """Return the process, and which of its intervals if it is not plain."""
        which = [f'offset {self.offset}'] if self.offset else []
        which += [] if self.last is None else [f'last {self.last}']
        return f'{self.process} ({", ".join(which)})' if which else self.process


class LedProcess(Struct, frozen=True, kw_only=True):
    """One process as it was led, with its own span.

    inputs: None when only its level is known, from its rows; then the rest means nothing. is_out:
    it was not in the context that was led last, or left out of it. zone: of its tree. recut: the
    command by which its rows are being archived; until that is done it is left out.
    """

    qualifier: Qualifier
    grouping: int = 1
    first: int = 0
    until: int | None = None
    inputs: tuple[LedInput, ...] | None = None
    is_out: bool = False
    zone: str = UTC_ZONE
    recut: str | None = None

    def input(self, source: Input) -> LedInput | None:
        """Return how it waited for the same intervals of a process; None: it did not.

        For more of them that end at the same place will do.
        """
        same = [
            item
            for item in self.inputs or ()
            if item.identity == source.identity or _has_window_of(item, source)
        ]
        # The equal one, if there is one.
        return max(same, key=lambda item: item.last == source.last, default=None)


class LedContext(Struct, frozen=True, kw_only=True):
    """All processes that the store was ever led with, as each was last.

    rev: rises by one with every change that was saved. lanes: since when what is live. demands:
    what starts of processes and free runs took of pools.
    """

    rev: int
    processes: Mapping[ProcessName, LedProcess] = field(default_factory=dict)
    lanes: Mapping[ProcessName, LaneStart] = field(default_factory=dict)
    demands: Mapping[ProcessName, Shares] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Return a hash of what it says but for instants: the same however late it is made."""
        said = repr((self.rev, sorted(self.processes.items())))
        return blake2b(said.encode(), digest_size=12).hexdigest()


def _has_window_of(led: LedInput, source: Input) -> bool:
    same = (led.kind, led.process, led.offset) == (source.kind, source.process, source.offset)
    return same and source.last is not None and led.last is not None and led.last >= source.last


def placed(hierarchy: Hierarchy, led: LedContext | None) -> Hierarchy:
    """Return a hierarchy whose processes know what is live and what is left out.

    And whose pools know what those took that have left the context.
    """
    starts = {} if led is None else led.lanes
    nodes = {}
    for node in hierarchy:
        process, start = node.process, starts.get(node.process.name)
        if start is None:
            continue
        facts = start.live_from, start.left_out_before
        if facts != (process.live_from, process.left_out_before):
            moved = replace(process, live_from=facts[0], left_out_before=facts[1])
            nodes[process.name] = replace(node, process=moved)
    pools = _with_gone(hierarchy, led)
    if not nodes and pools is None:
        return hierarchy
    return hierarchy.replaced({**hierarchy.nodes, **nodes}, pools)


def _with_gone(hierarchy: Hierarchy, led: LedContext | None) -> SharedPools | None:
    pools = hierarchy.pools
    if led is None or not led.demands or not pools.sizes:
        return None
    gone = {
        name: Demand(shares)
        for name, shares in led.demands.items()
        if name not in hierarchy.nodes and name not in pools.freerun_demands
    }
    return None if gone == pools.gone else replace(pools, gone=gone)


def led_process(hierarchy: Hierarchy, node: Node) -> LedProcess:
    """Return a process as it is led by `hierarchy`."""
    return LedProcess(
        qualifier=node.process.qualifier,
        grouping=node.process.grouping,
        first=node.first,
        until=node.until,
        inputs=tuple(led_input(hierarchy, source) for source in node.inputs),
        zone=node.tree.zone,
    )


def is_led_so(hierarchy: Hierarchy, led: LedContext | None) -> bool:
    """Tell whether the store was last led with `hierarchy`."""
    return led is not None and not _led_otherwise(hierarchy, led)


def not_led_so(hierarchy: Hierarchy, led: LedContext | None) -> Sequence[ProcessName]:
    """Return the processes that the store was never led with as they are in `hierarchy`.

    None where the store was never led with any.
    """
    if led is None or not led.processes:
        return []
    return _led_otherwise(hierarchy, led)


def _led_otherwise(hierarchy: Hierarchy, led: LedContext) -> Sequence[ProcessName]:
    hierarchy = placed(hierarchy, led)
    return [
        node.process.name
        for node in hierarchy
        if led.processes.get(node.process.name) != led_process(hierarchy, node)
    ]


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
        offset=source.offset,
        last=source.last,
        at_least=source.at_least,
        is_late_ignored=source.is_late_ignored,
        is_order_only=source.is_order_only,
        zone=other.tree.zone,
        calendar=_left_out_by(other.process),
    )


def _left_out_by(process: Process) -> str | None:
    said = [] if process.working is None else [f'{process.working.name} {process.working.version}']
    if process.left_out_before is not None:
        said.append(f'before {process.left_out_before.isoformat()}')
    return ' '.join(said) or None
