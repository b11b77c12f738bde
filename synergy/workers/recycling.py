"""When a worker has run enough, and a fresh one is to take its place.

Long-lived processes leak, and most of what leaks is not theirs. `recycle_after` and `memory_mb_max`
of the entry bound a worker by its runs and by its memory; it then ends in good order, between two
units, and its Supervisor restarts it at once. Nothing is looked at where neither is given.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import Final

_MB: Final = 1 << 20


class Recycling:
    """Counts the runs of this process."""

    def __init__(self, *, runs_max: int | None = None, memory_mb_max: int | None = None) -> None:
        """Begin with none. None: unbounded."""
        self._runs_left = runs_max
        self._runs_max = runs_max
        self._memory_mb_max = memory_mb_max
        #: Why this worker is to be restarted; None: it is not.
        self.reason: str | None = None

    @property
    def is_due(self) -> bool:
        """Tell whether this worker takes no more units."""
        return self.reason is not None

    def bounded(self, count: int) -> int:
        """Return how many of `count` units may be taken together."""
        return count if self._runs_left is None else max(min(count, self._runs_left), 1)

    def note_run(self) -> None:
        """Count a run that has ended, and look at the memory that it has left in use."""
        if self._runs_left is not None:
            self._runs_left -= 1
            if self._runs_left <= 0:
                self.reason = f'{self._runs_max} runs (recycle_after)'
        if self._memory_mb_max is not None:
            used = resident_bytes()
            if used > self._memory_mb_max * _MB:
                self.reason = (
                    f'{used // _MB} MB in use, more than {self._memory_mb_max} (memory_mb_max)'
                )


def resident_bytes() -> int:
    """Return the memory that this process holds; where that cannot be read, the most it ever held.

    Source: proc(5), second field of /proc/PID/statm, in pages.
    """
    try:
        pages = Path('/proc/self/statm').read_text().split()[1]
        return int(pages) * os.sysconf('SC_PAGE_SIZE')
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == 'darwin' else most * 1024
