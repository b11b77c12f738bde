"""What the store says of a command, read before anything is decided about it."""

from __future__ import annotations

from collections.abc import Sequence

from synergy.core.closure import PlanRefused
from synergy.core.command_decisions import Facts
from synergy.core.commands import (
    JOB_KINDS,
    REQUEST_KINDS,
    Command,
    CommandId,
    CommandKind,
    CommandState,
)
from synergy.core.dead_letters import letter_of
from synergy.core.job_requests import JobRequests
from synergy.core.letter_groups import LETTERS_PER_BATCH_MAX, error_of, of_command
from synergy.core.records import Unit
from synergy.core.recut import RecutFacts, is_taken
from synergy.core.timeperiod import JobKey, Qualifier
from synergy.ports.failed import failed_ordinals
from synergy.ports.store import SchedulerStore


def gather(store: SchedulerStore, command: Command, jobs: JobRequests) -> Facts:
    """Return what is needed to decide on a command, and nothing else: each read costs a turn."""
    letter = _letter(store, command)
    match command.kind:
        case kind if kind in JOB_KINDS:
            return _of_jobs(store, command, jobs, letter)
        case kind if kind in REQUEST_KINDS or kind is CommandKind.THAW:
            target = None if command.target is None else store.command(command.target)
            return Facts(target=target)
        case CommandKind.DROP | CommandKind.FREERUN_RUN if error_of(command) is not None:
            return Facts(letter=letter, runs=_of_kind(store, command))
        case CommandKind.DROP:
            return Facts(runs=store.runs(JobKey(command.process, command.start)))
        case CommandKind.RECUT:
            return Facts(recut=_of_recut(store, command))
        case _:
            return Facts(letter=letter)


def _letter(store: SchedulerStore, command: Command) -> Unit | None:
    uow_id = letter_of(command)
    return None if uow_id is None else store.units([uow_id]).get(uow_id)


def _of_kind(store: SchedulerStore, command: Command) -> Sequence[Unit]:
    """Return dead letters of the kind of error that a command is about, a batch at most."""
    letters = of_command(store.dead_letters(command.process), command)
    units = store.units([letter.id for letter in letters[:LETTERS_PER_BATCH_MAX]])
    return list(units.values())


def _of_recut(store: SchedulerStore, command: Command) -> RecutFacts:
    process, led = command.process, store.led_context()
    before = None if led is None else led.processes.get(process)
    marked = None if before is None else before.recut
    is_under_way = marked == command.id
    other = None if marked is None or is_under_way else store.command(CommandId(marked))
    has_rows = is_under_way and store.has_rows(process)
    archived = [] if has_rows else store.archived(process)
    runs: dict[Qualifier, int] = {}
    for item in archived:
        runs[item.qualifier] = max(item.runs, runs.get(item.qualifier, 0))
    return RecutFacts(
        led=led,
        is_taken=is_taken(before, other, command.id),
        live=[run.id for run in store.live_runs() if run.key.process == process],
        has_rows=has_rows,
        archived_count=sum(item.count for item in archived if item.request == command.id),
        runs=runs,
    )


def _of_jobs(
    store: SchedulerStore, command: Command, jobs: JobRequests, letter: Unit | None
) -> Facts:
    if command.is_paused:
        return Facts(letter=letter)
    if command.state is CommandState.RUNNING:
        return Facts(letter=letter, progress=store.request_progress(command.id))
    try:
        failed = [] if command.plan is not None else failed_ordinals(store, command)
        batch = jobs.next_batch(command, failed)
    except PlanRefused as error:
        return Facts(letter=letter, refusal=str(error))
    return Facts(letter=letter, batch=batch, rows=store.jobs(batch.keys))
