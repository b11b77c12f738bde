"""Filters in words: what is said of a list that they leave empty."""

from __future__ import annotations

import pytest

from synergy.view.words import filters_said, unmatched


@pytest.mark.parametrize(
    ('filters', 'said'),
    [
        ({}, ''),
        ({'process': None, 'error': ''}, ''),
        ({'process': 'SiteHourly', 'error': None}, "process 'SiteHourly'"),
        ({'process': 'P', 'error': 'away'}, "process 'P' and error 'away'"),
        ({'error': "it's"}, 'error "it\'s"'),
        ({'error': 'x' * 200}, "error '" + 'x' * 79),
    ],
)
def test_filters_are_said_as_they_were_set(filters: dict[str, object], said: str) -> None:
    assert filters_said(filters) == said
    assert unmatched('dead letter', filters) == (f'no dead letter matches {said}' if said else None)
