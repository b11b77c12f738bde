"""The live table as the source of a recomputing process."""

from __future__ import annotations

from db.database import path
from db.live import fed_until, now, open_live_database, prepare
from synergy.sources import SqliteSource


class FeedBehind(Exception):
    """An hour is over, but not all of its rows have arrived."""


class LiveSource:
    """`flight_live`; of an hour that is over it answers only when the feed has passed its end.

    So the final run of an hour covers all of it, however far the feed has fallen behind.
    """

    def __init__(self) -> None:
        """Open the table; fill what lies before the first start."""
        self._database = open_live_database()
        prepare(self._database, now())
        self._rows = SqliteSource(path(), 'flight_live', key='id', time='time_hour')

    def bounds(
        self, start_timeperiod: str, end_timeperiod: str
    ) -> tuple[int | str, int | str] | None:
        """Return the lowest and highest id in [start, end); raise FeedBehind."""
        fed = fed_until(self._database)
        if f'{now():%Y%m%d%H}' >= end_timeperiod > f'{fed:%Y%m%d%H}':
            raise FeedBehind(
                f'the hour until {end_timeperiod} is over, but its rows have arrived only until '
                f'{fed}; see that LiveFeed runs'
            )
        return self._rows.bounds(start_timeperiod, end_timeperiod)

    def close(self) -> None:
        """Close the table."""
        self._rows.close()
        self._database.close()
