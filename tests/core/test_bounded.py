"""JSON from outside: bounded in length, depth, number and range, in linear time."""

from __future__ import annotations

import json
import math
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synergy.core.bounded import (
    ARGUMENTS,
    Bounds,
    OutOfBounds,
    check,
    copied,
    loads,
    shortened,
)

SMALL = Bounds(length=2000, depth=3, items=20)

REFUSED = {
    'not JSON': ('{', 'not JSON'),
    'empty': ('', 'not JSON'),
    'two values': ('{} {}', 'not JSON'),
    'deep lists': ('[' * 4 + ']' * 4, 'deeper than 3 levels'),
    'deep objects': ('{"a":' * 4 + '1' + '}' * 4, 'deeper than 3 levels'),
    'beyond the stack': ('[' * 1999, 'deeper than 3 levels'),
    'long': ('"' + 'x' * 2000 + '"', '2,002 characters; at most 2,000'),
    'many': (json.dumps([0] * 20), 'more than 20 values'),
    'long name': (json.dumps({'k' * 201: 1}), 'has 201 characters'),
    'NUL': ('"a\\u0000b"', 'NUL'),
    'NUL in a name': ('{"a\\u0000b": 1}', 'NUL'),
    'half a pair': ('"\\ud800"', 'half of a surrogate pair'),
    'half a pair in a name': ('{"\\udfff": 1}', 'half of a surrogate pair'),
    'NaN': ('[NaN]', 'NaN'),
    'Infinity': ('-Infinity', 'Infinity'),
    'beyond floats': ('1e999999', 'too great'),
    'wide': (f'[{2**256}]', 'more than 256 bits'),
    'many digits': (f'[{"9" * 1900}]', 'bits'),
    'a name twice': ('{"a": 1, "a": 2}', 'twice'),
    'a name twice within': ('[{"b": {}, "b": 2}]', 'twice'),
}


@pytest.mark.parametrize(('text', 'why'), REFUSED.values(), ids=REFUSED)
def test_what_is_out_of_bounds_is_refused_with_the_reason(text: str, why: str) -> None:
    for given_text in (text, text.encode()):
        with pytest.raises(OutOfBounds, match=why.replace('characters', '(characters|bytes)')):
            loads(given_text, SMALL)


@pytest.mark.parametrize(
    'body', [b'\xff\xfe[\x00', b'"\xed\xa0\x80"', b'\x1f\x8b\x08gzip', '"ä"'.encode('latin-1')]
)
def test_bytes_that_are_not_utf8_are_refused(body: bytes) -> None:
    with pytest.raises(OutOfBounds, match='UTF-8'):
        loads(body, SMALL)


def test_a_number_beyond_the_limit_of_digits_is_refused() -> None:
    with pytest.raises(OutOfBounds, match='thousands of digits'):
        loads('9' * 5000, ARGUMENTS)
    with pytest.raises(OutOfBounds, match='written as JSON'):
        copied({'n': 10**5000}, ARGUMENTS)


def test_what_is_just_within_bounds_is_taken() -> None:
    assert loads('[[[1]]]', SMALL) == [[[1]]]
    assert loads(json.dumps([0] * 19), SMALL) == [0] * 19
    assert loads(json.dumps({'k' * 200: '\U0001f600'}), SMALL) == {'k' * 200: '\U0001f600'}
    assert loads(str(2**256 - 1), SMALL) == 2**256 - 1
    assert loads('"' + 'x' * 1998 + '"', SMALL) == 'x' * 1998


def test_what_python_holds_is_copied_as_json_sees_it() -> None:
    assert copied({'a': (1, 2), 'b': None}, SMALL) == {'a': [1, 2], 'b': None}
    circle: list[object] = []
    circle.append(circle)
    for value in (circle, {'a': {1, 2}}, [math.nan], ['\ud800'], {'a': object()}):
        with pytest.raises(OutOfBounds):
            copied(value, SMALL)


def test_a_value_that_is_too_deep_for_the_stack_is_looked_through() -> None:
    value: object = 1
    for _ in range(100_000):
        value = [value]

    with pytest.raises(OutOfBounds, match='deeper'):
        check(value, SMALL)
    with pytest.raises(OutOfBounds, match='deeper'):
        copied(value, SMALL)


def test_the_worst_text_of_full_length_costs_milliseconds() -> None:
    for text in ('[' * 65536, '"' + '\\"' * 32767, '{"a":' * 13107, '[' + '0,' * 32767 + '0]'):
        began = time.process_time()
        with pytest.raises(OutOfBounds):
            loads(text, ARGUMENTS)
        assert time.process_time() - began < 0.5


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-(2**255), 2**255) | st.floats(allow_nan=False,
    allow_infinity=False) | st.text(alphabet=st.characters(exclude_categories=['Cs'],
    exclude_characters='\0'), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.text(alphabet='abc', max_size=5), inner, max_size=4),
    max_leaves=30,
))  # fmt: skip
def test_whatever_is_within_bounds_comes_back_as_it_was(value: object) -> None:
    assert loads(json.dumps(value), Bounds(length=100_000, depth=40)) == value


@given(st.text(max_size=60) | st.binary(max_size=60))
@pytest.mark.heavy
def test_any_text_is_either_taken_or_refused(text: str | bytes) -> None:
    with suppress(OutOfBounds):  # Anything else would fail the test.
        loads(text, SMALL)


@pytest.mark.parametrize(
    'value',
    ['x' * 10**6, b'\xff' * 10**6, 10**5000, [1] * 10**6, None, -1],
    ids=['text', 'bytes', 'number', 'list', 'none', 'small'],
)
def test_any_value_is_shown_in_a_short_text(value: object) -> None:
    assert len(shortened(value)) <= 100
