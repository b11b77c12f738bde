"""What process Watch has to do: it is only there where there is any of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from synergy.conf.model import Settings


class Follower(StrEnum):
    """What Watch runs. Of one that reads the journal it is the name of its cursor, too."""

    ALERTS = 'alerts'
    HEARTBEAT = 'heartbeat'
    TRACES = 'traces'
    LINEAGE = 'lineage'


#: When each is wanted: by the settings, and by whether the context has alerts.
WANTED: Final[Mapping[Follower, Callable[[Settings, bool], bool]]] = {
    Follower.ALERTS: lambda _, has_alerts: has_alerts,
    Follower.HEARTBEAT: lambda settings, _: settings.heartbeat is not None,
    Follower.TRACES: lambda settings, _: settings.otlp_endpoint is not None,
    Follower.LINEAGE: lambda settings, _: settings.openlineage_url is not None,
}


def followers_of(settings: Settings, *, has_alerts: bool) -> list[Follower]:
    """Return what Watch is to do."""
    return [follower for follower, is_wanted in WANTED.items() if is_wanted(settings, has_alerts)]
