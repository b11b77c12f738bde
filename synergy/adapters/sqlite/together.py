"""The saves of one commit by few statements, each for many rows: as nearly all commits are.

Each statement is as conditional as for one row, and the sum of changed rows has to be exact. Where
it is not, or something is refused, all is undone, and `saves` does them one by one and tells which.
"""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Final

from synergy.adapters.sqlite.rows.jobs import job_values
from synergy.adapters.sqlite.rows.units import unit_values
from synergy.adapters.sqlite.saves import (
    ARE_BY_KEY,
    INSERT_JOB,
    INSERT_UNIT,
    INSERT_UNIT_BESIDE,
    OF_THE_ROW,
    UPDATE_JOB,
    apply,
)
from synergy.core.effects import InsertUnit, Save, SaveJob, in_stages
from synergy.core.records import outlived_by

#: Of fewer, a savepoint costs more than it saves.
_FEWEST: Final = 4


def are_applied(connection: Connection, saves: Sequence[Save], term: int) -> bool:
    """Execute all of `saves`, or none; tell whether they are.

    Where they are not, the transaction may have ended: a trigger of the file may roll back.
    """
    if len(saves) < _FEWEST:
        return False
    connection.execute('SAVEPOINT together')
    try:
        are_all = _apply(connection, in_stages(saves), term)
    except OF_THE_ROW:
        are_all = False
    if connection.in_transaction:
        if not are_all:
            connection.execute('ROLLBACK TO together')
        connection.execute('RELEASE together')
    return are_all


def _apply(connection: Connection, saves: Sequence[Save], term: int) -> bool:
    """Execute saves in the order of stages; tell whether each has matched."""
    units: list[InsertUnit] = []
    jobs: list[SaveJob] = []
    others: list[Save] = []
    for save in saves:
        if isinstance(save, SaveJob):
            jobs.append(save)
        elif isinstance(save, InsertUnit) and not outlived_by(save.unit):
            units.append(save)
        elif units or jobs:
            others.append(save)
        elif not apply(connection, save, term):
            return False
    return (
        _insert_units(connection, units)
        and _save_jobs(connection, jobs, term)
        and all(apply(connection, save, term) for save in others)
    )


def _insert_units(connection: Connection, saves: Sequence[InsertUnit]) -> bool:
    if not saves:
        return True
    is_beside = connection.execute(ARE_BY_KEY).fetchone() is not None
    sql = INSERT_UNIT_BESIDE if is_beside else INSERT_UNIT
    values = [unit_values(save.unit) for save in saves]
    return connection.executemany(sql, values).rowcount == len(values)


def _save_jobs(connection: Connection, saves: Sequence[SaveJob], term: int) -> bool:
    """Save first revisions and later ones. What becomes of a job twice is done in its order."""
    if len({save.job.key for save in saves}) < len(saves):
        return False
    firsts, laters = [], []
    for save in saves:
        job = save.job
        values = job_values(job, save.event)
        process, timeperiod, ended_in = *values[:2], term if save.term is None else save.term
        if job.rev == 1:
            firsts.append((*values, ended_in))
        else:
            laters.append((*values[3:], ended_in, process, timeperiod, job.rev - 1, term))
    for sql, rows in ((INSERT_JOB, firsts), (UPDATE_JOB, laters)):
        if rows and connection.executemany(sql, rows).rowcount != len(rows):
            return False
    return True
