"""A context of several years of days: a tree that goes on, one that ended, one since 1970."""

from synergy.conf.entries import (
    QUALIFIER_DAILY,
    QUALIFIER_YEARLY,
    RawEntry,
    managed_context_entry,
    timetable_tree_entry,
)


def _managed(name: str, qualifier: str) -> RawEntry:
    return managed_context_entry(
        process_name=name,
        classname='synergy.workers.shell.ShellWorker',
        token=name.lower(),
        time_qualifier=qualifier,
        present_on_boxes=['.*'],
        on_failure='hold',
    )


process_context = {
    'LongDaily': _managed('LongDaily', QUALIFIER_DAILY),
    'EndedDaily': _managed('EndedDaily', QUALIFIER_DAILY),
    'CenturyYearly': _managed('CenturyYearly', QUALIFIER_YEARLY),
}

timetable_context = {
    'long': timetable_tree_entry('long', ['LongDaily'], start_timeperiod='2024122900'),
    'ended': timetable_tree_entry(
        'ended', ['EndedDaily'], start_timeperiod='2024020100', end_timeperiod='2025030500'
    ),
    'century': timetable_tree_entry('century', ['CenturyYearly'], start_timeperiod='1970010100'),
}
