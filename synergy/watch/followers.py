"""The table of followers: how each is made that `synergy.conf.followed` says is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from secrets import token_urlsafe
from typing import Final

from synergy.conf import followed
from synergy.conf.dashboard import linked_site
from synergy.conf.followed import followers_of
from synergy.conf.model import Settings
from synergy.core.alert_asking import receivers_of
from synergy.core.alert_rules import AlertKind
from synergy.ports.store import Store
from synergy.view.alert_links import AlertLinks
from synergy.view.alert_outgoing import Site
from synergy.view.lineage import Lineage
from synergy.watch.alert_follower import AlertFollower
from synergy.watch.aside import BrokerLook, Foresight
from synergy.watch.couriers import Couriers
from synergy.watch.follower import Follower, Standing
from synergy.watch.heartbeat import HeartbeatFollower
from synergy.watch.outbox import Outbox
from synergy.watch.runtime import WatchRuntime
from synergy.watch.sources import Sources, asked_aside
from synergy.watch.telling import LineageTeller, SpanTeller, TellingFollower


def _heartbeat(runtime: WatchRuntime, standing: Standing) -> Follower:
    url = runtime.settings.heartbeat
    assert url is not None, 'it is wanted'
    return HeartbeatFollower(url, runtime.pinger(), standing)


def _traces(runtime: WatchRuntime, standing: Standing) -> Follower:
    del standing
    return TellingFollower(followed.Follower.TRACES, SpanTeller(), runtime.span_sink(), 2_000)


def _lineage(runtime: WatchRuntime, standing: Standing) -> Follower:
    del standing
    lineage = Lineage(context=runtime.context, namespace=runtime.settings.openlineage_namespace)
    teller = LineageTeller(lineage)
    # One request for each event: less at once.
    return TellingFollower(followed.Follower.LINEAGE, teller, runtime.lineage_sink(), 200)


def _site(settings: Settings, store: Store) -> Site:
    address = linked_site(settings)
    if address is None:
        return Site()
    links = AlertLinks(store.kept_secret(token_urlsafe(48)))
    return Site(address=address, link=partial(links.address, address))


def _alerts(runtime: WatchRuntime, _: Standing) -> Follower:
    settings, context, clock = runtime.settings, runtime.context, runtime.clock
    kinds = frozenset[AlertKind]().union(*(rule.on for rule in context.alerts))
    vanished_after = settings.box_vanished
    asides = asked_aside(
        kinds,
        lambda: BrokerLook(partial(runtime.open_broker, create=False), clock),
        lambda: Foresight(runtime.open_store, context.hierarchy, vanished_after, clock),
    )
    receivers = (receiver for rule in context.alerts for receiver in receivers_of(rule))
    return AlertFollower(
        rules=context.alerts,
        sources=Sources(context, vanished_after, clock, asides),
        outbox=Outbox(Couriers(runtime.senders(), receivers, clock)),
        site=lambda store: _site(settings, store),
        clock=clock,
        retention=lambda now: now - settings.journal_retention,
    )


_MAKERS: Final[Mapping[followed.Follower, Callable[[WatchRuntime, Standing], Follower]]] = {
    followed.Follower.ALERTS: _alerts,
    followed.Follower.HEARTBEAT: _heartbeat,
    followed.Follower.TRACES: _traces,
    followed.Follower.LINEAGE: _lineage,
}


def made(runtime: WatchRuntime, standing: Standing) -> Mapping[str, Follower]:
    """Return the followers that are wanted, by their names."""
    wanted = followers_of(runtime.settings, has_alerts=bool(runtime.context.alerts))
    return {name.value: _MAKERS[name](runtime, standing) for name in wanted}
