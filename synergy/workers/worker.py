"""The class that users derive their workers from."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import Any, TypeAlias

from synergy.core.records import Outcome
from synergy.workers.uow import Uow

#: What `process_uow` may return: an outcome, nothing (processed, 0 things), or, as in Synergy 2.x,
#: a pair (count, state).
Returned: TypeAlias = Outcome | tuple[int, str] | None
#: What it returns before that is awaited, where it is written with `async def`.
Awaited: TypeAlias = Coroutine[Any, Any, Returned]


class Worker:
    """Works on one unit after the other, in a process of its own.

    Define `process_uow` (or `_process_uow`, the name of Synergy 2.x). An exception fails the
    attempt; its traceback is kept in the unit's log. `setup` and `teardown` enclose the life of
    the process. Where `arguments` are something to run, say `arguments_are_code = True`: then only
    an admin may change them in the dashboard.

    With `async def process_uow` each run has an event loop of its own. An interruption is a
    CancelledError there, and Interrupted what has not ended 2 s later.

    keeps_processes: a run that has ended leaves no process behind; True lets those go on that are
    meant for later runs as well, such as a pool that is kept. An interrupted run (time-out, cancel)
    ends even them, and the worker is restarted.
    """

    arguments_are_code = False
    keeps_processes: bool = False

    def __init__(self, process_name: str, perform_db_logging: bool = True) -> None:
        """Keep the name under which the worker is registered.

        perform_db_logging: accepted for workers of Synergy 2.x; the log of a run is always kept.
        """
        self.process_name = process_name
        self.perform_db_logging = perform_db_logging
        self.logger = logging.getLogger(process_name)

    def setup(self) -> None:
        """Open what all units share, once, before the first."""

    def teardown(self) -> None:
        """Close it again, once, after the last."""

    def process_uow(self, uow: Uow) -> Returned | Awaited:
        """Do the work of one interval; see the class."""
        return self._process_uow(uow)

    def _process_uow(self, uow: Uow) -> Returned | Awaited:
        raise TypeError(
            f'{type(self).__name__} of {self.process_name} defines neither process_uow nor '
            f'_process_uow, so unit {uow.id} cannot be worked on; define process_uow(self, uow)'
        )
