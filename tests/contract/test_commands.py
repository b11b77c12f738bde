"""Commands: inserted once, settled once, with their plan and progress."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy.core.commands import CommandId, CommandState, Only
from synergy.core.effects import (
    InsertCommand,
    SaveCommand,
    SaveContext,
    SaveJob,
)
from synergy.core.led_context import LedContext
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.ports.errors import CommitRefused
from synergy.ports.store import Store
from tests.contract.conftest import NOW
from tests.contract.rows import HOUR, command, job_of, leader, start


def test_a_command_is_inserted_once_and_settled_once(store: Store) -> None:
    store.insert_command(command())
    store.insert_command(command(actor='bert'))

    assert list(store.open_commands(10)) == [command()]
    done_command = replace(command(), state=CommandState.DONE, outcome='1 job', finished_at=NOW)
    settle = SaveCommand(done_command)
    store.commit(leader(store), [settle])

    assert store.open_commands(10) == []
    done = store.command(CommandId('c1'))
    assert done is not None
    assert (done.state, done.outcome, done.finished_at) == (CommandState.DONE, '1 job', NOW)
    assert list(store.commands([CommandState.DONE], 10)) == [done]
    with pytest.raises(CommitRefused):
        store.commit(leader(store), [settle])


def test_commands_come_oldest_first_and_limited(store: Store) -> None:
    for number in range(3):
        store.insert_command(command(f'c{number}', created_at=NOW - timedelta(seconds=number)))

    assert [item.id for item in store.open_commands(2)] == ['c2', 'c1']


def test_a_request_counts_the_jobs_that_it_reset(store: Store) -> None:
    start(store)
    request = CommandId('c1')
    reset = job_of(rev=2, state=JobState.EMBRYO, uow_id=None, request_id=request)
    store.commit(leader(store), [SaveJob(reset, 'reset')])

    assert store.request_progress(request) == {JobState.EMBRYO: 1}
    assert store.request_progress(CommandId('c2')) == {}
    assert store.request_failures(request) == 0
    assert store.open_jobs()[0].request_id == request

    failed = replace(reset, rev=3, state=JobState.SKIPPED, failure_count=3)
    store.commit(leader(store), [SaveJob(failed, 'skipped')])

    assert store.request_progress(request) == {JobState.SKIPPED: 1}
    assert store.request_failures(request) == 1
    assert store.request_failures(CommandId('c2')) == 0


def test_a_command_keeps_its_plan_and_how_far_it_is(store: Store) -> None:
    store.insert_command(command(only=Only.FAILED, details={'is_on': True}, target=CommandId('c0')))
    moved = command(
        state=CommandState.APPLYING,
        only=Only.FAILED,
        details={'is_on': True},
        target=CommandId('c0'),
        is_paused=True,
        plan={HOUR.process: ((10, 12), (20, 21))},
        planned_count=3,
        applied_count=1,
    )

    store.commit(leader(store), [SaveCommand(moved)])

    assert store.command(moved.id) == moved
    assert list(store.open_commands(10)) == [moved]


def test_a_command_of_the_scheduler_is_inserted_once(store: Store) -> None:
    made = command('c1')
    store.commit(leader(store), [InsertCommand(made), SaveContext(LedContext(rev=1))])

    store.commit(leader(store), [InsertCommand(replace(made, reason='another'))])

    assert store.command(made.id) == made
