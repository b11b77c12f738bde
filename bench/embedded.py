"""Throughput on SQLite and the embedded broker, beside the bare sequence on the same machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import throughput
from bench.names import HOURS_VARIABLE, PACE_VARIABLE
from bench.result import Result


def run(*, is_quick: bool) -> Sequence[Result]:
    """Measure the bare sequence, and the pipeline with 1, 2 and 4 workers, each in a new home."""
    hours = 2_000 if is_quick else 10_000
    # This process reads the same context, of the same length, as those that it starts.
    os.environ[HOURS_VARIABLE] = str(hours)
    with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
        homes = Path(folder)
        bare = throughput.bare_sequence(environ_of(homes / 'bare'), hours)
        runs = {
            count: throughput.pipeline(
                environ_of(homes / str(count)), homes / str(count), hours, count
            )
            for count in (1, 2, 4)
        }
        paced = throughput.pipeline(
            {**environ_of(homes / 'paced'), PACE_VARIABLE: throughput.PACE_SECONDS},
            homes / 'paced',
            hours // 4,
            2,
        )
    return [
        *throughput.results('embedded', bare, runs, '30 % with two workers'),
        *throughput.hand_overs('embedded', throughput.PACED, paced, ('under 10', None, None)),
    ]


def environ_of(home: Path) -> Mapping[str, str]:
    """Return the environment of a new home, on the embedded pair."""
    return {
        **os.environ,
        'SYNERGY_HOME': str(home),
        'SYNERGY_CONTEXT_MODULE': 'bench.pipeline',
        'SYNERGY_LOG_LEVEL': 'WARNING',
    }
