"""Whose arguments are code is read from the source, and what cannot be told counts as code."""

from __future__ import annotations

from pathlib import Path

import pytest

from synergy.conf.code_arguments import are_arguments_code

_SOURCES = {
    'plain': 'from synergy.workers import Worker\nclass W(Worker):\n    pass\n',
    'shell': 'from synergy.workers.shell import ShellWorker\nclass W(ShellWorker):\n    pass\n',
    'renamed': 'from synergy.workers.shell import ShellWorker as Base\nclass W(Base):\n    pass\n',
    'module': 'import synergy.workers.shell as s\nclass W(s.ShellWorker):\n    pass\n',
    'whole': 'import synergy.workers.shell\nclass W(synergy.workers.shell.ShellWorker):\n    ...\n',
    'member': 'from synergy.workers import shell\nclass W(shell.ShellWorker):\n    pass\n',
    'grandchild': 'from jobs.shell import W as V\nclass W(V):\n    pass\n',
    'relative': 'from .shell import W as V\nclass W(V):\n    pass\n',
    'alias': 'from synergy.workers.shell import ShellWorker\nW = ShellWorker\n',
    'offered': 'from jobs.shell import W\n',
    'beside': 'from synergy.workers import Worker\nfrom jobs.shell import W as V\n'
    'class W(Worker, V):\n    pass\n',
    'guarded': 'try:\n    from jobs.shell import W as V\nexcept ImportError:\n    V = object\n'
    'class W(V):\n    pass\n',
    'said': 'from synergy.workers import Worker\nclass W(Worker):\n    arguments_are_code = True\n',
    'typed': 'from synergy.workers import Worker\nclass W(Worker):\n'
    '    arguments_are_code: bool = True\n',
    'denied': 'from jobs.shell import W as V\nclass W(V):\n    arguments_are_code = False\n',
    'made': 'def made(): ...\nW = made()\n',
    'star': 'from synergy.workers.shell import *\nclass W(ShellWorker):\n    pass\n',
    'function': 'def W(uow): ...\n',
    'circle': 'from jobs.circle import W as V\nclass W(V):\n    pass\n',
    'broken': 'class W(:\n',
    'lone': 'class W:\n    def process_uow(self, uow): ...\n',
    'mixed': 'from abc import ABC\nfrom synergy.workers import Worker\nclass M(ABC):\n    pass\n'
    'class W(M, Worker):\n    pass\n',
}


@pytest.mark.parametrize('name', _SOURCES)
def test_a_class_is_followed_to_its_bases(tmp_path: Path, name: str) -> None:
    folder = tmp_path / 'jobs'
    folder.mkdir()
    for module, source in _SOURCES.items():
        (folder / f'{module}.py').write_text(source)
    (folder / '__init__.py').write_text('raise RuntimeError("it was run")\n')

    found = are_arguments_code(f'jobs.{name}.W', tmp_path)

    assert found is (name not in ('plain', 'denied', 'lone', 'mixed'))


def test_what_is_shipped_is_known(tmp_path: Path) -> None:
    assert are_arguments_code('synergy.workers.shell.ShellWorker', tmp_path)
    assert are_arguments_code('synergy.workers.shell.ShellWorker.start', tmp_path)
    assert are_arguments_code('nowhere.at.All', tmp_path)
    assert not are_arguments_code('synergy.workers.Worker', tmp_path)
