"""What `check` tells of closed hours: a line for each that has any."""

from __future__ import annotations

from pathlib import Path

from synergy.cli.commands.check import closed_lines
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
