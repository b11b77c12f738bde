"""A short round of chaos on both pairs of store and broker; long rounds are for nights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synergy.bootstrap import PROJECT

#: What pytest writes into its report.
Record = Callable[[str, object], None]
SEED = 4
#: The round ends by itself once nothing moves; this is for one that hangs.
GIVE_UP_SECONDS = 1800
KINDS = {
    'embedded': {'kill leader', 'kill worker', 'kill supervisor', 'lose box', 'freeze leader'},
    'production': {'kill leader', 'kill worker', 'kill primary', 'restart broker'},
}


@pytest.fixture
def chaos(tmp_path: Path, record_property: Record) -> Callable[..., dict[str, Any]]:
    """Play one round of chaos that finds nothing, and return its report."""

    def played(*words: str) -> dict[str, Any]:
        file = tmp_path / 'report.json'
        done = subprocess.run(
            [
                sys.executable, '-m', 'synergy.cli', 'chaos', *words,
                '--seed', str(SEED), '--json', str(file),
            ],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=GIVE_UP_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        report: dict[str, Any]
        (report,) = json.loads(file.read_text())
        record_property('chaos', report)
        assert report['problems'] == []
        return report

    return played


@pytest.mark.parametrize('backend', ['embedded', 'production'])
def test_a_short_round_of_chaos_breaks_no_promise(
    backend: str, chaos: Callable[..., dict[str, Any]]
) -> None:
    until = (word for kind in sorted(KINDS[backend]) for word in ('--until', kind))

    report = chaos('--backend', backend, '--minutes', '0.1', *until)

    assert {kind['kind'] for kind in report['kinds']} >= KINDS[backend]
    assert report['take_over_seconds'], report


def test_unruly_user_code_leaves_nothing_behind(chaos: Callable[..., dict[str, Any]]) -> None:
    report = chaos('--unruly', '--backend', 'embedded', '--minutes', '0.15')

    assert report['starts'] >= report['intervals']


def test_a_kind_of_fault_that_does_not_exist_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, '-m', 'synergy.cli', 'chaos', '--backend', 'embedded', '--until',
            'kill cat',
        ],
        cwd=PROJECT,
        env={**os.environ, 'TMPDIR': str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=GIVE_UP_SECONDS,
    )  # fmt: skip

    assert done.returncode == 2
    assert 'no such fault here: kill cat; there are kill leader' in done.stderr
    assert list(tmp_path.iterdir()) == []
