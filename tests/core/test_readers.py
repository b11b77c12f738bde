"""Readers of single values: what they take, and what they say to give instead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from synergy.cli.numbers import whole as whole_option
from synergy.core import readers
from synergy.core.freerun_record import Overlap
from synergy.core.readers import Reader

TAKEN: list[tuple[Reader[Any], object, object]] = [
    (readers.boolean, True, True),
    (readers.spelled_boolean, 'No', False),
    (readers.whole(1, 5), 5, 5),
    (readers.spelled(readers.whole(-5, 5)), '-5', -5),
    (readers.real(0.5, 2), 1, 1.0),
    (readers.spelled(readers.real(0.5, 2)), '.5e0', 0.5),
    (readers.duration('minutes', 0), 2.5, timedelta(seconds=150)),
    (readers.optional(readers.whole(1, 5)), None, None),
    (readers.text(0), '', ''),
    (readers.names, None, ()),
    (readers.names, ['a', 'b'], ('a', 'b')),
    (readers.spelled_names, ' a, ,b', ('a', 'b')),
    (readers.patterns, 'box-.*', ('box-.*',)),
    (readers.patterns, None, ()),
    (readers.one_of(('a', 'b')), 'b', 'b'),
    (readers.member(Overlap), 'allow', Overlap.ALLOW),
    (readers.json_object, {'depth': (1, 2)}, {'depth': [1, 2]}),
    (readers.umask, '027', 0o027),
    (readers.ip_address, '::1', '::1'),
    (readers.uri('sqlite'), 'sqlite:///a', 'sqlite:///a'),
]

REFUSED: list[tuple[Reader[Any], object, str]] = [
    (readers.boolean, 1, 'give true or false'),
    (readers.boolean, 'true', 'give true or false'),
    (readers.spelled_boolean, 'maybe', 'give true or false'),
    (readers.whole(1, 5000), 0, 'give a whole number from 1 to 5,000'),
    (readers.whole(1, 5), True, 'give a whole number from 1 to 5'),
    (readers.whole(1, 5), '3', 'give a whole number from 1 to 5'),
    (readers.whole(1, 5), 3.0, 'give a whole number from 1 to 5'),
    (readers.spelled(readers.whole(1, 5)), '3.0', 'give a whole number from 1 to 5'),
    (readers.spelled(readers.whole(1, 5)), '٣', 'give a whole number from 1 to 5'),
    (readers.real(0, 1), float('nan'), 'give a number from 0 to 1'),
    (readers.real(0, 1), float('inf'), 'give a number from 0 to 1'),
    (readers.duration('hours', 0.5), 0, 'give a number of hours from 0.5 to 1,000,000,000'),
    (readers.text(), '', 'give a text that is not empty'),
    (readers.text(most=2), 'abc', 'give a text of at most 2 characters'),
    (readers.text(), 'a\0', 'a text in it contains NUL, the character 0'),
    (readers.name, 'a b', 'give a name of letters, digits, and _ . -'),
    (readers.names, 'a', 'give a list of names'),
    (readers.patterns, 5, 'give a list of regular expressions'),
    (readers.one_of(('all', 'none')), 'al', "give one of all, none (did you mean 'all'?)"),
    (readers.one_of(('all', 'none')), 5, 'give one of all, none'),
    (readers.trigger, 60, 'give a text, as in "every 15 min"'),
    (readers.trigger, 'every 0', 'would fire without pause; give 1 second or more'),
    (readers.json_object, [1], 'is not a JSON object; give {"name": value}'),
    (readers.umask, '777', "give octal digits from '000' to '077', as in '027'"),
    (readers.uri('a', 'b'), 'c://x', 'give a URI that begins with a or b'),
]


@pytest.mark.parametrize(('read', 'value', 'expected'), TAKEN)
def test_a_reader_returns_what_a_value_means(
    read: Reader[Any], value: object, expected: object
) -> None:
    found = read(value)

    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(('read', 'value', 'expected'), REFUSED)
def test_a_reader_says_what_to_give_instead(
    read: Reader[Any], value: object, expected: str
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole message is compared
        read(value)

    assert str(refused.value) == expected


def test_every_wrong_pattern_is_named() -> None:
    with pytest.raises(ValueError, match=r"'\(' is not .*, 5 is not a regular expression"):
        readers.patterns(['(', 'a.*', 5])


def test_an_unknown_and_a_wrong_field_are_named_with_the_value() -> None:
    known: dict[str, Reader[Any]] = {'trigger': readers.trigger, 'count': readers.whole(1, 9)}

    with pytest.raises(ValueError, match=r"^unknown field 'triger' \(did you mean 'trigger'\?\)$"):
        readers.read_fields({'triger': 'every 60'}, known)
    with pytest.raises(ValueError, match=r'^count = 10: give a whole number from 1 to 9$'):
        readers.read_fields({'count': 10}, known)


def test_an_option_says_the_same_as_a_field() -> None:
    with pytest.raises(Exception, match=r"^'10': give a whole number from 1 to 9$"):
        whole_option(1, 9)('10')
