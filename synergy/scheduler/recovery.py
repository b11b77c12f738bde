"""What follows a turn that failed: read again, isolate whom it concerns, wait, or give up.

Whatever is under way is unknown after a failure; the caller drops the index, and the next turn
builds it from the store.
"""

from __future__ import annotations

import logging
from typing import Final

from synergy.core.commands import Command
from synergy.core.records import ProcessName
from synergy.ports.errors import CommitRefused, LeadershipLost, PortError, StoreUnavailable
from synergy.scheduler.inbox import Inbox
from synergy.scheduler.index import Index
from synergy.scheduler.isolating import Isolating
from synergy.scheduler.leader import Leader

logger = logging.getLogger(__name__)

#: How long to wait before trying again what an unavailable store or broker refused.
RETRY_SECONDS: Final = 0.5


class Recovery:
    """What one Scheduler knows of the turns that have failed."""

    def __init__(self, leader: Leader, isolating: Isolating, inbox: Inbox) -> None:
        """Begin after a good turn."""
        self._leader = leader
        self._isolating = isolating
        self._inbox = inbox
        self._is_store_down = False
        self._refusal_count = 0

    @property
    def may_trust_copy(self) -> bool:
        """Tell whether nothing speaks against the copy of the index: a refusal may be its fault."""
        return self._refusal_count == 0

    def passed(self) -> None:
        """Take note of a turn that went through."""
        self._isolating.good_turn()
        self._refusal_count = 0
        if self._is_store_down:
            self._is_store_down = False
            logger.info('the store is back', extra={'event': 'store_up'})

    def after(self, error: Exception, index: Index | None, command: Command | None) -> float:
        """Return the seconds to wait after a turn has failed; raise what nobody here can act on.

        command: the one under way.
        """
        match error:
            case CommitRefused() | LeadershipLost():
                return self._refused(error, index, command)
            case StoreUnavailable():
                return self._without_store(error)
            case PortError():
                raise error
            case _:
                return self._unforeseen(error, index, command)

    def _refused(
        self, error: CommitRefused | LeadershipLost, index: Index | None, command: Command | None
    ) -> float:
        """Read everything again; isolate whom the store refuses again and again."""
        logger.warning('%s; reloading', error, extra={'event': 'commit_refused'})
        is_helped = False
        if isinstance(error, CommitRefused):
            is_helped = bool(self._blame(error, None, index, command))
        self._isolating.failed_turn(error)
        if isinstance(error, LeadershipLost):
            self._leader.drop()
        # Once somebody is isolated, that the copy of the index is wrong is no longer probable.
        self._refusal_count = 0 if is_helped else self._refusal_count + 1
        return 0.0 if is_helped or self._refusal_count == 1 else RETRY_SECONDS

    def _without_store(self, error: StoreUnavailable) -> float:
        if not self._is_store_down:
            logger.warning('the store is unavailable: %s', error, extra={'event': 'store_down'})
        self._is_store_down = True
        if self._leader.is_trusted:
            self._isolating.failed_turn(error)
        else:
            self._isolating.good_turn()
        return RETRY_SECONDS

    def _unforeseen(self, error: Exception, index: Index | None, command: Command | None) -> float:
        """Isolate whom no decision can be made for, put a bad message aside; raise all else."""
        deciding = None
        if index is not None:
            deciding = index.engine.deciding or index.freeruns.deciding
        is_helped = self._blame(error, deciding, index, command)
        if is_helped is None:
            if not self._inbox.may_be_to_blame(error):
                raise error
            self._inbox.close()
            return 0.0
        logger.error(
            'no decision could be made for %s; reloading',
            deciding or 'a command',
            exc_info=error,
            extra={'event': 'decision_failed'},
        )
        self._isolating.failed_turn(error)
        return 0.0 if is_helped else RETRY_SECONDS

    def _blame(
        self,
        error: Exception,
        deciding: ProcessName | None,
        index: Index | None,
        command: Command | None,
    ) -> bool | None:
        timetable = None if index is None else index.engine.timetable
        try:
            return self._isolating.blame(error, deciding, timetable, command)
        except StoreUnavailable:
            return None  # Whose unit it is cannot be looked up now.
