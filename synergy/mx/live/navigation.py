"""What every page shows beside its own matter: who leads, and how much of what there is.

It is looked up once in a while for all pages, so that no page pays for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from typing import Final

from synergy.core.commands import JOB_KINDS, OPEN_COMMAND_STATES
from synergy.core.freezes import Freeze
from synergy.core.records import is_led
from synergy.core.structs import Struct
from synergy.mx.live.read_model import LOOK_PATIENCE_SECONDS, ReadModel
from synergy.operations.freezes import holding
from synergy.ports.store import Reader, Store
from synergy.view.alerts import unseen_count
from synergy.view.boxes import Presence, box_views
from synergy.view.estimates import workers_by_process
from synergy.view.workload import workload_of

KEPT_SECONDS: Final = 3.0
#: More are shown as `99+`.
COUNT_MAX: Final = 100


class Navigation(Struct, frozen=True, kw_only=True):
    """Counts by what they are of. leader: its box and pid; None when nobody leads.

    running, queued: units. workers: how many of them take work, of each process that boxes tell of.
    vanished: of the boxes. freezes: that hold now. alerts: messages about what is open that nobody
    has acknowledged.
    """

    leader: str | None
    term: int
    running: int
    queued: int
    workers: Mapping[str, int]
    requests: int
    boxes: int
    vanished: int
    dead: int
    freezes: Sequence[Freeze] = ()
    alerts: int = 0


@dataclass(slots=True)
class NavigationCache:
    """The newest look around, shared by all threads."""

    _lock: Lock = field(default_factory=Lock)
    _kept: tuple[float, Navigation] | None = None

    def of(
        self, store: Store, model: ReadModel, now_seconds: float, vanished_after: timedelta
    ) -> Navigation:
        """Return what there is, as of a moment ago."""
        with self._lock:
            if self._kept is None or now_seconds - self._kept[0] >= KEPT_SECONDS:
                self._kept = now_seconds, _look(store, model, vanished_after)
            return self._kept[1]


def _look(store: Reader, model: ReadModel, vanished_after: timedelta) -> Navigation:
    model.look(store, LOOK_PATIENCE_SECONDS)
    leadership = store.leadership()
    has_leader = is_led(leadership, store.store_now())
    boxes = box_views(store, vanished_after)
    with model.lock:
        work = workload_of(model.timetable, model.looking(store.store_now()).runs).whole
    return Navigation(
        leader=leadership.owner if leadership is not None and has_leader else None,
        term=0 if leadership is None else leadership.term,
        running=work.running,
        queued=work.queued,
        workers=workers_by_process(boxes),
        requests=len(store.commands(OPEN_COMMAND_STATES, COUNT_MAX, JOB_KINDS)),
        boxes=len(boxes),
        vanished=sum(view.presence is Presence.VANISHED for view in boxes),
        dead=len(store.dead_units(COUNT_MAX)),
        freezes=holding(store, store.store_now()),
        alerts=unseen_count(store),
    )
