"""The context: entries as in Synergy 2.x, and every problem of a bad one in one report."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from synergy.bootstrap import PROJECT
from synergy.conf.built_in import is_watch
from synergy.conf.context import built_in_context, load_context
from synergy.conf.errors import ContextError
from synergy.conf.model import Context, WorkerEntry
from synergy.conf.settings import load_settings
from synergy.core.closed import ClosedHours
from synergy.core.records import ProcessName
from synergy.core.states import Blocking, OnFailure
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier, of_date
from synergy.core.zones import name_of

HEADER = """
from synergy.conf.entries import *

def hourly(name, **fields):
    given = dict(process_name=name, classname='workers.flight_hourly.FlightHourly',
                 token=name.lower(), time_qualifier=QUALIFIER_HOURLY)
    return managed_context_entry(**(given | fields))

def daily(name, **fields):
    return hourly(name, **({'time_qualifier': QUALIFIER_DAILY} | fields))

def entries(*given):
    return {next(iter(entry.fields.values())): entry for entry in given}
"""
_numbers = itertools.count()


def load(folder: Path, body: str, *, reads_sources: bool = True, **environ: str) -> Context:
    name = f'context_under_test_{next(_numbers)}'
    (folder / f'{name}.py').write_text(HEADER + body)
    settings = load_settings({'SYNERGY_HOME': str(folder), **environ}, PROJECT)
    return load_context(
        replace(settings, project=folder, context_module=name), reads_sources=reads_sources
    )


def problems(folder: Path, body: str) -> str:
    with pytest.raises(ContextError) as refused:
        load(folder, body)
    return '\n'.join(refused.value.problems)


def test_the_illustration_context_is_valid() -> None:
    context = load_context(load_settings({}, PROJECT))

    assert len(context.managed) == 7
    delay = context.managed[ProcessName('DelayDaily')]
    assert delay.process.blocking is Blocking.DEPENDENCIES
    assert context.hierarchy.nodes[delay.name].dependencies == ('FlightDaily', 'WeatherDaily')


def test_names_and_defaults_are_those_of_synergy_2(tmp_path: Path) -> None:
    context = load(
        tmp_path,
        """
process_context = {'SiteHourly': hourly('SiteHourly', token='site')}
timetable_context = {'site': timetable_tree_entry('site', ['SiteHourly'])}
""",
    )

    entry = context.managed[ProcessName('SiteHourly')]
    assert entry.route.exchange == 'ex_managed_worker'
    assert entry.route.queue == 'queue_site_hourly'
    assert entry.route.routing == 'routing_site_hourly'
    assert entry.pid_file.name == 'site_hourly.pid'
    assert entry.log_file.name == 'site_hourly.log'
    assert str(entry.process.trigger) == 'every 60'
    assert entry.process.machine == 'discrete'
    assert entry.process.blocking is Blocking.NORMAL
    assert (entry.process.lag, entry.process.max_running) == (timedelta(minutes=5), 1)
    assert entry.process.on_failure is OnFailure.SKIP
    assert (entry.process.retry.max_attempts, entry.process.retry.max_lost) == (3, 5)
    assert entry.present_on_boxes == ()


def test_every_problem_is_reported_at_once_with_file_and_entry(tmp_path: Path) -> None:
    text = problems(
        tmp_path,
        """
process_context = {
    'A': hourly('A', classname='workers.flight_hourly.FlightHorly'),
    'B': hourly('B', classname='nowhere.to.be.Found'),
    'C': hourly('C', state_machine_name='discreet'),
    'D': hourly('D', blocking_type='blocking_childen'),
    'E': hourly('E', trigger_frequency='sometimes'),
    'F': hourly('F', time_qualifier='_weakly'),
    'G': hourly('G', max_running=0),
    'H': hourly('H', arguments={'when': object()}),
    'I': hourly('I', present_on_boxes=['(']),
    'J': hourly('J', is_on='yes'),
    'K': hourly('K', time_grouping=99),
    'L': 'no entry at all',
    'M': hourly('N'),
    'O': hourly('O', lag_minutes=-1),
    'P': hourly('P', on_failure='explode'),
    'Q': hourly('Q', deadline_minutes=3),
    'R': hourly('R', max_lost=0),
}
timetable_context = {}
""",
    )

    for expected in (
        "defines no 'FlightHorly' (did you mean 'FlightHourly'",
        'nowhere.to.be',
        "unknown state machine 'discreet' for C",
        "did you mean 'discrete'",
        "did you mean 'blocking_children'",
        "trigger_frequency = 'sometimes' of E",
        "cannot be read; expected 'every 15 min'",
        "time_qualifier = '_weakly' of",
        "did you mean '_weekly'",
        'max_running = 0 of G',
        'cannot be taken: it cannot be written as JSON',
        'not a regular expression',
        "is_on = 'yes' of J",
        'time_grouping = 99 of K',
        "'L' in `process_context`",
        "'M' in `process_context`",
        'lag_minutes = -1 of O',
        "on_failure = 'explode' of P",
        'deadline_minutes = 3 of Q',
        'max_lost = 0 of R',
    ):
        assert expected in text
    assert all('context_under_test_' in line for line in text.splitlines())


def test_a_deadline_is_a_length_a_time_of_day_or_that_of_the_tree(tmp_path: Path) -> None:
    context = load(
        tmp_path,
        """
process_context = entries(
    hourly('H'), hourly('M', time_qualifier=QUALIFIER_MINUTELY_15), daily('D'),
    daily('W', time_qualifier=QUALIFIER_WEEKLY, deadline_minutes=90),
    hourly('X', time_qualifier=QUALIFIER_MONTHLY, deadline='9:30 +2d'),
    hourly('I', deadline='06:00', jitter_seconds=86_400), daily('E'),
)
timetable_context = entries(
    timetable_tree_entry('t', ['H', 'M', 'D', 'W', 'X'], deadline='06:00', week_start='sunday'),
    timetable_tree_entry('u', ['I', 'E']),
)
""",
    )

    found = {node.process.name: str(node.process.deadline) for node in context.hierarchy}
    assert found == {
        'H': '06:00 after its day', 'M': '06:00 after its day', 'D': '06:00', 'W': '90 min',
        'X': '09:30 +2d', 'I': '06:00', 'E': 'None',
    }  # fmt: skip


def test_every_deadline_that_makes_no_sense_is_refused_at_once(tmp_path: Path) -> None:
    text = problems(
        tmp_path,
        """
process_context = entries(
    hourly('A', deadline='06:00', deadline_minutes=90), daily('B', deadline='soon'),
    daily('C', deadline=6), daily('D', deadline='06:00 Europe/Berlin'),
    daily('E', deadline='25:00'), daily('F', deadline='06:00', lag_minutes=361),
    hourly('G', deadline='06:04'), hourly('H', time_qualifier='_weakly', deadline='00:01'),
    daily('I', lag_minutes=30), daily('J', lag_minutes=10, jitter_seconds=3600),
    hourly('K', deadline_minutes=15, lag_minutes=20), daily('L', deadline=''),
)
timetable_context = entries(
    timetable_tree_entry('i', ['I'], deadline='00:20'),
    timetable_tree_entry('j', ['J'], deadline='00:20'),
    timetable_tree_entry('k', ['K'], deadline='06:00 +1y'),
)
""",
    )

    lines = [line for line in text.splitlines() if line.startswith('deadline')]
    expected = (
        "deadline = '06:00' of A in", "deadline = 'soon' of B in", 'deadline = 6 of C in',
        "deadline = '06:00 Europe/Berlin' of D in", "deadline = '25:00' of E in",
        "deadline = '06:00' of F in", "deadline = '06:04' of G in",
        'deadline_minutes = 15 of K in', "deadline = '' of L in", "deadline = '00:20' of i in",
        "deadline = '06:00 +1y' of k in",
    )  # fmt: skip
    assert [line.partition(' in ')[0] + ' in' for line in lines] == list(expected), text
    assert 'deadline_minutes is given, too; keep one of them' in lines[0]
    assert "as in '06:00' or '06:00 +1d'" in lines[1]
    assert 'comes 360 min after' in lines[5].replace('may come', 'comes')
    assert 'waits 361 min before it may start (lag_minutes); give a later time' in lines[5]
    assert 'for I it may come 20 min after' in lines[9]


@pytest.mark.parametrize(
    ('trees', 'expected'),
    [
        (
            "[timetable_tree_entry('a', ['H'], dependent_on=['b']), "
            "timetable_tree_entry('b', ['D'], dependent_on=['a'])]",
            'cycle',
        ),
        ("[timetable_tree_entry('a', ['H', 'H2', 'D'])]", 'two hourly levels'),
        ("[timetable_tree_entry('a', ['H', 'D', 'X'])]", "'X', which is not a managed process"),
        ("[timetable_tree_entry('a', ['H'])]", 'D is in no tree'),
        ("[timetable_tree_entry('a', ['H', 'D']), timetable_tree_entry('b', ['D'])]", '2 places'),
        ("[timetable_tree_entry('a', ['H', 'D'], dependent_on=['zz'])]", 'does not exist'),
        ("[timetable_tree_entry('a', ['H']), timetable_tree_entry('b', ['D'])]", 'no level below'),
        (
            "[timetable_tree_entry('a', ['H', 'D'], start_timeperiod='2026010100', "
            "end_timeperiod='2025010100')]",
            'not after its start',
        ),
        ("[timetable_tree_entry('a', ['H', 'D'], start_timeperiod='2026-13')]", 'no real date'),
        (
            "[timetable_tree_entry('a', ['H', 'D'], start_timeperiod='yesterday')]",
            'another time each day',
        ),
    ],
)
def test_impossible_trees_are_refused(tmp_path: Path, trees: str, expected: str) -> None:
    twin = ", 'H2': hourly('H2')" if 'H2' in trees else ''
    body = (
        "process_context = {'H': hourly('H'), 'D': daily('D', blocking_type=BLOCKING_CHILDREN)"
        f'{twin}}}\ntimetable_context = {trees}\n'
    )

    assert expected in problems(tmp_path, body)


def test_a_tree_may_begin_with_a_day(tmp_path: Path) -> None:
    context = load(
        tmp_path,
        "process_context = {'H': hourly('H')}\n"
        "timetable_context = [timetable_tree_entry('a', ['H'], start_timeperiod='2026-11-28', "
        "end_timeperiod='2026-12')]\n",
    )

    (node,) = context.hierarchy
    assert (node.tree.start, node.tree.end) == (
        datetime(2026, 11, 28, tzinfo=UTC),
        datetime(2026, 12, 1, tzinfo=UTC),
    )


def test_a_mistyped_keyword_gets_the_nearest_name_and_hides_nothing(tmp_path: Path) -> None:
    text = problems(
        tmp_path,
        """
process_context = {
    'A': managed_context_entry(
        process_name='A', classname='nowhere.to.be', token='a', time_qualifier=QUALIFIER_HOURLY,
        present_on_box=['.*'], max_runing=0,
    ),
    'B': hourly('B', max_attempts=0),
    'C': managed_context_entry(proces_name='C', token='c', time_qualifier=QUALIFIER_HOURLY),
    'F::x': freerun_context_entry('F', 'x', 'synergy.workers.Worker', 'f', trigger='every 1h'),
    'D': daemon_context_entry('D', 'synergy.workers.Worker', 'd', token='d', colour='red'),
}
timetable_context = {
    'a': timetable_tree_entry('a', ['A', 'B', 'Z'], dependant_on=['nothing']),
    'b': timetable_tree_entry(tree_nam='b', enclosed_processes=['B']),
}
mq_queue_context = [queue_context_entry('exchange', queue='q')]
""",
    )

    lines = text.splitlines()
    for expected in (
        "unknown keyword 'present_on_box' (did you mean 'present_on_boxes'?): A in",
        "unknown keyword 'max_runing' (did you mean 'max_running'?): A in",
        'max_running = 0 of A',
        'nowhere.to.be',
        'max_attempts = 0 of B',
        "unknown keyword 'proces_name' (did you mean 'process_name'?): C in",
        'classname is missing: C in',
        "unknown keyword 'trigger' (did you mean 'trigger_frequency'?): F::x in",
        'token is given twice; keep one of them: D in',
        "unknown keyword 'colour': D in",
        "unknown keyword 'dependant_on' (did you mean 'dependent_on'?): a in",
        "tree 'a' depends on tree 'nothing', which does not exist",
        "encloses 'Z', which is not a managed process",
        "unknown keyword 'tree_nam' (did you mean 'tree_name'?): b in",
        'B stands in 2 places (a, b)',
        'managed process C is in no tree',
        "unknown keyword 'queue' (did you mean 'queue_name'?): q in",
    ):
        assert sum(expected in line for line in lines) == 1, (expected, text)
    assert len(lines) == 17, text


def test_a_description_may_be_a_page(tmp_path: Path) -> None:
    context = load(
        tmp_path,
        """
process_context = {
    'F::a': freerun_context_entry(
        process_name='F', entry_name='a', classname='synergy.workers.Worker', token='f',
        trigger_frequency='every 60', description='d' * 20_000,
    ),
}
timetable_context = {}
""",
    )

    (entry,) = context.freeruns.values()
    assert entry.description == 'd' * 20_000


def test_two_processes_may_not_share_queue_and_files(tmp_path: Path) -> None:
    text = problems(
        tmp_path,
        """
process_context = {
    'A': hourly('A', token='site'), 'B': hourly('B', token='site'),
}
timetable_context = [timetable_tree_entry('a', ['A']), timetable_tree_entry('b', ['B'])]
""",
    )

    assert 'B in ' in text
    assert "same queue 'queue_site_hourly' as A" in text
    assert 'token' in text


def test_a_context_that_fails_to_import_names_the_line(tmp_path: Path) -> None:
    line = (HEADER + '\n').count('\n') + 1

    assert f'line {line}' in problems(tmp_path, '\n1 / 0\n')


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('x = (', "SyntaxError: '(' was never closed ("),
        (
            'from synergy.conf.entries import QUALIFIER_DAYLY',
            "(did you mean 'QUALIFIER_DAILY'?)",
        ),
        ('x = BLOKCING_NORMAL', "(did you mean 'BLOCKING_NORMAL'?)"),
        (
            'del freerun_context_entry\nx = freerun_context_entry()',
            'import it: from synergy.conf.entries import freerun_context_entry',
        ),
    ],
)
def test_a_context_that_fails_to_import_says_once_where_and_what_was_meant(
    tmp_path: Path, text: str, expected: str
) -> None:
    told = problems(tmp_path, f'\n{text}\n')

    assert expected in told
    assert told.count('line ') == 1


BROKEN = """
process_context = {'A': hourly('A', classname='broken_worker.Worker')}
timetable_context = {'t': timetable_tree_entry('t', ['A'])}
"""


def test_a_worker_that_cannot_be_read_keeps_nobody_from_looking(tmp_path: Path) -> None:
    (tmp_path / 'broken_worker.py').write_text('class Worker:\n    pass\n')
    context = load(tmp_path, BROKEN)
    (tmp_path / 'broken_worker.py').write_text('class Worker:\n    def x(:\n')

    assert 'broken_worker.py line 2 cannot be read: ' in problems(tmp_path, BROKEN)
    looked_at = load(tmp_path, BROKEN, reads_sources=False)
    assert [*looked_at.managed] == [*context.managed]


def test_a_name_that_is_not_dotted_is_refused_whoever_looks(tmp_path: Path) -> None:
    with pytest.raises(ContextError, match='is not a dotted path'):
        load(tmp_path, BROKEN.replace('broken_worker.Worker', 'Worker'), reads_sources=False)


def test_a_context_of_a_folder_around_is_named(tmp_path: Path) -> None:
    inner = tmp_path / 'p' / 'workers' / 'deep'
    inner.mkdir(parents=True)
    (tmp_path / 'p' / 'my_context.py').touch()
    settings = load_settings({'SYNERGY_HOME': str(tmp_path)}, PROJECT)

    with pytest.raises(ContextError, match=rf'there is one in {tmp_path}/p: go there'):
        load_context(replace(settings, project=inner, context_module='my_context'))


def test_a_missing_context_says_what_to_write(tmp_path: Path) -> None:
    settings = load_settings({'SYNERGY_HOME': str(tmp_path)}, PROJECT)

    with pytest.raises(ContextError, match=r'write no_such_context\.py'):
        load_context(replace(settings, project=tmp_path, context_module='no_such_context'))


def test_a_project_may_replace_a_built_in_daemon(tmp_path: Path) -> None:
    context = load(
        tmp_path,
        """
process_context = [daemon_context_entry('Scheduler', 'synergy.scheduler.main.start',
                                         'scheduler', present_on_boxes=['prod-1$'])]
timetable_context = []
""",
    )

    assert context.daemons[ProcessName('Scheduler')].present_on_boxes == ('prod-1$',)


@pytest.mark.parametrize('field', ['recycle_after', 'memory_mb_max'])
@pytest.mark.parametrize('value', ['0', '-1', '1.5', 'True', "'3'", '10**12', 'float("nan")'])
def test_a_bound_of_a_worker_is_a_whole_number(tmp_path: Path, field: str, value: str) -> None:
    text = problems(
        tmp_path,
        f"""
process_context = {{'SiteHourly': hourly('SiteHourly', {field}={value})}}
timetable_context = {{'site': timetable_tree_entry('site', ['SiteHourly'])}}
""",
    )

    assert f'{field} = ' in text
    assert 'give a whole number from 1 to' in text


def test_bounds_of_workers_are_read_and_none_by_default(tmp_path: Path) -> None:
    context = load(
        tmp_path,
        """
process_context = {
    'SiteHourly': hourly('SiteHourly', recycle_after=1000, memory_mb_max=512),
    'OtherHourly': hourly('OtherHourly'),
    'Feed::one': freerun_context_entry(
        process_name='Feed', entry_name='one', classname='workers.flight_hourly.FlightHourly',
        token='feed', trigger_frequency='every 60', recycle_after=7, memory_mb_max=99),
}
timetable_context = {
    'site': timetable_tree_entry('site', ['SiteHourly']),
    'other': timetable_tree_entry('other', ['OtherHourly']),
}
""",
    )

    entries: list[WorkerEntry] = [*context.managed.values(), *context.freeruns.values()]
    found = [(entry.recycle_after, entry.memory_mb_max) for entry in entries]
    assert found == [(1000, 512), (None, None), (7, 99)]


def test_entries_of_one_free_run_agree_on_the_bounds_of_their_workers(tmp_path: Path) -> None:
    text = problems(
        tmp_path,
        """
def feed(name, **fields):
    return freerun_context_entry(
        process_name='Feed', entry_name=name, classname='workers.flight_hourly.FlightHourly',
        token='feed', trigger_frequency='every 60', **fields)

process_context = {'Feed::one': feed('one', recycle_after=7), 'Feed::two': feed('two')}
timetable_context = {}
""",
    )

    assert 'recycle_after of Feed::two' in text


def test_inputs_are_read_as_they_are_declared(tmp_path: Path) -> None:
    context = load(
        tmp_path,
        """
process_context = entries(
    hourly('SiteHourly'),
    daily('SiteDaily', inputs=[
        wait_for('SiteHourly', at_least=22, give_up_after_minutes=120, late='ignore'),
        wait_for('SiteHourly', offset=-1, last=7),
        previous(),
        wait_for('RefDaily', order_only=True),
    ]),
    daily('RefDaily'),
)
timetable_context = entries(
    timetable_tree_entry('hours', ['SiteHourly']),
    timetable_tree_entry('days', ['SiteDaily']),
    timetable_tree_entry('ref', ['RefDaily']),
)
""",
    )
    partial, window, yesterday, order = context.hierarchy.nodes[ProcessName('SiteDaily')].inputs

    assert (partial.at_least, partial.give_up_after) == (22, timedelta(hours=2))
    assert partial.is_late_ignored
    assert (window.offset, window.last) == (-1, 7)
    assert (yesterday.process, yesterday.offset) == ('SiteDaily', -1)
    assert (order.is_order_only, partial.is_order_only) == (True, False)


def test_all_that_is_wrong_with_inputs_is_said_at_once(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        """
process_context = entries(
    daily('A', inputs=[wait_for('B', ofset=1), wait_for('B', late='ignore'), 'B',
                       wait_for('B', last=0)]),
    daily('B', inputs='A'),
)
timetable_context = entries(
    timetable_tree_entry('a', ['A']),
    timetable_tree_entry('b', ['B']),
)
""",
    )

    for words in (
        "input 1: unknown keyword 'ofset' (did you mean 'offset'?)",
        'input 2: give_up_after_minutes and late are about a part that will do',
        "input 3: give wait_for('...') or previous() instead of 'B'",
        'input 4: last = 0: give a whole number from 1 to 100,000',
        "inputs = 'A'",
    ):
        assert words in told


def test_a_cycle_that_never_begins_is_refused_with_its_remedy(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        """
process_context = entries(
    daily('A', inputs=[wait_for('B')]),
    daily('B', inputs=[wait_for('A')]),
)
timetable_context = entries(
    timetable_tree_entry('a', ['A']),
    timetable_tree_entry('b', ['B']),
)
""",
    )

    assert 'they wait for each other in one interval' in told
    assert 'offset=-1' in told


LEVELS_OF_A_TREE = """
process_context = {name: hourly(name, token=name.lower(), time_qualifier=level) for name, level in {
    'ShopMonthly': QUALIFIER_MONTHLY, 'ShopWeekly': QUALIFIER_WEEKLY, 'ShopDaily': QUALIFIER_DAILY,
    'ShopHourly': QUALIFIER_HOURLY, 'ShopQuarter': QUALIFIER_MINUTELY_15,
    'ShopFive': QUALIFIER_MINUTELY_5}.items()}
process_context |= {f'Utc{n}': hourly(f'Utc{n}', token=f'utc{n}') for n in (1, 2)}
timetable_context = {'shop': timetable_tree_entry('shop', [name for name in process_context
    if name.startswith('Shop')], time_zone='Europe/Berlin', week_start='sunday',
    start_timeperiod='2026-03-28', end_timeperiod='2026033022'),
    'utc1': timetable_tree_entry('utc1', ['Utc1'], time_zone='Etc/UTC'),
    'utc2': timetable_tree_entry('utc2', ['Utc2'])}
"""


def test_a_tree_may_have_every_level_a_zone_and_a_first_day_of_its_weeks(tmp_path: Path) -> None:
    context = load(tmp_path, LEVELS_OF_A_TREE)
    nodes = context.hierarchy.nodes

    day = nodes[ProcessName('ShopDaily')]
    assert (day.tree.zone, day.parents) == ('Europe/Berlin', ('ShopMonthly', 'ShopWeekly'))
    assert day.tree.start == datetime(2026, 3, 27, 23, tzinfo=UTC)
    assert day.tree.end == datetime(2026, 3, 30, 22, tzinfo=UTC)
    weekly = context.managed[ProcessName('ShopWeekly')]
    assert weekly.process.qualifier is Qualifier.WEEKLY_SUN
    assert nodes[weekly.name].process.qualifier is Qualifier.WEEKLY_SUN
    assert weekly.route.queue == 'queue_shopweekly_weekly'
    quarter = context.managed[ProcessName('ShopQuarter')]
    assert quarter.log_file.name == 'shopquarter_minutely_15.log'
    assert nodes[ProcessName('ShopQuarter')].child == 'ShopFive'
    assert len({id(nodes[name].calendar) for name in nodes if name.startswith('Shop')}) == 1
    plain = [nodes[ProcessName(name)] for name in ('Utc1', 'Utc2')]
    assert plain[0].calendar is plain[1].calendar
    assert [node.tree.zone for node in plain] == ['UTC', 'UTC']


@pytest.mark.parametrize(
    ('written', 'instant'),
    [
        ('2026-03-29', '2026-03-28T23:00'),
        ('2026032900', '2026-03-28T23:00'),
        (2026032900, '2026-03-28T23:00'),
        ('2026-W14', '2026-03-29T22:00'),
        ('2026-04', '2026-03-31T22:00'),
        ('2026032907', '2026-03-29T07:00'),
        ('2026-03-29 07', '2026-03-29T07:00'),
    ],
)
def test_a_date_is_that_of_the_zone_and_an_hour_its_name(
    tmp_path: Path, written: str, instant: str
) -> None:
    found = []
    for zone in ('Europe/Berlin', 'UTC'):
        context = load(
            tmp_path,
            f"""
process_context = {{'Site': hourly('Site')}}
timetable_context = {{'site': timetable_tree_entry('site', ['Site'], start_timeperiod={written!r},
    time_zone={zone!r})}}
""",
        )
        found.append(context.hierarchy.nodes[ProcessName('Site')].tree.start)

    assert found[0].isoformat()[:16] == instant
    is_date = found[0] != found[1]
    assert found[1].isoformat()[11:16] == ('00:00' if is_date else '07:00')


@pytest.mark.parametrize(
    ('tree', 'expected'),
    [
        ("time_zone='Europe/Berln'", "(did you mean 'Europe/Berlin'?)"),
        ("time_zone='Berlin'", "(did you mean 'Europe/Berlin'?)"),
        ("time_zone='europe/berlin'", "(did you mean 'Europe/Berlin'?)"),
        ("time_zone='Europe'", "'Europe' is not a time zone"),
        ("time_zone='CEST'", 'give its name in the time zone database, as in Europe/Berlin'),
        ("time_zone='+01:00'", 'an offset that says nothing of changes of the clock'),
        ("time_zone='../../etc/passwd'", 'is not a time zone'),
        ("time_zone='localtime'", 'is not a time zone'),
        ("time_zone='x' * 5000", 'give a text of at most 4,096 characters'),
        ('time_zone=2', 'give a text that is not empty'),
        ("week_start='sun'", "(did you mean 'sunday'?)"),
        ("week_start='sunday'", 'it encloses no process with time_qualifier=QUALIFIER_WEEKLY'),
        ("time_zone='Asia/Tokyo', start_timeperiod='1970-01-01'", 'begins on 1970-01-02 or later'),
        ("time_zone='Asia/Tokyo', start_timeperiod='2026-03-29 07:30'", 'lies within an hour'),
        ("time_zone='Asia/Tokyo', trigger='at 07:30 Europe/Rome'",
            "times of triggers in tree 'site' are Asia/Tokyo; write the time in Asia/Tokyo"),
        ("trigger='at 07:30 Europe/Rome'", "give the tree time_zone='Europe/Rome'"),
        ("time_zone='Asia/Tokyo', trigger='at 07:30 UTC'", "names the zone 'UTC'"),
        ("trigger='cron 0 7 * * * Europe/Rom'", "(did you mean 'Europe/Rome'?)"),
        ("level='_weekly_sun'", 'give one of _yearly, _monthly, _weekly, _daily'),
        ("level='_minutely_7'", '_minutely_6'),
        ("level=QUALIFIER_MINUTELY_15, time_grouping=4", 'give a whole number from 1 to 3'),
        ("level=QUALIFIER_WEEKLY, time_grouping=2", 'give a whole number from 1 to 1'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_levels_and_zones_is_told_with_all_else(
    tmp_path: Path, tree: str, expected: str
) -> None:
    told = problems(
        tmp_path,
        f"""
def entry(trigger='every 60', level=QUALIFIER_HOURLY, time_grouping=1, **fields):
    global process_context
    process_context = {{
        'Site': hourly('Site', trigger_frequency=trigger, time_qualifier=level,
                       time_grouping=time_grouping),
    }}
    return timetable_tree_entry('site', ['Site'], **fields)

timetable_context = {{'site': entry({tree})}}
""",
    )

    assert expected in told
    assert 'context_under_test' in told


def test_all_zones_that_are_wrong_are_told_together(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        """
process_context = {
    'A': daily('A'), 'B': daily('B', lag_minutes=-1),
    'F::x': freerun_context_entry('F', 'x', 'workers.flight_hourly.FlightHourly', 'f',
                                  'at 07:30 Asia/Tokyo', time_zone='Europe/Rome'),
    'G::x': freerun_context_entry('G', 'x', 'workers.flight_hourly.FlightHourly', 'g',
                                  'at 07:30', time_zone='Rome'),
}
timetable_context = {
    'a': timetable_tree_entry('a', ['A'], time_zone='Mars/Olympus', week_start='noday'),
    'b': timetable_tree_entry('b', ['B'], time_zone='Atlantis'),
}
""",
    )

    for part in ('Mars/Olympus', 'noday', 'Atlantis', 'lag_minutes', "time_zone = 'Rome' of G::x"):
        assert part in told
    assert "names the zone 'Asia/Tokyo', but time_zone is 'Europe/Rome'" in told


def test_a_free_run_names_its_zone(tmp_path: Path) -> None:
    context = load(
        tmp_path,
        """
def entry(name, trigger, **fields):
    return freerun_context_entry('F', name, 'workers.flight_hourly.FlightHourly', 'f', trigger,
                                 **fields)
process_context = {
    'F::a': entry('a', 'at 07:30', time_zone='Europe/Berlin'),
    'F::b': entry('b', 'at 07:30 Europe/Berlin'),
    'F::c': entry('c', 'every 60', time_zone='Europe/Berlin'),
    'F::d': entry('d', 'at 07:30', time_zone='UTC'),
    'F::e': entry('e', 'at 07:30'),
}
timetable_context = {}
""",
    )
    found = {name: entry for (_, name), entry in context.freeruns.items()}

    assert {name: str(entry.trigger) for name, entry in found.items()} == {
        'a': 'at 07:30 Europe/Berlin',
        'b': 'at 07:30 Europe/Berlin',
        'c': 'every 60',
        'd': 'at 07:30',
        'e': 'at 07:30',
    }
    summer = datetime(2026, 7, 1, tzinfo=UTC)
    hours = {name: entry.trigger.next_fire(summer).hour for name, entry in found.items()}
    assert (hours['a'], hours['b'], hours['d'], hours['e']) == (5, 5, 7, 7)


def test_a_working_calendar_leaves_out_intervals_of_a_tree_or_of_a_process(tmp_path: Path) -> None:
    context = load(
        tmp_path,
        """
calendar_context = {
    'office': weekdays('Mon-Fri'),
    'ours': ['2026-11-23', '2026-11-28'],
    'unused': weekdays('never'),
}
process_context = entries(hourly('H'), daily('D', calendar='ours'), daily('Other'))
timetable_context = entries(
    timetable_tree_entry('site', ['H', 'D'], calendar='office'),
    timetable_tree_entry('other', ['Other']),
)
""",
    )
    hourly, daily, other = (
        context.hierarchy.nodes[ProcessName(name)].process.working for name in ('H', 'D', 'Other')
    )

    assert hourly is not None
    assert daily is not None
    assert other is None
    saturday = of_date(Qualifier.DAILY, date(2026, 11, 28)).ordinal
    assert (hourly.works(saturday), daily.works(saturday)) == (False, True)
    assert not daily.works(saturday + 2)


def test_calendars_that_cannot_be_used_are_refused_with_the_rest(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        """
calendar_context = {'offise': weekdays('Mon-Fri'), 'twice': ['2026-01-01', '2026-01-01']}
process_context = entries(daily('A', calendar='office'), daily('B'), daily('C', calendar=7))
timetable_context = entries(
    timetable_tree_entry('a', ['A']), timetable_tree_entry('b', ['B'], calendar='twice'),
    timetable_tree_entry('c', ['C']),
)
""",
    )

    assert "calendar = 'office' of A" in told
    assert "did you mean 'offise'" in told
    assert "calendar = 'twice' of B" in told
    assert 'has 2026-01-01 twice' in told
    assert 'calendar = 7 of C' in told


def test_whatever_is_wrong_hides_nothing_else(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        """
calendar_context = {'nowhere': working_days('XX')}
process_context = entries(
    hourly('Hour'), daily('Day', inputs=[wait_for('Hour', at_least=30)]), daily('Odd', lag=1),
    hourly('Week', time_qualifier=QUALIFIER_WEEKLY), hourly('WeekHour'),
    daily('A', inputs=[wait_for('B')]), daily('B', inputs=[wait_for('A')], calendar='nowhere'),
    daily('Self', inputs=[wait_for('Self', last=3)], calendar='nowhere'),
    daily('Past', inputs=[wait_for('Old', offset=-5000)]), daily('Old'),
    daily('Lost', inputs=[wait_for('Odd'), wait_for('Weak')]),
)
timetable_context = entries(
    timetable_tree_entry('zone', ['Hour', 'Day'], time_zone='Europe/Berln'),
    timetable_tree_entry('weeks', ['Week', 'WeekHour']),
    timetable_tree_entry('old', ['Old'], start_timeperiod='2026-01-01',
                         end_timeperiod='2026-01-02'),
    *(timetable_tree_entry(name.lower(), [name])
      for name in ('A', 'B', 'Self', 'Past', 'Lost', 'Odd')),
)
""",
    )

    for part in (
        "unknown keyword 'lag'",
        "(did you mean 'Europe/Berlin'?)",
        "calendar = 'nowhere' of B, Self",
        'and no days; enclose a daily process between them',
        'at_least=30, but there are never more than 25',
        'Lost waits for Weak, which is not a managed process',
        'they wait for each other in one interval, so none of them ever begins',
        'Self <- Self',
        "none of the intervals that it means lies in tree 'old'",
    ):
        assert part in told
    assert ' <- '.join('ABA') in told or ' <- '.join('BAB') in told
    # What follows from these is not told.
    assert len(told.splitlines()) == 9


def test_closed_hours_of_installation_tree_and_entry_hold_together(tmp_path: Path) -> None:
    context = load(
        tmp_path,
        """
calendar_context = {'days': ['2029-12-31']}
process_context = entries(
    hourly('H', closed=['the calendar days', 'Mon 01:00-02:00 Asia/Tokyo'], jitter_seconds=60),
    daily('D'),
    freerun_context_entry(
        'F', 'e', 'workers.flight_hourly.FlightHourly', 'f', 'every 60',
        closed='Fri', time_zone='America/New_York',
    ),
)
timetable_context = entries(
    timetable_tree_entry('site', ['H', 'D'], closed=['Sat'], time_zone='Europe/Berlin')
)
""",
        SYNERGY_CLOSED='Sun 02:00-04:00 Europe/Berlin; 23:00-23:30',
    )
    nodes = context.hierarchy.nodes
    everywhere = ['Sun 02:00-04:00 Europe/Berlin', '23:00-23:30']

    def said(hours: Sequence[ClosedHours]) -> list[str]:
        return [item.text for item in hours]

    hourly = nodes[ProcessName('H')].process
    own = ['the calendar days', 'Mon 01:00-02:00 Asia/Tokyo']
    assert said(hourly.closed) == [*everywhere, 'Sat', *own]
    assert said(nodes[ProcessName('D')].process.closed) == [*everywhere, 'Sat']
    zones = [name_of(item.zone) for item in hourly.closed]
    assert zones == ['Europe/Berlin', 'UTC', 'Europe/Berlin', 'Europe/Berlin', 'Asia/Tokyo']
    freerun = next(iter(context.freeruns.values()))
    assert said(freerun.closed) == [*everywhere, 'Fri']
    assert name_of(freerun.closed[-1].zone) == 'America/New_York'
    assert said(context.closed) == everywhere
    assert timedelta() <= hourly.lag - timedelta(minutes=5) < timedelta(minutes=1)
    holds = context.holds()
    assert holds.is_held(ProcessName('H'), datetime(2029, 12, 31, 12, tzinfo=UTC))
    assert not holds.is_held(ProcessName('D'), datetime(2029, 12, 31, 12, tzinfo=UTC))
    assert holds.is_held(ProcessName('F::e'), datetime(2030, 1, 4, 6, tzinfo=UTC))


def test_closed_hours_that_make_no_sense_are_refused_together(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        """
calendar_context = {'all': weekdays('Mon-Sun')}
process_context = entries(
    hourly('A', closed=['Sonntag 02:00-04:00']),
    hourly('B', closed=['the calendar al']),
    hourly('C', closed=['the calendar all']),
    hourly('D', closed=['Mon-Fri']),
    hourly('E', closed=['02:00-04:00 Europe/Berln'], jitter_seconds=-1),
    hourly('F', closed=7, jitter_seconds=90000),
)
timetable_context = entries(
    *(timetable_tree_entry(name.lower(), [name]) for name in 'ABCEF'),
    timetable_tree_entry('d', ['D'], closed=['Sat,Sun']),
)
""",
    )

    assert "begin with 'Sonntag'" in told
    assert "did you mean 'all'" in told
    assert 'the calendar all (of C)' in told
    assert 'Sat,Sun (of tree d), Mon-Fri (of D)' in told
    assert told.count('nothing would start within a year') == 2
    assert "did you mean 'Europe/Berlin'" in told
    assert 'jitter_seconds = -1 of E' in told
    assert 'jitter_seconds = 90000 of F' in told
    assert 'closed = 7 of F' in told


def test_watch_is_there_where_it_has_something_to_do(tmp_path: Path) -> None:
    body = 'process_context = {}\ntimetable_context = {}\n'
    heartbeat = {'SYNERGY_HEARTBEAT_URL': 'https://x.example/y'}

    assert 'Watch' not in load(tmp_path, body).daemons
    assert is_watch(
        load(tmp_path, body, SYNERGY_HEARTBEAT_URL='https://x.example/y').daemons[
            ProcessName('Watch')
        ]
    )
    # What an unsound context has started is stopped by one that has all that may run.
    for environ in ({}, heartbeat):
        assert 'Watch' in built_in_context(load_settings(environ, tmp_path)).daemons


def test_a_process_of_the_name_of_watch_is_refused_only_where_watch_is_needed(
    tmp_path: Path,
) -> None:
    own = "daemon_context_entry('Watch', 'workers.flight_hourly.FlightHourly', 'own')"
    body = f'process_context = entries({own})\ntimetable_context = {{}}\n'

    assert not is_watch(load(tmp_path, body).daemons[ProcessName('Watch')])
    with pytest.raises(ContextError, match='process Watch has the name of the process that looks'):
        load(tmp_path, body, SYNERGY_HEARTBEAT_URL='https://x.example/y')


def test_a_collection_under_a_mistyped_name_is_refused(tmp_path: Path) -> None:
    body = """
alerts_context = {'night': alert(on=['late'], for_=['tree:t'], to=['hook://s@host/a'])}
freerun_context = {'Shell::a': freerun_context_entry('Shell', 'a', 'x.Y', 'every 60')}
disabled = {'Z': hourly('Z')}
extra_context = {'B': hourly('B')}
process_context = {'A': hourly('A'), **extra_context}
timetable_context = {'t': timetable_tree_entry('t', ['A', 'B'])}
"""
    with pytest.raises(ContextError) as refused:
        load(tmp_path, body)

    unread = [problem for problem in refused.value.problems if 'is not read' in problem]
    assert [problem.split('`')[1] for problem in unread] == ['alerts_context', 'freerun_context']
    assert "did you mean 'alert_context'?" in unread[0]
