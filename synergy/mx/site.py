"""What all requests of one dashboard share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from jinja2 import Environment

from synergy.conf.model import Context, Settings
from synergy.core.records import CommandId
from synergy.mx.around import Surroundings
from synergy.mx.broker_watch import BrokerWatch
from synergy.mx.feed import Feed
from synergy.mx.idle import IdleWatch
from synergy.mx.model import ReadModel
from synergy.mx.security import Brake, Sessions
from synergy.mx.shared import SharedPages
from synergy.mx.stores import StorePool
from synergy.ports.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything but the request. ring: tells the Scheduler that a command waits; may not be heard.

    host_names: by which browsers may address this dashboard.
    """

    settings: Settings
    context: Context
    clock: Clock
    model: ReadModel
    feed: Feed
    broker: BrokerWatch
    stores: StorePool
    sessions: Sessions
    templates: Environment
    ring: Callable[[CommandId], None]
    host_names: frozenset[str]
    brake: Brake = field(default_factory=Brake)
    shared: SharedPages = field(default_factory=SharedPages)
    surroundings: Surroundings = field(default_factory=Surroundings)
    idle: IdleWatch = field(default_factory=IdleWatch)
