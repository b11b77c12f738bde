"""Managed processes as they stand: by context.py, and as operators have changed them."""

from __future__ import annotations

from collections.abc import Sequence

from synergy.core.changed_levels import RefusedLevel
from synergy.core.hierarchy import Hierarchy
from synergy.core.node import Node
from synergy.core.overrides import as_led
from synergy.core.records import Override
from synergy.ports.store import ContextReader
from synergy.view.backlog import Backlog, encode_backlog
from synergy.view.encode import instant
from synergy.view.input_said import encode_input
from synergy.view.process_documents import OverrideDocument, ProcessDocument
from synergy.view.workload import Tallies


def processes(hierarchy: Hierarchy, store: ContextReader) -> Sequence[Node]:
    """Return the nodes of a hierarchy as the Scheduler uses them, inputs before outputs."""
    return list(as_led(hierarchy, store.overrides(), store.led_context()))


def encode_process(
    node: Node,
    work: Tallies,
    left_out: RefusedLevel | None = None,
    backlog: Backlog | None = None,
) -> ProcessDocument:
    """Return a managed process. work: its work under way. left_out: why it is, if it is.

    override: what was changed at run time, by whom and why.
    """
    process = node.process
    return {
        'process': process.name,
        'tree': node.tree.name,
        'qualifier': process.qualifier.word,
        'time_zone': node.tree.zone,
        'trigger': str(process.trigger),
        'machine': process.machine,
        'blocking': process.blocking.value,
        'is_on': process.is_on,
        'conditions': work.by_name,
        'max_running': process.max_running,
        'catch_up': process.catch_up.value,
        'lane_shares': {
            'live': process.shares.live,
            'history': process.shares.history,
            'rerun': process.shares.rerun,
        },
        'history': encode_backlog(backlog),
        'live_from': instant(process.live_from),
        'left_out_before': instant(process.left_out_before),
        'max_attempts': process.retry.max_attempts,
        'max_lost': process.retry.max_lost,
        'group': process.group,
        'deadline': None if process.deadline is None else str(process.deadline),
        'start_timeout_seconds': None
        if process.start_timeout is None
        else process.start_timeout.total_seconds(),
        'inputs': [encode_input(item) for item in node.inputs],
        'arguments': dict(process.arguments),
        'override': None if process.override is None else _encode_override(process.override, node),
        'left_out': None if left_out is None else str(left_out),
    }


def _encode_override(override: Override, node: Node) -> OverrideDocument:
    found: OverrideDocument = {}
    if override.is_on is not None:
        found['is_on'], found['is_on_by'] = override.is_on, override.is_on_by
        found['is_on_at'] = instant(override.is_on_at)
    if override.trigger is not None:
        found['trigger'], found['trigger_by'] = str(override.trigger), override.trigger_by
        found['trigger_at'] = instant(override.trigger_at)
    if (cut := override.cut) is not None and cut.is_of(node.process.qualifier, node.tree.zone):
        found['start'], found['start_by'] = str(cut.start), cut.by
        found['start_at'] = instant(cut.at)
    if override.catch_up is not None:
        found['catch_up'], found['catch_up_by'] = override.catch_up.value, override.catch_up_by
        found['catch_up_at'] = instant(override.catch_up_at)
    return found
