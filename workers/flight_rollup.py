"""Add the flights of hours up to a day, of days to a month, of months to a year.

One class serves all of them: what it reads and writes are `source` and `sink` of its entry.
"""

from __future__ import annotations

from db.database import open_database, replace_rows
from db.model.flight import FlightCount
from synergy.workers import Outcome, Uow, Worker


class FlightRollup(Worker):
    """One level of flight counts -> the next coarser one."""

    def setup(self) -> None:
        """Open the database once for all intervals."""
        self.database = open_database()

    def teardown(self) -> None:
        """Close it again."""
        self.database.close()

    def process_uow(self, uow: Uow) -> Outcome:
        """Add one interval up."""
        # Hours are called by UTC, days and what is coarser by the dates of their tree's zone.
        is_of_hours = str(uow.source).endswith('_hourly')
        first, until = (f'{at:%Y%m%d%H}' for at in (uow.start, uow.end))
        names = (first, until) if is_of_hours else (uow.start_timeperiod, uow.end_timeperiod)
        added = self.database.execute(
            'SELECT origin, sum(flights), sum(cancelled), sum(delay_minutes), sum(late) '
            f'FROM {uow.source} WHERE timeperiod >= ? AND timeperiod < ? GROUP BY origin',
            names,
        )
        counts = [FlightCount(origin, uow.timeperiod, *sums) for origin, *sums in added]
        rows = [count.row() for count in counts]
        replace_rows(self.database, str(uow.sink), uow.timeperiod, rows)
        flights = sum(count.flights for count in counts)
        return Outcome.processed(flights) if flights else Outcome.noop()
