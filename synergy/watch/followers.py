"""The table of followers: how each is made that `synergy.conf.followed` says is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from synergy.conf import followed
from synergy.conf.followed import followers_of
from synergy.watch.follower import Follower, Standing
from synergy.watch.heartbeat import HeartbeatFollower
from synergy.watch.runtime import WatchRuntime


def _heartbeat(runtime: WatchRuntime, standing: Standing) -> Follower:
    url = runtime.settings.heartbeat
    assert url is not None, 'it is wanted'
    return HeartbeatFollower(url, runtime.pinger(), standing)


_MAKERS: Final[Mapping[followed.Follower, Callable[[WatchRuntime, Standing], Follower]]] = {
    followed.Follower.HEARTBEAT: _heartbeat,
}


def made(runtime: WatchRuntime, standing: Standing) -> Mapping[str, Follower]:
    """Return the followers that are wanted, by their names."""
    wanted = followers_of(runtime.settings, has_alerts=bool(runtime.context.alerts))
    return {name.value: _MAKERS[name](runtime, standing) for name in wanted}
