"""Exit codes: one place, one meaning each."""

from __future__ import annotations

import ast

from synergy.bootstrap import PROJECT
from synergy.core.exit_codes import ExitCode


def test_each_code_has_one_meaning() -> None:
    assert len({code.meaning for code in ExitCode}) == len(ExitCode)
    assert len(ExitCode.__members__) == len({code.value for code in ExitCode})
    assert all(0 <= code < 256 for code in ExitCode)


def test_no_other_place_names_exit_codes() -> None:
    for file in (PROJECT / 'synergy').rglob('*.py'):
        names = (
            target.id
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        )
        assert not [
            name
            for name in names
            if name.startswith('EXIT_') and name.isupper() and name != 'EXIT_CODES'
        ], file
