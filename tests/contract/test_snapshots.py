"""One view of a store while somebody else writes it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from synergy.core.commands import CommandState
from synergy.core.effects import InsertUnit, SaveJob
from synergy.core.states import JobState
from synergy.ports.store import JobFilter, Store
from tests.builders import index_rows
from tests.contract.rows import HOUR, command, job_of, leader, unit_of


def seen(store: Store) -> list[object]:
    """Return what a store shows, read by as many ways as there are."""
    return [
        list(store.find_jobs(JobFilter(), 10)),
        store.jobs([HOUR]),
        list(store.open_jobs()),
        index_rows(store),
        store.count_jobs(),
        list(store.all_units()),
        store.live_units(),
        store.runs(HOUR),
        store.commands(list(CommandState), 10),
        store.boxes(),
        store.led_context(),
        store.leadership(),
    ]


def write(store: Store, run: int) -> None:
    """Change jobs, units, commands and the leadership."""
    state = JobState.IN_PROGRESS if run == 1 else JobState.PROCESSED
    job = job_of(rev=run, state=state, run=run)
    store.commit(leader(store), [InsertUnit(unit_of(run=run)), SaveJob(job, 'changed')])
    store.insert_command(command(f'c{run}'))


def test_a_snapshot_shows_one_instant_while_another_writes(
    open_store: Callable[[], Store],
) -> None:
    reader, writer = open_store(), open_store()
    write(writer, 1)

    with reader.snapshot():
        before = seen(reader)
        write(writer, 2)
        with reader.snapshot():
            assert seen(reader) == before
        assert seen(reader) == before

    assert seen(reader) == seen(writer) != before


def test_a_snapshot_that_is_left_by_an_error_is_over(open_store: Callable[[], Store]) -> None:
    reader, writer = open_store(), open_store()
    write(writer, 1)

    with suppress(ZeroDivisionError), reader.snapshot():
        next(iter(reader.all_units()))
        raise ZeroDivisionError
    write(writer, 2)

    assert seen(reader) == seen(writer)
    write(reader, 3)
