"""Count the flights that have arrived in a quarter of an hour, as a board at the airport would."""

from __future__ import annotations

from collections import defaultdict

from db.database import replace_rows
from db.live import fed_until, open_live_database
from db.live_source import FeedBehind
from db.model.flight import FlightCount
from synergy.workers import Outcome, Uow, Worker
from workers.flight_live import LATE_MINUTES, parse

_ARRIVED = """
SELECT record FROM flight_live WHERE time_hour = ? AND arrived_at >= ? AND arrived_at < ?
"""


class FlightQuarter(Worker):
    """flight_live -> live_quarter, for what arrived from `uow.start` to `uow.end`."""

    def setup(self) -> None:
        """Open the database once for all quarters."""
        self.database = open_live_database()

    def teardown(self) -> None:
        """Close it again."""
        self.database.close()

    def process_uow(self, uow: Uow) -> Outcome:
        """Count one quarter; raise FeedBehind while not all of it has arrived."""
        fed = fed_until(self.database)
        if fed is None or fed < uow.end:
            raise FeedBehind(
                f'the quarter until {uow.end} is over, but its rows have arrived only until {fed}; '
                'see that LiveFeed runs'
            )
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        instants = (at.isoformat(timespec='seconds') for at in (uow.start, uow.end))
        hour = f'{uow.start:%Y%m%d%H}'
        for (record,) in self.database.execute(_ARRIVED, (hour, *instants)):
            try:
                origin, delay = parse(record)
            except ValueError:  # It is the hour that puts it aside.
                continue
            row = sums[origin]
            row[0] += 1
            row[1] += delay is None
            row[2] += delay or 0
            row[3] += delay is not None and delay >= LATE_MINUTES
        counts = [FlightCount(origin, uow.timeperiod, *row) for origin, row in sums.items()]
        rows = [count.row() for count in counts]
        replace_rows(self.database, str(uow.sink), uow.timeperiod, rows)
        flights = sum(count.flights for count in counts)
        return Outcome.processed(flights) if flights else Outcome.noop()
