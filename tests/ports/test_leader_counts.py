"""Counts as text: back as they were, and nothing from a text that somebody else has written."""

from __future__ import annotations

import json

import pytest

from synergy.core.leader_counts import LeaderCounts, Outcome
from synergy.ports.stored.leader_counts import decode, encode

COUNTS = LeaderCounts()
COUNTS.ended('SiteHourly', Outcome.PROCESSED, 0.1)
COUNTS.ended('SiteHourly', Outcome.FAILED, 1e9)
COUNTS.ended('other', Outcome.LOST, -1.0)
COUNTS.batches.add(0.0123)
COUNTS.refused = 7
SAID = json.loads(encode(COUNTS))


def test_counts_come_back_as_they_were() -> None:
    found = decode(encode(COUNTS))

    assert encode(found) == encode(COUNTS)
    assert found.runs['SiteHourly'].outcomes == [1, 0, 0, 1, 0]
    assert found.runs['SiteHourly'].took.counts == [1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert found.runs['other'].took.counts == [0] * 9


@pytest.mark.parametrize(
    'text',
    [
        None,
        '',
        '[]',
        '7',
        'nonsense',
        json.dumps({**SAID, 'meaning': 'another'}),
        json.dumps({**SAID, 'refused': -1}),
        json.dumps({**SAID, 'refused': True}),
        json.dumps({**SAID, 'runs': {'x': [[1, 2], [1], 2.0]}}),
        json.dumps({**SAID, 'runs': []}),
        json.dumps({**SAID, 'batches': [[0] * 10, 'x']}),
        json.dumps({**SAID, 'commits': None}),
        '{"meaning": ' + '[' * 9999,
    ],
)
def test_what_cannot_be_read_counts_nothing(text: str | None) -> None:
    assert encode(decode(text)) == encode(LeaderCounts())
