"""Shell completion, asked as the shell asks it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from synergy.cli.main import main
from synergy.cli.registry import names
from tests.cli.conftest import Said

Launch = Callable[..., Said]


def completed(script: str, *words: str) -> list[str]:
    """Return what bash offers for the last of `words`."""
    quoted = ' '.join(f"'{word}'" for word in words)
    ask = f'COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _synergy; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(
        ['bash', '-euc', f'{script}\n{ask}'], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ('words', 'offered'),
    [
        (('synergy', 'rep'), ['reprocess']),
        (('./launch.py', 'reprocess', '--d'), ['--dry-run']),
        (('synergy', 'completion', ''), ['bash', 'zsh', '--help']),
    ],
)
def test_bash_completes(
    words: tuple[str, ...], offered: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['completion', 'bash']) == 0

    assert completed(capsys.readouterr().out, *words) == offered


@pytest.mark.parametrize(
    ('words', 'offered'),
    [
        (('why', 'FlightD'), ['FlightDaily']),
        (('freerun', 'off', 'Shell::sw'), ['sweep']),
        (('requests', 'cancel', '3f9c'), ['3f9c0a1b2d4e']),
        (('why', '--j'), ['--json']),
    ],
)
def test_bash_completes_names(
    words: tuple[str, ...],
    offered: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    main(['completion', 'bash'])
    script = capsys.readouterr().out
    door = tmp_path / 'door'
    door.write_text(
        '#!/bin/sh\n[ "$*" = "completion bash --names-for $4" ] || exit 1\n'
        'case $4 in why) echo FlightDaily; echo FlightHourly;; freerun) echo Shell::sweep;;\n'
        'requests) echo 3f9c0a1b2d4e;; esac\n'
    )
    door.chmod(0o755)
    line = ' '.join(('door', *words))
    quoted = ' '.join(f"'{word}'" for word in (str(door), *words))
    ask = (
        f"COMP_LINE='{line}'; COMP_POINT={len(line)}; COMP_WORDS=({quoted}); "
        f'COMP_CWORD={len(words)}; _synergy; echo "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(
        ['bash', '-euc', f'{script}\n{ask}'], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == offered


def test_where_nothing_has_run_no_name_is_offered(launch: Launch) -> None:
    said = launch('completion', 'bash', '--names-for', 'why')

    assert (said.code, said.out) == (0, '')


def test_every_command_is_offered(capsys: pytest.CaptureFixture[str]) -> None:
    main(['completion', 'bash'])

    assert set(names()) == set(completed(capsys.readouterr().out, 'synergy', ''))


def test_zsh_is_told_to_read_it_as_bash_does(capsys: pytest.CaptureFixture[str]) -> None:
    main(['completion', 'zsh'])

    script = capsys.readouterr().out
    assert 'bashcompinit' in script
    if shutil.which('zsh') is not None:
        subprocess.run(['zsh', '-ec', script], check=True)
