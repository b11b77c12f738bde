"""What `check` tells of closed hours, a line for each that has any, and of calendars that end."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from synergy.cli.commands.check import closed_lines, described
from synergy.core.records import ProcessName
from tests.conf.test_context import load


def test_check_lists_the_closed_hours_of_all_that_has_any(tmp_path: Path) -> None:
    context = load(
        tmp_path,
        """
pool_context = {'lake': pool(8, closed=['Sun 02:00-04:00 Europe/Berlin', 'Sat']), 'p': pool(1)}
run = dict(classname='workers.flight_hourly.FlightHourly', token='f', trigger_frequency='every 60')
process_context = entries(
    hourly('H', pools='lake', closed=['Mon 01:00-02:00']),
    hourly('I'),
    freerun_context_entry('F', 'e', closed='Fri', time_zone='Europe/Berlin', **run),
)
timetable_context = entries(
    timetable_tree_entry('t', ['H'], closed=['Tue']), timetable_tree_entry('u', ['I'])
)
""",
        SYNERGY_CLOSED='Wed 01:00-02:00',
    )

    assert list(closed_lines(context)) == [
        'closed hours of the installation: Wed 01:00-02:00 UTC',
        'closed hours of tree t: Tue UTC',
        'closed hours of H: Mon 01:00-02:00 UTC',
        'closed hours of F::e: Fri Europe/Berlin',
        'closed hours of pool lake: Sun 02:00-04:00 Europe/Berlin, Sat UTC',
    ]
    told = described(context)
    assert told['closed'] == [
        {
            'of': line.split(': ')[0].removeprefix('closed hours '),
            'hours': line.split(': ')[1].split(', '),
        }
        for line in closed_lines(context)
    ]
    assert told['pools'] == [
        {'pool': 'lake', 'slots': 8, 'per_minute': None, 'takers': ['H']},
        {'pool': 'p', 'slots': 1, 'per_minute': None, 'takers': []},
    ]
    assert told['trees'] == [
        {
            'tree': tree,
            'time_zone': 'UTC',
            'processes': [{'process': process, 'qualifier': 'hourly'}],
        }
        for tree, process in (('t', 'H'), ('u', 'I'))
    ]
    assert told['groups'] == told['calendars'] == []


def test_a_context_tells_of_calendars_that_end_whoever_names_them(tmp_path: Path) -> None:
    (tmp_path / 'days.txt').write_text('2026-01-05\n2030-02-01\n')
    context = load(
        tmp_path,
        """
calendar_context = {
    'file': dates_from('days.txt'), 'list': ['2030-01-30'], 'office': weekdays('Mon-Fri'),
}
run = dict(classname='workers.flight_hourly.FlightHourly', token='f', trigger_frequency='every 60')
process_context = entries(
    hourly('H', calendar='file'),
    hourly('I', calendar='office'),
    freerun_context_entry('F', 'e', closed='outside the calendar list', **run),
)
timetable_context = entries(timetable_tree_entry('t', ['H']), timetable_tree_entry('u', ['I']))
""",
    )

    assert [end.text for end in context.calendar_ends(date(2030, 1, 1))] == [
        'calendar list ends on 2030-01-30, the last date of its list: each later day is closed by '
        'outside the calendar list (of F::e)',
        "calendar file ends on 2030-02-01, the last date of the file 'days.txt': each later day of "
        'H is left out',
    ]
    assert list(context.calendar_ends(date(2029, 11, 1))) == []
    office, told = (
        context.hierarchy.nodes[ProcessName('I')].process.working,
        described(context)['calendars'],
    )
    assert office is not None
    assert told == [
        {
            'calendar': 'file',
            'told_by': "the file 'days.txt'",
            'last_day': '2030-02-01',
            'processes': ['H'],
            'closed': [],
        },
        {
            'calendar': 'list',
            'told_by': 'its list',
            'last_day': '2030-01-30',
            'processes': [],
            'closed': ['outside the calendar list (of F::e)'],
        },
        {
            'calendar': 'office',
            'told_by': None,
            'last_day': str(date.fromordinal(date(1970, 1, 1).toordinal() + office.until - 1)),
            'processes': ['I'],
            'closed': [],
        },
    ]
