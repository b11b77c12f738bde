"""The peers of a benchmark are optional: nothing is installed unasked, every version is pinned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import peers
from bench.peers import environments, synergy_week
from bench.peers.measured import PeerFailed, Week, interval_count
from bench.servers.postgresql import PostgresServer, binaries
from synergy.cli.main import main


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environments, '_folder', lambda name: tmp_path / name)
    return tmp_path


@pytest.mark.parametrize('name', environments.PEERS)
def test_every_requirement_of_a_peer_is_pinned(name: str) -> None:
    lines = (environments.files(name) / 'requirements.txt').read_text().splitlines()

    assert [line for line in lines if not re.fullmatch(r'#.*|[\w.-]+==[\w.]+', line)] == []
    assert peers._PACKAGE_OF[name] in environments.versions(name)


def test_a_peer_in_other_versions_is_not_installed(project: Path) -> None:
    marker = project / 'dagster' / 'installed.txt'
    marker.parent.mkdir()

    marker.write_text('dagster==1.0\n')
    assert not environments.is_installed('dagster')

    marker.write_text((environments.files('dagster') / 'requirements.txt').read_text())
    assert environments.is_installed('dagster')


def test_install_goes_with_peers_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['bench', 'core', '--install']) == 2

    assert 'bench peers --install' in capsys.readouterr().err


@pytest.mark.usefixtures('project')
def test_peers_that_are_missing_are_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = Week(what='Synergy', start_seconds=None, seconds=0.5, processor_seconds=0.25)
    monkeypatch.setattr(synergy_week, 'measure', lambda _days: [own])

    results = peers.run(is_quick=True)

    assert {item.what for item in results if item.unit == 's'} == {
        'Synergy: 25 jobs',
        '  processor time',
    }
    assert capsys.readouterr().err.count('bench peers --install') == len(environments.PEERS)


@pytest.mark.usefixtures('project')
def test_a_peer_is_held_against_synergy(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(_days: int) -> Iterator[Week]:
        yield Week(what='Airflow', start_seconds=9.0, seconds=5.0, processor_seconds=1.0)

    own = Week(what='Synergy', start_seconds=None, seconds=0.5, processor_seconds=0.25)
    monkeypatch.setattr(synergy_week, 'measure', lambda _days: [own])
    monkeypatch.setattr(peers, 'is_installed', lambda name: name == 'airflow')
    monkeypatch.setattr(peers, '_WEEK_OF', {'airflow': measure})
    monkeypatch.setattr('bench.servers.postgresql.binaries', lambda: Path('/'))

    ratios = [item.value for item in peers.run(is_quick=False) if '/' in item.what]

    assert ratios == [1.0, 1.0, 10.0, 4.0]
    assert interval_count(7) == 175


@pytest.mark.usefixtures('project')
def test_a_peer_that_fails_costs_only_its_own_rows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(_days: int) -> Iterator[Week]:
        yield Week(what='Airflow, one way', start_seconds=9.0, seconds=5.0, processor_seconds=1.0)
        raise PeerFailed('waited in vain')

    own = Week(what='Synergy', start_seconds=None, seconds=0.5, processor_seconds=0.25)
    monkeypatch.setattr(synergy_week, 'measure', lambda _days: [own])
    monkeypatch.setattr(peers, 'is_installed', lambda name: name == 'airflow')
    monkeypatch.setattr(peers, '_WEEK_OF', {'airflow': measure})
    monkeypatch.setattr('bench.servers.postgresql.binaries', lambda: Path('/'))

    results = peers.run(is_quick=False)

    assert [item.what for item in results if 'jobs' in item.what] == [
        'Synergy: 175 jobs',
        'Airflow, one way: 175 jobs',
    ]
    assert 'airflow failed: waited in vain' in capsys.readouterr().err


@pytest.mark.skipif(binaries() is None, reason='PostgreSQL is not installed')
def test_postgresql_answers_and_leaves_nothing() -> None:
    with PostgresServer() as server:
        server.database('peers_test')
        assert server.ask('peers_test', 'SELECT 1, 2') == [['1', '2']]
        folder = server._folder

    assert not folder.exists()
