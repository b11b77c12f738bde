"""What processes that died have left running: ended before anything is started in their place.

A worker ends what its runs have started. One that was killed (`kill -9`, the kernel's OOM killer)
cannot: then its children become children of the Supervisor, which is the parent of orphans below
it, and are ended here. When the Supervisor was killed with its worker, they belong to nobody; they
are found by a variable of their environment, which every process inherits from the worker and
which names the home.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from synergy.ports.processes import Descendants, ProcessIdentity

logger = logging.getLogger(__name__)

#: Variable by which everything is known that a home's processes have started.
MARK_VARIABLE: Final = 'SYNERGY_INTERNAL_MARK'
#: Between SIGTERM and SIGKILL, at most: their leases run already.
_GRACE_MAX: Final = timedelta(seconds=1)
#: How long an orphan may take to end by itself, and how often it is looked at meanwhile.
_LAST_SECONDS: Final = 0.2
_LOOKS: Final = 10


def mark_of(home: Path, slot: str) -> Mapping[str, str]:
    """Return the variable for a process of a home, and so for what it starts.

    By device and inode, which a home of the same name in a container does not share; none while
    there is no home, for then nothing can have run in it.
    """
    try:
        return {MARK_VARIABLE: f'{_home_mark(home)}{slot}/'}
    except OSError:
        return {}


def _home_mark(home: Path) -> str:
    found = home.stat()
    return f'{found.st_dev:x}:{found.st_ino:x}/'


class Leftovers:
    """What dead processes of a home have left running."""

    def __init__(self, descendants: Descendants, home: Path, lease: timedelta) -> None:
        """Look at nothing yet. lease: of units; all must be over well before it runs out."""
        self._descendants = descendants
        self._home = home
        self._grace = min(_GRACE_MAX, lease / 6)
        self._lease_seconds = lease.total_seconds()
        self._frozen_since: dict[ProcessIdentity, float] = {}
        self._inherited: frozenset[int] = frozenset()
        self._never = threading.Event()

    def adopt(self) -> None:
        """Become the parent of orphans."""
        # Of the program that has become this process, if there was one: not ours to end.
        self._inherited = frozenset(self._descendants.children())
        self._descendants.adopt()

    def mark(self, slot: str) -> Mapping[str, str]:
        """Return the variable that a process in a slot gets."""
        return mark_of(self._home, slot)

    def end_orphans(self, running: Collection[ProcessIdentity]) -> None:
        """End what children that died have left. running: the children that are wanted."""
        spared = self._inherited.union(identity.pid for identity in running)
        if spared.issuperset(self._descendants.children()):
            return
        for _ in range(_LOOKS):
            # What helps a process, such as multiprocessing's resource tracker, ends by itself.
            if not self._descendants.find(spared):
                break
            self._never.wait(_LAST_SECONDS / _LOOKS)
        if os.getpid() == 1:
            # As the first process of a container it is the parent of everybody's orphans.
            self.end_marked(running)
        else:
            _say(self._descendants.end(without=spared, grace=self._grace))
        self._descendants.reap(spared)

    @property
    def look_seconds(self) -> float:
        """Return how often to look for frozen processes."""
        return self._lease_seconds / 8

    def frozen(
        self,
        workers: Collection[ProcessIdentity],
        schedulers: Collection[ProcessIdentity],
        now: float,
    ) -> Collection[ProcessIdentity]:
        """Return workers that will lose their lease, for they are stopped (SIGSTOP) for too long.

        They would learn of it when they wake up; what their runs have started goes on meanwhile,
        beside the next attempt. A Scheduler does no harm when it wakes up, so that it is given a
        whole lease; but where none stands by, nobody leads until then. now: of the monotonic clock.
        """
        since = self._frozen_since
        found = self._descendants.are_frozen([*workers, *schedulers])
        self._frozen_since = {identity: since.get(identity, now) for identity in found}
        # A lease has two thirds left, at least, when its worker is stopped.
        limit = self._lease_seconds / 4
        return [
            item
            for item, began in self._frozen_since.items()
            if now - began >= (self._lease_seconds if item in schedulers else limit)
        ]

    def end_marked(self, running: Collection[ProcessIdentity], slot: str | None = None) -> None:
        """End what an earlier Supervisor could not: it died, too.

        running: processes of this home that run in order. slot: only what came from this one.
        """
        mark = f'{MARK_VARIABLE}={_home_mark(self._home)}' + ('' if slot is None else f'{slot}/')
        _say(self._descendants.end_marked(mark, but=running, grace=self._grace))


def _say(names: Collection[str]) -> None:
    if names:
        logger.warning(
            'ended what a process that died had left running: %s',
            ', '.join(names),
            extra={'event': 'leftovers_ended'},
        )
