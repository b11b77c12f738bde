"""Nobody but the owner reads what an installation keeps, whatever the umask was and is."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from synergy import private
from synergy.bootstrap import PROJECT
from tests.system_harness import SystemHarness

CONTEXT = 'tests.pipelines.unstartable'
#: Somebody else, who need not exist.
OTHER = 54321
as_root = pytest.mark.skipif(os.geteuid() != 0, reason='only root can give files away')


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def wide(home: Path) -> list[Path]:
    return [path for path in (home, *home.rglob('*')) if path.lstat().st_mode & 0o077]


@pytest.fixture(params=[0, 0o022, 0o777], ids='umask {:03o}'.format)
def any_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures('any_umask')
def test_what_is_made_is_private_whatever_the_umask(tmp_path: Path) -> None:
    private.make_folder(tmp_path / 'a' / 'b')
    os.close(private.open_file(tmp_path / 'a' / 'file', os.O_WRONLY))
    private.write_text(tmp_path / 'a' / 'text', 'kept\n')

    assert [mode(tmp_path / name) for name in ('a', 'a/b')] == [0o700] * 2
    assert [mode(tmp_path / name) for name in ('a/file', 'a/text')] == [0o600] * 2
    assert (tmp_path / 'a' / 'text').read_text() == 'kept\n'


def test_an_open_file_is_narrowed_when_it_is_used_again(tmp_path: Path) -> None:
    file = tmp_path / 'old.log'
    file.write_text('before\n')
    file.chmod(0o666)

    os.close(private.open_file(file, os.O_WRONLY | os.O_APPEND))

    assert (mode(file), file.read_text()) == (0o600, 'before\n')


def test_a_home_of_before_is_narrowed_and_each_change_is_said(tmp_path: Path) -> None:
    home = old_home(tmp_path)

    done = private.narrow(home, PROJECT)

    assert wide(home) == []
    assert f'folder {home} could be looked into by others (mode 0755); it is 0700 now' in done
    assert f'{home / "store.db-wal"} could be read by others (mode 0644); it is 0600 now' in done
    assert private.narrow(home, PROJECT) == []


def old_home(tmp_path: Path) -> Path:
    home = tmp_path / 'home'
    for folder in ('logs', 'run', 'broker/bells/queue'):
        (home / folder).mkdir(parents=True)
    for name in (
        'store.db',
        'store.db-wal',
        'logs/x.log',
        'run/x.pid',
        'broker/broker.db',
        'box_id',
    ):
        (home / name).write_text('x')
        (home / name).chmod(0o644)
    for path in (home, *home.rglob('*')):
        if path.is_dir():
            path.chmod(0o755)
    return home


def test_a_link_out_of_the_home_changes_nothing_there(tmp_path: Path) -> None:
    home = old_home(tmp_path)
    outside = tmp_path / 'outside'
    outside.write_text('x')
    outside.chmod(0o644)
    (home / 'logs' / 'link.log').symlink_to(outside)

    private.narrow(home, PROJECT)

    assert mode(outside) == 0o644


def test_a_folder_that_holds_other_things_keeps_its_rights(tmp_path: Path) -> None:
    home = tmp_path / 'srv'
    home.mkdir(0o755)
    (home / 'pictures').mkdir()

    assert private.narrow(home, PROJECT) == []
    assert mode(home) == 0o755
    [told] = private.wide(home, PROJECT)
    assert f'chmod -R go= {home}' in told


@pytest.mark.parametrize('place', ['project', 'above it'])
def test_a_home_that_is_shared_is_not_narrowed(tmp_path: Path, place: str) -> None:
    project = tmp_path / 'up' / 'project'
    project.mkdir(parents=True)
    (project / 'run').mkdir()
    (project.parent / 'logs').mkdir()
    home = {'project': project, 'above it': project.parent}[place]
    home.chmod(0o755)
    before = mode(home)

    private.narrow(home, project)

    assert mode(home) == before


def test_a_home_that_others_may_change_and_that_is_not_ours_alone_is_refused(
    tmp_path: Path,
) -> None:
    home = tmp_path / 'home'
    (home / 'pictures').mkdir(parents=True)
    home.chmod(0o777)

    with pytest.raises(private.NotPrivate, match=f'chmod go-w {home}'):
        private.narrow(home, PROJECT)


def test_a_folder_for_everybody_is_no_home(tmp_path: Path) -> None:
    home = tmp_path / 'tmp'
    home.mkdir()
    home.chmod(0o1777)

    with pytest.raises(private.NotPrivate, match='is for everybody'):
        private.narrow(home, PROJECT)


@as_root
def test_a_folder_of_somebody_else_within_the_home_is_refused(tmp_path: Path) -> None:
    with SystemHarness(tmp_path / 'home', CONTEXT) as system:
        (system.home / 'logs').mkdir(exist_ok=True)
        os.chown(system.home / 'logs', OTHER, OTHER)

        done = system.launch('start', 'Scheduler')

    assert done.returncode == 6
    assert f'folder {system.home / "logs"} belongs to {OTHER}' in done.stderr


@as_root
def test_what_belongs_to_somebody_else_is_refused_with_the_command(tmp_path: Path) -> None:
    home = old_home(tmp_path)
    os.chown(home, OTHER, OTHER)

    with pytest.raises(private.NotPrivate, match=f'belongs to {OTHER}.*chown -R'):
        private.narrow(home, PROJECT)


@as_root
def test_a_link_that_somebody_else_has_laid_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / 'target'
    target.write_text('precious')
    link = tmp_path / 'x.pid.new'
    link.symlink_to(target)
    os.lchown(link, OTHER, OTHER)

    with pytest.raises(OSError):  # noqa: PT011 - of whatever kind
        private.write_text(tmp_path / 'x.pid', 'mine')

    assert target.read_text() == 'precious'


def test_a_link_of_our_own_is_followed(tmp_path: Path) -> None:
    (tmp_path / 'out').symlink_to('/dev/null')

    handle = private.open_file(tmp_path / 'out', os.O_WRONLY)

    assert os.write(handle, b'x') == 1
    os.close(handle)


@as_root
def test_a_pid_file_of_somebody_else_stops_nothing_of_ours(tmp_path: Path) -> None:
    with SystemHarness(tmp_path / 'home', CONTEXT) as system:
        processes = system.runtime.processes
        pid_file = tmp_path / 'x.pid'
        processes.record(pid_file)
        assert processes.recorded(pid_file) is not None

        os.chown(pid_file, OTHER, OTHER)

        assert processes.recorded(pid_file) is None


def test_a_running_installation_keeps_everything_to_itself(tmp_path: Path) -> None:
    home = tmp_path / 'home'
    # As an older version left it, with a store that everybody reads.
    with SystemHarness(home, CONTEXT) as system:
        for path in (home, *home.rglob('*')):
            path.chmod(0o755 if path.is_dir() else 0o644)
        before = os.umask(0)
        try:
            system.start('Supervisor')
        finally:
            os.umask(before)
        system.wait_for(lambda: bool(system.journal()), 'the first run')
        system.tell('go')
        system.wait_final(system.key('PatientDaily'))

        # What tests and workers write themselves follows their own umask.
        mine = {'Supervisor.out', 'journal', 'go'}
        assert [path for path in wide(home) if path.name not in mine] == []
        assert 'rights_narrowed' in (home / 'logs' / 'supervisor_daemon.log').read_text()


@as_root
def test_check_and_start_refuse_a_home_of_somebody_else(tmp_path: Path) -> None:
    with SystemHarness(tmp_path / 'home', CONTEXT) as system:
        os.chown(system.home, OTHER, OTHER)

        checked = system.launch('check')
        started = system.launch('start', 'Supervisor')

    for done in (checked, started):
        assert done.returncode == 6
        assert f'belongs to {OTHER}' in done.stderr
        assert f'chown -R root {system.home}' in done.stderr


def test_check_names_what_others_may_look_into(tmp_path: Path) -> None:
    with SystemHarness(tmp_path / 'home', CONTEXT) as system:
        (system.home / 'logs').mkdir(exist_ok=True)
        system.home.chmod(0o750)

        done = system.launch('check')

    assert done.returncode == 0
    assert f'folder {system.home} can be looked into by others (mode 0750)' in done.stdout


@pytest.mark.parametrize(('given', 'mask'), [({}, '0077'), ({'SYNERGY_UMASK': '022'}, '0022')])
def test_workers_get_the_umask_of_the_settings(
    tmp_path: Path, given: dict[str, str], mask: str
) -> None:
    with SystemHarness(tmp_path / 'home', CONTEXT, **given) as system:
        child = system.start('PatientDaily')
        system.wait_for(lambda: bool(list(system.home.glob('run/*.pid'))), 'the worker')

        lines = Path(f'/proc/{child.pid}/status').read_text().splitlines()

        assert next(line for line in lines if line.startswith('Umask')).split()[1] == mask
        assert wide(system.home / 'run') == []


def test_a_new_project_is_its_owners(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        subprocess.run(
            [sys.executable, '-m', 'synergy.cli', 'new', str(tmp_path / 'up' / 'pipeline')],
            cwd=PROJECT, check=True, capture_output=True,
        )  # fmt: skip
    finally:
        os.umask(before)

    assert wide(tmp_path / 'up') == []
