"""A hundred processes in 25 trees: ten trees with ten years of hours, the others with one year.

SYNERGY_END_TIMEPERIOD and SYNERGY_START_TIMEPERIOD do not matter here; `bench.mx` fills the store.
"""

from synergy.conf.entries import (
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    QUALIFIER_MONTHLY,
    QUALIFIER_YEARLY,
    managed_context_entry,
    timetable_tree_entry,
)

TREE_COUNT, LONG_COUNT = 25, 10
LEVELS = (
    ('Yearly', QUALIFIER_YEARLY),
    ('Monthly', QUALIFIER_MONTHLY),
    ('Daily', QUALIFIER_DAILY),
    ('Hourly', QUALIFIER_HOURLY),
)

process_context = {
    f'P{number:02d}{word}': managed_context_entry(
        process_name=f'P{number:02d}{word}',
        classname='synergy.workers.shell.ShellWorker',
        token=f'p{number:02d}{word.lower()}',
        time_qualifier=qualifier,
        present_on_boxes=['.*'],
    )
    for number in range(TREE_COUNT)
    for word, qualifier in LEVELS
}

timetable_context = {
    f'p{number:02d}': timetable_tree_entry(
        tree_name=f'p{number:02d}',
        enclosed_processes=[f'P{number:02d}{word}' for word, _ in LEVELS],
        dependent_on=[f'p{number - 1:02d}'] if number % 5 == 1 else [],
        start_timeperiod='2016010100' if number < LONG_COUNT else '2025010100',
        end_timeperiod='2026010100',
    )
    for number in range(TREE_COUNT)
}
