"""Where the dashboard is found, whether it can be, and what it is called."""

from __future__ import annotations

import socket
from dataclasses import replace as other
from pathlib import Path

from werkzeug.test import Client

from synergy.conf.dashboard import linked_host, linked_site
from synergy.conf.model import Settings
from synergy.conf.settings import load_settings
from synergy.core.structs import replace
from synergy.mx.app import App
from synergy.mx.main import site_of
from synergy.mx.web.address import taken_text, title_of
from tests.mx.dashboard_harness import SECRET, DashboardHarness


def test_a_port_that_something_else_has_is_told_instead_of_an_address(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(('127.0.0.1', 0))
        other.listen()
        port = other.getsockname()[1]
        settings = load_settings({'SYNERGY_MX_PORT': str(port)}, tmp_path)

        told = taken_text(settings)

    assert told is not None
    assert str(port) in told
    assert 'SYNERGY_MX_PORT' in told
    assert 'http' not in told
    free = int(told.partition('mx_port=')[2].split()[0])
    assert free != port
    assert f'SYNERGY_MX_PORT={free}' in told
    assert taken_text(replace(settings, mx_port=free)) is None
    assert taken_text(settings) is None
    assert taken_text(replace(settings, mx_port=0)) is None


def test_the_title_has_the_name_of_the_project(tmp_path: Path) -> None:
    (tmp_path / 'flights').mkdir()
    settings = load_settings({}, tmp_path / 'flights')

    assert title_of(settings) == 'flights · Synergy Scheduler'
    assert title_of(replace(settings, mx_title='Flights, tests')) == 'Flights, tests'


def test_links_lead_to_the_address_that_is_said_else_to_where_it_listens(tmp_path: Path) -> None:
    settings = load_settings({'SYNERGY_MX_PORT': '5001'}, tmp_path)
    assert linked_site(settings) == 'http://127.0.0.1:5001'
    assert linked_site(replace(settings, mx_port=0)) is None
    assert linked_host(settings) is None

    said = load_settings({'SYNERGY_MX_URL': 'https://Synergy.example.com/'}, tmp_path)

    assert linked_site(replace(said, mx_port=0)) == 'https://Synergy.example.com'
    assert linked_host(said) == 'synergy.example.com'


def test_the_dashboard_goes_by_the_name_that_links_have(pages: DashboardHarness) -> None:
    def status(settings: Settings) -> int:
        app = App(site_of(other(pages.runtime, settings=settings), SECRET))
        answer = Client(app).get('/alerts', headers={'Host': 'synergy.example.com'})
        app.site.feed.stop()
        app.site.stores.close()
        return answer.status_code

    settings = pages.runtime.settings
    assert status(settings) == 400
    assert status(replace(settings, mx_url='https://synergy.example.com')) == 200
