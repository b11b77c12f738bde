"""Which requests are offered about many jobs at once: one table, by how the jobs stand.

A button that could only be refused misleads: what is skipped already cannot be skipped. So each
request is offered where it helps some of the jobs, and says how many of them it would change.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeAlias

from synergy.core.commands import CommandKind, Only
from synergy.core.records import ProcessName
from synergy.core.states import FINAL_JOB_STATES, JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.view.conditions import (
    FAILED,
    FINAL_RUN,
    HELD,
    NOOP,
    PROCESSED,
    QUEUED,
    REPORTED,
    RESTING,
    RETRYING,
    RUNNING,
    SKIPPED,
    Looking,
    condition_under_way,
)
from synergy.view.standing import Wanted

#: How many jobs stand how. Those that have not begun are embryos, whatever they wait for.
Standings: TypeAlias = Mapping[Wanted, int]

_LIVE: Final = frozenset({RUNNING, FINAL_RUN, QUEUED, RETRYING})
_STOPPED: Final = frozenset({HELD, FAILED, SKIPPED})


class _Rule(Struct, frozen=True, kw_only=True):
    """When a request is offered. helps: jobs of which one is enough. changes: all that it changes.

    is_alone: not beside jobs that it does not help, for these it would change to no good.
    """

    helps: Collection[Wanted]
    changes: Collection[Wanted]
    is_alone: bool = False


#: In the order in which they are offered, the likeliest to help first.
_RULES: Final[Mapping[CommandKind, _Rule]] = {
    CommandKind.REPROCESS: _Rule(
        helps=_STOPPED | {PROCESSED, NOOP},
        changes=_STOPPED | _LIVE | {PROCESSED, NOOP, REPORTED, RESTING},
    ),
    CommandKind.CANCEL: _Rule(helps=_LIVE, changes=_LIVE | {REPORTED, RESTING, HELD}),
    CommandKind.SKIP: _Rule(
        helps={JobState.EMBRYO, RESTING, HELD},
        changes=_LIVE | {JobState.EMBRYO, RESTING, HELD, REPORTED},
    ),
    # Of what is done it would make all that waits for it run again.
    CommandKind.MARK_DONE: _Rule(helps=_STOPPED, changes=_STOPPED, is_alone=True),
}

#: How the jobs may stand that a request is about which names only the failed ones, say.
_MEANT: Final[Mapping[Only, Collection[Wanted]]] = {
    Only.ALL: {JobState.EMBRYO, HELD, PROCESSED},
    Only.FAILED: {HELD, FAILED},
    Only.SKIPPED: {FAILED, SKIPPED},
}


class Offer(Struct, frozen=True):
    """A request that is offered. count: how many of the jobs it changes."""

    kind: CommandKind
    count: int


def offers(standings: Standings) -> Sequence[Offer]:
    """Return what is offered about jobs that stand like this, the likeliest to help first."""
    found = {standing for standing, count in standings.items() if count > 0}
    return [
        Offer(kind, sum(standings.get(standing, 0) for standing in rule.changes))
        for kind, rule in _RULES.items()
        if found & set(rule.helps) and not (rule.is_alone and found - set(rule.helps))
    ]


def is_offered(kind: CommandKind, only: Only) -> bool:
    """Tell whether a request may help jobs of which no more is known than which are meant."""
    return kind in {offer.kind for offer in offers(dict.fromkeys(_MEANT[only], 1))}


def standings_of(looking: Looking, process: ProcessName, runs: Sequence[range]) -> Standings:
    """Return how the jobs of a process stand. runs: their ordinals, in order; all have begun.

    `looking` knows the failed ones. Cost: searches in bytes, and the open and failed jobs.
    """
    timetable = looking.timetable

    def count_in(state: JobState) -> int:
        return sum(len(part) for run in runs for part in timetable.runs_in(process, run, {state}))

    by_state = {state: count_in(state) for state in FINAL_JOB_STATES}
    skipped = by_state[JobState.SKIPPED]
    failed = sum(
        timetable.state(_key(looking, process, ordinal)) is JobState.SKIPPED
        for ordinal in looking.failed.get(process, ())
        if is_within(runs, ordinal)
    )
    found: Counter[Wanted] = Counter(
        condition_under_way(looking.runs, job)
        for job in timetable.open_jobs_of(process)
        if job.state.is_running and is_within(runs, job.timeperiod.ordinal)
    )
    left_out = sum(len(part) for run in runs for part in timetable.left_out_runs(process, run))
    begun = found.total() + sum(by_state.values()) + left_out
    found[JobState.EMBRYO] = sum(map(len, runs)) - begun
    found[PROCESSED], found[NOOP] = by_state[JobState.PROCESSED], by_state[JobState.NOOP]
    found[FAILED], found[SKIPPED] = failed, skipped - failed
    return +found


def is_within(runs: Sequence[range], ordinal: int) -> bool:
    """Tell whether an ordinal is in one of `runs`, which are in order and apart."""
    at = bisect_right(runs, ordinal, key=_start)
    return at > 0 and ordinal in runs[at - 1]


def _start(run: range) -> int:
    return run.start


def _key(looking: Looking, process: ProcessName, ordinal: int) -> JobKey:
    qualifier = looking.timetable.hierarchy.nodes[process].process.qualifier
    return JobKey(process, Timeperiod(qualifier, ordinal))
