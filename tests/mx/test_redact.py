"""What is hidden of texts and values, and comes back when a form is saved."""

from __future__ import annotations

import time

import pytest

from synergy.mx.web.redact import MASK, SecretUnknown, masked, masked_text, unmasked


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('login failed: password=hunter2', f'login failed: password={MASK}'),
        ('password: hunter2 was refused', f'password: {MASK} was refused'),
        ("{'user': 'anna', 'password': 'hunter 2'}", f"{{'user': 'anna', 'password': '{MASK}'}}"),
        ('{"api_key":"a\\"b","x":1}', f'{{"api_key":"{MASK}","x":1}}'),
        ('GET /x?token=abc&user=anna', f'GET /x?token={MASK}&user=anna'),
        ('Authorization: Bearer abc.def sent', f'Authorization: {MASK} sent'),
        ('DB_PASSWORD="cut off in the mid', f'DB_PASSWORD="{MASK}"'),
        ('error=secret=x', f'error=secret={MASK}'),
        ('amqp://user:hunter2@host/v', f'amqp://user:{MASK}@host/v'),
        ('duplicate key: 4711', 'duplicate key: 4711'),
        ('Token::nightly was removed', 'Token::nightly was removed'),
        ('the password is too short', 'the password is too short'),
        ('KeyError: 9', 'KeyError: 9'),
        ('12:30:05 INFO reading a.csv', '12:30:05 INFO reading a.csv'),
    ],
)
def test_named_secrets_are_hidden_in_texts(text: str, shown: str) -> None:
    assert masked_text(text) == shown


def test_what_was_masked_comes_back_as_it_was() -> None:
    before = {'uri': 'amqp://u:p@h', 'note': 'token=abc', 'token': 'abc', 'rows': ['pwd=x', 1]}
    shown = masked(before)

    assert 'abc' not in str(shown)
    assert unmasked(shown, before) == before
    assert unmasked({**shown, 'note': 'other'}, before)['note'] == 'other'


@pytest.mark.parametrize(
    ('value', 'before'),
    [
        ({'secret_token': MASK}, {'api_token': 'abc'}),
        ({'api_token': MASK}, None),
        ({'note': MASK}, {'note': 'nothing secret'}),
        ({'uri': f'amqp://u:{MASK}@other'}, {'uri': 'amqp://u:p@h'}),
        ({'rows': [{'a': 2, 'token': MASK}]}, {'rows': [{'a': 1, 'token': 'abc'}]}),
        ({'rows': [f'pwd={MASK}']}, {'rows': ['pwd=a', 'pwd=b']}),
        ({'rows': [f'pwd={MASK}'] * 2}, {'rows': ['pwd=a']}),
    ],
)
def test_a_mask_that_stands_for_nothing_known_is_refused(value: object, before: object) -> None:
    with pytest.raises(SecretUnknown, match='type the secret again'):
        unmasked(value, before)


def test_a_secret_stays_with_its_item_when_others_come_and_go() -> None:
    rows = [{'host': host, 'password': f'of {host}'} for host in 'abc']
    shown = masked(rows)

    assert unmasked([shown[2], {'host': 'd'}, shown[1]], rows) == [rows[2], {'host': 'd'}, rows[1]]
    assert unmasked(masked(['pwd=a', 'pwd=b']), ['pwd=a', 'pwd=b']) == ['pwd=a', 'pwd=b']


def test_a_hostile_text_takes_no_time() -> None:
    began = time.process_time()

    for text in (
        'a=' * 30_000,
        'a.' * 30_000,
        'password' * 8_000,
        'secret="' * 8_000,
        'a: ' * 20_000,
    ):
        masked_text(text)

    assert time.process_time() - began < 2
