"""What the command line takes for a number, a text and an answer of a dashboard, and what not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from synergy.cli.command import ExitCode
from synergy.cli.main import main

ODD = [
    '١٢',
    '1_0',
    ' 5',
    '5 ',
    '+5',
    '007',
    '9' * 5000,
    '1e3',
    '0x10',
    '',
    'NaN',
    '-1',
    '1001001001001',
]


@pytest.mark.parametrize('text', ODD, ids=lambda text: ascii(text)[:20])
@pytest.mark.parametrize(
    'words',
    [
        ('jobs', '--limit={}'),
        ('log', 'SiteHourly', '2026112200', '--run={}'),
        ('freerun', 'cancel', 'Shell::x', '--run={}'),
        ('freerun', 'add', 'Shell::x', '--misfire-max={}'),
        ('user', 'token', 'anna', '--days={}'),
        ('simulate', '--seeds={}'),
    ],
)
def test_an_odd_number_is_wrong_usage(
    words: tuple[str, ...], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([word.replace('{}', text) for word in words])

    assert ended.value.code == ExitCode.USAGE
    assert 'give a whole number from' in capsys.readouterr().err


def test_a_text_that_no_store_takes_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for text in ('\udcff', 'x' * 70_000, 'a\0b'):
        code = main(['skip', 'SiteHourly', '2026112200', '--reason', text])

        assert code == ExitCode.USAGE
        said = capsys.readouterr().err
        assert 'reason' in said or 'UTF-8' in said


ANSWERS = {
    'deep': b'[' * 100_000,
    'deep and closed': b'[' * 500 + b']' * 500,
    'not JSON': b'<html>',
    'not UTF-8': b'"\xff"',
    'another shape': b'[1, 2]',
    'a text': b'"items"',
    'no items': b'{}',
    'items that are none': b'{"items": 5, "next_cursor": null}',
    'odd items': b'{"items": [1, null, "x"], "next_cursor": null}',
    'numbers': b'{"items": [' + b'9' * 5000 + b'], "next_cursor": null}',
    'always more': json.dumps({'items': [], 'next_cursor': 'again'}).encode(),
}


@pytest.fixture(params=ANSWERS.values(), ids=list(ANSWERS))
def odd_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the address of a server that answers everything with the same nonsense."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if 'jobs' in self.path else 500)
            self.end_headers()
            self.wfile.write(request.param)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


def test_an_odd_answer_is_said_to_be_one(
    odd_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (['jobs'], ['requests'], ['status']):
        code = main([*words, '--server', odd_server])

        said = capsys.readouterr()
        assert code in (ExitCode.UNAVAILABLE, ExitCode.OK), said
        assert 'Traceback' not in said.err
