"""Names that a round of chaos and the processes that it starts agree on."""

from __future__ import annotations

from typing import Final

#: Prefixed so that they are not taken for settings.
JOURNAL_VARIABLE: Final = 'SYNERGY_INTERNAL_CHAOS_JOURNAL'
#: Names the file for complaints of user code that misbehaves; it does when this is set.
UNRULY_VARIABLE: Final = 'SYNERGY_INTERNAL_CHAOS_UNRULY'
DAYS_VARIABLE: Final = 'SYNERGY_INTERNAL_CHAOS_DAYS'

CONTEXT_MODULE: Final = 'bench.chaos.pipeline'
START: Final = '2026010100'
HOURLY, DAILY, MONTHLY = 'SiteHourly', 'SiteDaily', 'SiteMonthly'
ALERT_HOURLY, ALERT_DAILY = 'AlertHourly', 'AlertDaily'
