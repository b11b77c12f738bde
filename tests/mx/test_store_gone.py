"""A store that is away: each request says so within seconds, nothing is half done, all come back.

With a real mongod that hangs and dies, and with SQLite files that are locked and moved.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect
from werkzeug.test import Client, TestResponse

from bench.servers.mongodb import Member, MongoServers
from synergy import bootstrap
from synergy.core.commands import CommandState
from synergy.mx import main
from synergy.mx.app import App
from synergy.mx.live import store_pool
from synergy.mx.live.store_pool import StorePool
from synergy.mx.main import site_of
from synergy.mx.web.site import Site
from synergy.ports.errors import StoreUnavailable
from synergy.ports.store import Store
from tests.mx.browser import Browser, Server
from tests.mx.dashboard_harness import DashboardHarness

HOST = {'Host': 'localhost'}
PAGES = ('/', '/i/SiteHourly/2026112209', '/health', '/t/', '/requests')
DOCUMENTS = ('/api/v1/health', '/api/v1/status', '/api/v1/jobs')
#: Until the first request knows; a machine that is busy takes longer than the limits add up to.
FIRST_SECONDS = 12.0
_BACK_SECONDS = 40.0


class Timed:
    """A client that notes how long each answer took. kind: what it asks for about a day."""

    def __init__(self, site: Site, kind: str = 'reprocess') -> None:
        self.client = Client(App(site))
        self.kind = kind
        self.seconds = 0.0

    def get(self, address: str) -> TestResponse:
        return self._timed(lambda: self.client.get(address, headers=HOST))

    def post(self, form: dict[str, str]) -> TestResponse:
        address = f'/change/{self.kind}'
        return self._timed(lambda: self.client.post(address, data=form, headers=HOST))

    def _timed(self, ask: Callable[[], TestResponse]) -> TestResponse:
        before = time.monotonic()
        answer = ask()
        answer.get_data()
        self.seconds = time.monotonic() - before
        return answer

    def form(self) -> dict[str, str]:
        """Return what the button below a preview would send."""
        text = self.get(f'/change/{self.kind}?process=SiteDaily&first=2026112000').text
        form = text[text.index('method="post" action="/change/') :]
        found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
        return {**dict(found), 'reason': 'late file'}


def check_away(asker: Timed, form: dict[str, str]) -> None:
    """Ask for everything while the store is away."""
    for address in PAGES:
        answer = asker.get(address)
        assert (answer.status_code, answer.headers['Refresh']) == (503, '5'), address
        assert 'The store cannot be reached' in answer.text
        assert 'Traceback' not in answer.text
        assert asker.seconds < FIRST_SECONDS
    for address in DOCUMENTS:
        answer = asker.get(address)
        assert (answer.status_code, answer.mimetype) == (503, 'application/problem+json')
        assert answer.headers['Retry-After'] == '5'
        assert asker.seconds < FIRST_SECONDS
    stream = asker.get('/events')
    assert (stream.status_code, stream.mimetype) == (200, 'text/event-stream')
    assert 'event: away' in stream.text
    answer = asker.post(form)
    assert answer.status_code == 503
    assert 'go back and send the same again' in answer.text


def check_back(asker: Timed, form: dict[str, str], store: Store) -> None:
    """Wait until all is as it was; the refused form asks once, however often it is sent."""
    until = time.monotonic() + _BACK_SECONDS
    while asker.get('/').status_code != 200:
        assert time.monotonic() < until, 'the store is back, and nobody notices'
    for address in (*PAGES, '/api/v1/status', '/api/v1/jobs'):
        answer = asker.get(address)
        # The store has its say again: on the one made for these tests nobody leads.
        is_unwell = address == '/health' and store.leadership() is None
        expected = 503 if is_unwell else 200
        assert (answer.status_code, 'cannot be reached' in answer.text) == (expected, False), (
            address
        )
    for _ in range(2):
        assert asker.post(form).status_code == 303
    assert len(store.commands((CommandState.REQUESTED,), 9)) == 1


@pytest.fixture(scope='module')
def servers() -> Iterator[MongoServers]:
    """Return a mongod of its own: it is paused and killed."""
    with MongoServers(member_count=1) as found:
        yield found


@pytest.mark.parametrize('way', ['hangs', 'dies'])
def test_a_mongod_that_is_gone_is_said_soon_and_found_again(
    tmp_path: Path, servers: MongoServers, way: str
) -> None:
    uri = servers.uri_of(f'synergy_{way}')
    environ = {
        'SYNERGY_HOME': str(tmp_path),
        'SYNERGY_CONTEXT_MODULE': 'tests.pipelines.pages',
        'SYNERGY_STORE_URI': uri,
    }
    end: dict[str, Callable[[Member], None]] = {'hangs': servers.pause, 'dies': servers.kill}
    recover: dict[str, Callable[[Member], None]] = {
        'hangs': servers.resume,
        'dies': servers.restart,
    }
    with bootstrap.open_runtime(*bootstrap.load(environ)) as runtime:
        store = runtime.open_store()
        site = site_of(runtime, 'a secret of tests')
        asker = Timed(site, 'skip')
        form = asker.form()
        stream = site.feed.follow()
        assert b'hello' in next(stream)

        end[way](servers.members[0])
        try:
            check_away(asker, form)
            # The tabs that listened were told, and let go so that they try again.
            assert b'event: away' in b''.join(stream)
        finally:
            recover[way](servers.members[0])

        check_back(asker, form, store)
        until = time.monotonic() + _BACK_SECONDS
        while b'hello' not in next(site.feed.follow()):
            assert time.monotonic() < until, 'tabs are told that the store is back'
            time.sleep(0.1)
        site.feed.stop()
        site.stores.close()


def test_a_store_file_that_was_moved_away_is_not_made_anew(pages: DashboardHarness) -> None:
    asker, path = Timed(pages.site), pages.runtime.path
    form = asker.form()
    away = path.with_suffix('.away')

    path.rename(away)

    check_away(asker, form)
    assert not path.exists()
    away.rename(path)
    check_back(asker, form, pages.store)


def test_a_store_file_that_was_replaced_is_not_written_to(pages: DashboardHarness) -> None:
    asker, path = Timed(pages.site), pages.runtime.path
    form = asker.form()
    other = path.with_suffix('.other')
    other.write_bytes(path.read_bytes())

    other.rename(path)

    answer = asker.post(form)
    assert answer.status_code == 503
    assert 'was replaced while it was open; stop everything' in answer.text


def test_a_store_that_is_locked_is_read_and_says_who_keeps_it_from_being_written(
    tmp_path: Path, history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, 'STORE_SECONDS_MAX', 0.2)
    (tmp_path / 'store.db').write_bytes(history.read_bytes())
    with closing(DashboardHarness(tmp_path)) as pages:
        asker = Timed(pages.site)
        form = asker.form()
        with closing(sqlite3.connect(tmp_path / 'store.db', isolation_level=None)) as other:
            other.execute('BEGIN IMMEDIATE')

            answer = asker.post(form)

            assert answer.status_code == 503
            assert 'store.db is locked by' in answer.text
            assert all(asker.get(address).status_code == 200 for address in PAGES)
            other.execute('ROLLBACK')
        check_back(asker, form, pages.store)


def test_one_thread_tries_a_store_that_is_away_and_others_are_told_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, may_end = threading.Event(), threading.Event()
    calls: list[str] = []

    def open_store() -> Store:
        calls.append('open')
        if len(calls) > 1:
            begun.set()
            may_end.wait(10)
        raise StoreUnavailable('no primary')

    pool = StorePool(open_store)

    def borrow() -> None:
        with pytest.raises(StoreUnavailable, match='no primary'), pool.lent():
            pass

    borrow()
    borrow()
    assert len(calls) == 1
    monkeypatch.setattr(store_pool, 'TRY_AGAIN_SECONDS', 0.0)
    trying = threading.Thread(target=borrow)
    trying.start()
    assert begun.wait(10)
    for _ in range(5):
        borrow()
    assert len(calls) == 2
    may_end.set()
    trying.join()


def test_open_pages_say_so_and_come_back_by_themselves(
    tmp_path: Path, history: Path, chromium: Browser
) -> None:
    path = tmp_path / 'store.db'
    path.write_bytes(history.read_bytes())
    with closing(DashboardHarness(tmp_path)) as pages, closing(Server(pages.app)) as server:
        live, refused = chromium.page(server.address), chromium.page(server.address)
        live.goto('/')
        word = live.locator('[data-status-word]')
        expect(word).to_have_text('Live')

        path.rename(tmp_path / 'away.db')
        pages.runtime.clock.advance(timedelta(seconds=1))
        expect(word).to_have_text(re.compile('Connecting again|Not brought up to date'))
        refused.goto('/health')
        expect(refused.locator('h1')).to_have_text('The store cannot be reached')
        (tmp_path / 'away.db').rename(path)

        expect(word).to_have_text('Live')
        expect(refused.locator('h1')).to_have_text('Health')
        assert chromium.errors == []
        chromium.close_pages()
