"""How busy a box is, and what runs on it, as its Supervisor reports."""

from __future__ import annotations

from datetime import datetime

from synergy.core.structs import Struct


class ProcessLoad(Struct, frozen=True, kw_only=True):
    """One running process. cpu_percent: of one core, since it was measured before."""

    process: str
    pid: int
    started_at: datetime
    cpu_percent: float
    memory_bytes: int


class BoxLoad(Struct, frozen=True, kw_only=True):
    """How busy a box is. load_average: over a minute. memory_percent: of the machine's, in use."""

    load_average: float
    cpu_count: int
    memory_percent: float
    processes: tuple[ProcessLoad, ...] = ()
