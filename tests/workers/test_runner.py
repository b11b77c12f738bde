"""The pipeline of a worker, step by step, and what becomes of a unit when one of them fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.effects import InsertUnit, MoveUnit
from synergy.core.records import ProcessName, Unit, UowId
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.ports.broker import Message
from synergy.ports.errors import BrokerUnavailable, StoreUnavailable
from synergy.workers import Outcome, Uow
from synergy.workers.signals import Cause, Interrupted
from tests.scheduler.scheduler_harness import route_of
from tests.workers.runner_harness import HOUR, LEASE, NOW, RunnerHarness


def failing(_: Uow) -> object:
    raise RuntimeError('no disk')


def interrupted_by(cause: Cause) -> Callable[[Uow], object]:
    """Return user code out of which the guard or the heartbeat raises."""

    def work(_: Uow) -> object:
        raise Interrupted(cause)

    return work


def rescue(harness: RunnerHarness, unit: Unit) -> None:
    """Do as the Scheduler does when the lease of a unit has run out."""
    leadership = harness.store.lead('one', timedelta(hours=1))
    assert leadership is not None
    move = MoveUnit(
        uow_id=unit.id,
        from_state=UnitState.IN_PROGRESS,
        from_fence=unit.fence,
        to_state=UnitState.REQUESTED,
        at=NOW,
        raises_fence=True,
        attempt=unit.attempt + 1,
    )
    harness.store.commit(leadership, [move])


@pytest.mark.parametrize('is_failing', [False, True])
def test_claim_then_acknowledge_then_run_then_finish_then_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_failing: bool
) -> None:
    steps: list[str] = []

    def work(uow: Uow) -> object:
        steps.append('run')
        return failing(uow) if is_failing else None

    def noted(target: object, name: str) -> None:
        call = getattr(target, name)

        def noting(*arguments: object) -> object:
            steps.append(name)
            return call(*arguments)

        monkeypatch.setattr(target, name, noting)

    harness = RunnerHarness(tmp_path, work)
    (uow_id,) = harness.request(1)
    noted(harness.store, 'claim')
    noted(harness.consumer, 'ack')
    noted(harness.store, 'finish')
    noted(harness.broker, 'publish')

    assert harness.runner.step()

    assert steps == ['claim', 'ack', 'run', 'finish', 'publish']
    assert harness.told() == [uow_id]
    assert not harness.runner.step()


# Claims


def test_a_message_comes_again_when_the_store_is_away_at_the_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = RunnerHarness(tmp_path, lambda _: None)
    (uow_id,) = harness.request(1)

    def away(*_: object) -> Sequence[Unit]:
        raise StoreUnavailable('no primary')

    with monkeypatch.context() as patch:
        patch.setattr(harness.store, 'claim', away)
        with pytest.raises(StoreUnavailable):
            harness.runner.step()
    harness.consumer.close()

    (again,) = harness.broker.consumer(route_of(HOUR.process)).take(10)
    assert again.body == {'uow': uow_id}


def test_a_unit_that_another_worker_has_is_left_to_it(tmp_path: Path) -> None:
    ran: list[str] = []
    harness = RunnerHarness(tmp_path, lambda uow: ran.append(uow.id))
    (uow_id,) = harness.request(1)
    harness.store.claim([uow_id], 'other', LEASE)

    assert harness.runner.step()

    assert ran == []
    assert (harness.unit(uow_id).owner, harness.unit(uow_id).fence) == ('other', 1)
    assert harness.told() == []
    assert not harness.runner.step()


def test_a_message_that_comes_twice_claims_and_runs_its_unit_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    asked: list[UowId] = []
    harness = RunnerHarness(tmp_path, lambda uow: ran.append(uow.id))
    harness.runner._size.count = 4
    (uow_id,) = harness.request(1)
    harness.ring({'uow': uow_id})
    claim = harness.store.claim

    def noted(uow_ids: Sequence[UowId], owner: str, lease: timedelta) -> Sequence[Unit]:
        asked.extend(uow_ids)
        return claim(uow_ids, owner, lease)

    monkeypatch.setattr(harness.store, 'claim', noted)

    assert harness.runner.step()

    assert asked == ran == [uow_id]
    assert not harness.runner.step()


def test_a_message_that_names_no_unit_is_dropped_and_costs_the_others_nothing(
    tmp_path: Path,
) -> None:
    harness = RunnerHarness(tmp_path, lambda _: None)
    harness.runner._size.count = 4
    harness.ring({'hello': 'world'})
    (uow_id,) = harness.request(1)

    assert harness.runner.step()

    assert harness.states([uow_id]) == [UnitState.PROCESSED]
    assert not harness.runner.step()
    assert harness.broker.dead_letters(route_of(HOUR.process).queue, 10) == []


def test_a_message_at_which_the_claim_fails_is_put_aside_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = RunnerHarness(tmp_path, lambda _: None)
    harness.runner._size.count = 4
    harness.ring({'uow': 'bad'})
    (uow_id,) = harness.request(1)
    claim = harness.store.claim

    def fail_at_one(uow_ids: Sequence[UowId], owner: str, lease: timedelta) -> Sequence[Unit]:
        if 'bad' in uow_ids:
            raise ValueError('not an id')
        return claim(uow_ids, owner, lease)

    monkeypatch.setattr(harness.store, 'claim', fail_at_one)

    assert harness.runner.step()

    assert harness.states([uow_id]) == [UnitState.PROCESSED]
    (letter,) = harness.broker.dead_letters(route_of(HOUR.process).queue, 10)
    assert letter.reason == 'the worker failed at it: ValueError: not an id'
    assert not harness.runner.step()


def test_a_unit_of_another_process_is_handed_back_unrun(tmp_path: Path) -> None:
    ran: list[str] = []
    harness = RunnerHarness(tmp_path, lambda uow: ran.append(uow.id))
    (own,) = harness.request(1)
    other = replace(harness.unit(own), id=UowId('0' * 24), process=ProcessName('OtherHourly'))
    leadership = harness.store.lead('one', timedelta(hours=1))
    assert leadership is not None
    harness.store.commit(leadership, [InsertUnit(other)])
    harness.runner._size.count = 4
    harness.ring({'uow': other.id})

    assert harness.runner.step()

    assert ran == [own]
    found = harness.unit(other.id)
    assert (found.state, found.attempt, found.owner) == (UnitState.REQUESTED, 1, None)


# Whose unit it is no longer


def test_the_result_of_a_run_whose_unit_was_rescued_is_discarded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def work(uow: Uow) -> Outcome:
        rescue(harness, harness.unit(UowId(uow.id)))
        return Outcome.processed(5)

    harness = RunnerHarness(tmp_path, work)
    (uow_id,) = harness.request(1)

    assert harness.runner.step()

    unit = harness.unit(uow_id)
    assert (unit.state, unit.attempt, unit.processed_count) == (UnitState.REQUESTED, 2, 0)
    assert 'its result is discarded' in caplog.text


def test_a_run_whose_lease_is_lost_ends_without_a_word(tmp_path: Path) -> None:
    harness = RunnerHarness(tmp_path, interrupted_by(Cause.LOST))
    (uow_id,) = harness.request(1)

    assert harness.runner.step()

    assert harness.states([uow_id]) == [UnitState.IN_PROGRESS]
    assert harness.store.log(uow_id) == []
    assert harness.told() == []


def test_a_stop_hands_the_unit_under_way_back_in_the_same_attempt(tmp_path: Path) -> None:
    harness = RunnerHarness(tmp_path, interrupted_by(Cause.STOP))
    (uow_id,) = harness.request(1)

    assert harness.runner.step()

    unit = harness.unit(uow_id)
    assert (unit.state, unit.attempt, unit.owner) == (UnitState.REQUESTED, 1, None)
    (line,) = harness.store.log(uow_id)
    assert line.text == 'the worker was stopped; the unit is handed back'
    assert harness.told() == [uow_id]


def test_a_stop_of_a_unit_that_was_rescued_meanwhile_changes_nothing(tmp_path: Path) -> None:
    def work(uow: Uow) -> object:
        rescue(harness, harness.unit(UowId(uow.id)))
        raise Interrupted(Cause.STOP)

    harness = RunnerHarness(tmp_path, work)
    (uow_id,) = harness.request(1)

    assert harness.runner.step()

    assert (harness.unit(uow_id).attempt, harness.unit(uow_id).fence) == (2, 2)


def test_a_time_out_fails_the_attempt_and_says_after_how_long(tmp_path: Path) -> None:
    harness = RunnerHarness(tmp_path, interrupted_by(Cause.TIMEOUT), timeout=timedelta(seconds=90))
    (uow_id,) = harness.request(1)

    assert harness.runner.step()

    unit = harness.unit(uow_id)
    assert (unit.state, unit.error) == (UnitState.INVALID, 'timed out after 90 s')
    assert [line.text for line in harness.store.log(uow_id)] == ['timed out after 90 s']
    assert harness.told() == [uow_id]


# Store and broker away


def test_an_end_is_saved_and_reported_once_the_store_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = RunnerHarness(tmp_path, lambda _: None)
    (uow_id,) = harness.request(1)
    finish = harness.store.finish
    back_at = NOW + LEASE
    tries: list[list[str]] = []

    def away(ends: Sequence[object]) -> Sequence[UowId]:
        tries.append(harness.told())
        if harness.clock.now() < back_at:
            raise StoreUnavailable('no primary')
        return finish(ends)  # type: ignore[arg-type]

    monkeypatch.setattr(harness.store, 'finish', away)
    assert harness.runner.step()

    assert harness.states([uow_id]) == [UnitState.PROCESSED]
    assert len(tries) > 2
    assert not any(tries), 'reported before it was saved'
    assert harness.told() == [uow_id]


def test_a_worker_gives_up_saving_when_the_lease_cannot_be_its_own_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = RunnerHarness(tmp_path, lambda _: None)
    (uow_id,) = harness.request(1)

    def away(_: object) -> Sequence[UowId]:
        raise StoreUnavailable('no primary')

    with monkeypatch.context() as patch:
        patch.setattr(harness.store, 'finish', away)
        assert harness.runner.step()

    assert 2 * LEASE <= harness.clock.now() - NOW < 2.5 * LEASE
    assert harness.states([uow_id]) == [UnitState.IN_PROGRESS]
    assert harness.told() == []
    (after,) = harness.request(1, first=1)
    assert harness.runner.step()
    assert harness.states([after]) == [UnitState.PROCESSED]


def test_a_report_that_the_broker_does_not_take_costs_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = RunnerHarness(tmp_path, lambda _: None)
    (uow_id,) = harness.request(1)

    def away(_: Sequence[Message]) -> None:
        raise BrokerUnavailable('nobody answers')

    monkeypatch.setattr(harness.broker, 'publish', away)

    assert harness.runner.step()

    assert harness.states([uow_id]) == [UnitState.PROCESSED]
    assert not harness.runner.step()
