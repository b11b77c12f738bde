"""Sum the weather of a day up, one row per airport."""

from __future__ import annotations

from db.database import open_database, replace_rows
from synergy.workers import Outcome, Uow, Worker

SUM_UP = """
SELECT origin, ?, avg(temperature_mean), max(wind_max), sum(precipitation), min(visibility_min)
FROM weather_hourly WHERE timeperiod >= ? AND timeperiod < ? GROUP BY origin
"""


class WeatherDaily(Worker):
    """weather_hourly -> weather_daily."""

    def setup(self) -> None:
        """Open the database once for all days."""
        self.database = open_database()

    def teardown(self) -> None:
        """Close it again."""
        self.database.close()

    def process_uow(self, uow: Uow) -> Outcome:
        """Sum one day up."""
        rows = self.database.execute(
            SUM_UP, (uow.timeperiod, uow.start_timeperiod, uow.end_timeperiod)
        ).fetchall()
        replace_rows(self.database, 'weather_daily', uow.timeperiod, rows)
        return Outcome.processed(len(rows)) if rows else Outcome.noop()
