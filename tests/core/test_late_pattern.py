"""Patterns that are compiled when they are first used."""

from __future__ import annotations

import importlib
import re

import pytest

from synergy.bootstrap import PROJECT
from synergy.core.late_pattern import _LatePattern, late_pattern


def test_it_is_used_like_a_pattern_and_compiled_once() -> None:
    late, plain = late_pattern('(A)b|c', re.I), re.compile('(A)b|c', re.I)

    assert late.__dict__.keys() == {'_arguments'}
    for _ in range(2):
        assert late.sub('-', 'xaBC') == plain.sub('-', 'xaBC') == 'x--'
        assert [found.span() for found in late.finditer('abC')] == [(0, 2), (2, 3)]
        assert late.fullmatch('abx') is None
    assert (late.pattern, late.flags) == (plain.pattern, plain.flags)
    assert late.__dict__.keys() > {'sub', 'finditer'}


def test_a_mistake_shows_on_use() -> None:
    late = late_pattern('(')

    with pytest.raises(re.error, match='unterminated'):
        late.match('')


def test_all_that_there_are_can_be_compiled() -> None:
    users = [
        file.stem
        for file in (PROJECT / 'synergy' / 'core').glob('*.py')
        if ' = late_pattern(' in file.read_text()
    ]
    found = [
        value
        for name in users
        for value in vars(importlib.import_module(f'synergy.core.{name}')).values()
        if isinstance(value, _LatePattern)
    ]

    assert len(found) > 50
    assert all(re.compile(late.pattern, late.flags) for late in found)
