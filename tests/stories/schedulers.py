"""Whole Schedulers in a story: who leads, what each of them saves and rings, what workers run.

On a real store and broker. What goes wrong is asked for beforehand: `tear` and `freeze` are about
the next commit of a Scheduler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from synergy.core.effects import AddPage, InsertUnit, Save, SaveContext, SaveJob, in_stages
from synergy.core.hierarchy import Hierarchy
from synergy.core.records import Leadership, Unit, UowId
from synergy.ports.broker import Broker, Confirmation, Message
from synergy.ports.errors import CommitRefused, LeadershipLost, StoreUnavailable
from synergy.ports.store import SchedulerStore
from synergy.scheduler.loop import Scheduler
from tests.scheduler.scheduler_harness import SchedulerHarness, route_of

Say: TypeAlias = Callable[[str], None]
Announced: TypeAlias = Mapping[UowId, datetime]


class TroubledStore:
    """A store that says what is saved through it, and whose next commit may go wrong."""

    def __init__(self, store: SchedulerStore, owner: str, say: Say) -> None:
        self._store = store
        self._owner = owner
        self._say = say
        self.is_dead = False
        #: Does the next commit in half and dies; stands still before the next commit.
        self.tears = False
        self.stand_still: Callable[[], None] | None = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if self.is_dead:
            raise StoreUnavailable('out of reach')
        return cast('Callable[..., Any]', getattr(self._store, name))

    def commit(
        self,
        leadership: Leadership,
        saves: Sequence[Save],
        announced: Announced = MappingProxyType({}),
    ) -> None:
        if self.is_dead:
            raise StoreUnavailable('out of reach')
        told: Sequence[Save] = [save for save in saves if not isinstance(save, AddPage)]
        if self.tears and len(told) > 1:
            self.is_dead = True
            saves = told = in_stages(told)[: len(told) // 2]
        if stand_still := self.stand_still:
            self.stand_still = None
            self._say(f'{self._owner} stands still before it commits')
            stand_still()
        try:
            self._store.commit(leadership, saves, announced)
        except (CommitRefused, LeadershipLost) as error:
            self._say(f'{self._owner} is refused: {error}')
            raise
        if announced:
            self._say(f'{self._owner} marks what was rung for')
        for save in told:
            self._say(f'{self._owner} saves {said(save)}')
        if self.is_dead:
            self._say(f'{self._owner} dies in the middle of the commit')
            raise StoreUnavailable('out of reach')


class HeardBroker:
    """A broker that says what is rung through it."""

    def __init__(self, broker: Broker, owner: str, say: Say, unit: Callable[[str], str]) -> None:
        self._broker = broker
        self._owner = owner
        self._say = say
        self._unit = unit

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return cast('Callable[..., Any]', getattr(self._broker, name))

    def begin(self, messages: Sequence[Message]) -> Confirmation:
        confirmation = self._broker.begin(messages)
        for message in messages:
            self._say(f'{self._owner} rings for {self._unit(message.body["uow"])}')
        return confirmation


class Schedulers:
    """The Schedulers of a story, their store and broker, and the workers."""

    VERBS = frozenset({'step', 'wait', 'take', 'tear', 'freeze', 'lose', 'find'})

    def __init__(self, home: Path, hierarchy: Hierarchy, now: datetime) -> None:
        self._harness = SchedulerHarness(home, hierarchy, now)
        self._harness.tears_commits = True
        self._schedulers: dict[str, Scheduler] = {}
        self._stores: dict[str, TroubledStore] = {}
        self._lost: list[Unit] = []
        self._said: list[str] = []

    def act(self, verb: str, words: list[str]) -> Iterator[str]:
        """Do one line; yield what came of it."""
        self._said.clear()
        match verb, words:
            case 'step', [name]:
                self._step(name)
            case 'wait', [seconds]:
                self._harness.clock.advance(timedelta(seconds=int(seconds)))
            case 'take', []:
                self._take()
            case 'tear', [name]:
                self._store(name).tears = True
            case 'freeze', [name, seconds, other]:
                self._store(name).stand_still = lambda: self._meanwhile(int(seconds), other)
            case 'lose', []:
                self._lost += map(self._unit, self._harness.take())
                self._said += [f'lost: {named(unit)}' for unit in self._lost]
            case 'find', []:
                self._harness.broker.publish(
                    [Message(route_of(unit.process), {'uow': unit.id}) for unit in self._lost]
                )
                self._lost.clear()
            case _:
                raise AssertionError(f'no such line in a story: {verb} {words}')
        yield from self._said

    def check(self) -> None:
        """Fail if a run was started twice, or the store does not agree with itself."""
        started = self._harness.started
        assert len(started) == len(set(started)), started
        assert self._harness.violations() == []

    def _step(self, name: str) -> None:
        scheduler = self._scheduler(name)
        led = scheduler.is_leading
        scheduler.step()
        if scheduler.is_leading != led:
            self._said.append(f'{name} leads' if scheduler.is_leading else f'{name} leads no more')
        elif not led:
            self._said.append(f'{name} does not lead')

    def _meanwhile(self, seconds: int, other: str) -> None:
        self._harness.clock.advance(timedelta(seconds=seconds))
        self._step(other)

    def _take(self) -> None:
        found = self._harness.take()
        if not found:
            self._said.append('no message waits')
        for uow_id in found:
            unit = self._harness.claim(uow_id)
            if unit is None:
                self._said.append(f'{named(self._unit(uow_id))} cannot be claimed')
                continue
            self._harness.finish(unit)
            self._said.append(f'{named(unit)} was run')

    def _store(self, name: str) -> TroubledStore:
        self._scheduler(name)
        return self._stores[name]

    def _scheduler(self, name: str) -> Scheduler:
        if name not in self._schedulers:
            harness, say = self._harness, self._said.append
            self._stores[name] = store = TroubledStore(harness.open_store(), name, say)
            heard = HeardBroker(
                harness.open_broker(), name, say, lambda uow_id: named(self._unit(UowId(uow_id)))
            )
            self._schedulers[name] = harness.scheduler(
                name, store=cast('SchedulerStore', store), broker=cast('Broker', heard)
            )
        return self._schedulers[name]

    def _unit(self, uow_id: UowId) -> Unit:
        return self._harness.store.units([uow_id])[uow_id]


def named(unit: Unit) -> str:
    return f'{unit.key} run {unit.run}'


def said(save: Save) -> str:
    match save:
        case InsertUnit(unit):
            return f'the unit: {named(unit)}'
        case SaveJob(job, event):
            return f'the job: {job.key} {event.partition(", uow ")[0]}'
        case SaveContext():
            return 'the context that it leads'
        case _:
            return type(save).__name__
