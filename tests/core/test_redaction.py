"""One redaction for every exit: what hides, what stays readable, and how long it takes."""

from __future__ import annotations

import json
import random
import re
import time
from typing import Any

import pytest

from synergy.core import redaction, secret_forms
from synergy.core.redaction import MASK, redacted, redacted_text
from synergy.core.uri import without_password, without_secrets_of
from tests.core.redaction_forms import HARMLESS, HARMLESS_VALUES, TEXTS, VALUES


@pytest.mark.parametrize(('text', 'secret'), TEXTS, ids=[text[:50] for text, _ in TEXTS])
def test_a_secret_in_a_text_is_hidden(text: str, secret: str) -> None:
    assert secret in text

    for whole in (text, f'it failed ({text}); look at it', f'one line\n{text}\nanother'):
        shown = redacted_text(whole)
        assert secret not in shown
        assert MASK in shown
        assert redacted_text(shown) == shown


@pytest.mark.parametrize('text', HARMLESS)
def test_a_harmless_text_stays_readable(text: str) -> None:
    assert redacted_text(text) == text


@pytest.mark.parametrize(('value', 'secret'), VALUES, ids=[str(value)[:50] for value, _ in VALUES])
def test_a_secret_in_a_value_is_hidden(value: Any, secret: str) -> None:
    shown = redacted(value)

    assert secret not in json.dumps(shown)
    assert MASK in json.dumps(shown, ensure_ascii=False)
    assert redacted(shown) == shown
    # As a text, too: of a repr, and of JSON.
    assert secret not in redacted_text(repr(value))
    assert secret not in redacted_text(json.dumps(value))


@pytest.mark.parametrize('value', HARMLESS_VALUES, ids=str)
def test_a_harmless_value_stays_as_it_is(value: Any) -> None:
    assert redacted(value) == value


@pytest.mark.parametrize(
    'part',
    [
        'a=', 'a.', 'a: ', 'password', 'secret="', "token='", '\\"', '"', "'", '\\', '@', ':',
        '://',
        'a:b@', 'http://a:', '-', '--a', '-p ', "mysql -p'", '--password ', 'eyJ', '-----BEGIN ',
        '-----BEGIN PRIVATE KEY-----', '<a>', '<a ', '<password>', '{', 'x={',
        'password={', '[', ';',
        'pwd=;', 'a;b=', 'echo |', 'sudo ', 'user ', 'password is ', 'Bearer ', 'x', 'x ', '\n',
        ' ',
        'AKIA', 'name=a value=', '0', 'A', '=', '%3D', '1:', 'a-', 'mongodb:', 'api key ',
        'curl -u',
        'Cookie:', '/', '&a=', 'sqlplus a ', 'password ', 'é', 'SG.', 'xoxb-', 'a_', '|',
    ],
)  # fmt: skip
@pytest.mark.heavy
def test_a_hostile_text_of_a_megabyte_takes_no_time(part: str) -> None:
    def seconds_for(length: int) -> float:
        text = part * (length // len(part))
        began = time.process_time()
        redacted_text(text)
        return time.process_time() - began

    # Many times what it takes. What grows with the square of the length and needs less for a fifth
    # of a megabyte needs less than 15 seconds for a whole one, too.
    assert seconds_for(200_000) < 0.6 or seconds_for(1_000_000) < 15


@pytest.mark.parametrize(
    ('uri', 'shown'),
    [
        ('mongodb://anna:pw@db1,db2:1/x?replicaSet=rs0',
        f'mongodb://{MASK}@db1,db2:1/x?replicaSet=rs0'),
        ('mongodb://db1/x?tls=true&password=pw', f'mongodb://db1/x?tls=true&password={MASK}'),
        ('mongodb:/anna:p@s/s#@db1', f'mongodb:/{MASK}@db1'),
        ('anna:pw@db1', f'{MASK}@db1'),
        ('mongodb://anna:pw', f'mongodb://{MASK}'),
        ('mongodb://anna:pw@db1:x', f'mongodb://{MASK}'),
        ('AMQPS://anna:pw@h:1/%2F', f'AMQPS://{MASK}@h:1/%2F'),
        ('amqp://h', 'amqp://h'),
        ('sqlite:////home/me@corp/a.db', 'sqlite:////home/me@corp/a.db'),
        ('sqlite:///anna:pw@h/a.db', f'sqlite://{MASK}@h/a.db'),
        ('x' * 5000, MASK),
    ],
)  # fmt: skip
def test_a_uri_is_shown_without_its_secrets(uri: str, shown: str) -> None:
    assert without_password(uri) == shown
    assert without_password(shown) == shown


@pytest.mark.parametrize(
    ('text', 'uri'),
    [
        ("Port must be an integer between 0 and 65535: 'hun'", 'mongodb://anna:hun/ter2@db1'),
        ("'anna:hunter2' is not a host", 'mongodb://anna:hunter2'),
        ('cannot parse hun%2Fter2', 'mongodb://anna:hun/ter2@db1'),
        ('bad escape in hun/ter2', 'mongodb://anna:hun%2Fter2@db1'),
        ('mongodb://anna:hunter2@db1 is bad', 'mongodb://anna:hunter2@db1'),
    ],
)
def test_an_error_of_a_driver_does_not_repeat_the_secret(text: str, uri: str) -> None:
    shown = without_secrets_of(text, uri)

    assert 'hun' not in shown
    assert 'ter2' not in shown


def test_an_error_goes_on_to_name_the_scheme_that_is_expected() -> None:
    text = 'expected a URI that begins with sqlite or mongodb'

    assert without_secrets_of(text, 'mongodb//anna:hunter2@db1') == text


def test_what_is_told_at_a_glance_is_what_a_close_look_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rolls = random.Random(4711)
    texts = [*(text for text, _ in TEXTS), *HARMLESS, *(json.dumps(value) for value, _ in VALUES)]
    words = sorted({word for text in texts for word in re.split(r'(\W+)', text)})
    mixed = [''.join(rolls.choices(words, k=rolls.randrange(1, 9))) for _ in range(4_000)]
    for text in texts:
        begin = rolls.randrange(len(text) + 1)
        mixed.append(text[begin : begin + rolls.randrange(80)] + rolls.choice(texts)[:40])
    plain = [text for text in mixed if secret_forms.is_plain(text)]
    assert len(plain) > len(mixed) / 4

    monkeypatch.setattr(redaction, 'is_plain', lambda _: False)

    assert [redacted_text(text) for text in plain] == plain


@pytest.mark.parametrize(
    'text',
    [
        '412 visits from 2026-11-28 04:00:00+00:00 to 2026-11-28 05:00:00+00:00',
        '2026-11-29T04:02:42.123456Z', 'SiteHourly', 'anna@127.0.0.1', 'the source was late (4711)',
        '2026-11-29 04:02:42,123 INFO    - synergy.scheduler.loop dev:4711 leads in term 1',
        'box dev seen; state=running pids=[12, 13] restarts=0', 'Готово: 12 строк',
    ],
)  # fmt: skip
def test_an_ordinary_text_is_told_at_a_glance(text: str) -> None:
    assert secret_forms.is_plain(text)
