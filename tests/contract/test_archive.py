"""What a recut archives is moved, batch by batch, and told by request and level."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy.core.cut import Cut
from synergy.core.effects import ArchiveRows, InsertUnit, Save, SaveContext, SaveJob, SaveOverride
from synergy.core.index_pages import IndexCopy, IndexPage
from synergy.core.led_context import LedContext, LedProcess
from synergy.core.records import Override, ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod, parse
from synergy.core.unit_ids import RUN_IN_ID_MAX
from synergy.ports.errors import CommitRefused
from synergy.ports.store import Store
from synergy.view.whole import all_jobs
from tests.contract.conftest import NOW
from tests.contract.rows import job_of, leader, unit_of

SITE, OTHER = ProcessName('Site'), ProcessName('Other')


def keys(process: ProcessName, level: Qualifier, start: str, count: int) -> list[JobKey]:
    first = parse(level, start)
    return [JobKey(process, first.shift(number)) for number in range(count)]


HOURS = keys(SITE, Qualifier.HOURLY, '2026112300', 4)
DAYS = keys(SITE, Qualifier.DAILY, '2026112100', 1)
OTHERS = keys(OTHER, Qualifier.HOURLY, '2026112300', 2)


@pytest.fixture
def filled(store: Store) -> Store:
    saves: list[Save] = [SaveContext(LedContext(rev=1))]
    for job_key in (*HOURS, *DAYS, *OTHERS):
        saves += [InsertUnit(unit_of(job_key)), SaveJob(job_of(job_key), 'started')]
    # The id of so late a run follows from nothing but a digest.
    saves.append(InsertUnit(unit_of(HOURS[0], RUN_IN_ID_MAX + 1)))
    leadership = leader(store)
    store.commit(leadership, saves)
    page = IndexPage(
        process=SITE, qualifier=Qualifier.HOURLY, first=HOURS[0][1].ordinal, codes=b'1'
    )
    store.save_index_copy(leadership, IndexCopy(as_of=NOW, pages=(page,)))
    return store


def test_rows_are_moved_a_batch_at_a_time_until_none_is_left(filled: Store) -> None:
    save, leadership = ArchiveRows(SITE, 'cut', 1, 2), leader(filled)
    assert filled.has_rows(SITE)

    rounds = 0
    while filled.has_rows(SITE):
        filled.commit(leadership, [save])
        rounds += 1

    # A store may need one more for what it finds last.
    assert rounds in (3, 4)
    assert {job.process for job in all_jobs(filled)} == {OTHER}
    assert {unit.process for unit in filled.all_units()} == {OTHER}
    copy = filled.index_copy()
    assert copy is not None
    assert copy.pages == ()
    told = {item.qualifier: item for item in filled.archived(SITE)}
    hours, days = told[Qualifier.HOURLY], told[Qualifier.DAILY]
    assert (hours.request, hours.count, hours.first, hours.last) == (
        'cut',
        4,
        '2026112300',
        '2026112303',
    )
    assert hours.runs == RUN_IN_ID_MAX + 1
    assert (days.count, days.runs) == (1, 1)
    assert filled.archived(OTHER) == []


def test_nothing_is_moved_under_another_context(filled: Store) -> None:
    leadership = leader(filled)
    filled.commit(leadership, [SaveContext(LedContext(rev=2))])

    with pytest.raises(CommitRefused):
        filled.commit(leadership, [ArchiveRows(SITE, 'cut', 1, 100)])

    assert filled.archived(SITE) == []
    assert len(list(all_jobs(filled))) == 7


def test_intervals_that_have_begun_anew_are_archived_apart(filled: Store) -> None:
    leadership = leader(filled)
    filled.commit(leadership, [ArchiveRows(SITE, 'cut', 1, 100)])
    filled.commit(leadership, [SaveJob(job_of(DAYS[0], state=JobState.PROCESSED), 'done')])
    filled.commit(leadership, [ArchiveRows(SITE, 'again', 1, 100)])

    told = [(item.request, item.qualifier, item.count) for item in filled.archived(SITE)]

    assert sorted(told) == [
        ('again', Qualifier.DAILY, 1),
        ('cut', Qualifier.DAILY, 1),
        ('cut', Qualifier.HOURLY, 4),
    ]


def test_where_intervals_begin_is_kept_and_what_is_being_recut(store: Store) -> None:
    cut = Cut(
        request='cut',
        qualifier=Qualifier.WEEKLY_SUN,
        zone='Europe/Berlin',
        first=1234,
        runs=7,
        others=((Qualifier.HOURLY, 3), (Qualifier.MINUTELY_15, 1)),
        at=NOW + timedelta(microseconds=3),
        by='anna: "weeks" will do',
    )
    leadership = leader(store)
    override = Override(process=SITE, definition='d', cut=cut)
    led = LedProcess(qualifier=Qualifier.HOURLY, recut='cut', is_out=True)
    saves: list[Save] = [
        SaveOverride(override),
        SaveContext(LedContext(rev=1, processes={SITE: led})),
    ]

    store.commit(leadership, saves)

    assert list(store.overrides()) == [override]
    context = store.led_context()
    assert context is not None
    assert context.processes == {SITE: led}
    assert cut.start == Timeperiod(Qualifier.WEEKLY_SUN, 1234)
