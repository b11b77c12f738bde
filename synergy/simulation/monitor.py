"""What must hold while the simulation runs, beyond what a look at the rows can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from synergy.core.commands import CommandState
from synergy.core.hierarchy import Hierarchy
from synergy.core.invariants import Under, check
from synergy.core.records import Unit, UowId
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.ports.broker import Message
from synergy.ports.store import JobFilter, Store

_ROWS_MAX = 1_000_000


class Broken(Exception):
    """A promise was broken; the message says which, and the seed replays it."""


@dataclass(slots=True)
class Monitor:
    """Watches one world. fence_by_unit: of the newest claim that took effect."""

    store: Store
    hierarchy: Hierarchy
    fence_by_unit: dict[UowId, int] = field(default_factory=dict)
    starts: list[str] = field(default_factory=list)

    def saw_call(self, name: str, arguments: Sequence[Any], result: Any) -> None:
        """Look at a call that took effect."""
        if name == 'claim':
            for unit in result:
                self._saw_claim(unit)
        elif name == 'finish':
            for end in arguments[0]:
                newest = self.fence_by_unit.get(end.uow_id)
                if end.uow_id not in result and end.fence != newest:
                    raise Broken(
                        f'I5 unit {end.uow_id}: a finish under fence {end.fence} was accepted, '
                        f'but the newest claim has {newest}'
                    )

    def saw_publish(self, messages: Sequence[Message]) -> None:
        """Look at announcements: nothing is announced that is not saved."""
        for message in messages:
            uow_id = message.body.get('uow')
            if uow_id is not None and not self.store.units([UowId(uow_id)]):
                raise Broken(f'unit {uow_id} was announced before it was saved')

    def check_rows(self) -> None:
        """Check the invariants over the whole store."""
        states = (CommandState.REQUESTED, CommandState.APPLYING)
        under = Under(applying=self.store.commands(states, 1000), led=self.store.led_context())
        found = next(
            check(
                self.hierarchy,
                self.store.find_jobs(JobFilter(), _ROWS_MAX),
                self.store.all_units(),
                self.store.store_now(),
                under,
            ),
            None,
        )
        if found is not None:
            raise Broken(str(found))

    def is_finished(self) -> bool:
        """Tell whether everything has ended."""
        return self._unfinished() is None

    def check_finished(self) -> None:
        """Check that everything has ended: faults have stopped, and time has passed."""
        found = self._unfinished()
        if found is not None:
            raise Broken(f'I8 {found} long after faults have stopped')

    def _unfinished(self) -> str | None:
        for node in self.hierarchy:
            assert node.until is not None, 'simulated trees end'
            keys = [
                JobKey(node.process.name, Timeperiod(node.process.qualifier, ordinal))
                for ordinal in range(node.first, node.until)
            ]
            rows = self.store.jobs(keys)
            for key in keys:
                job = rows.get(key)
                if job is None or not job.state.is_final:
                    return f'{key} is {"state_embryo" if job is None else job.state.value}'
        return None

    def _saw_claim(self, unit: Unit) -> None:
        before = self.fence_by_unit.get(unit.id, 0)
        if unit.fence <= before:
            raise Broken(f'I5 {unit}: claimed under fence {unit.fence} after {before}')
        self.fence_by_unit[unit.id] = unit.fence
        self.starts.append(f'{unit.key} run {unit.run} attempt {unit.attempt}')
        live = [
            other
            for other in self.store.runs(unit.key)
            if other.state is UnitState.IN_PROGRESS and other.id != unit.id
        ]
        if live:
            raise Broken(f'I4 {unit.key}: runs {live[0].run} and {unit.run} are both under way')
