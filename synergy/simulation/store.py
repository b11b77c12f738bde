"""The store as one process sees it: the real adapter on memory, behind an unreliable line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from random import Random
from types import MappingProxyType
from typing import Any, Final, cast

from synergy.core.effects import AddPage, InsertUnit, Save, SaveFreerun, SaveJob, in_stages
from synergy.core.records import Leadership, UowId
from synergy.ports.errors import CommitRefused, RefusedSave, StoreUnavailable
from synergy.ports.rows import IllegalRow
from synergy.ports.store import Store
from synergy.simulation.faults import Faults
from synergy.simulation.monitor import Monitor
from synergy.simulation.stage import Actor, Died, Stage

#: Share of calls at which others may come in between.
_INTERLEAVE: Final = 0.3
_LATENCY_SECONDS: Final = 0.02
#: Share of torn commits that end before their page of the journal, whatever else goes wrong.
_PAGE_LOST: Final = 0.05
#: What a leader reads and keeps of the journal, and what it counts, is not drawn for: other calls
#: fail often enough.
_QUIET: Final = frozenset(
    {
        'journal_span',
        'journal_pages',
        'journal_pages_before',
        'journal_number_since',
        'journal_number_until',
        'recent_jobs',
        'recent_freeruns',
        'index_snapshots',
        'led_text',
        'save_index_snapshot',
        'prune_journal',
        'prune_snapshots',
        'counts',
        'report_counts',
    }
)


class Line:
    """Where an actor's calls may get lost, be answered by an error, or be its last."""

    def __init__(self, stage: Stage, faults: Faults, actor: Actor) -> None:
        """Be the line of `actor`."""
        self._stage = stage
        self._random = stage.random.random
        self._faults = faults
        self._actor = actor
        #: Of its own, so that histories are the same whether or not there is a journal.
        self._page_random = Random(f'{actor.name} {actor.pid}')
        #: Nobody comes in between: the actor has the write lock.
        self.is_alone = False
        #: What was seen meanwhile, and counts only if it is committed.
        self.seen: list[Callable[[], None]] = []

    def before(self, error: type[Exception]) -> None:
        """Let time pass; maybe die, maybe lose the call."""
        if self._actor.is_killed:
            raise Died  # What runs in the end of a dying process reaches nobody.
        self._interleave()
        self._maybe_die()
        if self._draws(self._faults.store_lost):
            raise error('simulated: the call was lost')

    def after(self, error: type[Exception]) -> None:
        """Maybe die, maybe lose the answer."""
        self._maybe_die()
        if self._draws(self._faults.store_unheard):
            raise error('simulated: the answer was lost')
        self._interleave()

    def see(self, note: Callable[[], None]) -> None:
        """Take note of what took effect; within a block, once that is committed."""
        if self.is_alone:
            self.seen.append(note)
        else:
            note()

    def tears(self) -> bool:
        """Tell whether this commit is not one transaction."""
        return not self.is_alone and self._draws(self._faults.commit_torn)

    def before_page(self, error: type[Exception]) -> None:
        """Maybe lose a page of the journal, and the rest of its commit."""
        if self._faults.commit_torn > 0 and self._page_random.random() < _PAGE_LOST:
            raise error('simulated: the commit broke off before its page')

    def sorts(self) -> bool:
        """Tell whether a torn commit is applied in stages."""
        return self._draws(0.5)

    def is_poisonous(self, save: Save) -> bool:
        """Tell whether a save is one that the store refuses for ever."""
        match save:
            case InsertUnit(unit):
                return unit.process == self._faults.poison
            case SaveJob(job, _):
                return job.process == self._faults.poison
            case SaveFreerun(freerun, _):
                return freerun.name == self._faults.poison
            case _:
                return False

    def _interleave(self) -> None:
        if self.is_alone:
            return
        if self._draws(self._faults.freeze / 4):
            self._actor.pause(self._stage.random.uniform(5, 40))
        elif self._random() < _INTERLEAVE:
            self._actor.pause(self._random() * _LATENCY_SECONDS)

    def _maybe_die(self) -> None:
        if self._draws(self._faults.death):
            self._actor.is_killed = True
            raise Died

    def _draws(self, probability: float) -> bool:
        return probability > 0 and self._random() < probability


class UnreliableStore:
    """All methods of the store, over a line; the monitor sees what took effect."""

    def __init__(self, store: Store, line: Line, monitor: Monitor) -> None:
        """Pass calls on to `store`."""
        self._store = store
        self._line = line
        self._monitor = monitor
        #: A commit that is torn may end before its page of the journal.
        self.commits_are_whole = False

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a method of the store that may fail."""
        method = getattr(self._store, name)
        if name in _QUIET:
            return cast('Callable[..., Any]', method)

        def call(*arguments: Any, **named: Any) -> Any:
            self._line.before(StoreUnavailable)
            result = method(*arguments, **named)
            if name in ('index_stretches', 'all_units'):
                result = list(result)
            self._line.see(partial(self._monitor.saw_call, name, arguments, result))
            self._line.after(StoreUnavailable)
            return result

        # Asked for once: calls that follow find it without coming here.
        setattr(self, name, call)
        return call

    def commit(
        self,
        leadership: Leadership,
        saves: Sequence[Save],
        announced: Mapping[UowId, datetime] = MappingProxyType({}),
    ) -> None:
        """Commit as one transaction, or, as a store without them would, save by save."""
        if saves and all(isinstance(save, AddPage) for save in saves):
            self._store.commit(leadership, saves)  # A repair: see `_QUIET`.
            return
        self._line.before(StoreUnavailable)
        if self._line.tears():
            # Half of them as a store that has them by kind of row.
            for save in in_stages(saves) if self._line.sorts() else saves:
                if isinstance(save, AddPage):
                    self._line.before_page(StoreUnavailable)
                    self._store.commit(leadership, [save])
                    continue
                self._refuse([save])
                self._store.commit(leadership, [save])
                self._line.see(partial(self._monitor.saw_saves, [save]))
                self._line.after(StoreUnavailable)
            self._store.commit(leadership, [], announced)
        else:
            self._refuse(saves)
            self._store.commit(leadership, saves, announced)
            self._line.see(partial(self._monitor.saw_saves, saves))
        self._line.after(StoreUnavailable)

    def illegal_rows(self) -> Sequence[IllegalRow]:
        """Return the rows that could not be read: nothing is asked of the line."""
        return self._store.illegal_rows()

    def forget_illegal_rows(self) -> None:
        """Forget them."""
        self._store.forget_illegal_rows()

    def _refuse(self, saves: Sequence[Save]) -> None:
        """Refuse what is poisonous, as a store does that cannot store it."""
        refused = [
            RefusedSave(save, 'cannot be stored (simulated)')
            for save in saves
            if self._line.is_poisonous(save)
        ]
        if refused:
            raise CommitRefused(*refused)

    def close(self) -> None:
        """Leave the shared store open."""


def unreliable(store: Store, line: Line, monitor: Monitor) -> Store:
    """Return `store` as one process sees it."""
    return cast('Store', UnreliableStore(store, line, monitor))
