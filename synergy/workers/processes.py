"""The processes of a run: gone before its end is saved.

Whatever user code has started, and left running, belongs to the run and ends with it, however the
run ends: the next attempt must never meet what is left of this one. What runs already when `setup`
has returned belongs to the worker and stays. Pools start their processes late, within a run: a
worker that has `keeps_processes`, or one whose `setup` made a pool, keeps what its runs start, too.
But a run that is interrupted takes along even what was kept, for nobody can tell what it still
works on; the worker then ends and is started anew.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections.abc import Collection, Iterator, Set
from datetime import timedelta
from typing import Any, Final

from synergy.ports.processes import Descendants, ProcessIdentity

logger = logging.getLogger(__name__)

#: Between SIGTERM and SIGKILL, at most; less where leases are short.
GRACE_MAX: Final = timedelta(seconds=2.5)
#: How long a pool may take to close before its processes are ended all the same.
_POOL_SECONDS: Final = 1.0
#: How long what a run leaves may take to end by itself, and how often one looks meanwhile.
_LAST_SECONDS: Final = 0.1
_LOOKS: Final = 10
#: Where multiprocessing keeps the pids of its own processes: module, object, attribute.
_OF_PYTHON: Final = (
    ('multiprocessing.resource_tracker', '_resource_tracker', '_pid'),
    ('multiprocessing.forkserver', '_forkserver', '_forkserver_pid'),
)


def grace_of(lease: timedelta) -> timedelta:
    """Return how long processes may take to end, so that it is over well before the lease."""
    return min(GRACE_MAX, lease / 6)


class RunProcesses:
    """What the runs of this worker have started."""

    def __init__(self, descendants: Descendants, grace: timedelta) -> None:
        """Adopt what detaches itself from now on."""
        self._descendants = descendants
        self._grace = grace
        self._kept: Set[ProcessIdentity] = frozenset()
        self._keeps = False
        self._lock = threading.Lock()
        self._never = threading.Event()
        #: Whether what the worker kept was ended with an interrupted run.
        self.is_spent = False
        descendants.adopt()

    def settle(self, *, keeps: bool) -> None:
        """Regard what runs now as the worker's; keeps: what its runs will start, too."""
        self._keeps = keeps or any(_pools())
        if not self._descendants.are_none():
            self._kept = frozenset(self._descendants.find())

    @property
    def are_kept(self) -> bool:
        """Tell whether processes go on from one run to the next that may still print."""
        return self._keeps or bool(self._kept)

    def after_run(self) -> None:
        """End what a run that ended by itself has left; say so, for it was hardly meant."""
        if self._descendants.are_none() or self._keeps:
            return
        own = {identity.pid for identity in self._kept}
        spared = self._of_python()
        if self._is_any_left(own, spared):
            _close_pools(_POOL_SECONDS)
            names = self._descendants.end(without=own, kept=spared, grace=self._grace)
            if names:
                logger.warning(
                    'the run has left processes, which were ended: %s; wait for what a run starts, '
                    'or set keeps_processes = True in the class of the worker',
                    ', '.join(names),
                    extra={'event': 'processes_ended'},
                )
        self._reap(own.union(identity.pid for identity in spared))

    def interrupt(self, *, at_once: bool = False) -> None:
        """End all that runs, that of the worker, too. Heartbeat and main thread may both call it.

        at_once: without a grace, for somebody else may have begun the next attempt.
        """
        with self._lock:
            if self._descendants.are_none():
                return
            spared = self._of_python()
            found = self._descendants.find().keys() - spared
            self.is_spent = self.is_spent or bool(found if self._keeps else found & self._kept)
            if found:
                _close_pools(0 if at_once else _POOL_SECONDS)
                grace = timedelta(0) if at_once else self._grace
                names = self._descendants.end(kept=spared, grace=grace)
                logger.info(
                    'processes of the run were ended: %s',
                    ', '.join(names) or 'they ended by themselves',
                    extra={'event': 'processes_ended'},
                )
            self._reap({identity.pid for identity in spared})

    def close(self) -> None:
        """End everything: the worker ends."""
        if not self._descendants.are_none():
            _close_pools(_POOL_SECONDS)
            # What is multiprocessing's own ends with this process, after it has tidied up.
            self._descendants.end(kept=self._of_python(), grace=self._grace)

    def _is_any_left(self, own: Set[int], spared: Set[ProcessIdentity]) -> bool:
        """Tell whether any are left; those that are about to end may do so."""
        for _ in range(_LOOKS):
            if not self._descendants.find(own).keys() - spared:
                return False
            self._never.wait(_LAST_SECONDS / _LOOKS)
        return True

    def _of_python(self) -> Set[ProcessIdentity]:
        """Return what multiprocessing itself keeps running.

        That does nothing by itself, ends with the last process that uses it, and is missed with
        complaints when it is gone.
        """
        pids = set()
        for module, thing, name in _OF_PYTHON:
            found = getattr(sys.modules.get(module), thing, None)
            pids.add(getattr(found, name, None))
        if pids <= {None}:
            return frozenset()
        return {found for found in self._descendants.find() if found.pid in pids}

    def _reap(self, spared: Collection[int]) -> None:
        if (processes := sys.modules.get('multiprocessing.process')) is not None:
            processes.active_children()  # It reaps its own, and keeps their exit codes.
        self._descendants.reap(spared)


def _pools() -> Iterator[Any]:
    """Yield the pools of processes that there are."""
    pools = sys.modules.get('multiprocessing.pool')
    executors = sys.modules.get('concurrent.futures.process')
    kinds = (
        *(() if pools is None else (pools.Pool,)),
        *(() if executors is None else (executors.ProcessPoolExecutor,)),
    )
    of_threads = () if pools is None else (pools.ThreadPool,)
    for thing in gc.get_objects() if kinds else ():
        kind = type(thing)
        if issubclass(kind, kinds) and not issubclass(kind, of_threads):
            yield thing


def _close_pools(seconds: float) -> None:
    """Keep pools from replacing the processes that are ended now.

    One whose process was killed while it held the pool's lock would also hang at exit.
    """
    for pool in list(_pools()):
        if (terminate := getattr(pool, 'terminate', None)) is not None:
            closing = threading.Thread(target=terminate, name='pool', daemon=True)
            closing.start()
            closing.join(seconds)
