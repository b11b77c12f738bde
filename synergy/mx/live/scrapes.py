"""What `/metrics` says, looked up again only where something may stand otherwise, and kept a while.

Of thousands of processes most are as they were at the scrape before: how one stands is known until
its rows change or an instant comes. The whole answer is kept for a few seconds, by format, so that
several who scrape, or one who does so all the time, cost one look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final, NamedTuple

import synergy
from synergy.conf.followed import Follower
from synergy.conf.model import Context
from synergy.conf.names import PROCESS_SUPERVISOR
from synergy.core.freerun_record import base_of
from synergy.core.leader_counts import OTHER, labels_of
from synergy.core.node import Node
from synergy.core.records import ProcessName, is_led
from synergy.core.structs import Struct
from synergy.mx.live.read_model import LOOK_PATIENCE_SECONDS, ReadModel
from synergy.ports.store import JournalReader, Reader
from synergy.view.boxes import box_views, schedulers
from synergy.view.conditions import HELD
from synergy.view.metric_kinds import ProcessNumbers, Seen
from synergy.view.metric_values import (
    Standing,
    boxes_with_labels,
    combined,
    loads_of,
    pools_of,
    running_of,
    standing_of,
)
from synergy.view.no_worker import able_processes
from synergy.view.pools import look_at_pools
from synergy.view.troubles import standing_of as said_by_leader
from synergy.view.untaken import untaken
from synergy.view.workload import Workload, workload_of

#: How old an answer may be; who scrapes every 5 s gets another one each time.
KEPT_SECONDS: Final = 4.0
#: How old the number of dead letters may be: all of them are read for it.
LETTERS_KEPT_SECONDS: Final = 10.0
#: Answers in a second to one address; what is beyond is told to come again.
ANSWERS_MAX: Final = 10


class _Known(NamedTuple):
    """How a process stands, from `since` until it changes or `standing.until` comes."""

    stamp: Hashable
    since: datetime
    standing: Standing


class Labels(Struct, frozen=True, kw_only=True):
    """Which names are labels: of processes and, beside them, of what boxes run."""

    processes: Mapping[str, str]
    running: Mapping[str, str]


@dataclass(slots=True)
class Scrapes:
    """What is known, shared by all threads; one looks at a time, and holds up no refusal."""

    _lock: Lock = field(default_factory=Lock)
    _counting: Lock = field(default_factory=Lock)
    _known: dict[ProcessName, _Known] = field(default_factory=dict)
    _answers: dict[str, tuple[float, bytes]] = field(default_factory=dict)
    _dead: tuple[float, Counter[str]] = field(default_factory=lambda: (float('-inf'), Counter()))
    _asked: tuple[int, Counter[str]] = field(default_factory=lambda: (-1, Counter()))

    def is_too_many(self, address: str, now_seconds: float) -> bool:
        """Count a request; tell whether its address has had its share of this second."""
        with self._counting:
            if self._asked[0] != int(now_seconds):
                self._asked = (int(now_seconds), Counter())
            self._asked[1][address] += 1
            return self._asked[1][address] > ANSWERS_MAX

    def answer(self, kind: str, now_seconds: float, make: Callable[[], bytes]) -> bytes:
        """Return an answer of a moment ago, or make it; others who want one wait for it.

        kind: its format.
        """
        with self._lock:
            kept = self._answers.get(kind)
            if kept is None or now_seconds - kept[0] >= KEPT_SECONDS:
                kept = self._answers[kind] = (now_seconds, make())
            return kept[1]

    def seen(  # noqa: PLR0913 - all that is looked at
        self,
        store: Reader,
        model: ReadModel,
        labels: Labels,
        vanished_after: timedelta,
        now: datetime,
        now_seconds: float,
        *,
        is_broker_up: bool,
    ) -> Seen:
        """Look everything up. Called from `answer` alone, so by one thread at a time."""
        model.look(store, LOOK_PATIENCE_SECONDS)
        leadership, store_now = store.leadership(), store.store_now()
        has_leader = is_led(leadership, store_now)
        views = box_views(store, vanished_after)
        said = said_by_leader(store, leadership, store_now)
        counts = store.counts()
        if now_seconds - self._dead[0] >= LETTERS_KEPT_SECONDS:
            letters: Counter[str] = Counter()
            letters.update(base_of(letter.process) for letter in store.dead_letters())
            self._dead = now_seconds, letters
        with model.lock:
            timetable = model.timetable
            work = workload_of(timetable, model.looking(now).runs)
            queued = untaken(timetable, work, able_processes(views), now)
            waiting = {item.process: item.count for item in queued}
            numbers = [
                self._numbers(model, node, work, waiting, now) for node in timetable.hierarchy
            ]
            pools = pools_of(look_at_pools(timetable, store, now))
        numbers += self._of_freeruns(model, work)
        return Seen(
            version=synergy.__version__,
            processes=combined(numbers, labels.processes),
            boxes=boxes_with_labels(views),
            presences=Counter(view.presence for view in views),
            loads=loads_of(views, labels.running),
            running=running_of(views, labels.running),
            pools=pools,
            counts=counts,
            is_led=has_leader,
            term=0 if leadership is None else leadership.term,
            standbys=sum(
                not item.is_leading for item in schedulers(views, leadership, is_led=has_leader)
            ),
            is_stuck=said.stuck_since is not None,
            isolated=len(said.isolated),
            is_broker_up=is_broker_up,
            is_watched=(lease := store.watching()) is not None and lease.until > store_now,
            lags=lags_of(store),
            deliveries=sum(store.count_waiting_deliveries().values()),
        )

    def _numbers(
        self,
        model: ReadModel,
        node: Node,
        work: Workload,
        waiting: Mapping[ProcessName, int],
        now: datetime,
    ) -> ProcessNumbers:
        process, name = node.process, node.process.name
        standing, tallies = self._standing(model, node, now), work.of(name)
        could = standing.could_start_at
        return ProcessNumbers(
            label=name,
            group=process.group or '',
            is_on=process.is_on,
            intervals=standing.intervals,
            behind_seconds=0.0 if could is None else max((now - could).total_seconds(), 0.0),
            oldest_at=standing.oldest_at,
            late=standing.late,
            failed=len(model.failed.get(name, ())),
            held=tallies[HELD],
            running=tallies.running,
            queued=tallies.queued,
            retrying=tallies.retrying,
            dead=self._dead[1][name],
            untaken=waiting.get(name, 0),
        )

    def _standing(self, model: ReadModel, node: Node, now: datetime) -> Standing:
        name = node.process.name
        stamp = model.stamp((name,)), len(model.timetable.span(name))
        known = self._known.get(name)
        if known is None or known.stamp != stamp or not known.since <= now < known.standing.until:
            known = _Known(stamp, now, standing_of(model.timetable, node, now))
            self._known[name] = known
        return known.standing

    def _of_freeruns(self, model: ReadModel, work: Workload) -> list[ProcessNumbers]:
        """Return the units of free runs under way, and their letters, by their process."""
        nodes = model.hierarchy.nodes
        names = {*map(base_of, work.by_process), *map(ProcessName, self._dead[1])} - nodes.keys()
        found = []
        for name in sorted(names):
            own = [item for full, item in work.by_process.items() if base_of(full) == name]
            found.append(
                ProcessNumbers(
                    label=name,
                    intervals={},
                    running=sum(item.running for item in own),
                    queued=sum(item.queued for item in own),
                    retrying=sum(item.retrying for item in own),
                    dead=self._dead[1][name],
                )
            )
        return found


def lags_of(store: JournalReader) -> Mapping[str, int]:
    """Return how many lines each follower has yet to read, of those that there can be."""
    last = store.journal_span().stop - 1
    cursors = store.journal_cursors()
    return {
        name.value: max(last - cursors[name.value], 0) for name in Follower if name.value in cursors
    }


def labels_for(context: Context, most: int) -> Labels:
    """Return the labels of a context, as the Scheduler counts by them."""
    names = [*context.hierarchy.nodes, *(entry.name for entry in context.freeruns.values())]
    processes = labels_of(list(dict.fromkeys(names)), most)
    others = (PROCESS_SUPERVISOR, *context.daemons, *context.groups)
    return Labels(
        processes=processes,
        running={**processes, **{name: name for name in others if name != OTHER}},
    )
