"""Which loggers say how much."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from synergy.bootstrap import PROJECT

LOGGING = """
import logging
from pathlib import Path
from synergy import logs
logging.getLogger('pymongo').setLevel(logging.{pymongo})
logs.set_up(
    title='x', level='{level}', file=Path('x.log'), bytes_max=10**6, count=1, is_console=False
)
for name in ('synergy.adapters', 'workers.mine', 'mine', 'helper', 'root',
             'pika.adapters', 'pymongo.command', 'asyncio', 'concurrent.futures', 'waitress'):
    logging.getLogger(name).debug('said by %s', name)
    logging.getLogger(name).info('told by %s', name)
"""
OWN = {'synergy.adapters', 'workers.mine', 'mine', 'helper', 'root'}
LIBRARIES = {'pika.adapters', 'pymongo.command', 'asyncio', 'concurrent.futures', 'waitress'}


def said(tmp_path: Path, level: str, pymongo: str = 'NOTSET') -> tuple[set[str], set[str]]:
    """Return who has said something at DEBUG, and at INFO."""
    (tmp_path / 'helper.py').write_text('')
    subprocess.run(
        [sys.executable, '-c', LOGGING.format(level=level, pymongo=pymongo)],
        env={'PYTHONPATH': str(PROJECT), 'SYNERGY_PROJECT': str(tmp_path)},
        cwd=tmp_path, check=True,
    )  # fmt: skip
    lines = (tmp_path / 'x.log').read_text().splitlines()
    debug = {line.rpartition(' ')[2] for line in lines if 'said by' in line}
    return debug, {line.rpartition(' ')[2] for line in lines if 'told by' in line}


def test_debug_is_for_the_project_and_leaves_libraries_at_info(tmp_path: Path) -> None:
    assert said(tmp_path, 'DEBUG') == (OWN, OWN | LIBRARIES)


@pytest.mark.parametrize('level', ['INFO', 'WARNING'])
def test_other_levels_are_for_all(tmp_path: Path, level: str) -> None:
    debug, info = said(tmp_path, level)

    assert debug == set()
    assert info == (OWN | LIBRARIES if level == 'INFO' else set())


def test_a_level_that_somebody_has_set_stays(tmp_path: Path) -> None:
    assert 'pymongo.command' in said(tmp_path, 'DEBUG', pymongo='DEBUG')[0]
