"""Every list of the command line is whole, or says that it is not; locally and over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from synergy.cli import http_client, local_asking
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import InsertUnit
from synergy.core.records import Unit, UowId
from synergy.core.states import UnitState
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey
from synergy.view import whole
from tests.cli.conftest import Said
from tests.cli.test_remote import pages as pages
from tests.cli.test_remote import remote as remote
from tests.mx.conftest import history as history
from tests.mx.dashboard_harness import NOW, DashboardHarness
from tests.mx.test_freeruns import SWEEP, commit, unit_of

Launch = Callable[..., Said]
COUNT = 7


class List(Struct, frozen=True, kw_only=True):
    """One list. mark: what tells the rows that are meant, by what each has in JSON."""

    words: tuple[str, ...]
    mark: Callable[[dict[str, object]], bool]
    has_limit: bool = True


LISTS = (
    List(
        words=('jobs', 'SiteHourly', '--from', '20261123'), mark=lambda row: row['run'] is not None
    ),
    List(words=('jobs', '--state', 'failed'), mark=lambda row: row['process'] != ''),
    List(words=('requests',), mark=lambda row: str(row['id']).startswith('listed')),
    List(words=('freerun', 'runs', SWEEP), mark=lambda row: row['process'] == SWEEP),
    List(words=('dead',), mark=lambda row: str(row['id']).startswith('dead'), has_limit=False),
)


@pytest.fixture
def filled(pages: DashboardHarness) -> DashboardHarness:
    """Return a store in which every list has more rows than a page and than a table shows."""
    hour = pages.key('SiteHourly', '2026112209')
    commit(
        pages,
        *(InsertUnit(dead_unit(hour, number)) for number in range(COUNT)),
        *(
            InsertUnit(
                replace(
                    unit_of(SWEEP, number, NOW - timedelta(minutes=number)),
                    state=UnitState.PROCESSED,
                    finished_at=NOW,
                )
            )
            for number in range(1, COUNT + 1)
        ),
    )
    for number in range(COUNT):
        pages.store.insert_command(
            Command(
                id=CommandId(f'listed{number}'),
                kind=CommandKind.REPROCESS,
                process=hour.process,
                start=hour.timeperiod,
                end=hour.timeperiod.shift(1),
                actor='anna',
                state=CommandState.DONE,
                created_at=NOW + timedelta(seconds=number),
            )
        )
    return pages


def dead_unit(hour: JobKey, number: int) -> Unit:
    key = JobKey(hour.process, hour.timeperiod.shift(-number))
    return Unit(
        id=UowId(f'dead{number:020}'),
        process=key.process,
        timeperiod=key.timeperiod,
        start=key.timeperiod,
        end=key.timeperiod.shift(1),
        run=90,
        state=UnitState.DEAD,
        created_at=NOW,
        finished_at=NOW - timedelta(seconds=number),
    )


@pytest.fixture(params=['local', 'remote'])
def ask(
    request: pytest.FixtureRequest,
    filled: DashboardHarness,
    launch: Launch,
    monkeypatch: pytest.MonkeyPatch,
) -> Launch:
    """Return the command line on that store, where a page has two rows."""
    monkeypatch.setattr(whole, '_PAGE', 2)
    monkeypatch.setattr(http_client, 'PAGE_ROWS', 2)
    if request.param == 'remote':
        found: Launch = request.getfixturevalue('remote')
        return found
    monkeypatch.setenv('SYNERGY_HOME', str(filled.runtime.settings.home))
    monkeypatch.setenv('SYNERGY_CONTEXT_MODULE', 'tests.pipelines.pages')
    monkeypatch.delenv('SYNERGY_END_TIMEPERIOD')
    monkeypatch.setattr(local_asking, 'ANSWER_SECONDS', 0.0)
    return launch


@pytest.mark.parametrize('item', LISTS, ids=lambda item: ' '.join(item.words))
def test_a_list_is_whole_or_says_that_it_is_not(ask: Launch, item: List) -> None:
    everything = ask(*item.words, '--json')
    assert everything.out, everything.err
    rows = json.loads(everything.out)

    assert everything.code == 0, everything.err
    assert everything.err == ''
    meant = [row for row in rows if item.mark(row)]
    least = 1 if 'failed' in item.words else COUNT
    assert len(meant) >= least
    if not item.has_limit:
        assert ask(*item.words).err == ''
        return
    for form in ((), ('--json',)):
        some = ask(*item.words, '--limit', str(len(rows) - 1 or 1), *form)
        if len(rows) > 1:
            assert f'more than {len(rows) - 1:,}' in some.err
        just = ask(*item.words, '--limit', str(len(rows)), *form)
        assert just.err == ''
