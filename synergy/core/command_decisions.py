"""What is next for each command: facts of the store in, effects out.

The caller gathers what the store says of a command (`Facts`) and does what is decided here. It must
let one command see what the one before it did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from synergy.core.closure import keys_of, shortened
from synergy.core.commands import (
    FREEZE_KINDS,
    JOB_KINDS,
    OPEN_COMMAND_STATES,
    REQUEST_KINDS,
    Command,
    CommandKind,
    CommandState,
    counted,
)
from synergy.core.context_commands import ACTOR
from synergy.core.dead_letters import dropped, settled
from synergy.core.effects import ArchiveRows, Effects, InsertUnit, SaveCommand, SaveContext
from synergy.core.engine import Engine
from synergy.core.events import Commanded, Look
from synergy.core.freerun import Freeruns
from synergy.core.freerun_definition import FreerunRefused, freerun_of
from synergy.core.freerun_record import Freerun, base_of
from synergy.core.freezes import Scope, frozen, thawed
from synergy.core.holds import Holds
from synergy.core.interrupted import is_interrupted
from synergy.core.job_requests import JOBS_PER_BATCH_MAX, Batch, JobRequests
from synergy.core.letter_groups import LETTERS_PER_BATCH_MAX, error_of
from synergy.core.overrides import OverrideRefused, Overrides, switched_text
from synergy.core.pool_record import PoolName
from synergy.core.pool_sizes import PoolRefused, PoolSizes
from synergy.core.records import Job, ProcessName, Unit
from synergy.core.recut import RecutFacts, decide_recut
from synergy.core.requests import control, ended, moved, undone
from synergy.core.states import JobState, UnitState
from synergy.core.structs import Struct, field, replace
from synergy.core.timeperiod import JobKey
from synergy.core.undo import is_undone_by, undo_of


class Facts(Struct, frozen=True, kw_only=True):
    """What a command is decided by, as the store has it; each as far as its kind needs it.

    letter: the dead letter that the command names. batch: the jobs whose turn has come, and rows:
    those of them that exist; refusal: why there can be none. progress: of a request that runs, how
    many of its jobs are in each state. target: the command that this one is about. runs: the units
    of the job that it is about. recut: of one, what it is about.
    """

    letter: Unit | None = None
    batch: Batch | None = None
    rows: Mapping[JobKey, Job] = field(default_factory=dict)
    refusal: str | None = None
    progress: Mapping[JobState, int] = field(default_factory=dict)
    target: Command | None = None
    runs: Sequence[Unit] = ()
    recut: RecutFacts | None = None


class CommandDecisions:
    """Decides what is next for each command."""

    def __init__(  # noqa: PLR0913 - what commands are decided over
        self,
        engine: Engine,
        freeruns: Freeruns,
        freerun_processes: Sequence[ProcessName],
        overrides: Overrides,
        illegal: frozenset[str] = frozenset(),
        pool_sizes: PoolSizes | None = None,
        holds: Holds | None = None,
    ) -> None:
        """Decide with these.

        freerun_processes: that new entries may name. illegal: names of rows that cannot be read,
        of processes and free runs: nothing is saved there. holds: closed hours and freezes.
        """
        self.jobs = JobRequests(engine)
        self.illegal = illegal
        self._engine = engine
        self._freeruns = freeruns
        self._freerun_processes = freerun_processes
        self._overrides = overrides
        self.pool_sizes = pool_sizes or PoolSizes({}, ())
        self._holds = holds
        self._is_archiving = False

    @property
    def is_busy(self) -> bool:
        """Tell whether there is more to do at once for some command."""
        return self.jobs.is_busy or self._is_archiving

    def decide(self, command: Command, facts: Facts, now: datetime) -> Effects:
        """Return what is to be done next for a command that has not ended."""
        letter = facts.letter
        is_new = command.state is CommandState.REQUESTED
        if (
            is_new
            and letter is not None
            and letter.state is not UnitState.DEAD
            and not is_interrupted(self._engine.timetable, command)
        ):
            # Two may have asked for it.
            self.jobs.forget(command.id)
            why = f'the dead letter {letter.id} was dealt with before: {letter.error}'
            return ended(command, now, f'{why}; nothing runs again', is_done=False)
        match command.kind:
            case kind if kind in JOB_KINDS:
                return self._of_jobs(command, facts, now)
            case kind if kind in REQUEST_KINDS:
                return self._of_request(command, facts.target, now)
            case CommandKind.DROP:
                return _of_dead_letters(command, facts.runs, now)
            case CommandKind.PROCESS_SAVE:
                return self._of_override(command, now)
            case CommandKind.POOL_SAVE:
                return self._of_pool(command, now)
            case kind if kind in FREEZE_KINDS:
                return _of_freeze(command, facts, self._overrides, self._freeruns, now)
            case CommandKind.PROCESS_RUN:
                return self._of_process(command, now)
            case CommandKind.RECUT:
                return self._of_recut(command, facts, now)
            case _:
                return self._of_freerun(command, facts, now)

    def _of_jobs(self, command: Command, facts: Facts, now: datetime) -> Effects:
        if command.is_paused:
            self.jobs.forget(command.id)
            return Effects()
        if command.state is CommandState.RUNNING:
            return _progressed(command, facts.progress, now)
        if facts.batch is None:
            return ended(command, now, facts.refusal or '', is_done=False)
        effects = self.jobs.apply(facts.batch, facts.rows, now)
        effects.saves += settled(command, facts.letter, now)
        return effects

    def _of_request(self, command: Command, target: Command | None, now: datetime) -> Effects:
        if command.target is not None:
            self.jobs.forget(command.target)  # It is planned again, from where it stands.
        is_begun = command.state is CommandState.APPLYING
        is_dropping = command.kind is CommandKind.ABANDON and not is_begun
        if target and is_dropping and is_interrupted(self._engine.timetable, target):
            # First its batch that broke off is done to the end; then this is looked at again.
            going_on = SaveCommand(replace(target, is_paused=False))
            return Effects([going_on] if target.is_paused else [])
        if target is not None and (is_begun or is_undone_by(command, target)):
            return self._undo(command, target, now)
        shorten = partial(shortened, self._engine.timetable)
        return control(command, target, shorten, now)

    def _undo(self, command: Command, target: Command, now: datetime) -> Effects:
        """Put back what a request has reset, batch by batch, then let the rest of it go on.

        While that goes on the request is paused: nothing of it starts on what is half put back.
        """
        if target.state not in OPEN_COMMAND_STATES:
            # Its end was saved, that of the command was not.
            outcome = f'puts back {counted(command.applied_count)}'
            return ended(command, now, outcome, is_done=True)
        timetable = self._engine.timetable
        if command.plan is None:
            found = undo_of(timetable, target, self._engine.left_out)
            command = replace(command, plan=found.put_back, planned_count=found.put_back_count)
            if found.put_back_count > JOBS_PER_BATCH_MAX:
                effects = Effects([SaveCommand(replace(target, is_paused=True))])
                effects.add(moved(command, CommandState.APPLYING, now))
                return effects
        assert command.plan is not None, 'made above'
        keys = list(keys_of(timetable.hierarchy, command.plan))[command.applied_count :]
        batch, is_last = keys[:JOBS_PER_BATCH_MAX], len(keys) <= JOBS_PER_BATCH_MAX
        item = Commanded(command=command, keys=batch, rows={}, is_last=is_last)
        effects = self._engine.on([item], now)
        command = replace(command, applied_count=command.applied_count + len(batch))
        if is_last:
            left = shortened(timetable, target, command.plan or {})
            effects.add(undone(command, left, now))
        else:
            effects.add(moved(command, CommandState.APPLYING, now))
        return effects

    def _of_override(self, command: Command, now: datetime) -> Effects:
        """Change what holds over context.py; the caller then uses the changed hierarchy."""
        if command.process in self.illegal:
            return _unreadable(command, now)
        try:
            effects = self._overrides.change(command, now)
        except OverrideRefused as error:
            return ended(command, now, str(error), is_done=False)
        process = self._overrides.hierarchy.nodes[command.process].process
        outcome = f'{process.name} is {"on" if process.is_on else "off"}, {process.trigger}'
        if 'catch_up' in command.details:
            outcome += f', history: {process.catch_up.words}'
        effects.add(ended(command, now, outcome, is_done=True))
        return effects

    def _of_recut(self, command: Command, facts: Facts, now: datetime) -> Effects:
        """Archive the next rows of a process, or begin it; then the index is to be built again."""
        if command.process in self.illegal:
            return _unreadable(command, now)
        assert facts.recut is not None, 'it was gathered'
        is_left_out = command.process in self._engine.left_out
        effects = decide_recut(
            command, facts.recut, self._overrides, is_left_out=is_left_out, now=now
        )
        # To what begins it, the next batch is due at once.
        self._is_archiving = any(isinstance(s, ArchiveRows | SaveContext) for s in effects.saves)
        return effects

    def _of_pool(self, command: Command, now: datetime) -> Effects:
        """Change the size of a pool; the caller then looks at all who may start now."""
        if command.process in self.illegal:
            return _unreadable(command, now)
        try:
            effects = self.pool_sizes.change(command, now)
        except PoolRefused as error:
            return ended(command, now, str(error), is_done=False)
        pool = self.pool_sizes.sizes[PoolName(command.process)]
        effects.add(ended(command, now, f'{pool.name} has {pool.size_text}', is_done=True))
        return effects

    def _of_process(self, command: Command, now: datetime) -> Effects:
        """Look at a process now, as if its trigger had fired."""
        node = self._overrides.hierarchy.nodes.get(command.process)
        if node is None:
            why = f'there is no managed process {command.process}; ./launch.py process ls shows all'
            return ended(command, now, why, is_done=False)
        if not node.process.is_on:
            return ended(command, now, f'{switched_text(node.process)} first', is_done=False)
        holds = () if self._holds is None else self._holds.over(node.process.name, now)
        if holds:
            outcome = f'it is looked at later: {holds[0]}'
            return ended(command, now, outcome, is_done=True)
        effects = self._engine.on([Look(command.process, is_trigger=True)], now)
        count = sum(
            isinstance(save, InsertUnit) and save.unit.process == command.process
            for save in effects.saves
        )
        outcome = f'{counted(count, "run")} started'
        if not count:
            outcome = 'nothing may start now; ./launch.py why tells what its jobs wait for'
        effects.add(ended(command, now, outcome, is_done=True))
        return effects

    def _of_freerun(self, command: Command, facts: Facts, now: datetime) -> Effects:
        name = command.process
        if name in self.illegal:
            return _unreadable(command, now)
        known = self._freeruns.get(name)
        if command.kind is CommandKind.FREERUN_SAVE:
            return self._define(command, known, now)
        if known is None:
            why = f'there is no free run {name}; ./launch.py freerun ls shows all'
            return ended(command, now, why, is_done=False)
        match command.kind:
            case CommandKind.FREERUN_REMOVE:
                return self._remove(command, known, now)
            case CommandKind.FREERUN_CANCEL:
                return self._cancel(command, known, now)
            case _ if self._freeruns.rests(known):
                why = f'{known.process} is not in the context; register it, or remove {name}'
                return ended(command, now, why, is_done=False)
            case _:
                return self._run(command, known, facts, now)

    def _define(self, command: Command, known: Freerun | None, now: datetime) -> Effects:
        name = command.process
        try:
            defined = freerun_of(name, command.details, self._freerun_processes, known, now)
        except FreerunRefused as error:
            return ended(command, now, str(error), is_done=False)
        why = command.who if command.actor == ACTOR else ''
        effects = self._freeruns.define(defined, now, why)
        effects.add(ended(command, now, str(name), is_done=True))
        return effects

    def _remove(self, command: Command, known: Freerun, now: datetime) -> Effects:
        name = known.name
        if known.definition is not None:
            why = f'{name} stems from context.py; remove it there, or switch it off'
            return ended(command, now, why, is_done=False)
        effects = self._freeruns.remove(name, now)
        effects.add(ended(command, now, str(name), is_done=True))
        return effects

    def _cancel(self, command: Command, known: Freerun, now: datetime) -> Effects:
        wanted = command.details.get('uow')
        chosen = [uow_id for uow_id in known.live if wanted in (None, uow_id)]
        if not chosen:
            why = f'no such run of {known.name} is under way; it has ended'
            return ended(command, now, why, is_done=False)
        effects = self._freeruns.cancel(known.name, chosen, command.who, now)
        effects.add(ended(command, now, f'{counted(len(chosen), "run")} cancelled', is_done=True))
        return effects

    def _run(self, command: Command, known: Freerun, facts: Facts, now: datetime) -> Effects:
        """Start a free run; its overlap policy may suppress that, and a dead letter then stays.

        With it go the others of its kind, if the command is about all of them: it runs once.
        """
        name, letter = known.name, facts.letter
        effects = self._freeruns.run_now(name, now)
        after = self._freeruns.get(name) or known
        was_started = after.last_run > known.last_run or after.queued_at != known.queued_at
        if letter is not None and not was_started:
            why = f'a run of {name} is under way; the dead letter {letter.id} stays, try it later'
            effects.add(ended(command, now, why, is_done=False))
            return effects
        effects.saves += settled(command, letter, now)
        others = [unit for unit in facts.runs if unit.state is UnitState.DEAD]
        effects.saves += [
            dropped(unit, command, now) for unit in others if letter is None or unit.id != letter.id
        ]
        effects.add(ended(command, now, str(name), is_done=True))
        return effects


def _of_freeze(
    command: Command, facts: Facts, overrides: Overrides, freeruns: Freeruns, now: datetime
) -> Effects:
    """Take note of a freeze, which holds already, and end it in time, or by a thaw."""
    if command.kind is CommandKind.THAW:
        return thawed(command, facts.target, now)
    nodes, entries = overrides.hierarchy.nodes, freeruns.names
    known: dict[Scope, Sequence[str]] = {
        Scope.PROCESS: [*nodes, *entries, *map(base_of, entries)],
        Scope.TREE: [node.tree.name for node in nodes.values()],
        Scope.POOL: [*overrides.hierarchy.pools.sizes],
    }
    return frozen(command, known, now)


def _of_dead_letters(command: Command, runs: Sequence[Unit], now: datetime) -> Effects:
    """Take dead letters off the list: one, those of a job, or a batch of those of a kind."""
    dead = [
        unit
        for unit in runs
        if unit.state is UnitState.DEAD and command.details.get('uow') in (None, unit.id)
    ]
    effects = Effects([dropped(unit, command, now) for unit in dead])
    command = replace(command, applied_count=command.applied_count + len(dead))
    if error_of(command) is not None and len(runs) == LETTERS_PER_BATCH_MAX:
        effects.saves.append(SaveCommand(command))
        return effects
    key = JobKey(command.process, command.start)
    count = command.applied_count
    outcome = counted(count, 'dead letter') if count else f'{key} has no dead letter'
    if error_of(command) is not None and not count:
        outcome = f'{command.process} has no dead letter with that error any more'
    effects.add(ended(command, now, outcome, is_done=bool(count)))
    return effects


def _progressed(command: Command, counts: Mapping[JobState, int], now: datetime) -> Effects:
    """End a request once all of its jobs are final."""
    if any(not state.is_final for state in counts):
        return Effects()
    words = [
        f'{count} {state.value.removeprefix("state_")}'
        for state in JobState
        if (count := counts.get(state))
    ]
    if (others := command.applied_count - sum(counts.values())) > 0:
        words.append(f'{others if words else "all"} changed again by later requests')
    told = ', '.join(words) or 'none'
    return ended(command, now, f'{counted(command.applied_count)}: {told}', is_done=True)


def _unreadable(command: Command, now: datetime) -> Effects:
    why = (
        f'the row of {command.process} in the store cannot be read, so nothing is saved there; '
        'the log of the Scheduler names its field: repair or remove the row, then restart the '
        'Scheduler'
    )
    return ended(command, now, why, is_done=False)
