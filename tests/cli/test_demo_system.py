"""What a demo says to those who look at it from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from synergy import bootstrap
from synergy.cli.command import CommandError, ExitCode
from synergy.cli.demo_system import claimed_home, hint
from tests.cli.conftest import Said


def test_the_hint_leads_to_the_same_home_context_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('SYNERGY_HOME', '/h')
    monkeypatch.setenv('SYNERGY_END_TIMEPERIOD', '2013010600')
    monkeypatch.delenv('SYNERGY_CONTEXT_MODULE', raising=False)

    assert hint('status').endswith(
        '  SYNERGY_HOME=/h SYNERGY_END_TIMEPERIOD=2013010600 ./launch.py status'
    )


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[bootstrap.Runtime]:
    settings, context = bootstrap.load({'SYNERGY_HOME': str(tmp_path / 'demo')})
    with bootstrap.open_runtime(settings, context) as opened:
        yield opened


def test_a_home_has_one_demo_from_its_first_moment_on(
    runtime: bootstrap.Runtime, tmp_path: Path
) -> None:
    home = tmp_path / 'demo'
    with claimed_home(runtime, home):
        (home / 'loaded').touch()

        another = claimed_home(runtime, home)
        with pytest.raises(CommandError, match='a demo runs already in') as refused, another:
            pass
        assert refused.value.exit_code is ExitCode.CONFLICT
        assert (home / 'loaded').exists()

    with claimed_home(runtime, home):
        assert not (home / 'loaded').exists()


def test_a_home_of_anybody_else_is_not_emptied(runtime: bootstrap.Runtime, tmp_path: Path) -> None:
    (tmp_path / 'demo').mkdir()
    (tmp_path / 'demo' / 'mine').touch()

    claim = claimed_home(runtime, tmp_path / 'demo')
    with pytest.raises(CommandError, match='was not made by a demo'), claim:
        pass
    assert (tmp_path / 'demo' / 'mine').exists()


@pytest.fixture
def environment() -> Iterator[None]:
    """Put the environment back: a demo leads its own process to its home."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.usefixtures('environment')
@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        (('--live', '--speed', 'fast'), "speed 'fast' is not a factor"),
        (('--live', '--days', '3'), '--days belongs to the historic demo'),
        (('--speed', '2'), '--speed belongs to --live'),
    ],
)
def test_a_live_demo_refuses_what_it_cannot_do(
    launch: Callable[..., Said], tmp_path: Path, options: tuple[str, ...], expected: str
) -> None:
    said = launch('demo', '--home', str(tmp_path / 'h'), *options)

    assert said.code == 2
    assert expected in said.out + said.err
    assert not (tmp_path / 'h').exists()
