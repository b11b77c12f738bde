"""What all requests of one dashboard share."""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import Environment

from synergy.conf.model import Context, Settings
from synergy.core.records import CommandId
from synergy.core.structs import Struct, field
from synergy.mx.live.broker_watch import BrokerWatch
from synergy.mx.live.feed import Feed
from synergy.mx.live.forecasts import Forecasts
from synergy.mx.live.idle import IdleWatch
from synergy.mx.live.navigation import NavigationCache
from synergy.mx.live.read_model import ReadModel
from synergy.mx.live.scrapes import Scrapes
from synergy.mx.live.standings import Standings
from synergy.mx.live.store_pool import StorePool
from synergy.mx.web.page_cache import PageCache
from synergy.mx.web.pasts import Pasts
from synergy.mx.web.security import Sessions
from synergy.mx.web.throttle import HASHES_AT_ONCE, OneByOne, Throttle, Turns
from synergy.mx.web.viewers import ViewerSlots
from synergy.ports.clock import Clock
from synergy.view.alert_links import AlertLinks


class Site(Struct, frozen=True, kw_only=True):
    """Everything but the request. ring: tells the Scheduler that a command waits; may not be heard.

    host_names: by which browsers may address this dashboard. hashing: of whoever hashes a password.
    one_by_one: requests of one key. slow_lane: of those who log in where much has failed.
    viewer_slots: for tabs that follow the feed.
    """

    settings: Settings
    context: Context
    clock: Clock
    model: ReadModel
    feed: Feed
    forecasts: Forecasts
    viewer_slots: ViewerSlots
    broker: BrokerWatch
    stores: StorePool
    sessions: Sessions
    links: AlertLinks
    templates: Environment
    ring: Callable[[CommandId], None]
    host_names: frozenset[str]
    throttle: Throttle = field(default_factory=Throttle)
    hashing: Turns = field(default_factory=lambda: Turns(HASHES_AT_ONCE))
    one_by_one: OneByOne = field(default_factory=OneByOne)
    slow_lane: Turns = field(default_factory=lambda: Turns(1, waiting_max=2))
    page_cache: PageCache = field(default_factory=PageCache)
    navigation: NavigationCache = field(default_factory=NavigationCache)
    idle: IdleWatch = field(default_factory=IdleWatch)
    standings: Standings = field(default_factory=Standings)
    scrapes: Scrapes = field(default_factory=Scrapes)
    pasts: Pasts = field(default_factory=Pasts)
