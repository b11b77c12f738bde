"""What `check` finds by importing what the context names: in a child, one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from synergy import bootstrap
from synergy.cli.import_child import problem_of
from synergy.cli.importing import Import, try_imports


def wanted(kind: str, dotted: str, *, is_here: bool = True) -> Import:
    return Import(kind=kind, dotted=dotted, users=[dotted.split('.')[0].title()], is_here=is_here)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in {
        'good': 'from synergy.workers import Worker\nclass W(Worker):\n'
        '    def process_uow(self, uow): ...\ndef source(): ...\nNUMBER = 7\n',
        'missing': 'import nothing_of_this_name\nclass W: ...\n',
        'leaves': 'import os\nos._exit(3)\nclass W: ...\n',
        'exits': 'raise SystemExit("no licence")\nclass W: ...\n',
        'hangs': 'import threading\nthreading.Event().wait()\nclass W: ...\n',
        'printer': 'print("x" * 100_000, flush=True)\ndef work(uow): ...\n',
    }.items():
        (tmp_path / f'{name}.py').write_text(text)
    return tmp_path


@pytest.mark.heavy
def test_each_problem_is_named_and_hides_no_other(project: Path) -> None:
    found = try_imports(
        [
            wanted('worker', 'good.W'),
            wanted('worker', 'missing.W'),
            wanted('worker', 'leaves.W'),
            wanted('daemon', 'exits.W'),
            wanted('worker', 'hangs.W'),
            wanted('worker', 'printer.work'),
            wanted('data_source', 'good.source'),
            wanted('worker', 'missing.W', is_here=False),
        ],
        project,
        bootstrap.clock(),
        one_seconds=5,
    )

    assert found.problems == [
        'classname missing.W of Missing cannot be used: ModuleNotFoundError: No module named '
        "'nothing_of_this_name' (missing.py line 1)",
        'classname leaves.W of Leaves cannot be used: its import ends the process (exit code 3)',
        'classname exits.W of Exits cannot be used: SystemExit: no licence (exits.py line 1)',
        'classname hangs.W of Hangs cannot be used: its import takes longer than 5 s',
    ]
    assert [text.endswith('it runs on other boxes') for text in found.warnings] == [True]
    assert found.good_count == 3


def test_all_together_are_bounded_and_what_was_not_tried_is_said(project: Path) -> None:
    found = try_imports(
        [wanted('worker', 'hangs.W'), wanted('worker', 'good.W')],
        project,
        bootstrap.clock(),
        one_seconds=60,
        all_seconds=0.5,
    )

    assert ['takes longer' in found.problems[0], 'was not tried' in found.problems[1]] == [True] * 2


@pytest.mark.parametrize(
    ('kind', 'dotted', 'problem'),
    [
        ('worker', 'good.W', None),
        ('worker', 'good.NUMBER', 'is a int; name a Worker class or a function'),
        ('daemon', 'good.NUMBER', 'is a int; name a function or a class'),
        ('worker', 'synergy.workers.Worker', 'is a class without process_uow'),
        ('worker', 'threading.Thread', None),
        ('worker', 'builtins.object', 'is a class without process_uow'),
    ],
)
def test_what_is_imported_has_to_be_what_it_is_for(
    project: Path, monkeypatch: pytest.MonkeyPatch, kind: str, dotted: str, problem: str | None
) -> None:
    monkeypatch.syspath_prepend(project)

    found = problem_of(kind, dotted)

    assert found == problem or (problem is not None and found is not None and problem in found)
