"""How each process stands in numbers, known until itself, its inputs or an instant change it.

A page that adds up thousands of processes asks again for those alone that may stand otherwise, and
of what changes hundreds of times a second only now and then.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeVar

from synergy.core.node import Node
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.mx.live.read_model import ReadModel

T = TypeVar('T')

#: While more changes than anybody can follow, numbers are at most this old: to look through all
#: that waits costs milliseconds, and each page would find something changed since the last one.
BUSY_KEPT: Final = timedelta(seconds=2)


class Standing(Struct, frozen=True, kw_only=True):
    """How many intervals of a process are late, blocked, or have failed.

    is_blocked_least: there are more blocked ones than were counted.
    """

    late: int
    blocked: int
    is_blocked_least: bool
    failed: int


class _Kept(NamedTuple):
    """What is known. near: the processes on which it depends. everything: what differs
    once more than jobs has changed. It is true in [since, until)."""

    near: tuple[ProcessName, ...]
    stamp: Hashable
    everything: Hashable
    since: datetime
    until: datetime
    standing: Standing


@dataclass(slots=True)
class Standings:
    """What is known by process; hold the lock of the read model while it is used."""

    _by_process: dict[ProcessName, _Kept] = field(default_factory=dict)

    def of(
        self,
        model: ReadModel,
        node: Node,
        now: datetime,
        make: Callable[[Node], tuple[Standing, datetime]],
    ) -> Standing:
        """Return how a process stands. make: find it out, and until when that is true."""
        name = node.process.name
        kept = self._by_process.get(name)
        if (
            kept is not None
            and kept.since <= now < kept.until
            and (kept.stamp == model.stamp(kept.near) or _is_busy_with(model, kept, now))
        ):
            return kept.standing
        names = (name, node.child, *(item.process for item in node.inputs))
        near = tuple(dict.fromkeys(item for item in names if item is not None))
        standing, until = make(node)
        everything = model.stamp(())
        self._by_process[name] = _Kept(near, model.stamp(near), everything, now, until, standing)
        return standing


def kept_while_busy(
    model: ReadModel, what: Hashable, stamp: Hashable, now: datetime, make: Callable[[], T]
) -> T:
    """Return something made just now or, while the model is busy, a moment ago; hold its lock.

    stamp: what differs once something else than jobs has changed.
    """
    if not model.is_busy:
        return make()
    moment = int(now.timestamp() / BUSY_KEPT.total_seconds())
    return model.drawn(what, (stamp, model.stamp(()), moment), make)


def _is_busy_with(model: ReadModel, kept: _Kept, now: datetime) -> bool:
    """Tell whether what is known is new enough, for nothing but jobs has changed."""
    return model.is_busy and now - kept.since < BUSY_KEPT and kept.everything == model.stamp(())
