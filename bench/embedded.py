"""Throughput on SQLite and the embedded broker, beside the limit on the same machine."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bench import throughput
from bench.limit import Limit
from bench.limit.embedded import measure
from bench.names import EMBEDDED, HOURS_VARIABLE, PACE_VARIABLE
from bench.result import Result

#: Of the share of the limit, by workers, and of the processor time per interval, by role.
_AIMS: Final[Mapping[int | str, str]] = {
    2: 'at least 25',
    'Scheduler': 'under 200',
    'workers': 'under 160',
}
_ROUNDS: Final = 3


class Embedded:
    """The embedded pair: each run in a home of its own."""

    name = EMBEDDED

    def __init__(self, folder: Path) -> None:
        """Use new folders in `folder`."""
        self._folder = folder
        self._numbers = itertools.count(1)

    def limit(self, count: int) -> Limit:
        """Measure the limit."""
        home = self._new()
        home.mkdir(parents=True)
        return measure(home / 'limit.db', count, 1)

    def pipeline(
        self, hours: int, worker_count: int, extra: Mapping[str, str] = MappingProxyType({})
    ) -> throughput.Throughput:
        """Run the pipeline."""
        home = self._new()
        # This process reads the same context, of the same length, as those that it starts.
        os.environ[HOURS_VARIABLE] = str(hours)
        return throughput.pipeline({**environ_of(home), **extra}, home, hours, worker_count)

    def _new(self) -> Path:
        return self._folder / str(next(self._numbers))


def run(*, is_quick: bool) -> Sequence[Result]:
    """Measure the limit and the pipeline with 1, 2 and 4 workers by turns."""
    hours = 2_000 if is_quick else 10_000
    with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
        pair = Embedded(Path(folder))
        table = throughput.side_by_side(pair, _AIMS, hours=hours, rounds=1 if is_quick else _ROUNDS)
        paced = pair.pipeline(hours // 4, 2, {PACE_VARIABLE: throughput.PACE_SECONDS})
    return [
        *table,
        *throughput.hand_overs('embedded', throughput.PACED, paced, ('under 4', None, None)),
    ]


def environ_of(home: Path) -> Mapping[str, str]:
    """Return the environment of a new home, on the embedded pair."""
    return {
        **os.environ,
        'SYNERGY_HOME': str(home),
        'SYNERGY_CONTEXT_MODULE': 'bench.pipeline',
        'SYNERGY_LOG_LEVEL': 'WARNING',
    }
