"""Groups of workers, and runs that have processes of their own, as a context says them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from synergy.cli.commands import check
from synergy.cli.importing import imports_of
from synergy.cli.queues import routes_of
from synergy.conf.group_words import grouped_text
from synergy.conf.model import GroupEntry
from synergy.conf.settings import load_settings
from synergy.core.records import ProcessName
from synergy.supervisor.slots import slots_of
from synergy.workers.code_opener import CodeOpener
from tests.conf.test_context import load, problems

ETL, SITE, DAY, FEED = map(ProcessName, ('etl', 'SiteHourly', 'SiteDaily', 'Feed'))
GROUPED = """
worker_context = {'etl': worker_group(instances=2, present_on_boxes=['.*'], recycle_after=7)}

def feed(name, **fields):
    return freerun_context_entry(
        process_name='Feed', entry_name=name, classname='workers.flight_hourly.FlightHourly',
        token='feed', trigger_frequency='every 60', **fields)

process_context = {
    'SiteHourly': hourly('SiteHourly', group='etl'),
    'SiteDaily': daily('SiteDaily', present_on_boxes=['.*'], instances=3),
    'Feed::one': feed('one', group='etl', isolation='process', memory_mb_max=99, cpu_seconds_max=5),
    'Feed::two': feed('two', group='etl', isolation='process', memory_mb_max=99, cpu_seconds_max=5),
}
timetable_context = {
    'site': timetable_tree_entry('site', ['SiteDaily', 'SiteHourly']),
}
"""


def test_one_set_of_workers_and_one_queue_serve_what_joins_a_group(tmp_path: Path) -> None:
    context = load(tmp_path, GROUPED)

    group = context.groups[ETL]
    assert isinstance(context.entries[ETL], GroupEntry)
    assert {SITE, FEED} & context.entries.keys() == set()
    assert (group.route.queue, group.route.routing) == ('queue_etl_group', 'routing_etl_group')
    assert (group.log_file.name, group.pid_file.name) == ('etl_group.log', 'etl_group.pid')
    assert (group.instances, group.recycle_after) == (2, 7)
    site, feed = context.managed[SITE], context.workers[FEED]
    assert site.route == feed.route == group.route
    assert site.present_on_boxes == group.present_on_boxes
    assert site.process.worker == context.worker_of('SiteHourly') == ETL
    assert context.worker_of('Feed::made at run time') == ETL
    assert context.worker_of('SiteDaily') == context.managed[DAY].process.worker == DAY
    assert {name: list(found) for name, found in context.served.items()} == {
        ETL: [SITE, FEED],
        DAY: [DAY],
    }
    assert (feed.is_isolated, feed.run_memory_mb_max, feed.run_cpu_seconds_max) == (True, 99, 5)
    assert feed.memory_mb_max is None, 'it bounds the run, not a worker'
    assert (site.is_isolated, site.run_memory_mb_max) == (None, None), 'nothing says so'


def test_a_group_takes_the_places_of_its_processes_on_a_box(tmp_path: Path) -> None:
    context = load(tmp_path, GROUPED)
    settings = load_settings({'SYNERGY_HOME': str(tmp_path)}, tmp_path)

    slots = [str(slot) for slot in slots_of(settings, context, is_console=False)]
    queues = [route.queue for route in routes_of(context)]

    assert slots[2:] == ['etl', 'etl.1', 'SiteDaily', 'SiteDaily.1', 'SiteDaily.2']
    assert queues == ['q_uow_status', 'queue_etl_group', 'queue_sitedaily_daily']
    [worker] = [item for item in imports_of(settings, context) if item.kind == 'worker']
    assert set(worker.users) == {'SiteHourly', 'SiteDaily', 'Feed'}
    assert 'name that instead, etl' in (grouped_text(context, 'SiteHourly') or '')
    assert grouped_text(context, 'SiteDaily') is None


def test_check_tells_of_groups_and_whom_they_serve(tmp_path: Path) -> None:
    context = load(
        tmp_path, GROUPED + "worker_context['idle'] = worker_group(present_on_boxes=['.*'])\n"
    )

    assert list(check._group_lines(context)) == [
        'etl: 2 workers on each of its boxes for SiteHourly, Feed',
        'etl: each run of Feed has a process of its own (isolation, or a time-out and a class that '
        'keeps nothing between runs)',
        'idle: 1 worker on each of its boxes for nothing: no entry has it as its group',
    ]


def test_what_is_wrong_with_groups_is_told_at_once_with_its_remedy(tmp_path: Path) -> None:
    text = problems(
        tmp_path,
        """
worker_context = {
    'etl': worker_group(present_on_boxes=['.*']),
    'nowhere': worker_group(instances=2),
    'many': worker_group(instances=1001, present_on_boxes=['.*']),
    'none': worker_group(instances=0, present_on_boxes=['.*']),
    'A': worker_group(present_on_boxes=['.*']),
    'MX': worker_group(present_on_boxes=['.*']),
    'two words': worker_group(present_on_boxes=['.*']),
    'odd': 4,
    'typo': worker_group(instanzes=2, present_on_boxes=['.*']),
}
process_context = {
    'A': hourly('A'),
    'B': hourly('B', group='elt'),
    'C': hourly('C', group='etl', instances=1, present_on_boxes=['x'], queue='q'),
    'D': hourly('D', group='etl', recycle_after=3, memory_mb_max=7),
    'E': hourly('E', isolation='thread', cpu_seconds_max=3),
    'F': hourly('F', cpu_seconds_max=3),
    'G': hourly('G', isolation='process', cpu_seconds_max=-3),
    'H': hourly('H', isolation='process', memory_mb_max=-1),
    'I': hourly('I', group='nowhere'),
    'J': hourly('J', group=7),
}
timetable_context = {}
""",
    )

    for expected in (
        'present_on_boxes = None of nowhere in ',
        "no box would run its workers; name the boxes, or all: present_on_boxes=['.*']",
        'instances = 1001 of many',
        'instances = 0 of none',
        'give a whole number from 1 to 1,000',
        "the group of workers 'A' has the name of a process",
        "the group of workers 'MX' has the name of a process",
        "group_name = 'two words' of two words",
        "'odd' in `worker_context` of ",
        "unknown keyword 'instanzes'",
        "group = 'elt' of B: nobody defines it (did you mean 'etl'?); add it to worker_context",
        'instances = 1 of C in ',
        "present_on_boxes = ['x'] of C in ",
        "queue = 'q' of C in ",
        "its group 'etl' says that for all of its processes; say it there",
        'recycle_after = 3 of D in ',
        'memory_mb_max = 7 of D in ',
        "or let each run have a process of its own to be bounded: isolation='process'",
        "isolation = 'thread' of E in ",
        'cpu_seconds_max = 3 of F in ',
        "say so, too: isolation='process', or leave it out",
        'cpu_seconds_max = -3 of G in ',
        'memory_mb_max = -1 of H in ',
        'group = 7 of J in ',
    ):
        assert expected in text, (expected, text)
    for silent in ('cpu_seconds_max = 3 of E', "group = 'nowhere' of I"):
        assert silent not in text, (silent, text)


def test_without_groups_the_remedy_for_an_unknown_one_is_a_whole_line(tmp_path: Path) -> None:
    text = problems(
        tmp_path,
        """
process_context = {'A': hourly('A', group='etl')}
timetable_context = {}
""",
    )

    assert "(it has none), as in {'etl': worker_group(present_on_boxes=['.*'])}" in text


@pytest.mark.parametrize('said', ['[]', "'etl'", 'None'])
def test_groups_are_a_dict(tmp_path: Path, said: str) -> None:
    text = problems(
        tmp_path, f'worker_context = {said}\nprocess_context = {{}}\ntimetable_context = {{}}\n'
    )

    assert 'make it a dict of groups by their names' in text


def test_what_may_have_to_be_killed_in_a_group_has_a_process_of_its_own(tmp_path: Path) -> None:
    plain = "classname='bench.groups_context.work'"
    context = load(
        tmp_path,
        f"""
worker_context = {{'etl': worker_group(present_on_boxes=['.*'])}}
process_context = {{
    'A': hourly('A', timeout_seconds=9, group='etl', {plain}),
    'B': hourly('B', timeout_seconds=9, group='etl', classname='synergy.workers.shell.ShellWorker'),
    'C': hourly('C', timeout_seconds=9, group='etl', classname='tests.pipelines.grouped.Noting'),
    'D': hourly('D', timeout_seconds=9, group='etl', isolation='worker', {plain}),
    'E': hourly('E', group='etl', {plain}),
    'F': hourly('F', timeout_seconds=9, present_on_boxes=['.*'], {plain}),
    'G': hourly('G', isolation='process', present_on_boxes=['.*'], {plain}),
}}
timetable_context = {{name: timetable_tree_entry(name, [name]) for name in process_context}}
""",
    )
    served = {name: entry for found in context.served.values() for name, entry in found.items()}

    codes = CodeOpener(served)

    alone = [name for name in served if codes.load(name).bounds is not None]
    assert alone == ['A', 'B', 'G'], 'not what has a setup, nor what asks for none'
    assert [*check._group_lines(context)][1:] == [
        'etl: each run of A, B, C has a process of its own (isolation, or a time-out and a class '
        'that keeps nothing between runs)'
    ]


def test_entries_of_one_free_run_have_one_group_and_one_isolation(tmp_path: Path) -> None:
    text = problems(
        tmp_path,
        GROUPED.replace(
            "'two', group='etl', isolation='process', memory_mb_max=99, cpu_seconds_max=5", "'two'"
        ),
    )

    for field in ('group', 'isolation', 'memory_mb_max', 'cpu_seconds_max'):
        assert f'{field} of Feed::two in ' in text


@pytest.mark.parametrize('value', ['0', '-1', '0.5', "'9'", 'True', '10**12'])
def test_the_longest_wait_for_a_worker_is_a_second_at_least(tmp_path: Path, value: str) -> None:
    text = problems(
        tmp_path,
        f"""
process_context = {{'SiteHourly': hourly('SiteHourly', start_timeout_seconds={value})}}
timetable_context = {{'site': timetable_tree_entry('site', ['SiteHourly'])}}
""",
    )

    assert 'start_timeout_seconds = ' in text
    assert 'give a number of seconds from 1 to' in text


def test_the_longest_wait_for_a_worker_is_read_and_one_for_all_entries_of_a_free_run(
    tmp_path: Path,
) -> None:
    said = GROUPED.replace("group='etl'),", "group='etl', start_timeout_seconds=300),")
    context = load(tmp_path, said)

    assert context.managed[SITE].process.start_timeout == timedelta(minutes=5)
    assert context.managed[DAY].process.start_timeout is None
    text = problems(tmp_path, GROUPED.replace('cpu_seconds_max=5)', 'start_timeout_seconds=9)', 1))
    assert 'start_timeout_seconds of Feed::two in ' in text
