"""Thousands of processes: pages show a part of them, and ask again for what may have changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.effects import SaveJob
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.mx.pages import boxes, freeruns, processes
from synergy.mx.widgets import tree_rows
from tests.mx.dashboard_harness import NOW, DashboardHarness

TREES = re.compile(r'scope="rowgroup" colspan="6"><span class="tl"><a href="/t/([^"]+)"')
NEXT = re.compile(r'rel="next" href="([^"]+)"')


@pytest.fixture(scope='module')
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardHarness]:
    """Return a dashboard on five thousand processes of which nothing has run."""
    found = DashboardHarness(tmp_path_factory.mktemp('wide'), 'bench.breadth_context')
    yield found
    found.close()


def next_of(text: str) -> str | None:
    found = NEXT.search(text)
    return None if found is None else found[1].replace('&amp;', '&')


def test_pages_of_five_thousand_processes_are_light(wide: DashboardHarness) -> None:
    for address in ('/', '/?only=attention', '/processes', '/health', '/boxes', '/freeruns'):
        answer = wide.get(address)

        assert len(answer.data) < 300_000, address


def test_the_api_lists_processes_page_by_page(wide: DashboardHarness) -> None:
    names: list[str] = []
    address: str | None = '/api/v1/processes?limit=1000'
    while address is not None:
        page = wide.get(address).json
        assert page is not None
        assert 0 < len(page['items']) <= 1000
        names += [item['process'] for item in page['items']]
        cursor = page['next_cursor']
        address = None if cursor is None else f'/api/v1/processes?limit=1000&cursor={cursor}'

    assert names == [node.process.name for node in wide.runtime.context.hierarchy]
    assert len(wide.get('/api/v1/processes').data) < 100_000


def test_every_tree_is_on_one_page_of_the_overview(wide: DashboardHarness) -> None:
    seen: list[str] = []
    address: str | None = f'/?from={1250 - 3 * tree_rows.TREES_SHOWN + 1}'
    while address is not None:
        text = wide.get(address).text
        assert 0 < len(TREES.findall(text)) <= tree_rows.TREES_SHOWN
        seen += TREES.findall(text)
        address = next_of(text)

    assert len(seen) == len(set(seen)) == 3 * tree_rows.TREES_SHOWN
    assert '1,226 to 1,250 of 1,250 trees' in text


def test_a_tree_is_found_by_its_name_and_by_that_of_a_process(wide: DashboardHarness) -> None:
    for text in ('w0700', 'W0700Daily'):
        assert TREES.findall(wide.get(f'/?trees={text}').text) == ['w0700']
    nothing = wide.get('/?trees=nowhere').text
    assert TREES.findall(nothing) == []
    assert 'None of 1,250 trees' in nothing


def test_a_place_beyond_the_end_shows_the_last_page(wide: DashboardHarness) -> None:
    assert len(TREES.findall(wide.get('/?from=9999').text)) == tree_rows.TREES_SHOWN
    assert wide.get('/?from=0').status_code == 400
    assert wide.get('/?from=x').status_code == 400


def test_the_list_of_processes_goes_on_page_by_page(wide: DashboardHarness) -> None:
    text = wide.get('/processes?q=w000').text

    assert '40 managed processes' in text
    assert text.count('id="t-W000') == 40
    assert next_of(text) is None
    after = next_of(wide.get('/processes').text)
    assert after == f'/processes?from={processes.ROWS_SHOWN + 1}'


def test_what_was_mistyped_is_shown_on_the_page_of_its_process(wide: DashboardHarness) -> None:
    answer = wide.post('/processes/W0900Daily/trigger', {'trigger': 'never', 'reason': 'x'})

    assert answer.status_code == 400
    assert 'id="t-W0900Daily" name="trigger" type="text" value="never"' in answer.text


@pytest.fixture
def narrow(pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch) -> DashboardHarness:
    """Return a dashboard that shows one tree, process or entry at a time."""
    monkeypatch.setattr(tree_rows, 'PROCESSES_SHOWN', 1)
    monkeypatch.setattr(tree_rows, 'TREES_SHOWN', 1)
    monkeypatch.setattr(processes, 'ROWS_SHOWN', 1)
    monkeypatch.setattr(freeruns, 'ENTRIES_SHOWN', 1)
    monkeypatch.setattr(boxes, 'ROWS_SHOWN', 1)
    return pages


def test_numbers_are_those_of_all_trees_whichever_are_shown(
    pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    five = re.compile(r'<nav class="five".*?</nav>', re.DOTALL)
    whole = five.findall(pages.get('/').text)
    monkeypatch.setattr(tree_rows, 'PROCESSES_SHOWN', 1)
    monkeypatch.setattr(tree_rows, 'TREES_SHOWN', 1)

    parts = [pages.get(f'/?from={place}').text for place in (1, 2)]

    assert sorted(tree for text in parts for tree in TREES.findall(text)) == ['alert', 'site']
    assert [five.findall(text) for text in parts] == [whole, whole]


def test_a_filter_stays_when_a_page_is_turned(narrow: DashboardHarness) -> None:
    after = next_of(narrow.get('/?trees=a&only=all').text)

    assert after == '/?trees=a&only=all&from=2'
    assert next_of(narrow.get('/processes?q=site').text) == '/processes?q=site&from=2'


@pytest.mark.parametrize(
    ('address', 'row'),
    [
        ('/processes', r'<a href="/t/(\w+)"><strong>'),
        ('/boxes', r'<tr><th scope="row">(\w+)</th>'),
        ('/freeruns', r'<a href="/freeruns/([\w:]+)"><strong>'),
    ],
)
def test_each_row_is_on_one_page_of_its_list(
    pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch, address: str, row: str
) -> None:
    rows = re.compile(row)
    whole = rows.findall(pages.get(address).text)
    for module, name in ((processes, 'ROWS_SHOWN'), (boxes, 'ROWS_SHOWN')):
        monkeypatch.setattr(module, name, 1)
    monkeypatch.setattr(freeruns, 'ENTRIES_SHOWN', 1)

    parts: list[list[str]] = []
    following: str | None = address
    while following is not None:
        text = pages.get(following).text
        parts.append(rows.findall(text))
        following = next_of(text)

    assert [len(part) for part in parts[:-1]] == [1] * (len(parts) - 1)
    assert [name for part in parts for name in part] == whole
    assert whole


def test_only_what_may_have_changed_is_counted_again(
    pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    original = tree_rows._blocked

    def noted(request: object, node: object) -> tuple[int, bool]:
        counted.append(node.process.name)  # type: ignore[attr-defined] # a node
        return original(request, node)  # type: ignore[arg-type] # as it was asked

    monkeypatch.setattr(tree_rows, '_blocked', noted)
    pages.get('/')
    assert sorted(counted) == sorted(pages.site.model.hierarchy.nodes)
    # The first look after everything was read sees the newest changes once more.
    pages.runtime.clock.advance(timedelta(seconds=1))
    pages.get('/')
    counted.clear()

    pages.runtime.clock.advance(timedelta(seconds=1))
    pages.get('/')
    pages.get('/health')
    assert counted == []

    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    pages.get('/')
    counted.clear()
    key = pages.key('AlertDaily', '2026112000')
    job = pages.store.jobs([key])[key]
    changed = replace(job, state=JobState.SKIPPED, rev=job.rev + 1, changed_at=NOW)
    pages.store.commit(leadership, [SaveJob(changed, 'skipped')])
    pages.runtime.clock.advance(timedelta(seconds=1))
    pages.get('/')
    assert counted == ['AlertDaily']


def test_what_has_ended_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[object] = []

    def noted(_request: object, node: object) -> tuple[int, bool]:
        counted.append(node)
        return 0, False

    monkeypatch.setattr(tree_rows, '_blocked', noted)
    ended = DashboardHarness(tmp_path, 'bench.pipeline')
    try:
        for _ in range(3):
            ended.get('/')
            ended.runtime.clock.advance(timedelta(seconds=1))
        until = {node.until for node in ended.site.model.hierarchy}
        count = len(counted)
        ended.runtime.clock.advance(timedelta(days=400))
        ended.get('/')
    finally:
        ended.close()

    assert None not in until
    assert len(counted) == count


@pytest.mark.parametrize('hours', [1, 23, 24, 24 * 31, 24 * 400])
def test_time_alone_changes_what_is_late_and_blocked(pages: DashboardHarness, hours: int) -> None:
    pages.get('/')
    pages.runtime.clock.advance(timedelta(hours=hours))
    pages.get('/api/v1/overview')
    kept = pages.get('/api/v1/overview').json

    pages.site.standings._by_process.clear()
    pages.site.model._drawn.clear()

    assert pages.get('/api/v1/overview').json == kept
