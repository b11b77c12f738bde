"""Say on working days whether more flights depart: the day, seven earlier ones, and a trend.

The trend goes on from the working day before, so that day must have run; its table has it.
"""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import Final

from db.database import replace_rows
from db.live import open_live_database
from synergy.workers import Outcome, Uow

#: How much of the trend is the newest day.
_SHARE: Final = 0.2


def follow(uow: Uow) -> Outcome:
    """live_hourly of the day, live_daily of the seven until a week ago -> live_trend."""
    with closing(open_live_database()) as database:

        def flights(table: str, first: str, until: str) -> int:
            found: int = database.execute(
                f'SELECT coalesce(sum(flights), 0) FROM {table} '
                'WHERE timeperiod >= ? AND timeperiod < ?',
                (first, until),
            ).fetchone()[0]
            return found

        of_day = flights('live_hourly', f'{uow.start:%Y%m%d%H}', f'{uow.end:%Y%m%d%H}')
        first, until = (f'{uow.local_start - timedelta(days=ago):%Y%m%d}00' for ago in (13, 6))
        before = flights('live_daily', first, until)
        last = database.execute(
            'SELECT trend FROM live_trend WHERE timeperiod < ? ORDER BY timeperiod DESC LIMIT 1',
            (uow.timeperiod,),
        ).fetchone()
        trend = of_day if last is None else last[0] + _SHARE * (of_day - last[0])
        replace_rows(
            database, str(uow.sink), uow.timeperiod, [(uow.timeperiod, of_day, before, trend)]
        )
    return Outcome.processed(of_day)
