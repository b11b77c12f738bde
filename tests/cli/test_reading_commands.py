"""status, jobs, job, why, verify, list, check: on a store made by a real Scheduler."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from synergy import bootstrap, logs
from synergy.adapters.sqlite.states import NUMBER_BY_JOB_STATE, NUMBER_BY_QUALIFIER
from synergy.cli.registry import names
from synergy.core.records import Outcome, UnitEnd
from synergy.core.states import JobState
from synergy.core.timeperiod import Qualifier
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.scheduler.loop import LoopSettings, Scheduler
from synergy.scheduler.main import pipeline_of
from synergy.supervisor import main as supervisor
from tests.cli.conftest import Said

Launch = Callable[..., Said]


@pytest.fixture
def half_done(launch: Launch) -> Launch:
    """Two days of flights: hours up to 2013010101 done, the next one failing, nothing else."""
    settings, context = bootstrap.load()
    with bootstrap.open_runtime(settings, context) as runtime:
        store, broker = runtime.open_store(), runtime.open_broker()
        scheduler = Scheduler(
            pipeline_of(context, runtime.clock),
            store=runtime.open_store(),
            broker=runtime.open_broker(),
            clock=runtime.clock,
            settings=LoopSettings(
                owner='dev:1',
                leader_lease=timedelta(seconds=10),
                sweep_period=timedelta(seconds=10),
                inbox_batch_max=100,
            ),
        )
        scheduler.step()
        hours = sorted(
            (unit for unit in store.live_units() if unit.process == 'FlightHourly'),
            key=lambda unit: unit.timeperiod.ordinal,
        )
        for unit, outcome in zip(
            hours[:3],
            (Outcome.processed(5), Outcome.noop(), Outcome.failed('no data')),
            strict=True,
        ):
            store.claim([unit.id], 'dev:FlightHourly:0:7', timedelta(seconds=9))
            store.finish([UnitEnd(uow_id=unit.id, fence=1, outcome=outcome)])
            broker.publish([Message(REPORT_ROUTE, {'uow': unit.id})])
        scheduler.step()
    return launch


def test_status_tells_how_far_each_process_is(half_done: Launch) -> None:
    said = half_done('status', '--json')

    status = json.loads(said.out)
    flights = next(item for item in status['processes'] if item['process'] == 'FlightHourly')
    assert said.code == 0
    assert status['leader']['owner'] == 'dev:1'
    assert status['leader']['is_leading']
    assert flights['states']['state_processed'] == 1
    assert flights['states']['state_noop'] == 1
    assert flights['states']['state_in_progress'] == 8
    assert (flights['planned'], flights['overdue']) == (48, 46)
    assert flights['first_overdue'] == '2013010102'
    assert 'FlightHourly' in half_done('status').out


def test_jobs_are_filtered_and_include_those_nobody_touched(half_done: Launch) -> None:
    everything = json.loads(half_done('jobs', '--json').out)
    some = half_done(
        'jobs', '-p', 'FlightHourly', '--from', '2013010101', '--to', '2013010103', '--json'
    )
    daily = json.loads(half_done('jobs', '--process', 'FlightDaily', '--json').out)

    assert len(everything) == 48 * 2 + 2 * 3 + 1 + 1
    assert [(job['timeperiod'], job['state']) for job in json.loads(some.out)] == [
        ('2013010101', 'state_noop'),
        ('2013010102', 'state_in_progress'),
    ]
    assert [(job['state'], job['changed_at']) for job in daily] == [('state_embryo', None)] * 2
    assert len(json.loads(half_done('jobs', '--state', 'noop', '--json').out)) == 1
    assert 'more than 3' in half_done('jobs', '--limit', '3').err
    newest = json.loads(half_done('jobs', '--newest', '2', '--to', '2013-01-02', '--json').out)
    assert [job['timeperiod'] for job in newest if job['process'] == 'FlightHourly'] == [
        '2013010123',
        '2013010122',
    ]


def test_jobs_are_found_by_how_they_stand(half_done: Launch) -> None:
    found = {
        state: json.loads(half_done('jobs', '--state', state, '--json').out)
        for state in ('failed', 'held', 'blocked', 'late')
    }

    late = [job for job in found['late'] if job['process'] == 'FlightHourly']
    assert [job['timeperiod'] for job in late[:2]] == ['2013010102', '2013010103']
    assert len(late) == 45
    assert {job['process'] for job in found['blocked']} >= {'FlightDaily', 'FlightMonthly'}
    assert found['failed'] == found['held'] == []


def test_job_shows_runs_log_history_and_neighbours(half_done: Launch) -> None:
    said = half_done('job', 'FlightHourly', '2013010102')
    page = json.loads(half_done('job', 'FlightHourly', '2013010102', '--json').out)

    assert said.code == 0
    for expected in (
        'FlightHourly@2013010102  between attempts',
        'run 1  between attempts, attempt 2',
        'error: no data',
        'attempt 1 of 3 failed: no data',
        'parent      FlightDaily@2013010100',
    ):
        assert expected in said.out
    assert page['runs'][0]['attempt'] == 2
    assert {item['relation'] for item in page['neighbours']} == {'earlier', 'later', 'parent'}


def test_why_leads_from_the_year_down_to_the_root(half_done: Launch) -> None:
    lines = half_done('why', 'FlightYearly', '2013').out.splitlines()

    assert lines[0].startswith('FlightYearly@2013000000: waits for child FlightMonthly@2013010000')
    assert lines[1].startswith('    FlightMonthly@2013010000: waits for child FlightDaily')
    assert 'and 1 more of 2' in lines[1]
    assert 'FlightHourly@2013010102 (between attempts) and 21 more of 24' in lines[2]
    assert 'attempt 2 of 3 starts at' in lines[3]
    assert 'no data' in lines[3]


def test_inputs_tells_what_a_job_waits_for_and_what_it_lacks(half_done: Launch) -> None:
    said = half_done('inputs', 'FlightDaily', '20130101').out
    (found,) = json.loads(half_done('inputs', 'FlightDaily', '20130101', '--json').out)

    assert 'nested     FlightHourly 2013010100 to 2013010123 (24)' in said
    assert 'lacks 22 of 24 have not ended (1 between attempts, 7 queued, 14 ready)' in said
    assert found['conditions'] == {'retrying': 1, 'queued': 7, 'ready': 14}
    assert half_done('inputs', 'FlightHourly', '2013010100').out == (
        'waits for nothing but the end of its interval\n'
    )


def test_why_names_both_dependencies_and_what_is_done(half_done: Launch) -> None:
    delay = half_done('why', 'DelayDaily', '20130102').out
    done = half_done('why', 'FlightHourly', '2013010100').out

    assert 'waits for dependency FlightDaily@2013010200' in delay
    assert 'waits for dependency WeatherDaily@2013010200' in delay
    assert 'is ready, and waits for one of 8 jobs of ' in delay
    assert 'is processed since' in done


def test_why_says_that_nobody_leads(half_done: Launch, tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / 'home' / 'store.db')
    database.execute('UPDATE leadership SET lease_until = 1000')
    database.commit()

    assert 'no Scheduler leads since' in half_done('why', 'WeatherHourly', '2013010100').out
    assert half_done('status').code == 1


def test_status_says_why_no_messages_pass(
    half_done: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert json.loads(half_done('status', '--json').out)['warnings'] == []
    monkeypatch.setenv('SYNERGY_BROKER_URI', 'amqp://guest:guest@127.0.0.1:1/%2F')

    (warning,) = json.loads(half_done('status', '--json').out)['warnings']

    assert 'no messages pass: RabbitMQ at amqp://•••@127.0.0.1:1/%2F cannot be reached' in warning


def test_check_reaches_the_servers_when_asked(
    half_done: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'store and broker can be used' in half_done('check', '--servers').out
    monkeypatch.setenv('SYNERGY_BROKER_URI', 'amqp://guest:guest@127.0.0.1:1/%2F')

    said = half_done('check', '--servers')

    assert said.code == 4
    assert 'cannot be reached' in said.out
    assert half_done('check').code == 0


def test_verify_finds_nothing_then_what_was_broken(half_done: Launch, tmp_path: Path) -> None:
    assert half_done('verify').code == 0
    database = sqlite3.connect(tmp_path / 'home' / 'store.db')
    database.execute(
        "UPDATE job SET state = ? WHERE timeperiod = '2013010100' "
        "AND process_name = 'FlightHourly'",
        (NUMBER_BY_JOB_STATE[JobState.EMBRYO],),
    )
    database.execute(
        'INSERT INTO job (process_name, timeperiod, time_qualifier, state, rev, term, run, '
        "number_of_failures, is_held, changed_at) VALUES ('FlightDaily', '2013010100', "
        f'{NUMBER_BY_QUALIFIER[Qualifier.DAILY]}, {NUMBER_BY_JOB_STATE[JobState.PROCESSED]}, '
        '1, 1, 1, 0, 0, 0)'
    )
    database.commit()

    said = half_done('verify')
    found = json.loads(half_done('verify', '--json').out)

    assert said.code == 1
    assert 'I2 FlightDaily@2013010100' in said.out
    # The journal tells of what was edited, too.
    assert {item['invariant'] for item in found} == {'I2', 'I10'}


@pytest.mark.heavy
def test_verify_counts_rows_that_cannot_be_read(half_done: Launch, tmp_path: Path) -> None:
    assert half_done('reprocess', 'FlightHourly', '2013010100').code == 0
    database = sqlite3.connect(tmp_path / 'home' / 'store.db')
    database.executescript("""
        INSERT INTO mx_user VALUES ('a', 'admin', 'x', 0, 0);
        INSERT INTO mx_token VALUES ('t', 'a', 'admin', 'x', NULL, 0, NULL);
        INSERT INTO box (box_id, host, home, version, is_draining) VALUES ('b', 'h', '/', '3', 0);
        INSERT INTO box_configuration (box_id, process_name, is_on, pids, restart_count)
            VALUES ('b', 'MX', 1, '[]', 0);
        INSERT INTO freerun_process VALUES ('Shell', 'a', 'every 60', 1, 'skip', 'skip', 1, '{}',
            NULL, NULL, 1, 1, NULL, 0, '[]', NULL, 0);
        INSERT OR IGNORE INTO managed_process (process_name, definition, rev, term)
            VALUES ('FlightHourly', '{}', 1, 1);
    """)
    broken = {
        'job': "state = '[[' WHERE timeperiod = '2013010100'",
        'unit_of_work': "arguments = '[' WHERE timeperiod = '2013010100'",
        'command': "kind = 'dance'",
        'freerun_process': "live = '['",
        'managed_process': "rev = 'x' WHERE process_name = 'FlightHourly'",
        'box': "seen_at = 'never'",
        'box_configuration': "pids = '['",
        'leadership': "lease_until = 'x'",
        'mx_user': "role = 'king'",
        'mx_token': "role = 'king'",
    }
    for table, change in broken.items():
        assert database.execute(f'UPDATE {table} SET {change}').rowcount, table
    database.commit()

    said = half_done('verify')
    found = json.loads(half_done('verify', '--json').out)

    assert said.code == 1
    assert 'rows cannot be read' in said.out
    assert 'no violation' not in said.out
    named = {item['table']: item for item in found if item['invariant'] == 'readable'}
    assert set(named) == set(broken)
    for table, change in broken.items():
        assert change.split()[0] in named[table]['text']
        assert f'of {table} cannot be read' in said.out


def test_what_does_not_exist_is_refused_with_the_nearest(half_done: Launch) -> None:
    for arguments, expected in (
        (('why', 'FlightHorly', '2013010100'), "did you mean 'FlightHourly'"),
        (('why', 'FlightHourly', '2013013200'), 'no real date'),
        (('why', 'FlightHourly', '2013013'), "'2013013' is not a timeperiod (for FlightHourly"),
        (('why', 'FlightHourly', '2013-01-01', '7:30'), 'lies within an hour'),
        (('why', 'FlightHourly', '01/02/2013'), 'the year comes first, then hyphens'),
        (('job', 'FlightHourly', '2012010100'), 'outside its tree'),
        (('job', 'FlightDaily', '2012-01-01'), 'outside its tree'),
        (('jobs', '--state', 'procesed'), "did you mean 'processed'"),
        (('jobs', '--from', 'yester'), 'yesterday, yesterday 07'),
        (('jobs', '-p', 'FlightDayly'), "(did you mean 'FlightDaily'?); ./launch.py list"),
        (('jobs', '-p', 'Nothing'), 'not a managed process'),
        (('start', 'FlightHorly'), "did you mean 'FlightHourly'"),
        (('stop', 'Nobody'), './launch.py list'),
        (('query', 'Nobody'), './launch.py list'),
    ):
        said = half_done(*arguments)

        assert said.code == 3, arguments
        assert expected in said.err, arguments


def test_without_a_store_readers_say_where_they_looked(launch: Launch, tmp_path: Path) -> None:
    for command in (('status',), ('jobs',), ('verify',), ('why', 'FlightDaily', '20130101')):
        said = launch(*command)

        assert said.code == 4
        assert str(tmp_path / 'home' / 'store.db') in said.err
    assert not (tmp_path / 'home').exists()


def test_a_newer_store_is_refused(half_done: Launch, tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / 'home' / 'store.db')
    database.execute('PRAGMA user_version = 99')
    database.close()

    said = half_done('status')

    assert said.code == 4
    assert 'newer' in said.err
    assert 'store.db' in said.err


def test_list_shows_every_process(launch: Launch) -> None:
    rows = json.loads(launch('list', '--json').out)

    assert {row['process'] for row in rows} >= {'FlightHourly', 'DelayDaily', 'Scheduler'}
    assert 'blocking_dependencies' in launch('list').out


def test_check_accepts_this_project_and_refuses_a_bad_one(
    launch: Launch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    accepted = launch('check')
    assert accepted.code == 0
    assert '  nested: FlightHourly ' in accepted.out
    sample = json.loads(launch('check', '--json').out)['inputs'][0]
    assert sample['inputs'][0].keys() >= {'process', 'kind', 'first', 'last', 'count', 'terms'}
    monkeypatch.setenv('SYNERGY_CONTEXT_MODULE', 'tests.pipelines.broken')

    said = launch('check')
    found = json.loads(launch('check', '--json').out)

    assert said.code == 6
    assert said.err.startswith('3 problems in settings or context:')
    assert len(found['problems']) == 3
    assert launch('up').code == launch('start', 'Supervisor').code == 6
    assert not (tmp_path / 'home').exists()


def test_up_says_that_the_dashboard_will_not_listen(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, 'start', lambda _runtime, *, is_console: not is_console)
    monkeypatch.setattr(logs, 'set_up', lambda **_: None)
    monkeypatch.setenv('SYNERGY_MX_HOST', '0.0.0.0')

    said = launch('up')

    assert 'dashboard http' not in said.out
    # The first start: what lies there before is told, and how to have it otherwise.
    assert 'FlightHourly: 48 intervals since 20130101' in said.out
    assert ' are history: worked off earliest first' in said.out
    assert 'otherwise: ./launch.py process catch-up FlightHourly in_order|newest_first' in said.out
    assert './launch.py user add' in said.err


def test_a_refused_context_in_a_package_is_named_by_its_file(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('SYNERGY_CONTEXT_MODULE', 'tests.pipelines.broken')

    assert 'tests/pipelines/broken.py' in launch('check').err


def test_a_run_without_a_log_says_so(half_done: Launch) -> None:
    said = half_done('log', 'FlightHourly', '2013010100')

    assert (said.code, said.out) == (0, '')
    assert 'run 1 of FlightHourly has logged nothing (state_processed)' in said.err


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        (('simulate', '--days', '1', '--duration', '-5'), '--duration'),
        (('simulate', '--with-backlog'), 'goes with --days'),
        (('jobs', '--from', 'today', '--to', 'yesterday'), 'swap the two'),
        (('simulate', '--days', '1', '--from-now', '--from', '2013'), 'leave --from out'),
        (('simulate', '--days', '1', '--duration', 'nan'), '--duration'),
        (('freerun', 'edit', 'Shell::disk_room'), 'nothing to change'),
        (('requests', 'cancel'), 'cancel and an ID'),
        (('restart',), 'give the NAME of processes, or --all'),
        (('restart', '--all', 'Scheduler'), 'give the NAME of processes, or --all'),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    half_done: Launch, arguments: tuple[str, ...], expected: str
) -> None:
    said = half_done(*arguments)

    assert (said.code, said.out) == (2, '')
    assert expected in said.err


def test_unknown_commands_and_options_are_usage_errors(launch: Launch) -> None:
    assert launch('stauts').code == 2
    assert "did you mean 'status'" in launch('stauts').err
    assert launch('status', '--colour').code == 2
    assert launch('--help').code == 0


def test_every_command_explains_itself_with_an_example(launch: Launch) -> None:
    for name in names():
        said = launch(name, '--help')

        assert said.code == 0
        assert f'example: ./launch.py {name}' in said.out


def test_states_shown_are_those_of_synergy_2() -> None:
    assert {state.value for state in JobState} == {
        'state_embryo',
        'state_in_progress',
        'state_final_run',
        'state_processed',
        'state_skipped',
        'state_noop',
    }


def test_the_journal_tells_what_has_happened(half_done: Launch) -> None:
    hour = half_done('journal', '--process', 'FlightHourly', '--json')
    lines = json.loads(hour.out)
    told = [line for line in lines if line['what'] != 'started']

    assert [(line['timeperiod'], line['what'], line['cause']['kind']) for line in told] == [
        ('2013010100', 'ended', 'unit'),
        ('2013010101', 'ended', 'unit'),
        ('2013010102', 'retried', 'unit'),
    ]
    numbers = [line['number'] for line in lines]
    assert numbers == sorted({*numbers})
    assert told[0]['count'] == 5
    failed = next(line for line in half_done('journal').out.splitlines() if 'no data' in line)
    assert 'FlightHourly@2013010102 retried: ' in failed
    assert len(half_done('journal', '--limit', '1').out.splitlines()) == 1
    since = half_done('journal', '--from', '2013-01-01', '--limit', '2', '--json')
    assert [line['number'] for line in json.loads(since.out)] == [1, 2]
    assert json.loads(half_done('journal', '--until', '2013-01-01', '--json').out) == []
    nothing = half_done('journal', '--until', '2013-01-01', '--process', 'FlightHourly')
    assert nothing.out == 'nothing has happened to FlightHourly in that time\n'
    # As a line has it.
    exact = half_done('journal', '--from', lines[-1]['at'], '--process', 'FlightHourly', '--json')
    assert json.loads(exact.out) == [line for line in lines if line['at'] >= lines[-1]['at']]


@pytest.mark.parametrize(
    ('words', 'code', 'told'),
    [
        (('--process', 'FlightHorly'), 3, 'did you mean'),
        (('--from', 'soonish'), 2, "from 'soonish' cannot be read"),
        (('--from', '2013-01-02', '--until', '2013-01-01'), 2, 'is not after from'),
        (('--limit', '0'), 2, '--limit'),
        (('--limit', '1001'), 2, 'with --from there may be more'),
        (('--from', '2013-01-01', '--limit', '1'), 0, 'there are more lines'),
    ],
)
def test_the_journal_says_what_it_cannot_tell(
    half_done: Launch, words: tuple[str, ...], code: int, told: str
) -> None:
    said = half_done('journal', *words)

    assert (said.code, told in said.err) == (code, True), said.err
