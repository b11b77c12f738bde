"""What nearly all messages are is read the short way, and comes out as it does the long way."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synergy.core.records import UowId
from synergy.ports import message
from synergy.ports.message import (
    MESSAGE_BYTES_MAX,
    NotUnderstood,
    bodies_about,
    body_of,
    text_of,
    units_of,
)

#: However busy the machine is.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
PARTS = st.sampled_from([*'{}": ,\\\n\0é1', 'uow', 'command', '51f3', 'x' * 99])
PLAIN_VALUES = st.text('abcdef0123456789_.:-', min_size=0, max_size=210)


def told(read: object, text: bytes) -> Mapping[str, str] | str:
    assert callable(read)
    try:
        found: Mapping[str, str] = read(text)
    except NotUnderstood as error:
        return str(error)
    return found


@PATIENT
@given(st.lists(PARTS, max_size=12).map(''.join))
def test_any_text_is_read_alike(text: str) -> None:
    assert told(body_of, text.encode()) == told(message._read, text.encode())


@PATIENT
@given(st.text('abcUOW_1', max_size=22), PLAIN_VALUES, st.sampled_from([None, (',', ':')]))
def test_what_a_program_writes_is_read_alike(
    name: str, value: str, separators: tuple[str, str] | None
) -> None:
    text = json.dumps({name: value}, separators=separators).encode()

    assert told(body_of, text) == told(message._read, text)


@PATIENT
@given(st.dictionaries(PARTS | st.text(max_size=3), PARTS | st.text(max_size=3), max_size=2))
def test_what_is_written_is_what_json_makes_of_it(body: dict[str, str]) -> None:
    assert text_of(body) == json.dumps(body)


@pytest.mark.parametrize('text', ['{"uow": "51f3"}', '{"command":"a-b_c.d:e"}'])
def test_the_usual_ones_take_the_short_way(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(message, '_read')

    assert body_of(text.encode()) == json.loads(text)


@settings(PATIENT, max_examples=50)
@given(st.integers(0, 130), st.integers(1, 200))
def test_units_that_are_told_of_together_are_read_together(count: int, length: int) -> None:
    uow_ids = [UowId(f'{number:0{length}}') for number in range(count)]

    bodies = [*bodies_about(uow_ids)]

    texts = [text_of(body).encode() for body in bodies]
    assert [uow_id for text in texts for uow_id in units_of(body_of(text))] == uow_ids
    assert all(len(text) <= MESSAGE_BYTES_MAX for text in texts)
    assert len(texts) == (-(-count // 32) if length <= 64 else count)
    assert all('uow' in body for body in bodies), 'who knows of one id only hears of the first'


def test_a_message_about_something_else_names_no_units() -> None:
    assert [*units_of({'command': 'a'})] == []
    assert [*units_of({'command': 'a', 'hint': 'b'})] == []
    assert [*units_of({'uow': 'a', 'hint': 'b'})] == [UowId('a')]
