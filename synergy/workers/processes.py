"""The processes of a run: gone before its end is saved.

Whatever user code has started, and left running, belongs to the run and ends with it, however the
run ends: the next attempt must never meet what is left of this one. What runs already when `setup`
has returned belongs to the worker and stays, and so do the processes of a pool that `setup` made,
though they start late, within a run. A worker that has `keeps_processes` keeps whatever its runs
start. But a run that is interrupted takes along even what was kept, for nobody can tell what it
still works on; the worker then ends and is restarted.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
import weakref
from collections.abc import Collection, Iterator, Sequence, Set
from datetime import timedelta
from typing import Any, Final

from synergy.ports.processes import Descendants, ProcessIdentity

logger = logging.getLogger(__name__)

#: Between SIGTERM and SIGKILL, at most; less where leases are short.
GRACE_MAX: Final = timedelta(seconds=2.5)
#: How long a pool may take to close before its processes are ended all the same.
_POOL_SECONDS: Final = 1.0
#: How long what a run leaves may take to end by itself, and how often it is looked at meanwhile.
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
        self._settle_count = 0
        self._pools: Set[Any] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._never = threading.Event()
        #: Whether what the worker kept was ended with an interrupted run.
        self.is_spent = False
        descendants.adopt()

    def settle(self, *, keeps: bool) -> None:
        """Regard what runs now as the worker's; keeps: what its runs will start, too."""
        self._keeps = self._keeps or keeps
        self._settle_count += 1
        self._pools = weakref.WeakSet(_pools())
        if not self._descendants.are_none():
            self._kept = frozenset(self._descendants.find())

    def after_run(self, *, keeps: bool | None = None) -> None:
        """End what a run that ended by itself has left; say so: it is probably a mistake.

        keeps: whether what it has left is the worker's from now on; None: as `settle` was told.
        """
        if self._descendants.are_none():
            return
        if self._keeps if keeps is None else keeps:
            if self._settle_count > 1:
                # Of a group: runs of its other processes must not end it.
                self._kept = frozenset(self._descendants.find())
            return
        # With all that is below; but what a pool's process has started belongs to the run.
        own = {identity.pid for identity in self._kept} - self._pids_of_pools()
        if self._is_any_left(own):
            _close_pools(_POOL_SECONDS, kept=self._pools)
            names = self._descendants.end(without=own, kept=self._spared(), grace=self._grace)
            if names:
                logger.warning(
                    'the run has left processes, which were ended: %s; wait for what a run starts, '
                    'or set keeps_processes = True in the class of the worker',
                    ', '.join(names),
                    extra={'event': 'processes_ended'},
                )
        self._reap(own.union(identity.pid for identity in self._spared()))

    def interrupt(self, *, at_once: bool = False) -> None:
        """End all that runs, that of the worker, too. Heartbeat and main thread may both call it.

        at_once: without a grace, for somebody else may have begun the next attempt.
        """
        with self._lock:
            if self._descendants.are_none():
                return
            spared = self._of_python()
            found = self._descendants.find().keys() - spared
            keeps = self._keeps or bool(self._pools)
            self.is_spent = self.is_spent or bool(found if keeps else found & self._kept)
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

    def standing(self) -> Set[ProcessIdentity]:
        """Return what runs now."""
        none = self._descendants.are_none()
        return frozenset() if none else frozenset(self._descendants.find())

    def pids_but(self, kept: Set[ProcessIdentity]) -> Sequence[int]:
        """Return the pids of what runs now beside `kept`."""
        return [identity.pid for identity in self._descendants.find() if identity not in kept]

    def end_but(self, kept: Set[ProcessIdentity], *, at_once: bool = False) -> Sequence[str]:
        """End what runs beside `kept`; return the names of what was ended. at_once: with no grace.

        Of a run that had a process of its own: the worker and what is the worker's stay.
        """
        with self._lock:
            if self._descendants.are_none():
                return ()
            spared = kept | self._spared()
            names: Sequence[str] = ()
            if self._descendants.find().keys() - spared:
                grace = timedelta(0) if at_once else self._grace
                names = self._descendants.end(kept=spared, grace=grace)
            self._reap({identity.pid for identity in spared})
            return names

    def close(self) -> None:
        """End everything: the worker ends."""
        if not self._descendants.are_none():
            _close_pools(_POOL_SECONDS)
            # What is multiprocessing's own ends with this process, once it has tidied up.
            self._descendants.end(kept=self._of_python(), grace=self._grace)

    def _is_any_left(self, own: Set[int]) -> bool:
        """Tell whether any are left; those that are about to end may do so."""
        for _ in range(_LOOKS):
            if not self._descendants.find(own).keys() - self._spared():
                return False
            self._never.wait(_LAST_SECONDS / _LOOKS)
        return True

    def _spared(self) -> Set[ProcessIdentity]:
        """Return what stays when a run has ended."""
        return self._kept | self._with_pids(_pids_of_python() | self._pids_of_pools())

    def _pids_of_pools(self) -> Set[int]:
        return {pid for pool in self._pools for pid in _pids_of(pool)}

    def _of_python(self) -> Set[ProcessIdentity]:
        return self._with_pids(_pids_of_python())

    def _with_pids(self, pids: Set[int]) -> Set[ProcessIdentity]:
        if not pids:
            return frozenset()
        return {found for found in self._descendants.find() if found.pid in pids}

    def _reap(self, spared: Collection[int]) -> None:
        if (processes := sys.modules.get('multiprocessing.process')) is not None:
            processes.active_children()  # It reaps its own, and keeps their exit codes.
        self._descendants.reap(spared)


def _pids_of_python() -> Set[int]:
    """Return what multiprocessing itself keeps running.

    That does nothing by itself, ends with the last process that uses it, and is missed with
    complaints when it is gone.
    """
    found = set()
    for module, thing, name in _OF_PYTHON:
        pid = getattr(getattr(sys.modules.get(module), thing, None), name, None)
        if pid is not None:
            found.add(pid)
    return found


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


def _pids_of(pool: Any) -> Iterator[int]:
    """Yield the pids of a pool's processes."""
    # Of a ProcessPoolExecutor by pid, of a multiprocessing.Pool in a list.
    by_pid = getattr(pool, '_processes', None)
    if isinstance(by_pid, dict):
        yield from tuple(by_pid)
    for process in tuple(getattr(pool, '_pool', ())):
        if process.pid is not None:
            yield process.pid


def _close_pools(seconds: float, kept: Collection[Any] = ()) -> None:
    """Keep pools from replacing the processes that are ended now.

    One whose process was killed while it held the pool's lock would also hang at exit.
    """
    for pool in list(_pools()):
        if pool not in kept and (terminate := getattr(pool, 'terminate', None)):
            closing = threading.Thread(target=terminate, name='pool', daemon=True)
            closing.start()
            closing.join(seconds)
