"""The virtual environments of the peers: build/peers/NAME, made only when asked for.

Versions are those of `NAME/requirements.txt`; a marker, written last, says which were installed.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from synergy.bootstrap import PROJECT

PEERS: Final = ('airflow', 'dagster')


def programs(name: str) -> Path:
    """Return the folder with the programs of a peer."""
    return _folder(name) / 'bin'


def files(name: str) -> Path:
    """Return the folder with our files for a peer."""
    return PROJECT / 'bench' / 'peers' / name


def is_installed(name: str) -> bool:
    """Tell whether a peer is there in the versions that are asked for."""
    marker = _folder(name) / 'installed.txt'
    return marker.exists() and marker.read_text() == _requirements(name).read_text()


def install(name: str) -> None:
    """Make the environment of a peer; raise CalledProcessError, after pip has said why."""
    folder = _folder(name)
    print(f'installing {name} from PyPI into {folder}; takes a minute or more')
    venv.create(folder, with_pip=True, clear=True)
    subprocess.run(
        [
            str(folder / 'bin' / 'python'), '-m', 'pip', 'install', '--quiet', '--no-deps',
            '--disable-pip-version-check', '-r', str(_requirements(name)),
        ],
        check=True,
    )  # fmt: skip
    (folder / 'installed.txt').write_text(_requirements(name).read_text())


def versions(name: str) -> Mapping[str, str]:
    """Return the pinned version of each package."""
    lines = _requirements(name).read_text().splitlines()
    return dict(line.split('==', 1) for line in lines if '==' in line)


def _folder(name: str) -> Path:
    return PROJECT / 'build' / 'peers' / name


def _requirements(name: str) -> Path:
    return files(name) / 'requirements.txt'


def main() -> int:
    """Install the peers that the command line names, or all."""
    for name in sys.argv[1:] or PEERS:
        install(name)
    return 0


if __name__ == '__main__':
    sys.exit(main())
