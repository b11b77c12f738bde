"""Shell completion, asked as the shell asks it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from synergy.cli.main import main
from synergy.cli.registry import names


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


def test_every_command_is_offered(capsys: pytest.CaptureFixture[str]) -> None:
    main(['completion', 'bash'])

    assert set(names()) == set(completed(capsys.readouterr().out, 'synergy', ''))


def test_zsh_is_told_to_read_it_as_bash_does(capsys: pytest.CaptureFixture[str]) -> None:
    main(['completion', 'zsh'])

    script = capsys.readouterr().out
    assert 'bashcompinit' in script
    if shutil.which('zsh') is not None:
        subprocess.run(['zsh', '-ec', script], check=True)
