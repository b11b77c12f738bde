"""A request of which a commit broke off goes on around what it has done, also when cancelled."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from synergy.core.closure import plan
from synergy.core.command_decisions import Facts
from synergy.core.commands import OPEN_COMMAND_STATES, Command, CommandId, CommandKind, Only
from synergy.core.effects import InsertUnit, SaveJob, in_stages
from synergy.core.interrupted import is_interrupted
from synergy.core.records import Outcome
from synergy.core.states import JobState
from synergy.core.structs import replace
from tests.core.test_undo import DAY, NOW, REPORT, Bench, finished, hour

LATE = CommandId('late')
FAILED = [hour(at).timeperiod.ordinal for at in range(3)]


def asked(made: Bench, only: Only = Only.ALL, failed: Sequence[int] = ()) -> Command:
    """Ask for a reprocess of three hours, as an operator who was shown what it touches."""
    command = Command(
        id=LATE,
        kind=CommandKind.REPROCESS,
        process=hour(0).process,
        start=hour(0).timeperiod,
        end=hour(3).timeperiod,
        only=only,
        actor='anna',
        created_at=NOW,
    )
    command = replace(command, plan_hash=plan(made.timetable, command, failed).hash)
    made.commands[command.id] = command
    return command


def break_off(made: Bench, kept: int, failed: Sequence[int] = ()) -> None:
    """Save the first jobs of a request's batch, in the order of a store without transactions."""
    made.term = 2
    batch = made.decisions.jobs.next_batch(made.commands[LATE], failed)
    rows = {key: made.jobs[key] for key in batch.keys}
    saves = in_stages(made.decisions.jobs.apply(batch, rows, made.now).saves)
    made.timetable.rollback()
    made.decisions.jobs.forget(LATE)
    units = {save.unit.id: save for save in saves if isinstance(save, InsertUnit)}
    for save in [save for save in saves if isinstance(save, SaveJob)][:kept]:
        made.timetable.put(save.job)
        if save.job.uow_id in units:
            made._apply(units[save.job.uow_id])
        made._apply(save)
    made.timetable.settle()


def go_on(made: Bench, failed: Sequence[int] = ()) -> None:
    """Do what is next for the request, as the next leader does."""
    command = made.commands[LATE]
    batch = made.decisions.jobs.next_batch(command, failed)
    facts = Facts(batch=batch, rows={key: made.jobs[key] for key in batch.keys})
    for effect in made.decisions.decide(command, facts, made.now).saves:
        made._apply(effect)
    made.timetable.settle()


@pytest.mark.parametrize('kept', range(9))
def test_what_was_shown_is_done_to_the_end_though_a_part_of_it_is_done(kept: int) -> None:
    made = finished()
    asked(made)
    break_off(made, kept)

    go_on(made)

    assert made.commands[LATE].applied_count == 5
    made.look()
    made.work_all()
    assert [made.jobs[name].run for name in (hour(0), hour(2), DAY, REPORT)] == [2, 2, 2, 2]
    assert made.violations() == []


@pytest.mark.parametrize('kept', range(1, 4))
def test_failed_jobs_that_were_reset_are_still_of_the_request(kept: int) -> None:
    made = Bench()
    made.look()
    while live := made.live():
        unit = live[0]
        is_bad = unit.key in (hour(0), hour(1), hour(2))
        made.work(unit, Outcome.failed('boom') if is_bad else None)
    asked(made, Only.FAILED, FAILED)
    break_off(made, kept, FAILED)

    go_on(made, FAILED[kept:])

    made.look()
    made.work_all()
    assert made.state(hour(0)) is made.state(hour(2)) is JobState.PROCESSED
    assert [made.jobs[name].run for name in (hour(0), DAY, REPORT)] == [2, 2, 2]
    assert made.violations() == []


@pytest.mark.parametrize('is_paused', [False, True])
@pytest.mark.parametrize('kept', range(1, 9))
def test_a_request_is_cancelled_once_its_batch_that_broke_off_is_done(
    kept: int, is_paused: bool
) -> None:
    made = finished()
    asked(made)
    break_off(made, kept)
    made.commands[LATE] = replace(made.commands[LATE], is_paused=is_paused)
    made.look()
    undo = replace(
        made.commands[LATE],
        id=CommandId('undo'),
        kind=CommandKind.ABANDON,
        target=LATE,
        only=Only.ALL,
        is_paused=False,
    )
    made.commands[undo.id] = undo
    assert is_interrupted(made.timetable, made.commands[LATE])

    for _ in range(2):
        command = made.commands[undo.id]
        facts = Facts(target=made.commands[LATE])
        for effect in made.decisions.decide(command, facts, made.now).saves:
            made._apply(effect)
        made.timetable.settle()
        if made.commands[LATE].state in OPEN_COMMAND_STATES[:2]:
            assert not made.commands[LATE].is_paused
            go_on(made)

    assert made.commands[undo.id].state not in OPEN_COMMAND_STATES
    made.look()
    made.work_all()
    assert made.state(DAY) is made.state(REPORT) is JobState.PROCESSED
    assert made.violations() == []
