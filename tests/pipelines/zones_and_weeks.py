"""The levels of a day and longer of a tree of Berlin, so that weeks take a moment to run."""

from __future__ import annotations

from synergy.conf.entries import timetable_tree_entry
from tests.pipelines.zones_and_levels import LEVELS, managed

_NAMES = ['ShopYearly', 'ShopMonthly', 'ShopWeekly', 'ShopDaily']

process_context = {name: managed(name, LEVELS[name], 'every 4 h') for name in _NAMES}
timetable_context = {
    'shop': timetable_tree_entry('shop', _NAMES, time_zone='Europe/Berlin', week_start='sunday'),
}
