"""What helps when no Scheduler leads, by what stands on the boxes."""

from __future__ import annotations

from collections.abc import Sequence

from synergy.conf.names import PROCESS_SCHEDULER
from synergy.core.supervision import ProcessStatus
from synergy.view.boxes import BoxView, Presence


def leaderless_advice(views: Sequence[BoxView]) -> str:
    """Return what to do when nobody leads: one sentence."""
    alive = [view for view in views if view.presence is Presence.ALIVE]
    if not alive:
        return 'Start one with ./launch.py start Supervisor.'
    rows = [row for view in alive for row in view.processes if row.process == PROCESS_SCHEDULER]
    for row in rows:
        if row.is_on and row.state == ProcessStatus.RUNNING:
            return (
                f'The Scheduler on {row.box_id} runs and takes over within seconds; if it does '
                f'not, its log says why, and ./launch.py super --restart {PROCESS_SCHEDULER} --box '
                f'{row.box_id} starts it again.'
            )
    for row in rows:
        if row.is_on:
            return (
                f'The Scheduler on {row.box_id} is {row.state or "not started yet"}: its log says '
                f'why; then ./launch.py super --start {PROCESS_SCHEDULER} --box {row.box_id}.'
            )
    for row in rows:
        return (
            f'The Scheduler on {row.box_id} is switched off: ./launch.py super --start '
            f'{PROCESS_SCHEDULER} --box {row.box_id}.'
        )
    names = ', '.join(view.box.box_id for view in alive[:3])
    return (
        f'No box that is alive ({names}) has a Scheduler: start the Supervisor of one that '
        'present_on_boxes names for it.'
    )
