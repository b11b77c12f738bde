"""Forecasts for pages and the API: made aside, one at a time, each for all who ask for the same.

A forecast may take seconds of a processor. No page waits for that: it shows the one before, with
its age, or says that one is being made. None is made where nobody asks, and whatever they take,
they take a small share of one processor.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from threading import Condition, Thread
from typing import Final, Protocol

from synergy.core.structs import Struct
from synergy.operations.foreseen import KEPT_RATIO, KEPT_SECONDS, Answer, Asked, Foreseer
from synergy.operations.refusal import OperationRefused
from synergy.ports.errors import PortError
from synergy.ports.store import Store

logger = logging.getLogger(__name__)

#: Answers that are kept, and questions that wait; who asks more is told to come again.
_KEPT_MAX: Final = 12
_WAITING_MAX: Final = 8
#: After so long without a question, whatever makes forecasts is ended: it takes memory.
IDLE_SECONDS: Final = 120.0


class ForecastFailed(Exception):
    """No forecast could be made; its text says why."""


class Foresees(Protocol):
    """What makes forecasts, in one thread."""

    def answer(self, asked: Asked) -> Answer:
        """Return what is to be expected; raise ForecastFailed."""
        ...

    def close(self) -> None:
        """Give back what it takes; it may be asked again."""
        ...


class Here:
    """Makes forecasts in this process: for a dashboard that nobody else looks at."""

    def __init__(
        self,
        foreseer: Foreseer,
        lent: Callable[[], AbstractContextManager[Store]],
        now: Callable[[], datetime],
    ) -> None:
        """Make none yet. lent: lends a store."""
        self._foreseer, self._lent, self._now = foreseer, lent, now

    def answer(self, asked: Asked) -> Answer:
        """Return what is to be expected; raise ForecastFailed."""
        try:
            with self._lent() as store:
                return self._foreseer.answer(asked, store, self._now())
        except (OperationRefused, PortError) as error:
            raise ForecastFailed(str(error)) from error

    def close(self) -> None:
        """Keep what there is: it is small."""


class _Kept(Struct, frozen=True):
    """An answer, or why there is none. made_at, took: in seconds of a monotonic clock."""

    answer: Answer | None
    problem: str
    made_at: float
    took: float

    def is_fresh(self, now: float) -> bool:
        return now - self.made_at < max(KEPT_SECONDS, KEPT_RATIO * self.took)


def _in_a_thread(work: Callable[[], None]) -> None:
    Thread(target=work, name='forecasts', daemon=True).start()


class Forecasts:
    """The answers that were made lately, and one thread that makes new ones while any is asked."""

    def __init__(
        self,
        foresees: Foresees,
        monotonic: Callable[[], float],
        start: Callable[[Callable[[], None]], None] = _in_a_thread,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """Make none yet. start: lets work be done, aside."""
        self.foresees, self._monotonic = foresees, monotonic
        self._start, self._idle_seconds = start, idle_seconds
        self._changed = Condition()
        self._kept: dict[Asked, _Kept] = {}
        self._waiting: dict[Asked, None] = {}
        self._is_working = False
        self._is_stopped = False

    def of(self, asked: Asked, patience_seconds: float = 0.0) -> Answer | None:
        """Return the newest answer; None: there is none yet. Raise ForecastFailed.

        Where it is old, a new one is begun. patience_seconds: how long to wait for that.
        """
        with self._changed:
            starts = self._begin(asked)
        if starts:
            self._start(self._work)
        with self._changed:
            if patience_seconds > 0:
                self._changed.wait_for(lambda: asked not in self._waiting, patience_seconds)
            kept = self._kept.get(asked)
        if kept is None:
            return None
        if kept.answer is None:
            raise ForecastFailed(kept.problem)
        return kept.answer

    def stop(self) -> None:
        """Make no more; what is being made is dropped."""
        with self._changed:
            self._is_stopped = True
            self._waiting.clear()
            self._changed.notify_all()

    def _begin(self, asked: Asked) -> bool:
        """Let an answer be made if it has to be; tell whether work has to be started for it."""
        kept = self._kept.pop(asked, None)
        if kept is not None:
            self._kept[asked] = kept  # The one that was asked for last is kept longest.
            if kept.is_fresh(self._monotonic()):
                return False
        if asked in self._waiting or len(self._waiting) >= _WAITING_MAX or self._is_stopped:
            return False
        self._waiting[asked] = None
        self._changed.notify_all()
        was_working, self._is_working = self._is_working, True
        return not was_working

    def _work(self) -> None:
        try:
            while (asked := self._next()) is not None:
                made = self._made(asked)
                with self._changed:
                    self._waiting.pop(asked, None)
                    before = self._kept.pop(asked, None)
                    if made.answer is None and before is not None and before.answer is not None:
                        # It is shown with its age, until one can be made again.
                        made = _Kept(before.answer, '', made.made_at, made.took)
                    self._kept[asked] = made
                    while len(self._kept) > _KEPT_MAX:
                        del self._kept[next(iter(self._kept))]
                    self._changed.notify_all()
        finally:
            self.foresees.close()

    def _next(self) -> Asked | None:
        """Return what is to be answered next; None: nothing for long."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_stopped, self._idle_seconds)
            asked = next(iter(self._waiting), None)
            self._is_working = asked is not None
            return asked

    def _made(self, asked: Asked) -> _Kept:
        began = self._monotonic()
        answer, problem = None, ''
        try:
            answer = self.foresees.answer(asked)
        except ForecastFailed as error:
            problem = str(error)
            logger.warning('no forecast: %s', problem, extra={'event': 'no_forecast'})
        except Exception:  # One forecast: its failure must not end those to come.
            problem = 'something is broken there; the log of MX says what'
            logger.exception('a forecast failed', extra={'event': 'no_forecast'})
        now = self._monotonic()
        return _Kept(answer, problem, now, now - began)
