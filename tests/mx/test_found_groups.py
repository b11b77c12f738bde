"""Search: failures that are one trouble are one entry, and run again by one request."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from typing import Any

import pytest

from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.core.commands import Command, CommandState, Only
from synergy.core.effects import SaveJob
from synergy.core.letter_groups import ERROR
from synergy.core.states import JobState
from synergy.core.structs import replace
from tests.mx.dashboard_harness import DashboardHarness
from tests.mx.test_dead_letters import scheduler, step
from tests.mx.test_job_actions import fields
from tests.mx.test_letter_groups import COUNT, get
from tests.mx.test_letter_groups import broker as broker
from tests.mx.test_letter_groups import failed as failed
from tests.view.test_why import leading

ALIKE = 'ConnectionError: db-#.example refused #'


def asked(pages: DashboardHarness) -> Command:
    (command,) = pages.store.commands((CommandState.REQUESTED,), 9)
    return command


def sent(pages: DashboardHarness, key: str = 'one', **body: str) -> Any:
    return pages.client.post(
        '/api/v1/requests',
        json={'process': 'SiteHourly', 'reason': 'host is back', **body},
        headers={'Idempotency-Key': key},
        environ_overrides=pages.place,
    )


def addresses(text: str, kind: str) -> list[str]:
    found = re.findall(rf'href="(/change/{kind}\?[^"]*error=[^"]*)"', text)
    return [unescape(address) for address in found]


@pytest.mark.parametrize(
    'place',
    ['search/groups?q=state:failed', 'search/groups', 'jobs/groups', 'jobs/groups?state=held',
     'search/groups?q=process:SiteH* state:held since:2d', 'search/groups?q=SiteHourly 20261122'],
)  # fmt: skip
def test_they_are_the_entries_that_dead_letters_are(failed: DashboardHarness, place: str) -> None:
    found = get(failed, place)['items']

    assert found == get(failed, 'dead/groups')['items']
    assert [item['count'] for item in found] == [COUNT, 1]


@pytest.mark.parametrize(
    ('place', 'count'),
    [
        ('jobs/groups?start=2026112212&end=2026112215', 3),
        ('jobs/groups?process=SiteDaily', 0),
        ('jobs/groups?state=state_processed', 0),
        ('jobs/groups?state=blocked', 0),
        ('search/groups?q=SiteHourly 2026112212', 1),
        ('search/groups?q=SiteHourly 2026112001', 0),
        ('search/groups?q=state:processed', 0),
        ('search/groups?q=box:nowhere state:failed', 0),
    ],
)
def test_they_are_those_that_were_looked_for(
    failed: DashboardHarness, place: str, count: int
) -> None:
    assert sum(item['count'] for item in get(failed, place)['items']) == count


def test_the_page_shows_them_as_one_and_runs_them_again_by_one_request(
    failed: DashboardHarness, broker: EmbeddedBroker
) -> None:
    text = failed.get('/search?q=state:failed').text
    assert '15 failures, 2 causes' in text
    assert 'Run all 14 again' in text
    address = addresses(text, 'reprocess')[0]

    shown = failed.get(address).text
    assert '14 intervals' in shown
    assert 'and that failed with this error' in shown
    answer = failed.post('/change/reprocess', {**fields(shown), 'reason': 'host is back'})

    assert answer.status_code == 303, answer.text
    command = asked(failed)
    assert (command.only, command.details) == (Only.FAILED, {ERROR: ALIKE})
    assert 'that failed with' in failed.get('/audit').text
    step(failed, scheduler(failed, broker))
    # The hour that failed for another reason stays as it is.
    (left,) = get(failed, 'search/groups?q=state:failed')['items']
    assert left['said'].startswith('ValueError')


def test_what_was_dropped_is_one_with_the_others(
    failed: DashboardHarness, broker: EmbeddedBroker
) -> None:
    leader = scheduler(failed, broker)
    failed.post(
        '/dead/groups/drop', {'process': 'SiteHourly', 'error': ALIKE, 'reason': 'known; seen'}
    )
    step(failed, leader)
    assert [item['count'] for item in get(failed, 'dead/groups')['items']] == [1]

    (found, _) = get(failed, 'search/groups?q=state:failed')['items']

    assert (found['count'], found['error']) == (COUNT, ALIKE)
    place = f'preview?process=SiteHourly&q=state:failed&error={quoted(ALIKE)}'
    counts = {row['process']: row['count'] for row in get(failed, place)['processes']}
    assert counts['SiteHourly'] == COUNT


def quoted(text: str) -> str:
    return text.replace('#', '%23').replace(' ', '+')


def skip(pages: DashboardHarness, hours: Iterable[int]) -> None:
    """Let failed hours be as if they had been skipped after their last attempt."""
    rows = pages.store.jobs([pages.key('SiteHourly', f'20261122{hour:02}') for hour in hours])
    skipped = {'state': JobState.SKIPPED, 'is_held': False, 'failure_count': 1}
    pages.store.commit(
        leading(pages),
        [
            SaveJob(replace(row, rev=row.rev + 1, **skipped), 'skipped')  # type: ignore[arg-type]
            for row in rows.values()
        ],
    )


def test_of_some_of_them_the_request_spells_out_which(failed: DashboardHarness) -> None:
    """What lies in between and was not found, though it failed alike, is left alone."""
    skip(failed, (12, 15))
    (held, _) = get(failed, 'search/groups?q=state:held')['items']
    assert held['count'] == COUNT - 2

    assert sent(failed, q='state:held', error=held['error']).status_code == 202

    command = asked(failed)
    assert command.details['interval_count'] == COUNT - 2
    assert command.details[ERROR] == ALIKE


@pytest.mark.parametrize(
    'body',
    [
        {'start': '2026112200', 'end': '2026112300', 'error': 'refused'},
        {'start': '2026112200', 'end': '2026112300', 'error': ALIKE},
        {'start': '2026112200', 'end': '2026112300', 'error': 'ConnectionError: db-9.example '
         'refused 0x000077', 'only': 'failed'},
        {'q': 'state:failed', 'error': 'REFUSED'},
    ],
)  # fmt: skip
def test_an_error_may_be_given_as_said_folded_or_in_part(
    failed: DashboardHarness, body: dict[str, str]
) -> None:
    assert sent(failed, **body).status_code == 202
    # The same call again is the same request.
    assert sent(failed, **body).status_code == 202

    command = asked(failed)
    assert (command.only, command.details[ERROR]) == (Only.FAILED, ALIKE)


@pytest.mark.parametrize(
    ('body', 'status', 'said'),
    [
        ({'start': '2026112200', 'end': '2026112300', 'error': 'error'}, 404,
         "'error' is part of 2 kinds of error of SiteHourly"),
        ({'q': 'state:failed', 'error': 'error'}, 404, 'is part of 2 kinds of error'),
        ({'start': '2026112200', 'end': '2026112300', 'error': 'nothing like it'}, 422,
         "none of them failed with 'nothing like it'"),
        ({'q': 'state:failed', 'error': 'nothing like it'}, 400, 'finds no interval of'),
        ({'start': '2026112209', 'only': 'skipped', 'error': 'x'}, 400,
         'error and only=skipped are given'),
        ({'start': '2026112209', 'only': 'all', 'error': 'x'}, 400, 'error and only=all are given'),
        ({'intervals': '2026112209', 'error': 'x'}, 400, 'intervals and error are given'),
    ],
)  # fmt: skip
def test_what_means_none_or_several_is_refused(
    failed: DashboardHarness, body: dict[str, str], status: int, said: str
) -> None:
    answer = sent(failed, **body)

    assert answer.status_code == status, answer.text
    assert said in answer.json['detail']
    assert not failed.store.commands((CommandState.REQUESTED,), 9)


def test_failures_of_which_no_two_are_alike_are_not_told_twice(pages: DashboardHarness) -> None:
    assert 'By what is wrong' not in pages.get('/search?q=state:failed').text


@pytest.mark.parametrize(
    ('query', 'kinds'),
    [
        ('process:SiteHourly state:skipped', ['reprocess', 'mark_done']),
        ('process:SiteHourly state:noop', ['reprocess']),
        ('process:SiteHourly state:running', ['cancel']),
        ('process:SiteHourly state:held', ['reprocess', 'skip', 'mark_done']),
        ('process:SiteHourly state:embryo', ['skip']),
    ],
)
def test_only_what_changes_something_is_offered(
    failed: DashboardHarness, query: str, kinds: list[str]
) -> None:
    (total,) = get(failed, f'search?q={query}')['totals']
    assert [offer['kind'] for offer in total['offers']] == kinds
    assert all(offer['count'] == total['count'] for offer in total['offers'])

    text = failed.get(f'/search?q={query}').text
    linked = re.findall(r'href="/change/(\w+)\?process=SiteHourly&amp;q=', text)
    # Of a single interval the list says all.
    assert sorted(set(linked)) == (sorted(kinds) if total['count'] > 1 else [])
    for kind in kinds:
        shown = get(failed, f'preview?kind={kind}&process=SiteHourly&q={query}')
        assert {row['process']: row['count'] for row in shown['processes']}['SiteHourly']


def test_skip_is_not_offered_where_all_that_failed_is_skipped(failed: DashboardHarness) -> None:
    skip(failed, range(9, 10 + COUNT))

    (total,) = get(failed, 'search?q=state:failed')['totals']

    assert [offer['kind'] for offer in total['offers']] == ['reprocess', 'mark_done']
    assert '/change/skip' not in failed.get('/search?q=state:failed').text
