"""Names that a benchmark and the processes that it starts agree on."""

from __future__ import annotations

from typing import Final

#: Prefixed so that they are not taken for settings.
HOURS_VARIABLE: Final = 'SYNERGY_INTERNAL_BENCH_HOURS'
WORKERS_VARIABLE: Final = 'SYNERGY_INTERNAL_BENCH_WORKERS'
#: Seconds that each hour takes; without it, none.
PACE_VARIABLE: Final = 'SYNERGY_INTERNAL_BENCH_PACE'

HOURLY, DAILY, MONTHLY, ALERT = 'SiteHourly', 'SiteDaily', 'SiteMonthly', 'AlertDaily'
START: Final = '1970010100'

#: The pairs of store and broker.
EMBEDDED: Final = 'embedded'
PRODUCTION: Final = 'production'
