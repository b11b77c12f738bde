"""The journal of a round: what workers write down, each line at once and whole, and how to read it.

Instants are of the monotonic clock of the machine, which all boxes of a round share and no clock
step moves. The journal lies outside of what chaos fills, mounts or empties.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from bench.chaos.names import JOURNAL_VARIABLE
from synergy.core.structs import Struct
from synergy.workers import Uow


class Line(Struct, frozen=True):
    """One start or end of a run. at: seconds of the monotonic clock."""

    word: str
    at: float
    box: str
    pid: int
    process: str
    timeperiod: str
    uow_id: str
    run: int
    fence: int


def note(word: str, uow: Uow) -> None:
    """Append a line, whoever else writes."""
    text = (
        f'{word} {time.monotonic():.6f} {os.environ["SYNERGY_BOX_ID"]} {os.getpid()} '
        f'{uow.process_name} {uow.timeperiod} {uow.id} {uow.run} {uow.fence}\n'
    )
    handle = os.open(
        os.environ[JOURNAL_VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644
    )
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def read(path: Path) -> Iterator[Line]:
    """Yield the lines in the order in which they were written."""
    if not path.exists():
        return
    for text in path.read_text().splitlines():
        word, at, box, pid, process, timeperiod, uow_id, run, fence = text.split()
        yield Line(
            word, float(at), box, int(pid), process, timeperiod, uow_id, int(run), int(fence)
        )
