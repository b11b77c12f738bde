"""Workers of test pipelines, and the journal in which they write down what happened."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from synergy.sources import SqliteSource
from synergy.workers import Outcome, Uow, Worker


def home() -> Path:
    return Path(os.environ['SYNERGY_HOME'])


def note(text: str) -> None:
    """Append a line, at once and whole, whoever else writes."""
    handle = os.open(home() / 'journal', os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(handle, f'{text}\n'.encode())
    os.close(handle)


def is_told(word: str) -> bool:
    """Tell whether the test has said `word`, by a file of that name."""
    return (home() / word).exists()


class Journal(Worker):
    """Writes down each start with what identifies it."""

    def process_uow(self, uow: Uow) -> Outcome:
        note(
            f'{uow.process_name}@{uow.timeperiod} attempt {uow.attempt} fence {uow.fence} '
            f'{uow.idempotency_key}'
        )
        return Outcome.processed(1)


class Steady(Journal):
    """Writes down each start, and takes its time."""

    def process_uow(self, uow: Uow) -> Outcome:
        outcome = super().process_uow(uow)
        time.sleep(0.1)
        return outcome


class Patient(Worker):
    """Works until told to go on."""

    def process_uow(self, uow: Uow) -> Outcome:
        note(f'began {uow.timeperiod} attempt {uow.attempt} fence {uow.fence}')
        while not is_told('go'):
            time.sleep(0.01)
        note(f'ended {uow.timeperiod} attempt {uow.attempt} fence {uow.fence}')
        return Outcome.processed(3)


class Raising(Worker):
    """Fails at its first attempt."""

    def process_uow(self, uow: Uow) -> Outcome:
        print('about to work on', uow.timeperiod)
        if uow.attempt == 1:
            raise LookupError('no such site')
        return Outcome.processed(2)


class Legacy(Worker):
    """A worker as Synergy 2.x had them."""

    def _process_uow(self, uow: Uow) -> tuple[int, str]:
        return 17, 'state_processed'


class Stubborn(Worker):
    """Catches everything that it may."""

    def process_uow(self, uow: Uow) -> Outcome:
        while True:
            try:
                time.sleep(60)
            except Exception:  # noqa: BLE001 - what careless user code does
                note('caught')


class Exiting(Worker):
    """Calls exit in the middle."""

    def process_uow(self, uow: Uow) -> Outcome:
        sys.exit(3)


def plain(uow: Uow) -> None:
    """Work without a class."""
    note(f'plain {uow.timeperiod} {uow.arguments["color"]}')


def nonsense(uow: Uow) -> str:
    """Return what nobody understands."""
    return 'all good'


class Unstartable(Journal):
    """Cannot even be set up."""

    def setup(self) -> None:
        note('setup')
        raise ConnectionError('no database')


class Arrived(Worker):
    """Writes down which rows have arrived."""

    def process_uow(self, uow: Uow) -> Outcome:
        note(f'rows {uow.start_id} to {uow.end_id}')
        return Outcome.processed(1)


def open_source() -> SqliteSource:
    """Open the table into which the test puts rows."""
    return SqliteSource(home() / 'live.db', 'row', key='id', time='hour')
