"""Ratios that must not get worse: each of two things measured in the same run.

Times of shared machines say little from one day to the next; what stands beside a baseline of the
same minute does. `bench/ratios.json` holds what was recorded; a test compares, generously.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench import closure, startup, throughput
from bench.embedded import Embedded
from bench.limit import LOCAL_ROLES, SERVED_ROLES
from bench.names import EMBEDDED, PRODUCTION
from bench.production import production
from bench.result import Result
from synergy.core.structs import Struct

RECORDED: Final = Path(__file__).with_name('ratios.json')
#: How much worse than recorded a ratio may be before it counts as a regression.
ALLOWANCE: Final = 2.0
#: The same of a pace: beside other work it falls further than that of the limit, which needs fewer
#: processes at the same time.
PACE_ALLOWANCE: Final = 4.0
_HOURS: Final = 2_000
_PRODUCTION_HOURS: Final = 600
_HISTORY: Final = 'a turn with a year of history, beside one with a month'
_PLANNING: Final = 'planning the reprocessing of 10,000 jobs, beside 1,000'
_WORKERS: Final = 2


class Ratio(Struct, frozen=True, kw_only=True):
    """One ratio. is_more_better: it may not shrink; otherwise it may not grow."""

    name: str
    value: float
    is_more_better: bool
    allowance: float = ALLOWANCE

    def is_worse_than(self, recorded: float) -> bool:
        """Tell whether this is a regression."""
        bound = self.bound(recorded)
        return self.value < bound if self.is_more_better else self.value > bound

    def bound(self, recorded: float) -> float:
        """Return what the value may be at worst."""
        return recorded / self.allowance if self.is_more_better else recorded * self.allowance


def measure(among: Collection[str] | None = None) -> Sequence[Ratio]:
    """Measure the ratios of these names, or all of them, which takes about a minute."""
    found: list[Ratio] = []
    for names, measured in _MEASURES.items():
        wanted = set(names) if among is None else set(names) & set(among)
        if wanted:
            with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
                found += [ratio for ratio in measured(Path(folder)) if ratio.name in wanted]
    return found


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
            f'{ratio.bound(before[ratio.name]):.2g}',
        )
        for ratio in measure()
    ]


def _of_embedded(home: Path) -> Sequence[Ratio]:
    return _beside_limit(Embedded(home), _HOURS)


def _of_production(_home: Path) -> Sequence[Ratio]:
    with production() as servers:
        return _beside_limit(servers, _PRODUCTION_HOURS)


def _beside_limit(pair: throughput.Pair, hours: int) -> Sequence[Ratio]:
    limit = pair.limit(hours)
    whole = pair.pipeline(hours, _WORKERS)
    return [
        Ratio(
            name=_pace(pair.name),
            value=whole.per_second / limit.per_second,
            is_more_better=True,
            allowance=PACE_ALLOWANCE,
        ),
        *(
            Ratio(
                name=_cost(pair.name, role),
                value=whole.spent_us[role] / limit.spent_us(role),
                is_more_better=False,
            )
            for role in limit.spent
        ),
    ]


def _pace(pair: str) -> str:
    return f'{pair} pipeline with two workers, beside the limit'


def _cost(pair: str, role: str) -> str:
    return f'processor time per interval, {pair}, {role}, beside the limit'


def _of_history(home: Path) -> Sequence[Ratio]:
    month, year = (startup.turn_us(home / f'{days}.db', days) for days in (30, 365))
    return [Ratio(name=_HISTORY, value=year / month, is_more_better=False)]


def _of_planning(home: Path) -> Sequence[Ratio]:
    small, large = (closure.plan_seconds(home / f'{count}', count) for count in (1_000, 10_000))
    return [Ratio(name=_PLANNING, value=large / small, is_more_better=False)]


#: What is measured together, in a home of its own, by the names of the ratios.
_MEASURES: Final[Mapping[Sequence[str], Callable[[Path], Sequence[Ratio]]]] = {
    (_pace(EMBEDDED), *(_cost(EMBEDDED, role) for role in LOCAL_ROLES)): _of_embedded,
    (_pace(PRODUCTION), *(_cost(PRODUCTION, role) for role in SERVED_ROLES)): _of_production,
    (_HISTORY,): _of_history,
    (_PLANNING,): _of_planning,
}
