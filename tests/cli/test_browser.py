"""The dashboard is shown once it answers, where there is a screen."""

from __future__ import annotations

import socket
import subprocess
import webbrowser
from typing import Any

import pytest

from synergy import bootstrap
from synergy.cli import browser
from synergy.core.structs import replace


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(webbrowser, 'open', found.append)
    return found


def test_the_page_is_opened_once_the_port_answers(opened: list[str]) -> None:
    with socket.create_server(('127.0.0.1', 0)) as listening:
        port = listening.getsockname()[1]

        assert browser.main('127.0.0.1', port, 'http://here/') == 0

    assert opened == ['http://here/']


def test_a_dashboard_that_never_comes_is_not_opened(
    opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, 'PATIENCE_SECONDS', 0.1)
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]

    assert browser.main('127.0.0.1', port, 'http://here/') == 1
    assert opened == []


def test_without_a_screen_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(subprocess, 'Popen', lambda words, **_: started.append(words))
    settings = replace(bootstrap.load()[0], mx_host='127.0.0.1', mx_port=5000)
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(name, raising=False)

    browser.open_browser_soon(settings)
    assert started == []
    monkeypatch.setenv('DISPLAY', ':0')
    browser.open_browser_soon(replace(settings, mx_port=0))
    assert started == []
    browser.open_browser_soon(settings)
    assert started[0][3:7] == ['-m', 'synergy.cli.browser', '127.0.0.1', '5000']
