"""A forecast that several questions are asked of: of everything, of a tree, a process or a job.

It is drawn once for all of them, and again once it is old: by itself, and for what it took to draw.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

from synergy.core.hierarchy import Hierarchy
from synergy.core.nearest import nearest
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, parse
from synergy.forecast.outlook import Outlook
from synergy.operations.forecasts import known_process, length_until
from synergy.operations.refusal import OperationRefused, RefusalKind
from synergy.ports.store import Reader
from synergy.view.forecast import (
    ForecastDocument,
    JobForecastDocument,
    encode_forecast,
    encode_job,
    forecast_of,
    situation_of,
)
from synergy.view.index import load_index

#: How old a forecast may be, in seconds; and how many times as old as it took to draw.
KEPT_SECONDS: Final = 30.0
KEPT_RATIO: Final = 10.0
#: How many are kept, one by length: each may take as much memory as the index.
_KEPT_MAX: Final = 2
#: Items of an answer: of more, pages and programs are told how many there are.
ANSWERED_MAX: Final = 5_000

Answer: TypeAlias = ForecastDocument | JobForecastDocument


class Asked(Struct, frozen=True, kw_only=True):
    """What is asked for. by: until when, as typed; None: for a day. Of all, a tree or a process.

    timeperiod: of that job of `process` alone, as it is named.
    """

    by: str | None = None
    tree: str | None = None
    process: str | None = None
    timeperiod: str | None = None


def check(asked: Asked, hierarchy: Hierarchy, now: datetime) -> None:
    """Raise OperationRefused for what makes no sense."""
    length_until(asked.by, now)
    if asked.process is not None:
        known_process(asked.process, hierarchy)
    if asked.tree is not None:
        trees = {node.tree.name for node in hierarchy}
        if asked.tree not in trees:
            raise OperationRefused(
                RefusalKind.UNKNOWN,
                f'{asked.tree!r:.80} is not a tree{nearest(asked.tree, trees)}',
                './launch.py list names them',
            )


class _Kept(NamedTuple):
    """A forecast. until: of a monotonic clock, in seconds; it is drawn again from then on."""

    outlook: Outlook
    until: float


class Foreseer:
    """Answers what is asked of the hours ahead; for one thread at a time."""

    def __init__(
        self, hierarchy: Hierarchy, vanished_after: timedelta, monotonic: Callable[[], float]
    ) -> None:
        """Know the processes; draw nothing yet."""
        self._hierarchy = hierarchy
        self._vanished_after = vanished_after
        self._monotonic = monotonic
        self._kept: dict[str | None, _Kept] = {}

    def answer(self, asked: Asked, store: Reader, now: datetime) -> Answer:
        """Return what is to be expected; raise OperationRefused."""
        check(asked, self._hierarchy, now)
        outlook = self._outlook(asked.by, store, now)
        if asked.process is not None and asked.timeperiod is not None:
            qualifier = self._hierarchy.nodes[ProcessName(asked.process)].process.qualifier
            key = JobKey(ProcessName(asked.process), parse(qualifier, asked.timeperiod))
            return encode_job(outlook, key)
        return encode_forecast(outlook, self._names(asked), ANSWERED_MAX)

    def _outlook(self, by: str | None, store: Reader, now: datetime) -> Outlook:
        began = self._monotonic()
        kept = self._kept.pop(by, None)
        if kept is None or began >= kept.until:
            kept = None  # It is freed before the next one is drawn.
            length = length_until(by, now)
            # An index of its own: the engine goes on with it on a virtual clock.
            index = load_index(self._hierarchy, store, now)
            situation = situation_of(index, store, now, self._vanished_after)
            outlook = forecast_of(situation, length)
            assert outlook.draws, 'what takes long is done now'
            ended = self._monotonic()
            kept = _Kept(outlook, began + max(KEPT_SECONDS, KEPT_RATIO * (ended - began)))
        self._kept[by] = kept
        while len(self._kept) > _KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        return kept.outlook

    def _names(self, asked: Asked) -> Collection[ProcessName] | None:
        if asked.process is not None:
            return {ProcessName(asked.process)}
        if asked.tree is not None:
            return {node.process.name for node in self._hierarchy if node.tree.name == asked.tree}
        return None
