"""The test kit: a context of somebody's on a simulated clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from synergy.conf.errors import ContextError
from synergy.testing import (
    EMBRYO,
    NOOP,
    PROCESSED,
    SKIPPED,
    Outcome,
    RequestRefused,
    UnitState,
    Uow,
    run_context,
)

NESTED = 'tests.pipelines.nested_by_minutes'
ZONED = 'tests.pipelines.zones_and_levels'


def count(uow: Uow) -> Outcome:
    return Outcome.processed(int(uow.timeperiod[-2:]))


STUBS = {'NestedHourly': count, 'NestedDaily': lambda _: None}


def test_what_is_due_runs_in_order() -> None:
    with run_context(NESTED, start='2026030100', days=1.5, stubs=STUBS) as run:
        assert run.state('NestedDaily', '20260301') == PROCESSED
        assert run.state('NestedHourly', '2026030211') == EMBRYO
        ended_at = run.runs('NestedDaily', '20260301')[-1].ended_at
        assert ended_at is not None
        # Without a deadline: once the next one may start, too.
        assert ended_at < run.late_at('NestedDaily', '20260301')
        assert run.late_at('NestedDaily', '20260301').day == 3
        begun = [ran.timeperiod for ran in run.all_runs()]

    assert begun[:25] == [*(f'20260301{hour:02}' for hour in range(24)), '2026030100']


def test_without_a_start_the_context_says_it() -> None:
    with run_context(NESTED, days=3, stubs=STUBS) as run:
        assert run.state('NestedDaily', '2026110100') == PROCESSED
        with pytest.raises(LookupError, match='outside its tree, which begins with 2026110100'):
            run.state('NestedDaily', '2026110300')


def test_a_failure_is_tried_again() -> None:
    tries: list[int] = []

    def fail_once(uow: Uow) -> Outcome:
        tries.append(uow.attempt)
        if uow.attempt == 1:
            raise RuntimeError('no luck')
        return Outcome.noop()

    with run_context(
        NESTED, start='2026030100', days=0.1, stubs={**STUBS, 'NestedHourly': fail_once}
    ) as run:
        (ran,) = run.runs('NestedHourly', '2026030100')
        assert (ran.attempt, ran.state) == (2, UnitState.NOOP)
        assert run.state('NestedHourly', '2026030100') == NOOP
        assert 'RuntimeError: no luck' in '\n'.join(run.log('NestedHourly', '2026030100'))


def test_requests_are_those_of_an_operator() -> None:
    with run_context(NESTED, start='2026030100', days=1.5, stubs=STUBS) as run:
        run.reprocess('NestedHourly', '2026030107')
        run.skip('NestedHourly', '2026030211')
        run.pass_time(days=1)

        assert [ran.run for ran in run.runs('NestedDaily', '20260301')] == [1, 2]
        assert [ran.count for ran in run.runs('NestedHourly', '2026030107')] == [7, 7]
        assert run.state('NestedHourly', '2026030211') == SKIPPED
        assert run.state('NestedDaily', '20260302') == PROCESSED
        with pytest.raises(RequestRefused):
            run.skip('NestedHourly', '2026030315')


def test_real_workers_of_the_context_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'kit_context.py').write_text(
        'from synergy.conf.entries import *\n'
        'process_context = [managed_context_entry("Own", "kit_worker.Own", "own", '
        'QUALIFIER_HOURLY, source="visits", present_on_boxes=["prod"])]\n'
        'timetable_context = [timetable_tree_entry("own", ["Own"])]\n'
    )
    (tmp_path / 'kit_worker.py').write_text(
        'from synergy.workers import Outcome, Worker\n'
        'class Own(Worker):\n'
        '    def setup(self):\n'
        '        self.opened = "opened"\n'
        '    def process_uow(self, uow):\n'
        '        self.logger.info("%s %s", self.opened, uow.source)\n'
        '        return Outcome.processed(3)\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    with run_context('kit_context', start='2026030100', days=0.1, project=tmp_path) as run:
        (ran,) = run.runs('Own', '2026030100')
        assert ran.count == 3
        assert run.log('Own', '2026030100') == ['opened visits']


def test_a_mistaken_name_is_answered_with_the_nearest() -> None:
    nearest = pytest.raises(LookupError, match="did you mean 'NestedDaily'")

    with nearest, run_context(NESTED, stubs={'NestedDialy': count}):
        pass
    with run_context(NESTED, start='2026030100', days=0.1, stubs=STUBS) as run, nearest:
        run.state('NestedDialy', '20260301')


def test_a_bad_context_is_refused_with_its_problems() -> None:
    with pytest.raises(ContextError, match='no_such_context'), run_context('no_such_context'):
        pass


def test_free_runs_are_fired(tmp_path: Path) -> None:
    (tmp_path / 'kit_freeruns.py').write_text(
        'from synergy.conf.entries import *\n'
        'process_context = [freerun_context_entry("Shell", "tick", '
        '"synergy.workers.shell.ShellWorker", "shell", "every 60", present_on_boxes=[".*"])]\n'
        'timetable_context = []\n'
    )

    with run_context(
        'kit_freeruns', days=0.25, stubs={'Shell': lambda _: None}, project=tmp_path
    ) as run:
        assert len(run.all_runs()) == pytest.approx(360, abs=1)


def test_what_a_calendar_leaves_out_is_noop_once_it_has_begun() -> None:
    stubs = {'OfficeDaily': lambda _: None}
    with run_context('tests.pipelines.office', start='2026-11-27', days=4.1, stubs=stubs) as run:
        days = ('2026-11-27', '2026-11-28', '2026-11-29', '2026-11-30', '2026-12-05')
        states = [run.state('OfficeDaily', day) for day in days]
        assert states == [PROCESSED, NOOP, NOOP, PROCESSED, EMBRYO]
        assert [ran.timeperiod for ran in run.all_runs()] == ['2026112700', '2026113000']
        with pytest.raises(RequestRefused, match='is left out by the calendar office'):
            run.reprocess('OfficeDaily', '2026-11-28')
        run.reprocess('OfficeDaily', '2026-11-28', anyway=True)
        run.pass_time(minutes=5)
        assert run.state('OfficeDaily', '2026-11-28') == PROCESSED
        assert [len(run.runs('OfficeDaily', day)) for day in days] == [1, 1, 0, 1, 0]


def test_a_day_of_a_zone_waits_for_its_own_hours() -> None:
    seen: dict[str, list[Uow]] = {}

    def keep(uow: Uow) -> None:
        seen.setdefault(uow.process_name, []).append(uow)

    names = ('Yearly', 'Monthly', 'Weekly', 'Daily', 'Hourly', 'Half', 'Quarter')
    stubs = {f'Shop{name}': keep for name in names} | {'Report': keep}
    with run_context(ZONED, start='2026-03-29', days=1.25, stubs=stubs) as run:
        assert run.now.isoformat() == '2026-03-30T05:00:00+00:00'
        assert run.state('ShopDaily', '20260329') == PROCESSED
        assert run.state('ShopDaily', '2026-03-30') == EMBRYO
        assert run.state('ShopQuarter', '2026-03-29 00:45') == PROCESSED
        assert run.state('ShopHalf', '202603290030') == PROCESSED
        with pytest.raises(LookupError, match='outside its tree'):
            run.state('ShopHourly', '2026032822')

    (day,) = seen['ShopDaily']
    assert seen.keys().isdisjoint({'ShopWeekly', 'ShopMonthly', 'ShopYearly'})
    assert (day.time_zone, day.timeperiod) == ('Europe/Berlin', '2026032900')
    assert day.local_start.isoformat() == '2026-03-29T00:00:00+01:00'
    assert day.local_end.isoformat() == '2026-03-30T00:00:00+02:00'
    assert (day.end - day.start).total_seconds() == 23 * 3600
    hours = [uow for uow in seen['ShopHourly'] if day.start <= uow.start < day.end]
    assert [uow.timeperiod for uow in hours][::22] == ['2026032823', '2026032921']
    assert len([uow for uow in seen['ShopQuarter'] if day.start <= uow.start < day.end]) == 92
    reports = seen['Report']
    assert {f'{uow.local_start:%H:%M}' for uow in reports} == {'07:30'}
    assert {uow.time_zone for uow in reports} == {'Europe/Berlin'}
    assert reports[0].start.hour == 5


def test_a_week_of_a_zone_waits_for_its_days_and_a_month_for_its_own() -> None:
    seen: list[Uow] = []
    names = ('Yearly', 'Monthly', 'Weekly', 'Daily')
    with run_context(
        'tests.pipelines.zones_and_weeks',
        start='2026-03-29',
        days=8,
        stubs={f'Shop{name}': seen.append for name in names},
    ) as run:
        assert run.now.isoformat() == '2026-04-05T23:00:00+00:00'
        assert run.state('ShopWeekly', '2026-03-29') == PROCESSED
        assert run.state('ShopWeekly', '20260405') == EMBRYO
        assert run.state('ShopMonthly', '202603') == PROCESSED
        assert run.state('ShopMonthly', '202604') == EMBRYO

    (week,) = (uow for uow in seen if uow.process_name == 'ShopWeekly')
    assert (week.timeperiod, week.end_timeperiod) == ('2026032900', '2026040500')
    days = [uow for uow in seen if uow.process_name == 'ShopDaily']
    assert [uow.timeperiod for uow in days][:7:6] == ['2026032900', '2026040400']
    assert seen.index(week) > seen.index(days[6])
