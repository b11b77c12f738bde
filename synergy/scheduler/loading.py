"""Build the index from the store, as a leader does at the start of its term and after a failure."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from synergy.core.command_decisions import CommandDecisions
from synergy.core.effects import Effects
from synergy.core.engine import Engine
from synergy.core.failure_streaks import FailureStreaks
from synergy.core.freerun import Freeruns
from synergy.core.freerun_reconciliation import reconcile
from synergy.core.freerun_record import Freerun
from synergy.core.holds import Holds
from synergy.core.index_pages import IndexCopy, IndexStretch
from synergy.core.lane_starts import lane_starts
from synergy.core.overrides import Overrides
from synergy.core.pool_record import Pool, PoolName
from synergy.core.pool_sizes import PoolSizes
from synergy.core.pools import Pools, demands_of, pools_in_use
from synergy.core.records import ProcessName
from synergy.core.strays import stray_demands
from synergy.core.structs import Struct
from synergy.core.timetable import Timetable
from synergy.ports.errors import LeadershipLost
from synergy.ports.freezing import freezes_in
from synergy.ports.recent_starts import fill
from synergy.ports.store import SchedulerStore
from synergy.scheduler import context_change
from synergy.scheduler.index import Index
from synergy.scheduler.isolating import Isolating, is_of
from synergy.scheduler.leader import Leader
from synergy.scheduler.moot_letters import moot_letters
from synergy.scheduler.openings import Openings
from synergy.scheduler.pipeline import Pipeline
from synergy.scheduler.timers import Timers

logger = logging.getLogger(__name__)

#: Rows of the index between two looks at the lease.
ROWS_PER_LOOK: Final = 10_000


class Loaded(Struct, frozen=True, kw_only=True):
    """An index, and what is to be saved before anything is decided over it.

    has_copy: it was built from a copy and what has changed since.
    """

    index: Index
    effects: Effects
    has_copy: bool


class Loading:
    """Builds indexes, and tells of each what is out of the ordinary."""

    def __init__(
        self,
        pipeline: Pipeline,
        store: SchedulerStore,
        leader: Leader,
        isolating: Isolating,
        streaks: FailureStreaks,
    ) -> None:
        """Read nothing yet."""
        self._streaks = streaks
        self._pipeline = pipeline
        self._store = store
        self._leader = leader
        self._isolating = isolating
        self._told_refused: frozenset[ProcessName] = frozenset()

    def load(self, now: datetime, *, may_trust_copy: bool) -> Loaded:
        """Return the index as the store's rows have it."""
        pipeline = self._pipeline
        self._store.forget_illegal_rows()
        overrides = Overrides(pipeline.hierarchy, self._store.overrides())
        led, copy = self._store.led_context(), self._copy(now)
        lanes = lane_starts(led, overrides.hierarchy, now, copy.as_of if copy else None)
        overrides.place(led, lanes)
        timetable = Timetable(overrides.hierarchy)
        timetable.extend(now)
        is_usable = may_trust_copy and context_change.is_known(led, overrides.hierarchy)
        known = copy if is_usable else None
        outside = timetable.load(self._stretches, self._store.open_jobs(), known)
        found = context_change.found(self._store, led, timetable, outside, lanes, now)
        self._told_refused = context_change.tell(found.refused, self._told_refused)
        sizes = PoolSizes(pipeline.hierarchy.pools.sizes, self._store.pool_overrides())
        voided = sizes.void()
        sizes.in_use = pools = self._pools(timetable, sizes.sizes)
        holds = pipeline.holds()
        holds.freezes = freezes_in(self._store, holds.jitter_max)
        isolated = self._isolating.processes
        engine = Engine(timetable, isolated, found.refused, self._streaks, pools, holds)
        stored = self._store.freeruns()
        # Only now: what cannot be read is known once it has been read.
        illegal = frozenset(row.row for row in self._store.illegal_rows())
        freeruns, effects = self._freeruns(stored, illegal, pools, holds, now)
        effects.add(overrides.void())
        effects.add(voided)
        effects.add(found.effects)
        effects.add(moot_letters(self._store))
        if pools is not None:
            fill(self._store, pools, stored, timetable.hierarchy.pools.gone, now)
            live, at = self._store.live_units(), self._store.store_now()
            pools.strays.note(stray_demands(live, timetable, freeruns.get, at))
        index = self._wired(engine, freeruns, overrides, sizes, holds, illegal, now)
        index.pools = pools
        index.opened(now)  # Who is held from the beginning.
        logger.info(
            'the index holds %d intervals of %d processes, and %d free runs',
            sum(len(timetable.span(name)) for name in pipeline.hierarchy.nodes),
            len(pipeline.hierarchy.nodes),
            len(freeruns),
            extra={'event': 'index_loaded'},
        )
        return Loaded(index=index, effects=effects, has_copy=known is not None)

    def rewire(self, index: Index, now: datetime) -> None:
        """Use the hierarchy as it is after an override has changed; the states stay."""
        timetable, overrides = index.engine.timetable, index.overrides
        timetable.hierarchy = overrides.hierarchy
        left_out = index.engine.left_out
        isolated, holds = self._isolating.processes, index.holds
        engine = Engine(timetable, isolated, left_out, self._streaks, index.pools, holds)
        illegal, sizes = index.commands.illegal, index.commands.pool_sizes
        wired = self._wired(engine, index.freeruns, overrides, sizes, holds, illegal, now)
        index.engine, index.timers, index.commands = wired.engine, wired.timers, wired.commands

    def refreeze(self, index: Index) -> None:
        """Use the freezes as they are after a command has changed them."""
        index.holds.freezes = freezes_in(self._store, index.holds.jitter_max)
        index.openings.forget()

    def _copy(self, now: datetime) -> IndexCopy | None:
        copy = self._store.index_copy()
        if copy is not None and copy.as_of > now:
            return None  # Made before the clock was set back: what has changed since is unknown.
        return copy

    def _stretches(self, since: datetime | None) -> Iterator[IndexStretch]:
        """Yield rows of the index, and renew leadership meanwhile: of millions it would run out."""
        unseen = ROWS_PER_LOOK
        for stretch in self._store.index_stretches(since):
            unseen += len(stretch.codes)
            if unseen >= ROWS_PER_LOOK:
                unseen = 0
                if self._leader.hold():
                    raise LeadershipLost('the lease ran out while the index was read')
            yield stretch

    def _freeruns(
        self,
        stored: Sequence[Freerun],
        illegal: Collection[str],
        pools: Pools | None,
        holds: Holds,
        now: datetime,
    ) -> tuple[Freeruns, Effects]:
        pipeline, isolated = self._pipeline, self._isolating.freeruns
        # An entry whose row cannot be read is left alone: to make it again would be refused.
        declared = [entry for entry in pipeline.freeruns if entry.name not in illegal]
        entries, effects = reconcile(stored, declared, now)
        effects.saves = [save for save in effects.saves if not is_of(save, isolated)]
        processes = pipeline.known_freerun_processes()
        freeruns = Freeruns(
            entries, pipeline.policy_of, now, processes, isolated, self._streaks, pools, holds
        )
        resting = [entry for entry in entries if freeruns.rests(entry)]
        if resting:
            logger.warning(
                '%d free runs, such as %s, name a process that is not in the context; they rest',
                len(resting),
                resting[0].name,
                extra={'event': 'freeruns_resting'},
            )
        return freeruns, effects

    def _pools(self, timetable: Timetable, sizes: Mapping[PoolName, Pool]) -> Pools | None:
        hierarchy = timetable.hierarchy
        return pools_in_use(sizes, demands_of(hierarchy), timetable.running_count, hierarchy.nodes)

    def _wired(  # noqa: PLR0913 - all that an index is made of
        self,
        engine: Engine,
        freeruns: Freeruns,
        overrides: Overrides,
        sizes: PoolSizes,
        holds: Holds,
        illegal: frozenset[str],
        now: datetime,
    ) -> Index:
        processes = self._pipeline.freerun_processes
        commands = CommandDecisions(engine, freeruns, processes, overrides, illegal, sizes, holds)
        timers = Timers(overrides.hierarchy, now)
        return Index(engine, freeruns, timers, commands, overrides, holds, Openings(holds))
