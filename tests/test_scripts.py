"""What operators copy: scripts, systemd units and the compose file name things that exist."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from synergy.bootstrap import PROJECT
from synergy.conf.names import PROCESS_MX, PROCESS_SCHEDULER, PROCESS_SUPERVISOR
from synergy.conf.setting_table import SETTINGS

SCRIPTS = PROJECT / 'scripts'
UNITS = sorted((SCRIPTS / 'systemd').glob('*.service'))
STARTED = {PROCESS_MX, PROCESS_SCHEDULER, PROCESS_SUPERVISOR}


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((SCRIPTS / 'docker-compose.yml').read_text())
    return found


@pytest.mark.parametrize('script', sorted(SCRIPTS.glob('*.sh')), ids=lambda path: path.name)
def test_a_script_is_executable_and_parses(script: Path) -> None:
    assert script.stat().st_mode & 0o111
    checked = subprocess.run(['bash', '-n', str(script)], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize('unit', UNITS, ids=lambda path: path.name)
def test_a_unit_starts_one_of_our_processes_in_the_foreground(unit: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as configparser documents
    parser.read_string(unit.read_text())

    program, verb, name, option = shlex.split(parser['Service']['ExecStart'])

    assert program == '/opt/synergy/launch.py'
    assert (verb, option) == ('start', '--console')
    assert name in STARTED
    assert parser['Service']['Type'] == 'exec'
    assert parser['Service']['Restart'] == 'always'


@pytest.mark.skipif(shutil.which('systemd-analyze') is None, reason='no systemd-analyze here')
def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    # The paths and the user of the units are placeholders: those of this checkout stand in.
    for unit in UNITS:
        text = unit.read_text().replace('/opt/synergy', str(PROJECT))
        text = text.replace('User=synergy', 'User=root').replace('Group=synergy', 'Group=root')
        (tmp_path / unit.name).write_text(text)

    done = subprocess.run(
        ['systemd-analyze', 'verify', *map(str, sorted(tmp_path.glob('*.service')))],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, '')


@pytest.mark.parametrize('unit', UNITS, ids=lambda path: path.name)
def test_a_unit_keeps_its_home_to_itself_and_can_do_little_else(unit: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as configparser documents
    parser.read_string(unit.read_text())
    service = parser['Service']

    assert (service['UMask'], service['StateDirectoryMode']) == ('0077', '0700')
    assert (service['ProtectSystem'], service['CapabilityBoundingSet']) == ('strict', '')
    # What is left of a run when the main process has ended is killed by systemd.
    assert service['KillMode'] == 'mixed'
    # A home that belongs to somebody else does not heal by starting again.
    assert '6' in service['RestartPreventExitStatus'].split()


@pytest.mark.skipif(shutil.which('systemd-analyze') is None, reason='no systemd-analyze here')
@pytest.mark.parametrize('unit', UNITS, ids=lambda path: path.name)
def test_systemd_finds_little_that_a_unit_could_do_to_the_machine(unit: Path) -> None:
    done = subprocess.run(
        ['systemd-analyze', 'security', '--offline=yes', '--threshold=30', str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-300:]


def test_the_compose_file_runs_servers_scheduler_standby_workers_and_dashboard() -> None:
    services = compose()['services']

    assert {'mongodb', 'rabbitmq', 'scheduler', 'standby', 'workers', 'mx'} == set(services)
    commands = {name: service.get('command') for name, service in services.items()}
    assert commands['scheduler'] == commands['standby'] == [PROCESS_SCHEDULER]
    assert commands['workers'] == [PROCESS_SUPERVISOR]
    assert commands['mx'] == [PROCESS_MX]


def test_the_boxes_of_the_compose_file_have_ids_of_their_own_and_known_settings() -> None:
    services = [item for item in compose()['services'].values() if 'environment' in item]
    ids = [service['environment']['SYNERGY_BOX_ID'] for service in services]
    variables = {name for service in services for name in service['environment']}

    assert len(set(ids)) == len(ids) == 4
    known = {setting.variable for setting in SETTINGS} | {
        'SYNERGY_MX_HOST',
        'SYNERGY_MX_ALLOW_OPEN',
    }
    assert variables <= known


def test_the_compose_file_builds_from_the_folder_that_its_docker_file_copies() -> None:
    build = compose()['services']['workers']['build']

    assert (SCRIPTS / build['context']).resolve() == PROJECT
    assert (PROJECT / build['dockerfile']).read_text().count('COPY . /opt/synergy') == 1
