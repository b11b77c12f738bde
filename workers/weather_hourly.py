"""Take the weather of one hour over, one row per airport."""

from __future__ import annotations

from db.database import open_database, replace_rows
from db.load import end_of_run, load_fixtures
from synergy.workers import Outcome, Uow, Worker

MEASURE = """
SELECT origin, ?, avg(temperature), max(wind), sum(precipitation), min(visibility)
FROM weather_raw WHERE time_hour >= ? AND time_hour < ? GROUP BY origin
"""


class WeatherHourly(Worker):
    """Raw weather -> weather_hourly; an hour without a measurement is a noop."""

    def setup(self) -> None:
        """Open the database once for all hours."""
        self.database = open_database()
        # Once; afterwards there is nothing to do.
        load_fixtures(self.database, end_timeperiod=end_of_run())

    def teardown(self) -> None:
        """Close it again."""
        self.database.close()

    def process_uow(self, uow: Uow) -> Outcome:
        """Take one hour over."""
        rows = self.database.execute(
            MEASURE, (uow.timeperiod, uow.start_timeperiod, uow.end_timeperiod)
        ).fetchall()
        replace_rows(self.database, 'weather_hourly', uow.timeperiod, rows)
        return Outcome.processed(len(rows)) if rows else Outcome.noop()
