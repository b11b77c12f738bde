"""Presence of this box: the heartbeat by which others see that it lives, and what it learns back.

A box id belongs to one place (host and home) at a time. A Supervisor whose box another place holds
starts nothing and ends what it runs: two machines under one name would undo each other's desired
state. The id is free again once the other has stopped or has vanished.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from synergy.core.box_load import BoxLoad
from synergy.core.records import Box
from synergy.core.structs import replace
from synergy.ports.errors import PortError
from synergy.ports.store import BoxStore

logger = logging.getLogger(__name__)


class Presence:
    """One box, as its Supervisor makes it known. Until the store has answered, it is ours."""

    def __init__(self, box: Box, vanished_after: timedelta) -> None:
        """Be `box`; nothing is written yet."""
        self._box = box
        self._vanished_after = vanished_after
        self._next_at = float('-inf')
        self.is_draining = False
        self.is_held = True

    @property
    def box_id(self) -> str:
        """Return the id of this box."""
        return self._box.box_id

    def ring(self) -> None:
        """Write at the next `beat`, and so learn at once whether to drain."""
        self._next_at = float('-inf')

    def beat(
        self, store: BoxStore, now: float, measure: Callable[[], BoxLoad | None] = lambda: None
    ) -> None:
        """Tell the store that this box lives, when that is due. now: of the monotonic clock.

        measure: asked for the load that goes with it. May raise PortError; it is tried again at
        the next call.
        """
        if now < self._next_at:
            return
        box = replace(self._box, load=measure())
        found = store.heartbeat(box, self._vanished_after)
        self._next_at = now + self._vanished_after.total_seconds() / 3
        is_held = (found.host, found.home) == (self._box.host, self._box.home)
        if self.is_held and not is_held:
            logger.error(
                'box id %s is in use by the Supervisor with pid %s on %s, home %s; nothing runs '
                'here until it is gone. Give this box an id of its own: ./launch.py super --boxid '
                'ID, then start the Supervisor again',
                found.box_id,
                found.pid,
                found.host,
                found.home,
                extra={'event': 'box_id_in_use'},
            )
        if is_held and not self.is_held:
            logger.info(
                'box id %s belongs to this box now', found.box_id, extra={'event': 'box_id_taken'}
            )
        if found.is_draining is not self.is_draining:
            logger.info(
                'box %s %s',
                found.box_id,
                'drains: workers take no more' if found.is_draining else 'takes work again',
                extra={'event': 'drain_changed'},
            )
        self.is_held = is_held
        self.is_draining = found.is_draining

    def leave(self, store: BoxStore) -> None:
        """Say that the Supervisor has stopped in order."""
        try:
            if self.is_held:
                store.heartbeat(replace(self._box, pid=None), self._vanished_after)
        except PortError as error:
            logger.warning('%s', error, extra={'event': 'store_down'})
