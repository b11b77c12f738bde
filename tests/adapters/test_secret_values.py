"""Where secrets come from: the environment, files, and a Vault over real HTTP."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from synergy.adapters.secrets.values import SecretValues
from synergy.adapters.secrets.vault import CACHE_SECONDS
from synergy.core.secret_references import UnresolvedReference

TOKEN = 'hvs.of-the-worker'


class KeyValues:
    """The key-value engine of a Vault, version 2, as its API is described."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {'secret/data/team/db': {'password': 'hunter2', 'n': 7}}
        self.asked: list[str] = []
        self.url = ''

    def answer(self, path: str, token: str | None) -> tuple[int, object]:
        self.asked.append(path)
        if token != TOKEN:
            return 403, {'errors': ['permission denied']}
        found = self.values.get(path.removeprefix('/v1/').partition('?')[0])
        if found is None:
            return 404, {'errors': []}
        if found == 'sealed':
            return 503, {'errors': ['Vault is sealed']}
        return 200, {'data': {'data': found, 'metadata': {'version': 3}}}


@pytest.fixture
def engine() -> Iterator[KeyValues]:
    engine = KeyValues()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = engine.answer(self.path, self.headers.get('X-Vault-Token'))
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    engine.url = f'http://127.0.0.1:{server.server_port}'
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield engine
    server.shutdown()
    server.server_close()
    thread.join()


class Times:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def refused(values: SecretValues, reference: str) -> str:
    with pytest.raises(UnresolvedReference) as refused:
        values(reference)
    assert refused.value.__cause__ is None
    return str(refused.value)


def test_a_file_is_read_as_it_is_now(tmp_path: Path) -> None:
    values, file = SecretValues({}, Times()), tmp_path / 'x'
    file.write_text('hunter2\n')
    assert values(f'file:{file}') == 'hunter2'
    file.write_text(' two\nlines\r\n')
    assert values(f'file:{file}') == ' two\nlines'
    file.write_text('x' * 65_536 + '\n')
    assert len(values(f'file:{file}')) == 65_536


def test_what_is_not_a_good_file_is_refused(tmp_path: Path) -> None:
    values, file = SecretValues({}, Times()), tmp_path / 'x'
    assert 'No such file' in refused(values, f'file:{file}')
    assert 'not a file' in refused(values, f'file:{tmp_path}')
    assert 'not a file' in refused(values, 'file:/dev/zero')
    os.mkfifo(tmp_path / 'pipe')
    assert 'not a file' in refused(values, f'file:{tmp_path}/pipe')
    file.write_text('\n')
    assert 'empty' in refused(values, f'file:{file}')
    file.write_bytes(b'hunter2\xff')
    assert 'hunter2' not in refused(values, f'file:{file}')
    file.write_text('hunter2' * 10_000)
    assert refused(values, f'file:{file}').endswith('64 KiB; is this the right place?')


def test_the_environment_is_asked_each_time() -> None:
    environment = {'A': 'one'}
    values = SecretValues(environment, Times())
    assert values('env:A') == 'one'
    environment['A'] = 'two'
    assert values('env:A') == 'two'
    assert 'empty' in refused(SecretValues({'A': ''}, Times()), 'env:A')
    assert 'no such variable' in refused(values, 'env:B')


def test_a_vault_is_asked_again_after_seconds(engine: KeyValues) -> None:
    times = Times()
    values = SecretValues({'VAULT_ADDR': engine.url, 'VAULT_TOKEN': TOKEN}, times)
    assert values('vault:secret/team/db#password') == 'hunter2'
    engine.values['secret/data/team/db'] = {'password': 'rotated'}
    assert values('vault:secret/team/db#password') == 'hunter2'
    assert len(engine.asked) == 1
    times.now += CACHE_SECONDS + 0.1
    assert values('vault:secret/team/db#password') == 'rotated'


def test_what_a_vault_does_not_give_is_told(engine: KeyValues, tmp_path: Path) -> None:
    token = tmp_path / 'token'
    token.write_text(f'{TOKEN}\n')
    values = SecretValues({'VAULT_ADDR': engine.url, 'VAULT_TOKEN_FILE': str(token)}, Times())
    assert 'no such key' in refused(values, 'vault:secret/team/db#user')
    assert 'not a text' in refused(values, 'vault:secret/team/db#n')
    assert 'nothing there' in refused(values, 'vault:secret/team/none#x')
    engine.values['secret/data/sealed'] = 'sealed'
    assert 'cannot be asked' in refused(values, 'vault:secret/sealed#x')
    engine.values['secret/data/odd'] = ['hunter2']
    assert 'hunter2' not in refused(values, 'vault:secret/odd#x')
    token.write_text('hvs.of-somebody-else')
    text = refused(values, 'vault:secret/other/db#x')
    assert 'forbids' in text
    assert 'hvs.' not in text
    token.unlink()
    assert 'VAULT_TOKEN_FILE' in refused(values, 'vault:secret/other/db#x')


def test_a_vault_that_cannot_be_reached_is_told() -> None:
    gone = SecretValues({'VAULT_ADDR': 'http://127.0.0.1:1', 'VAULT_TOKEN': TOKEN}, Times())
    assert 'cannot be asked (ConnectionError)' in refused(gone, 'vault:secret/db#x')
    assert 'VAULT_ADDR' in refused(SecretValues({}, Times()), 'vault:secret/db#x')
    nobody = SecretValues({'VAULT_ADDR': 'http://127.0.0.1:1'}, Times())
    assert 'VAULT_TOKEN' in refused(nobody, 'vault:secret/db#x')
