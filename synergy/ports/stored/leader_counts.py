"""What leaders have counted, as a JSON text of some hundred bytes for each process."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from synergy.core.bounded import ROW, loads
from synergy.core.leader_counts import (
    BATCH_BOUNDS,
    RUN_BOUNDS,
    LeaderCounts,
    Outcome,
    RunCounts,
    Times,
)

#: What the places mean; counts of other places begin at nothing again.
_MEANING: Final = [[item.word for item in Outcome], list(RUN_BOUNDS), list(BATCH_BOUNDS)]


def encode(counts: LeaderCounts) -> str:
    """Return counts as text."""
    said = {
        'meaning': _MEANING,
        'runs': {
            label: [item.outcomes, *_encoded(item.took)] for label, item in counts.runs.items()
        },
        'batches': _encoded(counts.batches),
        'commits': _encoded(counts.commits),
        'refused': counts.refused,
    }
    return json.dumps(said, separators=(',', ':'))


def decode(text: str | None) -> LeaderCounts:
    """Return the counts of a text; nothing is counted in one that somebody else has written."""
    counts = LeaderCounts()
    try:
        said = cast('Mapping[str, Any]', loads(text or '{}', ROW))
        if said.get('meaning') != _MEANING:
            return counts
        runs = {}
        for label, (outcomes, *took) in said['runs'].items():
            runs[label] = found = RunCounts()
            found.outcomes = _wholes(outcomes, len(Outcome))
            _decode(found.took, took)
        _decode(counts.batches, said['batches'])
        _decode(counts.commits, said['commits'])
        (counts.refused,) = _wholes([said['refused']], 1)
        counts.runs = runs
    except (ValueError, TypeError, KeyError, AttributeError):
        return LeaderCounts()
    return counts


def _encoded(times: Times) -> list[object]:
    return [times.counts, round(times.millis, 3)]


def _decode(times: Times, said: Sequence[Any]) -> None:
    counts, millis = said
    if isinstance(millis, bool) or not isinstance(millis, int | float) or not millis >= 0:
        raise ValueError(f'a sum is {millis!r:.40}')
    times.counts, times.millis = _wholes(counts, len(times.counts)), float(millis)


def _wholes(said: Sequence[Any], length: int) -> list[int]:
    if (
        not isinstance(said, list)
        or len(said) != length
        or not all(type(item) is int and item >= 0 for item in said)
    ):
        raise ValueError('a row of counts is not one')
    return list(said)
