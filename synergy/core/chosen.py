"""Intervals of one process that a request is about one by one, as its row keeps them.

A request names a range and which of it are meant (all, the failed, the skipped). What was chosen in
another way, by a search, say, is spelled out in its details: timeperiods and ranges of them, both
ends included, as in `2026080100-2026080123,2026110507`; and how many they are, for sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from synergy.core.bounded import Json
from synergy.core.timeperiod import Qualifier, Timeperiod, parse

#: Names of the details.
INTERVALS: Final = 'intervals'
INTERVAL_COUNT: Final = 'interval_count'
#: Stretches of intervals side by side that one request may consist of.
STRETCHES_MAX: Final = 2_000


def chosen_details(qualifier: Qualifier, runs: Sequence[range]) -> Mapping[str, Json]:
    """Return the details of a request about these ordinals. runs: in order, apart, not empty."""
    spelled = []
    for run in runs:
        first, last = Timeperiod(qualifier, run.start), Timeperiod(qualifier, run.stop - 1)
        spelled.append(str(first) if first == last else f'{first}-{last}')
    return {INTERVALS: ','.join(spelled), INTERVAL_COUNT: sum(map(len, runs))}


def chosen_of(details: Mapping[str, Json], qualifier: Qualifier) -> Sequence[range] | None:
    """Return the ordinals that details spell out; None where they do not.

    Raises ValueError, whose message says which part cannot be read.
    """
    text = details.get(INTERVALS)
    return None if text is None else read_intervals(str(text), qualifier)


def read_intervals(text: str, qualifier: Qualifier) -> Sequence[range]:
    """Return the ordinals that a text spells out, in order and apart; raise ValueError."""
    parts = [part.strip() for part in text.split(',') if part.strip()]
    if not 1 <= len(parts) <= STRETCHES_MAX:
        raise ValueError(
            f'{len(parts):,} timeperiods or ranges of them; give 1 to {STRETCHES_MAX:,}'
        )
    runs: list[range] = []
    for part in parts:
        first, dash, last = part.partition('-')
        start = parse(qualifier, first.strip()).ordinal
        stop = parse(qualifier, (last if dash else first).strip()).ordinal + 1
        if stop <= start:
            raise ValueError(f'the range {part:.40} is upside down; swap its two ends')
        runs.append(range(start, stop))
    return stretches(runs)


def stretches(runs: Sequence[range]) -> list[range]:
    """Return ranges in order, with those that touch or overlap made one."""
    merged: list[range] = []
    for run in sorted(runs, key=_start):
        if merged and run.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, run.stop))
        else:
            merged.append(run)
    return merged


def common(runs: Sequence[range], others: Sequence[range]) -> list[range]:
    """Return what two sets have in common. runs, others: in order, and apart within each set."""
    found: list[range] = []
    at = other_at = 0
    while at < len(runs) and other_at < len(others):
        run, other = runs[at], others[other_at]
        both = range(max(run.start, other.start), min(run.stop, other.stop))
        if both:
            found.append(both)
        if run.stop < other.stop:
            at += 1
        else:
            other_at += 1
    return found


def _start(run: range) -> int:
    return run.start
