"""Where the dashboard is found, whether it can be, and what it is called."""

from __future__ import annotations

import socket
from pathlib import Path

from synergy.conf.settings import load_settings
from synergy.core.structs import replace
from synergy.mx.web.address import taken_text, title_of


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
