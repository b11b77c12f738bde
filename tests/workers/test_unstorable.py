"""What user code logs, raises and returns that no store can keep: made fit, never fatal."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from synergy.core.states import UnitState
from synergy.workers import Outcome, Uow
from tests.workers.runner_harness import RunnerHarness

#: As `os.listdir` names a file whose name is not UTF-8.
NAME = b'caf\xe9'.decode(errors='surrogateescape')


def raises(_: Uow) -> object:
    raise ValueError(NAME)


def fails_with_an_exception(_: Uow) -> object:
    return Outcome.failed(ValueError('no disk'))  # type: ignore[arg-type]  # What users do.


def fails_at_length(_: Uow) -> object:
    return Outcome.failed('x' * 20_000_000)


def counts_beyond_measure(_: Uow) -> object:
    return 2**63, UnitState.PROCESSED.value


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError('no words')

    __repr__ = __str__


def raises_the_unspeakable(_: Uow) -> object:
    raise Speechless


def returns_the_unspeakable(_: Uow) -> object:
    return Speechless()


@pytest.mark.parametrize(
    ('work', 'error'),
    [
        (raises, 'ValueError: caf\\udce9'),
        (fails_with_an_exception, 'no disk'),
        (fails_at_length, 'xxx'),
        (raises_the_unspeakable, 'Speechless'),
        (returns_the_unspeakable, 'RuntimeError: no words'),
        (counts_beyond_measure, 'the worker returned (9223372036854775808'),
    ],
)
def test_an_end_is_saved_whatever_user_code_says(
    work: Callable[[Uow], object], error: str, tmp_path: Path
) -> None:
    harness = RunnerHarness(tmp_path, work)
    (uow_id,) = harness.request(1)

    harness.runner.step()

    unit = harness.store.units([uow_id])[uow_id]
    assert unit.state is UnitState.INVALID
    assert unit.error is not None
    assert unit.error.startswith(error)
    assert len(unit.error) < 10_000


def test_a_line_that_is_no_text_is_kept_as_one(tmp_path: Path) -> None:
    harness = RunnerHarness(tmp_path, lambda _: logging.getLogger('user').warning('read %s', NAME))
    logging.getLogger('user').addHandler(harness.capture)
    (uow_id,) = harness.request(1)

    try:
        harness.runner.step()
    finally:
        logging.getLogger('user').removeHandler(harness.capture)

    assert harness.states([uow_id]) == [UnitState.PROCESSED]
    assert [line.text for line in harness.store.log(uow_id)] == ['read caf\\udce9']
