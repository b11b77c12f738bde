"""Ratios that must not get worse: each of two things measured in the same run.

Times of shared machines say little from one day to the next; what stands beside a baseline of the
same minute does. `bench/ratios.json` holds what was recorded; a test compares, generously.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench import closure, embedded, startup, throughput
from bench.names import HOURS_VARIABLE
from bench.result import Result
from synergy.core.structs import Struct

RECORDED: Final = Path(__file__).with_name('ratios.json')
#: How much worse than recorded a ratio may be before it counts as a regression.
ALLOWANCE: Final = 2.0
_HOURS: Final = 2_000
_WORKERS: Final = 2


class Ratio(Struct, frozen=True, kw_only=True):
    """One ratio. is_more_better: it may not shrink; otherwise it may not grow."""

    name: str
    value: float
    is_more_better: bool

    def is_worse_than(self, recorded: float) -> bool:
        """Tell whether this is a regression."""
        if self.is_more_better:
            return self.value < recorded / ALLOWANCE
        return self.value > recorded * ALLOWANCE


def measure(among: Collection[str] | None = None) -> Sequence[Ratio]:
    """Measure the ratios of these names, or all of them, which takes about half a minute."""
    with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
        home = Path(folder)
        return [
            Ratio(name=name, value=value_in(home), is_more_better=is_more_better)
            for name, (value_in, is_more_better) in _MEASURES.items()
            if among is None or name in among
        ]


def recorded() -> Mapping[str, float]:
    """Return what was recorded."""
    found: Mapping[str, float] = json.loads(RECORDED.read_text())
    return found


def run(*, is_quick: bool) -> Sequence[Result]:  # noqa: ARG001 - they are quick already
    """Show the ratios beside what was recorded."""
    before = recorded()
    return [
        Result(
            benchmark='ratios',
            what=ratio.name,
            value=ratio.value,
            unit='',
            aim=f'{"at least" if ratio.is_more_better else "at most"} '
            f'{_bound(ratio, before[ratio.name]):.2g}',
        )
        for ratio in measure()
    ]


def _bound(ratio: Ratio, before: float) -> float:
    return before / ALLOWANCE if ratio.is_more_better else before * ALLOWANCE


def _of_bare_sequence(home: Path) -> float:
    # This process reads the same context, of the same length, as those that it starts.
    os.environ[HOURS_VARIABLE] = str(_HOURS)
    bare = throughput.bare_sequence(embedded.environ_of(home / 'bare'), _HOURS)
    whole = throughput.pipeline(
        embedded.environ_of(home / 'whole'), home / 'whole', _HOURS, _WORKERS
    )
    return whole.per_second / bare


def _of_history(home: Path) -> float:
    month, year = (startup.turn_us(home / f'{days}.db', days) for days in (30, 365))
    return year / month


def _of_planning(home: Path) -> float:
    small, large = (closure.plan_seconds(home / f'{count}', count) for count in (1_000, 10_000))
    return large / small


#: How each is measured, in a home of its own, and whether more is better.
_MEASURES: Final[Mapping[str, tuple[Callable[[Path], float], bool]]] = {
    'embedded pipeline with two workers, beside the bare sequence': (_of_bare_sequence, True),
    'a turn with a year of history, beside one with a month': (_of_history, False),
    'planning the reprocessing of 10,000 jobs, beside 1,000': (_of_planning, False),
}
