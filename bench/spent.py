"""Processor time: of this process, of children by name, of servers with all that they started."""

from __future__ import annotations

import resource
from collections.abc import Iterable

import psutil


def own_seconds() -> float:
    """Return the processor seconds, user and system, of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def seconds_of(pid: int) -> float:
    """Return the processor seconds of another process that runs; raise psutil.Error."""
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


def seconds_of_all(pids: Iterable[int]) -> float:
    """Return the processor seconds of processes that run, their children's included."""
    total = 0.0
    for pid in pids:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            total += seconds_of(each.pid)
    return total
