"""What the loop is given of the settings."""

from __future__ import annotations

from datetime import timedelta

from synergy.core.structs import Struct


class LoopSettings(Struct, frozen=True, kw_only=True):
    """The part of the settings that the loop needs."""

    owner: str
    leader_lease: timedelta
    sweep_period: timedelta
    inbox_batch_max: int
    uow_age_max: timedelta = timedelta(hours=48)
    log_retention: timedelta = timedelta(days=90)
    journal_retention: timedelta = timedelta(days=30)
    snapshot_retention: timedelta = timedelta(days=400)
    uow_lease: timedelta = timedelta(minutes=1)
    equal_failures_max: int = 0
    metrics_processes_max: int = 300
