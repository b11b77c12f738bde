"""Bounds at the HTTP door, and pages that survive rows which were let in or edited before."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from synergy.adapters.sqlite import states
from synergy.core.commands import CommandState
from synergy.mx.app import App
from synergy.mx.main import server_of
from synergy.mx.routes import ROUTES
from synergy.mx.web.request_limits import BODY_BYTES_MAX, SERVER_BYTES_MAX
from tests.mx.addresses import address_of
from tests.mx.dashboard_harness import FREEZE_ID, REQUEST_ID, DashboardHarness

DEEP = '{"a":' * 485 + '1' + '}' * 485
PAGES = [
    route
    for route in ROUTES
    if route.method == 'GET'
    and not route.is_stream
    and route.rule not in ('/events', '/static/<path:name>')
]


def send(pages: DashboardHarness, address: str, body: str | bytes, key: str = 'k') -> TestResponse:
    headers = {'Host': 'localhost', 'Content-Type': 'application/json', 'Idempotency-Key': key}
    return pages.client.post(f'/api/v1{address}', data=body, headers=headers)


def commands(pages: DashboardHarness) -> int:
    return len(pages.store.commands(tuple(CommandState), 100))


REFUSED = {
    'deep': f'{{"trigger": "every 60", "arguments": {DEEP}}}',
    'deep lists': '{"trigger": "every 60", "arguments": {"a": ' + '[' * 21 + ']' * 21 + '}}',
    'beyond the stack': '[' * 100_000,
    'many values': json.dumps({'trigger': 'every 60', 'arguments': {'a': [0] * 10_001}}),
    'a long name': json.dumps({'trigger': 'every 60', 'arguments': {'n' * 201: 1}}),
    'long': json.dumps({'trigger': 'every 60', 'arguments': {'a': 'x' * 66_000}}),
    'NaN': '{"trigger": "every 60", "arguments": {"a": NaN}}',
    'beyond floats': '{"trigger": "every 60", "arguments": {"a": 1e999999}}',
    'wide': '{"trigger": "every 60", "arguments": {"a": ' + '9' * 80 + '}}',
    'digits': '{"trigger": "every 60", "arguments": {"a": ' + '9' * 5000 + '}}',
    'twice': '{"trigger": "every 60", "trigger": "every 5"}',
    'half a pair': '{"trigger": "every 60", "arguments": {"a": "\\ud800"}}',
    'NUL': '{"trigger": "every 60", "arguments": {"a": "\\u0000"}}',
    'not UTF-8': b'{"trigger": "every 60", "description": "\xff"}',
    'UTF-16': '{"trigger": "every 60"}'.encode('utf-16'),
    'a list of overlaps': '{"trigger": "every 60", "overlap": ["skip"]}',
    'a trigger of objects': '{"trigger": {"every": 60}}',
    'a long trigger': json.dumps({'trigger': 'at ' + '10:00,' * 500}),
    'a long description': json.dumps({'trigger': 'every 60', 'description': 'x' * 3000}),
    'a wide bound': '{"trigger": "every 60", "misfire_max": ' + '9' * 40 + '}',
}


def named(body: str | bytes) -> str | bytes:
    """Return a body with the name of an entry, where it is an object that can have one."""
    if isinstance(body, str):
        return body.replace('{"trigger"', '{"name": "Shell::hostile", "trigger"', 1)
    return body.replace(b'{"trigger"', b'{"name": "Shell::hostile", "trigger"', 1)


@pytest.mark.parametrize('body', REFUSED.values(), ids=REFUSED)
def test_what_is_out_of_bounds_is_refused_with_a_reason_and_not_stored(
    pages: DashboardHarness, body: str | bytes
) -> None:
    before = commands(pages)

    answer = send(pages, '/freeruns', named(body))

    assert answer.status_code in (400, 422)
    assert answer.json is not None
    assert answer.json['detail']
    assert answer.json['advice']
    assert len(answer.text) < 3000
    assert commands(pages) == before


@pytest.mark.parametrize(
    'arguments',
    [DEEP, '[' * 5000, '{"a": NaN}', '9' * 5000, '{"a": "\\u0000"}'],
    ids=lambda text: ascii(text)[:20],
)
def test_the_form_says_what_is_wrong_with_arguments(
    pages: DashboardHarness, arguments: str
) -> None:
    form = {
        'process': 'Shell',
        'entry': 'hostile',
        'trigger': 'every 60',
        'overlap': 'skip',
        'misfire': 'once',
        'misfire_max': '10',
        'arguments': arguments,
        'description': '',
        'is_on': 'on',
    }

    before = commands(pages)

    answer = pages.post('/freeruns/edit', form)

    assert answer.status_code == 400
    assert 'the arguments cannot be taken' in answer.text
    assert commands(pages) == before


NUMBERS = [
    '000000000001999999',
    '01',
    '+1',
    '-1',
    '1_0',
    '١٢',
    '１２',
    ' 5',
    '5 ',
    '1e3',
    '0x10',
    '1.0',
    '9' * 400,
    '1001',
    '0',
    'ten',
    '',
    '5;DROP',
]


@pytest.mark.parametrize(
    'text',
    [text for text in NUMBERS if text.strip() not in ('5', '')],
    ids=lambda text: ascii(text)[:20],
)
@pytest.mark.parametrize(
    'address', ['/jobs', '/requests', '/audit', '/dead', '/freeruns', '/search?q=a']
)
def test_a_number_is_taken_as_it_is_written_or_refused(
    pages: DashboardHarness, address: str, text: str
) -> None:
    mark = '&' if '?' in address else '?'

    answer = pages.get(f'/api/v1{address}{mark}limit={quote(text)}')

    assert answer.status_code == 400
    assert answer.json is not None
    assert 'from 1 to 1,000' in answer.json['advice']


@pytest.mark.parametrize(
    'query',
    [
        'at=٢٠٢٦١١٢٠',
        'at=99999999',
        'at=20261399',
        'cursor=' + '9' * 300,
        'cursor=%00',
        'cursor=\ud800',
        'state=' + 'x' * 1999,
        'process=%ED%A0%80',
        'x' * 1000 + '=1',
        'limit=1&limit=2',
        'q=%00',
        'start=' + '2' * 1000,
        'asked=' + 'y' * 1900,
        'cursor=1.2.3.4',
        'cursor=live.' + '9' * 30 + '.x',
    ],
    ids=lambda text: ascii(text)[:20],
)
@pytest.mark.heavy
def test_odd_parameters_never_break_a_page(pages: DashboardHarness, query: str) -> None:
    for route in PAGES:
        address = address_of(route, pages.store.dead_units(1)[0].id)
        mark = '&' if '?' in address else '?'
        text = f'{address}{mark}{quote(query, safe="=&%", errors="surrogatepass")}'

        answer = pages.get(text)

        assert answer.status_code < 500 or answer.status_code == 503, text
        assert 'Traceback' not in answer.text


@pytest.mark.parametrize(
    ('address', 'status'),
    [
        ('/' + 'x' * 2001, 414),
        ('/?' + 'a=b&' * 201, 400),
        ('/?q=' + 'x' * 2001, 400),
        ('/?' + 'q' * 17_000, 414),
        ('/t/%00', 400),
        ('/?a%00=b', 400),
        ('/?a=%00', 400),
    ],
)
def test_a_long_or_odd_address_is_refused(
    pages: DashboardHarness, address: str, status: int
) -> None:
    page, api = pages.get(address), pages.get(f'/api/v1{address}')

    assert (page.status_code, api.status_code) == (status, status)
    assert '<html' in page.text
    assert api.json is not None
    assert api.json['advice']


def test_a_form_of_many_parts_is_refused(pages: DashboardHarness) -> None:
    many = {f'f{number}': 'x' for number in range(300)}
    for kind in ('application/x-www-form-urlencoded', 'multipart/form-data'):
        answer = pages.client.post(
            '/login', data=many, headers={'Host': 'localhost'}, content_type=kind
        )
        assert answer.status_code in (400, 413)


def test_a_body_that_is_too_large_is_refused_unread(pages: DashboardHarness) -> None:
    class Unreadable:
        """A body that must not be read."""

        def read(self, *_: object) -> bytes:
            raise AssertionError('it was read')

        readline = readlines = __iter__ = read

    environ: Any = {'CONTENT_LENGTH': str(BODY_BYTES_MAX + 1), 'wsgi.input': Unreadable()}
    for address in ('/login', '/api/v1/requests'):
        answer = pages.client.post(
            address, headers={'Host': 'localhost'}, environ_overrides=environ
        )
        assert answer.status_code == 413


@pytest.fixture
def listening(pages: DashboardHarness) -> Iterator[int]:
    """Return the port of a real server before the dashboard."""
    with socket.create_server(('127.0.0.1', 0)) as opened:
        server: Any = server_of(App(pages.site), opened)
        threading.Thread(target=server.run, daemon=True).start()
        yield opened.getsockname()[1]
        server.task_dispatcher.shutdown()
        server.close()


def spoken(port: int, *parts: bytes) -> bytes:
    """Send parts and return what the server answers."""
    with closing(socket.create_connection(('127.0.0.1', port), timeout=20)) as line:
        try:
            for part in parts:
                line.sendall(part)
        except OSError:
            pass  # It has closed already: it has seen enough.
        answer = b''
        try:
            while chunk := line.recv(65536):
                answer += chunk
                if b'\r\n\r\n' in answer:
                    break
        except OSError:
            pass
        return answer


@pytest.mark.filterwarnings('ignore:send_bytes:DeprecationWarning')
def test_the_server_ends_what_is_far_too_large_before_it_has_come(listening: int) -> None:
    head = b'POST /login HTTP/1.1\r\nHost: localhost\r\n'
    began = time.monotonic()

    declared = spoken(listening, head + b'Content-Length: 1073741824\r\n\r\n')
    chunk = b'10000\r\n' + b'x' * 65536 + b'\r\n'
    count = SERVER_BYTES_MAX // 65536 + 4
    chunked = spoken(listening, head + b'Transfer-Encoding: chunked\r\n\r\n', *[chunk] * count)
    header = spoken(listening, b'GET / HTTP/1.1\r\nX-Long: ' + b'x' * 200_000 + b'\r\n\r\n')

    assert b' 413 ' in declared[:20]
    assert chunked == b'' or b' 413 ' in chunked[:20]
    assert header == b'' or b' 431 ' in header[:20]
    assert time.monotonic() - began < 15
    assert spoken(listening, b'GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n').startswith(
        b'HTTP/1.1 200'
    )


EDITS = {
    'deep arguments of a free run': f"UPDATE freerun_process SET arguments = '{DEEP}'",
    'deep details of a request': f"UPDATE command SET details = '{DEEP}'",
    'a request of an unknown kind': "UPDATE command SET kind = 'dance'",
    'a request that is not UTF-8': "UPDATE command SET reason = CAST(x'ff' AS TEXT)",
    'a request of the year 99999': 'UPDATE command SET created_at = 9000000000000000000',
    'a plan that is none': "UPDATE command SET plan = '[[]]'",
    'deep arguments of a dead letter': f"UPDATE unit_of_work SET arguments = '{DEEP}' "
    f'WHERE state = {states.DEAD}',
    'a unit of a negative attempt': 'UPDATE unit_of_work SET attempt = -5 '
    f'WHERE state = {states.DEAD}',
    'a job of an odd state': "UPDATE job SET state = 'state_lost' WHERE timeperiod = '2026112209'",
    'a job of odd text': "UPDATE job SET reason = x'ff00' WHERE timeperiod = '2026112209'",
    'a box': "UPDATE box SET load = '[' , seen_at = 'now'",
    'processes of a box': "UPDATE box_configuration SET pids = '{}' WHERE process_name = 'MX'",
    'a log': "UPDATE log_recording SET at = 'x', text = x'ff'",
    'histories': "UPDATE job SET history = 'x' || char(10), event = 'y'",
    'histories of free runs': "INSERT INTO job_event VALUES ('Shell::sweep', '', 99, 'x', 'y')",
    'the leader': "UPDATE leadership SET lease_until = 'x'",
    'overrides': 'INSERT INTO managed_process (process_name, trigger_frequency, trigger_at, '
    'trigger_by, is_on, is_on_at, is_on_by, definition, rev, term) '
    "VALUES ('SiteDaily', 'x', 'y', 5, 'z', 1, x'ff', '', -1, 1)",
    'the copy of the index': "INSERT OR REPLACE INTO index_copy VALUES (1, 'x')",
}


@pytest.mark.parametrize('sql', EDITS.values(), ids=EDITS)
@pytest.mark.heavy
def test_every_page_and_list_survives_rows_that_cannot_be_read(
    pages: DashboardHarness, sql: str
) -> None:
    dead = pages.store.dead_units(1)[0].id
    with closing(sqlite3.connect(pages.runtime.path, isolation_level=None)) as connection:
        connection.execute(
            'INSERT INTO freerun_process '
            'VALUES (?, ?, ?, 1, ?, ?, 1, ?, NULL, NULL, 1, 1, NULL, 0, '
            "'[]', NULL, 1795435200000000)",
            ('Shell', 'old', 'every 60', 'skip', 'once', '{}'),
        )
        connection.execute(sql)
    named = False
    pages.foresees = True
    for route in PAGES:
        answer = pages.get(address_of(route, dead))
        # What the row itself was about may be gone; a page that is there is whole.
        assert answer.status_code < 500 or route.rule in ('/health', '/api/v1/health'), route.rule
        named = named or 'cannot be read' in answer.text or '"unreadable"' in answer.text
    assert named or 'index' in sql


def test_a_list_names_what_it_lacks_and_shows_the_rest(pages: DashboardHarness) -> None:
    with closing(sqlite3.connect(pages.runtime.path, isolation_level=None)) as connection:
        connection.execute("UPDATE command SET kind = 'dance'")
    send(pages, '/freeruns/Shell::sweep/run', '{"reason": "now"}')

    page, api = pages.get('/audit'), pages.get('/api/v1/audit')

    assert f'row <code>{REQUEST_ID}</code> of <code>command</code> cannot be read' in page.text
    assert 'Shell::sweep' in page.text
    assert api.json is not None
    assert [item['process'] for item in api.json['items']] == ['Shell::sweep']
    rows = api.json['unreadable']
    assert {(row['table'], row['row']) for row in rows} == {
        ('command', REQUEST_ID),
        ('command', FREEZE_ID),
    }
    assert all("'kind'" in row['problem'] for row in rows)
    assert 'unreadable' not in (pages.get('/api/v1/boxes').json or {})
    assert 'cannot be read' not in pages.get('/boxes').text
