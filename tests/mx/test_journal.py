"""The journal over HTTP: lines page by page, and the stream of those to come."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from synergy.core.effects import AddPage
from synergy.core.journal import BY_CLOCK, Happened, Line, LineKind
from synergy.core.journal_pages import page_of_lines
from synergy.core.states import JobState
from synergy.core.users import Role
from tests.mx.dashboard_harness import NOW, DashboardHarness

HOUR = ('SiteHourly', '2026112304')


def tell(pages: DashboardHarness, count: int, reason: str | None = None) -> None:
    """Write lines of one job behind the last one."""
    store, key = pages.store, pages.key(*HOUR)
    led = store.leadership()
    assert led is not None
    first = store.journal_span().stop
    lines = [
        Line(
            number=number,
            term=led.term,
            at=NOW - timedelta(minutes=count - number + first),
            kind=LineKind.JOB,
            process=key.process,
            timeperiod=key.timeperiod,
            rev=number,
            what=Happened.CHANGED if reason else Happened.STARTED,
            from_state=JobState.EMBRYO,
            to_state=JobState.IN_PROGRESS,
            run=1,
            cause=BY_CLOCK,
            reason=reason,
        )
        for number in range(first, first + count)
    ]
    page = page_of_lines(lines, first, led.term, NOW)
    assert page is not None
    store.commit(led, [AddPage(page)])


def asked(pages: DashboardHarness, query: str) -> dict[str, Any]:
    found: dict[str, Any] | None = pages.get(f'/api/v1/journal?{query}').json
    assert found is not None
    return found


def numbers(found: dict[str, Any]) -> Sequence[int]:
    return [item['number'] for item in found['items']]


def test_lines_are_read_page_by_page(pages: DashboardHarness) -> None:
    tell(pages, 5)
    tell(pages, 3, 'password=hunter2')

    first = asked(pages, 'cursor=0&limit=3')
    assert (numbers(first), first['next_cursor'], first['lost']) == ([1, 2, 3], '3', None)
    rest = asked(pages, 'cursor=3')
    assert (numbers(rest), rest['next_cursor'], rest['after']) == ([4, 5, 6, 7, 8], None, 8)
    assert 'hunter2' not in json.dumps(rest)
    assert numbers(asked(pages, 'limit=2')) == [7, 8]
    assert numbers(asked(pages, 'from=2026-11-23T11:58')) != []
    assert numbers(asked(pages, 'process=SiteDaily')) == []
    assert asked(pages, 'cursor=8')['items'] == []
    assert asked(pages, f'cursor=0&from={first["items"][2]["at"]}')['items'][0]['number'] == 3


def test_what_makes_no_sense_is_refused(pages: DashboardHarness) -> None:
    tell(pages, 3)
    for query, status in (
        # Of another store, or of this one before it was restored.
        ('cursor=4', 400),
        ('from=2026-11-29T01:00:60', 400),
        ('from=0001-01-01T01:00:00%2B05:00', 400),
        ('until=9999-12-31T23:59:59', 400),
        ('process=SiteHorly', 404),
        ('from=soon', 400),
        ('cursor=x', 400),
        ('cursor=-5', 400),
        ('limit=0', 400),
        ('since=1', 400),
    ):
        answer = pages.get(f'/api/v1/journal?{query}')
        assert answer.status_code == status, query
        assert (answer.json or {})['advice']
    for last in ('x', '-1', '', '4', '9' * 30):
        found = pages.get('/api/v1/journal/events', **{'Last-Event-ID': last})
        assert found.status_code == 400, last
    assert pages.get('/api/v1/journal/events?cursor=4').status_code == 400


def frames(pages: DashboardHarness, query: str, **headers: str) -> Iterator[str]:
    answer = pages.get(f'/api/v1/journal/events?{query}', **headers)
    assert answer.mimetype == 'text/event-stream'
    assert answer.response is not None
    for frame in answer.response:
        yield frame.decode() if isinstance(frame, bytes) else frame


def test_a_stream_goes_on_behind_the_last_line_that_was_heard(pages: DashboardHarness) -> None:
    tell(pages, 3)
    stream = frames(pages, '', **{'Last-Event-ID': '2'})
    assert next(stream).startswith('retry:')
    first = next(stream)

    tell(pages, 1)

    assert first.startswith('id: 3\nevent: line\ndata: {')
    told = next(stream)
    assert told.startswith('id: 4\nevent: line\n')
    assert json.loads(told.partition('data: ')[2])['process'] == 'SiteHourly'


def test_a_stream_where_nothing_happens_says_how_far_it_is(pages: DashboardHarness) -> None:
    tell(pages, 3)

    stream = frames(pages, 'process=SiteDaily', **{'Last-Event-ID': '1'})

    # No event: whoever comes back goes on there, however long nothing happens to the process.
    assert [next(stream) for _ in range(3)] == ['retry: 3000\n\n', 'id: 3\n\n', 'id: 3\n\n']


def test_a_stream_ends_before_it_is_longer_than_may_lie_there(
    pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('synergy.mx.api.journal._BYTES_MAX', 5_000)
    monkeypatch.setattr('synergy.mx.api.journal._LINES_AT_ONCE', 3)
    tell(pages, 50)

    told = [*frames(pages, 'cursor=0')]

    assert told[-1] == 'retry: 100\n\n'
    assert 5_000 <= sum(map(len, told[:-1])) < 10_000
    last = told[-2].rpartition('id: ')[2].partition('\n')[0]
    assert next(numbers_of(frames(pages, '', **{'Last-Event-ID': last}))) == int(last) + 1


def numbers_of(stream: Iterator[str]) -> Iterator[int]:
    for frame in stream:
        yield from (int(line[4:]) for line in frame.splitlines() if line.startswith('id: '))


def test_a_stream_tells_which_lines_are_gone(pages: DashboardHarness) -> None:
    tell(pages, 3)
    tell(pages, 2)
    assert pages.store.prune_journal(NOW, 1) == 3

    stream = frames(pages, 'cursor=1')
    next(stream)
    told = next(stream)

    assert told.startswith('event: lost\ndata: {"first": 2, "last": 3')
    assert 'id: 4\n' in told


def test_only_who_may_look_is_told(pages: DashboardHarness) -> None:
    pages.add_user('anna', Role.VIEWER)

    assert pages.get('/api/v1/journal').status_code == 401
    assert pages.get('/api/v1/journal/events').status_code == 401


def test_the_page_tells_a_story(pages: DashboardHarness) -> None:
    empty = pages.get('/happened').text
    assert 'Nothing has happened in that time.' in empty
    tell(pages, 4)

    shown = pages.get('/happened').text

    assert 'What happened' in shown
    assert 'As planned' in shown
    assert '4 runs started; none has ended well yet.' in shown
    assert 'As planned' in pages.get('/happened?process=SiteHourly&from=2026-11-23').text
    assert 'As planned' not in pages.get('/happened?process=SiteDaily').text
    assert pages.get('/happened?from=soon').status_code == 400
