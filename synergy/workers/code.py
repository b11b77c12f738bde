"""User code, by whose units it works on: that of one process, or of all that a group serves.

A worker of one process imports and sets up its code before it takes work, and one that cannot be
set up does not start. A worker of a group does so with the first unit of each process: of hundreds
it may never meet most, and code that cannot be set up fails that attempt alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

from synergy.core.freerun_record import base_of
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.ports.source import DataSource
from synergy.workers.handler import Handler


class Bounds(Struct, frozen=True, kw_only=True):
    """Of one run that has a process of its own; None: unbounded. See `synergy.workers.isolated`."""

    memory_mb_max: int | None = None
    cpu_seconds_max: int | None = None


class Code(Struct, frozen=True, kw_only=True):
    """What is called for the units of one process, and what it is told.

    bounds: of one run, which has a process of its own then; None: runs are those of the worker.
    """

    process: ProcessName
    handler: Handler
    timeout: timedelta | None = None
    source: str | None = None
    sink: str | None = None
    data_source: DataSource | None = None
    bounds: Bounds | None = None


class Codes:
    """The code that one worker calls. Used by its main thread alone."""

    def __init__(
        self,
        served: Iterable[ProcessName],
        load: Callable[[ProcessName], Code],
    ) -> None:
        """Load nothing yet. served: whose units this worker runs.

        load: imports the code of one of them and sets it up; raises whatever user code raises.
        """
        self._served = frozenset(served)
        #: Whether this worker serves several processes.
        self.are_many = len(self._served) > 1
        self._load = load
        #: By process; of free runs by their full names, too.
        self._by_process: dict[ProcessName, Code] = {}

    @classmethod
    def one(cls, code: Code) -> Codes:
        """Return those of a worker of one process, which is set up already."""
        codes = cls([code.process], lambda _: code)
        codes.load(code.process)
        return codes

    @property
    def loaded(self) -> list[Code]:
        """Return what is set up, in the order in which that was done."""
        return [code for name, code in self._by_process.items() if name == code.process]

    def serves(self, process: ProcessName) -> bool:
        """Tell whether this worker runs units of a process, or of a free run."""
        return process in self._by_process or base_of(process) in self._served

    def of(self, process: ProcessName) -> Code | None:
        """Return the code for units of a process, or of a free run; None until it is set up."""
        found = self._by_process.get(process)
        if found is None and (found := self._by_process.get(base_of(process))) is not None:
            self._by_process[process] = found
        return found

    def load(self, process: ProcessName) -> Code:
        """Import and set up the code for a process, or a free run, that is served."""
        base = base_of(process)
        code = self._by_process[base] = self._load(base)
        return code
