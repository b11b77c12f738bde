"""What nearly all messages are is read the short way, and comes out as it does the long way."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synergy.ports import message
from synergy.ports.message import NotUnderstood, body_of, text_of

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
