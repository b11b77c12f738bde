"""Count the flights of one hour, per airport of departure."""

from __future__ import annotations

from db.database import open_database, replace_rows
from db.load import end_of_run, load_fixtures
from db.model.flight import FlightCount
from synergy.workers import Outcome, Uow, Worker

COUNT = """
SELECT origin, count(*), sum(dep_time IS NULL), coalesce(sum(dep_delay), 0), sum(dep_delay >= 15)
FROM flight_raw WHERE time_hour >= ? AND time_hour < ? GROUP BY origin
"""


class FlightHourly(Worker):
    """Raw flights -> flight_hourly; an hour without flights is a noop."""

    def setup(self) -> None:
        """Open the database once for all hours."""
        self.database = open_database()
        # Once; afterwards there is nothing to do.
        load_fixtures(self.database, end_timeperiod=end_of_run())

    def teardown(self) -> None:
        """Close it again."""
        self.database.close()

    def process_uow(self, uow: Uow) -> Outcome:
        """Count one hour."""
        counted = self.database.execute(COUNT, (uow.start_timeperiod, uow.end_timeperiod))
        counts = [
            FlightCount(origin, uow.timeperiod, flights, cancelled, delay, late or 0)
            for origin, flights, cancelled, delay, late in counted
        ]
        rows = [count.row() for count in counts]
        replace_rows(self.database, 'flight_hourly', uow.timeperiod, rows)
        flights = sum(count.flights for count in counts)
        return Outcome.processed(flights) if flights else Outcome.noop()
