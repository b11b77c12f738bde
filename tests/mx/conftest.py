"""Dashboards under test: without users (open), and with one user of each role."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from synergy.core.users import Role
from tests.mx.browser import Browser, Server, browser
from tests.mx.dashboard_harness import DashboardHarness, seed


@pytest.fixture(scope='session')
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with a history, made once."""
    home = tmp_path_factory.mktemp('history')
    made = DashboardHarness(home)
    seed(made)
    made.close()
    return home / 'store.db'


@pytest.fixture
def pages(tmp_path: Path, history: Path) -> Iterator[DashboardHarness]:
    """Return an open dashboard on a store with a history."""
    shutil.copy(history, tmp_path / 'store.db')
    found = DashboardHarness(tmp_path)
    yield found
    found.close()


@pytest.fixture
def guarded(pages: DashboardHarness) -> DashboardHarness:
    """Return a dashboard on which one has to log in; users are called like their roles."""
    for role in Role:
        pages.add_user(role.value, role)
    return pages


@pytest.fixture
def served(pages: DashboardHarness) -> Iterator[Server]:
    """Return an open dashboard that answers browsers."""
    server = Server(pages.app)
    yield server
    server.close()


@pytest.fixture
def page(served: Server, chromium: Browser) -> Iterator[Page]:
    """Return a tab, and look afterwards whether its scripts were content and it stayed at home."""
    yield chromium.page(served.address)
    chromium.close_pages()
    assert chromium.errors == []
    assert chromium.outside == []


@pytest.fixture(scope='session')
def chromium() -> Iterator[Browser]:
    """Return the browser that all tests share: Playwright allows one at a time."""
    with browser() as found:
        yield found
