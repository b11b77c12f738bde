"""What the loop is given, and what a leader keeps in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from synergy.core.engine import Engine
from synergy.core.freerun import Freeruns
from synergy.core.overrides import Overrides
from synergy.scheduler.requests import Requests
from synergy.scheduler.timers import Timers


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """The part of the settings that the loop needs."""

    owner: str
    leader_lease: timedelta
    sweep_period: timedelta
    inbox_batch_max: int
    uow_age_max: timedelta = timedelta(hours=48)
    log_retention: timedelta = timedelta(days=90)
    uow_lease: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Index:
    """What a leader keeps in memory: dropped as a whole, rebuilt from the store."""

    engine: Engine
    freeruns: Freeruns
    timers: Timers
    requests: Requests
    overrides: Overrides
