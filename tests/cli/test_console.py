"""What tables look like where."""

from __future__ import annotations

import io
import sys

import pytest

from synergy.cli.console import console, print_table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> str:
    monkeypatch.setattr(sys, 'stdout', stream)
    monkeypatch.setenv('TERM', 'xterm-256color')
    print_table(('process',), [('SiteHourly',)])
    console().print('late', style='red')
    return stream.getvalue()


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('NO_COLOR', raising=False)

    assert '\x1b[31m' in shown(monkeypatch, Terminal())


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('NO_COLOR', '1')

    assert '\x1b[31m' not in shown(monkeypatch, Terminal())


def test_a_pipe_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    assert '\x1b' not in shown(monkeypatch, io.StringIO())


def test_an_empty_table_says_so_beside_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(('id',), [], empty='nothing was asked for yet')

    assert tuple(capsys.readouterr()) == ('', 'nothing was asked for yet\n')


def test_no_text_is_taken_for_an_emoji_or_for_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (io.StringIO(), Terminal()):
        monkeypatch.setattr(sys, 'stdout', stream)

        print_table((':smile:', '[red]of'), [('dev:shell:0', '[red]x[/] :thumbs_up:')])
        console().print('dev:shell:0 [/]')

        said = stream.getvalue()
        for text in (':smile:', '[red]of', '[red]x[/] :thumbs_up:', 'dev:shell:0 [/]'):
            assert text in said
