"""Why: the cause at the root, also where it is a box, and the one action that helps."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from werkzeug.routing import Map, Rule

from synergy import bootstrap
from synergy.bootstrap import Runtime
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import InsertUnit, SaveCommand, SaveJob
from synergy.core.leader_standing import Isolated, LeaderStanding, Subject, SubjectKind
from synergy.core.records import Box, BoxProcess, Job, Leadership, ProcessName, Unit, uow_id_of
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc, parse
from synergy.mx.routes import ROUTES
from synergy.view.cause import Cause, CauseKind
from synergy.view.encode import encode_causes
from synergy.view.index import load_index
from synergy.view.status import status
from synergy.view.why import CAUSES_MAX, explain
from synergy.view.why_ready import full_text
from tests.builders import instant, process
from tests.mx.conftest import history as history  # The store with a past that pages are tested on.
from tests.mx.dashboard_harness import BOX, NOW, REQUEST_ID, DashboardHarness

HOUR = 'SiteHourly', '2026112311'
VANISHED = timedelta(seconds=30)


@pytest.fixture
def pages(tmp_path: Path, history: Path) -> Iterator[DashboardHarness]:
    shutil.copy(history, tmp_path / 'store.db')
    found = DashboardHarness(tmp_path)
    yield found
    found.close()


def why(pages: DashboardHarness, process: str, timeperiod: str) -> Sequence[Cause]:
    now = pages.runtime.clock.now()
    index = load_index(pages.runtime.context.hierarchy, pages.store, now)
    return explain(index, pages.store, pages.key(process, timeperiod), now, VANISHED)


def leading(pages: DashboardHarness) -> Leadership:
    found = pages.store.lead('dev:4711', timedelta(days=1000))
    assert found is not None
    return found


def job_of(key: JobKey, state: JobState = JobState.IN_PROGRESS, **fields: object) -> Job:
    values = {'rev': 1, 'run': 1, 'changed_at': NOW, **fields}
    return Job(process=key.process, timeperiod=key.timeperiod, state=state, **values)  # type: ignore[arg-type] # fields of a job, by their names


def waits(pages: DashboardHarness, process: str, timeperiod: str) -> None:
    """Let a job have a unit that nobody has taken for three minutes."""
    key = pages.key(process, timeperiod)
    unit = Unit(
        id=uow_id_of(key, 1),
        process=key.process,
        timeperiod=key.timeperiod,
        start=key.timeperiod,
        end=key.timeperiod.shift(1),
        run=1,
        created_at=NOW - timedelta(minutes=3),
    )
    job = job_of(key, uow_id=unit.id)
    pages.store.commit(leading(pages), [InsertUnit(unit), SaveJob(job, 'run 1 requested')])


def recorded(pages: DashboardHarness, kind: CommandKind, process: str, **fields: object) -> None:
    """Write down what root has done."""
    stamp = containing_utc(Qualifier.REAL_TIME, NOW)
    values = {'state': CommandState.DONE, 'created_at': NOW - timedelta(minutes=8), **fields}
    command = Command(
        id=CommandId(f'r{kind.value}'),
        kind=kind,
        process=ProcessName(process),
        start=stamp,
        end=stamp.shift(1),
        actor='root',
        reason='migration',
        **values,  # type: ignore[arg-type] # fields of a command, by their names
    )
    pages.store.insert_command(command)


def reported(
    pages: DashboardHarness, state: str, pids: tuple[int, ...] = (), restarts: int = 0
) -> None:
    at = NOW - timedelta(hours=2)
    row = BoxProcess(
        box_id='dev',
        process='SiteHourly',
        is_on=True,
        state=state,
        pids=pids,
        restart_count=restarts,
        changed_at=at,
    )
    pages.store.report_actual([row])


def test_a_worker_that_was_stopped_is_the_cause_and_can_be_started(pages: DashboardHarness) -> None:
    waits(pages, *HOUR)
    pages.store.set_desired('dev', 'SiteHourly', is_on=False)
    recorded(pages, CommandKind.BOX, 'SiteHourly', details={'box': 'dev', 'action': 'stop'})

    unit, cause = why(pages, *HOUR)

    assert 'waits for a worker since 2026-11-23 12:14:00 UTC (3 min ago)' in unit.text
    assert cause.kind is CauseKind.WORKER_OFF
    assert cause.text == (
        'SiteHourly is switched off on box dev since 2026-11-23 12:09:00 UTC (8 min ago) '
        'by root: migration'
    )
    assert cause.since == NOW - timedelta(minutes=8)
    assert cause.action is not None
    assert cause.action.address == '/boxes/dev/SiteHourly/start'
    assert cause.action.command == './launch.py super --start SiteHourly --box dev'


def test_whoever_stopped_it_is_not_blamed_on_an_older_record(pages: DashboardHarness) -> None:
    waits(pages, *HOUR)
    pages.store.set_desired('dev', 'SiteHourly', is_on=False)
    recorded(pages, CommandKind.BOX, 'SiteHourly', details={'box': 'dev', 'action': 'start'})

    assert why(pages, *HOUR)[1].text == 'SiteHourly is switched off on box dev'


def test_a_box_that_drains_is_the_cause(pages: DashboardHarness) -> None:
    waits(pages, *HOUR)
    pages.store.set_drained('dev', is_draining=True)
    recorded(pages, CommandKind.BOX, 'dev', details={'box': 'dev', 'action': 'drain'})

    cause = why(pages, *HOUR)[1]

    assert cause.kind is CauseKind.DRAINED
    assert cause.text.startswith('box dev drains, its workers take no more since ')
    assert cause.text.endswith(' by root: migration')
    assert cause.action is not None
    assert cause.action.address == '/boxes/dev/undrain'


def test_a_box_that_vanished_is_the_cause(pages: DashboardHarness) -> None:
    waits(pages, *HOUR)
    pages.runtime.clock.advance(timedelta(minutes=95))

    cause = why(pages, *HOUR)[1]

    assert cause.kind is CauseKind.BOX_GONE
    assert cause.text == (
        'box dev (dev.example) vanished: not heard of since 2026-11-23 12:17:00 UTC '
        '(1 h 35 min ago)'
    )
    assert cause.action is not None
    assert (cause.action.address, cause.action.command) == (None, './launch.py start Supervisor')


def test_a_supervisor_that_stopped_in_order_is_the_cause(pages: DashboardHarness) -> None:
    waits(pages, *HOUR)
    pages.store.heartbeat(replace(BOX, pid=None), VANISHED)

    assert why(pages, *HOUR)[1].text.startswith('the Supervisor of box dev stopped since')


def test_a_worker_that_was_given_up_is_the_cause(pages: DashboardHarness) -> None:
    waits(pages, *HOUR)
    reported(pages, 'fatal', restarts=4)

    cause = why(pages, *HOUR)[1]

    assert cause.kind is CauseKind.GIVEN_UP
    assert 'given up on box dev after failure upon failure and 4 restarts since' in cause.text
    assert cause.action is not None
    assert cause.action.address == '/boxes/dev/SiteHourly/start'
    assert cause.action.command == './launch.py super --start SiteHourly --box dev'


@pytest.mark.parametrize('state', ['backoff', 'draining', 'stopping', 'stopped'])
def test_a_worker_that_is_about_to_start_needs_no_action(
    pages: DashboardHarness, state: str
) -> None:
    waits(pages, *HOUR)
    reported(pages, state)

    cause = why(pages, *HOUR)[1]

    assert (cause.kind, cause.action) == (CauseKind.STARTING, None)


def test_no_box_that_runs_it_is_the_cause(pages: DashboardHarness) -> None:
    waits(pages, 'AlertDaily', '2026112100')

    cause = why(pages, 'AlertDaily', '2026112100')[1]

    assert cause.kind is CauseKind.NO_BOX
    assert 'no box is set to run AlertDaily' in cause.text


def test_without_any_box_a_supervisor_is_missing(pages: DashboardHarness) -> None:
    waits(pages, *HOUR)
    pages.store.forget_box('dev')

    assert 'no Supervisor has ever reported a box' in why(pages, *HOUR)[1].text


def test_workers_that_are_all_busy_are_the_cause(pages: DashboardHarness) -> None:
    waits(pages, *HOUR)
    reported(pages, 'running', (102,))

    cause = why(pages, *HOUR)[1]

    assert cause.kind is CauseKind.BUSY
    assert cause.text == 'all workers of SiteHourly (1) are busy: SiteHourly@2026112310'


def test_a_second_box_that_works_leaves_nothing_to_blame(pages: DashboardHarness) -> None:
    waits(pages, *HOUR)
    pages.store.set_drained('dev', is_draining=True)
    pages.store.heartbeat(Box(box_id='lax2', host='lax2', home='/srv', pid=7), VANISHED)
    worker = BoxProcess(
        box_id='lax2', process='SiteHourly', is_on=True, state='running', pids=(1, 2)
    )
    pages.store.report_actual([worker])

    assert [cause.kind for cause in why(pages, *HOUR)] == [CauseKind.WORKER]


def test_a_scheduler_that_was_stopped_is_the_cause_of_no_leader(pages: DashboardHarness) -> None:
    pages.store.set_desired('dev', 'Scheduler', is_on=False)
    pages.store.resign(leading(pages))
    pages.runtime.clock.advance(timedelta(seconds=1))

    ready, leader, box = why(pages, *HOUR)

    assert 'is ready' in ready.text
    assert (leader.kind, leader.action) == (CauseKind.LEADER, None)
    assert box.action is not None
    assert box.action.address == '/boxes/dev/Scheduler/start'


def test_a_scheduler_that_runs_on_a_box_that_drains_is_left_to_take_over(
    pages: DashboardHarness,
) -> None:
    pages.store.set_drained('dev', is_draining=True)
    pages.store.resign(leading(pages))
    pages.runtime.clock.advance(timedelta(seconds=1))

    leader = why(pages, *HOUR)[1]

    assert (leader.kind, leader.action) == (CauseKind.LEADER, None)
    assert 'one runs, and leads within seconds' in leader.text


def test_a_paused_request_is_the_cause_and_can_be_resumed(pages: DashboardHarness) -> None:
    request = pages.store.command(CommandId(REQUEST_ID))
    assert request is not None
    key = pages.key(*HOUR)
    job = job_of(key, JobState.EMBRYO, request_id=request.id)
    leadership = leading(pages)
    pages.store.commit(leadership, [SaveCommand(replace(request, is_paused=True))])
    pages.store.commit(leadership, [SaveJob(job, 'reset')])
    recorded(pages, CommandKind.PAUSE, 'SiteDaily', target=request.id)

    cause = why(pages, *HOUR)[0]

    assert cause.kind is CauseKind.PAUSED
    assert f'its request {REQUEST_ID} is paused since ' in cause.text
    assert cause.text.endswith(' by root: migration')
    assert cause.action is not None
    assert cause.action.address == f'/requests/{REQUEST_ID}/resume'


def test_failed_siblings_fold_by_error_and_run_again_together(pages: DashboardHarness) -> None:
    keys = [pages.key('SiteHourly', f'20261122{hour:02}') for hour in range(10, 24)]
    rows = pages.store.jobs(keys)
    saves = [
        SaveJob(
            replace(
                rows[key],
                rev=rows[key].rev + 1,
                state=JobState.IN_PROGRESS,
                is_held=True,
                failure_count=3,
                reason='no data',
            ),
            'held',
        )
        for key in keys
    ]
    pages.store.commit(leading(pages), saves)

    day, *hours = why(pages, 'SiteDaily', '2026112200')

    assert (
        'SiteHourly@2026112209 (failed and held) and 14 more of 24; 15 of the 24 failed' in day.text
    )
    assert day.action is not None
    assert day.action.label == 'Run the 15 failed again'
    assert day.action.address == (
        '/change/reprocess?process=SiteHourly&first=2026112200&last=2026112223&only=failed'
    )
    assert day.action.command.endswith('2026112200 --to 2026112300 --only failed')
    # Fourteen of them say 'no data': one stands for all, beside the one that says something else.
    assert 'with 2 different errors, one of each follows' in day.text
    assert [cause.key.timeperiod.ordinal - keys[0].timeperiod.ordinal for cause in hours] == [-1, 0]
    assert {cause.kind for cause in hours} == {CauseKind.FAILED}
    assert '15 intervals' in pages.get(day.action.address).text


def test_an_interval_that_is_open_says_when_it_is_expected(pages: DashboardHarness) -> None:
    cause = why(pages, 'SiteHourly', '2026112312')[0]

    assert cause.kind is CauseKind.NOT_OVER
    assert cause.expected_at == NOW + timedelta(minutes=48)
    assert 'it may start at 2026-11-23 13:05:00 UTC (in 48 min)' in cause.text


def test_a_run_is_expected_to_end_as_others_have(pages: DashboardHarness) -> None:
    began = why(pages, 'SiteHourly', '2026112310')[0]
    pages.runtime.clock.advance(timedelta(minutes=5))

    assert began.kind is CauseKind.RUNNING
    assert began.expected_at == NOW + timedelta(seconds=18)
    assert why(pages, 'SiteHourly', '2026112310')[0].expected_at is None


def test_words_of_operators_are_used(pages: DashboardHarness) -> None:
    assert 'SiteDaily@2026112200 (blocked)' in why(pages, 'AlertDaily', '2026112200')[0].text


def test_every_action_leads_to_an_address_that_exists(pages: DashboardHarness) -> None:
    rules = Map([Rule(route.rule, methods=[route.method], endpoint='x') for route in ROUTES])
    waits(pages, *HOUR)
    found = [*why(pages, 'SiteDaily', '2026112200')]
    pages.store.set_desired('dev', 'SiteHourly', is_on=False)
    found += why(pages, *HOUR)
    pages.store.set_desired('dev', 'SiteHourly', is_on=True)
    pages.store.set_drained('dev', is_draining=True)
    found += why(pages, *HOUR)
    actions = [cause['action'] for cause in encode_causes(found) if cause['action']]

    assert len(actions) == 3
    for action in actions:
        assert action['address'] is not None
        path = action['address'].partition('?')[0]
        assert rules.bind('localhost').match(path, action['method'])


CHAIN = 1_500


@pytest.fixture(scope='module')
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """Trees that each wait for the one before; nothing has run."""
    folder = tmp_path_factory.mktemp('chain')
    (folder / 'chain_of_trees.py').write_text(
        'from synergy.conf.entries import *\n'
        'def entry(i):\n'
        "    return managed_context_entry(process_name=f'Link{i}', token=f'link{i}',\n"
        "        classname='synergy.workers.shell.ShellWorker', time_qualifier='_daily',\n"
        "        present_on_boxes=['.*'])\n"
        'def tree(i):\n'
        "    more = {'dependent_on': [f'tree{i - 1}']} if i else {}\n"
        "    return timetable_tree_entry(f'tree{i}', [f'Link{i}'],\n"
        "        start_timeperiod='2026112000', **more)\n"
        f"process_context = {{f'Link{{i}}': entry(i) for i in range({CHAIN})}}\n"
        f"timetable_context = {{f'tree{{i}}': tree(i) for i in range({CHAIN})}}\n"
    )
    environ = {
        'SYNERGY_HOME': str(folder / 'home'),
        'SYNERGY_PROJECT': str(folder),
        'SYNERGY_CONTEXT_MODULE': 'chain_of_trees',
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        settings, context = bootstrap.load(environ)
    with bootstrap.open_runtime(settings, context) as runtime:
        yield runtime


def along(chain: Runtime, link: int, **limits: int) -> Sequence[Cause]:
    now, store = instant('2026112512'), chain.open_store()
    key = JobKey(ProcessName(f'Link{link}'), parse(Qualifier.DAILY, '2026112100'))
    index = load_index(chain.context.hierarchy, store, now)
    return explain(index, store, key, now, VANISHED, **limits)


@pytest.mark.heavy
def test_a_long_chain_is_followed_to_its_root_and_says_what_it_leaves_out(chain: Runtime) -> None:
    causes = along(chain, CHAIN - 1)

    assert len(causes) <= CAUSES_MAX
    assert causes[0].key.process == f'Link{CHAIN - 1}'
    [cut] = [cause for cause in causes if cause.kind is CauseKind.CUT]
    root = causes[causes.index(cut) + 1]
    assert (root.key.process, root.depth, root.kind) == ('Link0', CHAIN - 1, CauseKind.READY)
    before = causes.index(cut)
    assert f'{CHAIN - before - 1} more causes are left out' in cut.text
    assert f'./launch.py why Link{CHAIN - 1 - before} 2026112100' in cut.text


def test_what_is_not_even_looked_at_is_said(chain: Runtime) -> None:
    causes = along(chain, CHAIN - 1, jobs_max=20)

    assert [cause.depth for cause in causes] == list(range(21))
    assert causes[-1].kind is CauseKind.CUT
    assert f'ask on from here: ./launch.py why Link{CHAIN - 21} 2026112100' in causes[-1].text


def test_a_short_chain_is_shown_whole(chain: Runtime) -> None:
    causes = along(chain, 30)

    assert [cause.key.process for cause in causes[:31]] == [f'Link{i}' for i in range(30, -1, -1)]
    assert not [cause for cause in causes if cause.kind is CauseKind.CUT]


def test_a_job_of_an_isolated_process_says_so_first(pages: DashboardHarness) -> None:
    item = Isolated(
        subject=Subject(SubjectKind.PROCESS, 'SiteHourly'),
        reason='unit 51f3 is there already',
        since=NOW,
        refusal_count=3,
        next_at=NOW + timedelta(seconds=40),
    )
    before = why(pages, *HOUR)
    pages.store.report_standing(leading(pages), LeaderStanding(isolated=(item,)))

    first, *rest = why(pages, *HOUR)

    assert first.kind is CauseKind.ISOLATED
    assert 'unit 51f3 is there already' in first.text
    assert (first.since, first.expected_at) == (NOW, NOW + timedelta(seconds=40))
    assert rest == [cause for cause in before if cause.kind is not CauseKind.READY]
    assert why(pages, 'SiteHourly', '2026112200')[0].kind is CauseKind.ENDED
    assert [cause.kind for cause in why(pages, 'SiteDaily', '2026112300')].count(
        CauseKind.ISOLATED
    ) == 1


def test_status_warns_of_an_isolated_process(pages: DashboardHarness) -> None:
    item = Isolated(
        subject=Subject(SubjectKind.PROCESS, 'SiteHourly'),
        reason='unit 51f3 is there already',
        since=NOW,
        refusal_count=3,
        next_at=None,
    )
    pages.store.report_standing(leading(pages), LeaderStanding(isolated=(item,), stuck_since=NOW))

    index = load_index(pages.runtime.context.hierarchy, pages.store, NOW)
    found = status(index, pages.store, None, NOW).warnings

    assert found[0].startswith('The Scheduler could save nothing since')
    assert 'Process SiteHourly is isolated since' in found[1]
    assert 'until the context changes' in found[1]


def test_places_that_are_taken_are_counted_in_words() -> None:
    alone = process('SiteHourly', max_running=1)

    assert full_text(alone, 1).startswith('is ready, and waits for the job of SiteHourly under')
    assert full_text(replace(alone, max_running=3), 3).startswith(
        'is ready, and waits for one of 3 jobs of SiteHourly under way (max_running 3)'
    )


def test_a_job_behind_a_backlog_tells_how_many_come_first(pages: DashboardHarness) -> None:
    found = why(pages, *HOUR)[0]

    assert found.kind in (CauseKind.READY, CauseKind.FULL)
    assert 'come' not in found.text

    earlier = pages.key('SiteHourly', '2026112300')
    keys = [JobKey(earlier.process, earlier.timeperiod.shift(number)) for number in range(3)]
    rows = pages.store.jobs(keys)
    again = [
        SaveJob(job_of(key, JobState.EMBRYO, rev=rows[key].rev + 1 if key in rows else 1), 'reset')
        for key in keys
    ]
    pages.store.commit(leading(pages), again)

    told = why(pages, *HOUR)[0]

    assert '3 older ones come first' in told.text
