"""From the entry of a process to its code: imported and made, then set up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from synergy.conf.locate import resolve
from synergy.conf.model import WorkerEntry
from synergy.core.records import ProcessName
from synergy.ports.source import DataSource
from synergy.workers.code import Bounds, Code
from synergy.workers.forks import children_end_here
from synergy.workers.handler import Handler, load_handler

logger = logging.getLogger(__name__)


class CodeOpener:
    """Makes the code of processes, and keeps what that has opened.

    A worker of one process imports before it opens anything else, so that what cannot be imported
    costs nothing, and sets up later.
    """

    #: Called when the code of a process was set up: so it stands between runs.
    settle: Callable[[Code], None]
    #: Called when it could not be.
    undo: Callable[[Code], None]

    def __init__(self, served: Mapping[ProcessName, WorkerEntry]) -> None:
        """Make nothing yet."""
        self._served = served
        self._made: dict[ProcessName, Code] = {}

    def load(self, process: ProcessName) -> Code:
        """Import and make the code of a process; raises whatever user code raises."""
        entry = self._served[process]
        with children_end_here():
            handler = load_handler(entry.classname, process)
        bounds = Bounds(
            memory_mb_max=entry.run_memory_mb_max, cpu_seconds_max=entry.run_cpu_seconds_max
        )
        code = self._made[process] = Code(
            process=process,
            handler=handler,
            timeout=entry.timeout,
            source=entry.source,
            sink=entry.sink,
            data_source=None if entry.data_source is None else open_source(entry),
            bounds=bounds if _is_isolated(entry, handler) else None,
        )
        return code

    def load_and_set_up(self, process: ProcessName) -> Code:
        """Set up the code of a process, made before or now.

        What cannot be set up is made once more by the next call.
        """
        code = self._made.get(process) or self.load(process)
        try:
            with children_end_here():
                code.handler.setup()
        except BaseException:
            self.undo(code)
            del self._made[process]
            _close(code)
            raise
        self.settle(code)
        return code

    def close(self) -> None:
        """Close what was opened."""
        for code in self._made.values():
            _close(code)


def _is_isolated(entry: WorkerEntry, handler: Handler) -> bool:
    """Tell whether each run has a process of its own.

    Where nothing says so, in a group those that may have to be killed: what a time-out cannot
    interrupt would end the worker of others, too. Not where code keeps something between runs,
    which may be a connection that two processes must not use.
    """
    if entry.is_isolated is not None:
        return entry.is_isolated
    if entry.group is None or entry.timeout is None:
        return False
    if not (handler.keeps_state or handler.keeps_processes):
        return True
    logger.info(
        '%s has a time-out, and keeps something between runs: they share this worker, which a run '
        "that does not yield will end; isolation='process' gives each a process of its own",
        entry.name,
        extra={'event': 'isolation_missing'},
    )
    return False


def open_source(entry: WorkerEntry) -> DataSource:
    """Return what `data_source` of the entry opens; raise TypeError when it is not a source."""
    assert entry.data_source is not None
    source = resolve(entry.data_source)()
    if not callable(getattr(source, 'bounds', None)):
        raise TypeError(
            f'data_source {entry.data_source} of {entry.name} returned a {type(source).__name__} '
            'without bounds(start, end); return a synergy.ports.source.DataSource'
        )
    opened: DataSource = source
    return opened


def _close(code: Code) -> None:
    if code.data_source is not None:
        code.data_source.close()
