"""Why does this job wait? From the job down to the root, by the Scheduler's own decision function.

An answer is a list of causes, each with its depth: a cause at depth n + 1 is why the one above it
at depth n stands where it stands. The text says what is; what would change it is the cause's
action. Where a unit waits for a worker, what the boxes report is followed, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.changed_levels import left_out
from synergy.core.leader_standing import advice
from synergy.core.leaving_out import left_out_by
from synergy.core.letter_groups import folded_once
from synergy.core.node import Node
from synergy.core.overrides import off_text
from synergy.core.readiness import Culprit, CulpritKind, Window, readiness
from synergy.core.records import ProcessName
from synergy.core.states import Due, JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable
from synergy.ports.store import JobFilter, Reader
from synergy.view.cause import (
    Action,
    Cause,
    CauseKind,
    run_again,
    run_failed_again,
    why_command,
)
from synergy.view.conditions import BY_STATE, FAILED
from synergy.view.lateness import due_cause
from synergy.view.past_store import is_past
from synergy.view.question import Question
from synergy.view.skipped import skipped_of
from synergy.view.troubles import isolation_text, standing_of
from synergy.view.whole import all_jobs
from synergy.view.why_held import with_holds
from synergy.view.why_ready import off, paused_cause, ready
from synergy.view.why_started import under_way
from synergy.view.words import at

#: Causes of one answer; more would not be read. Of a longer one its beginning and roots are shown.
CAUSES_MAX: Final = 50
#: How many of them may be roots: causes that nothing further is behind.
ROOTS_SHOWN_MAX: Final = 10
#: Jobs that are looked at for one answer: chains of trees may be as long.
JOBS_MAX: Final = 5_000
#: Kinds of errors of one range of which a job is followed beside the first one waited for.
FAILED_SHOWN_MAX: Final = 5


def explain(
    timetable: Timetable,
    store: Reader,
    key: JobKey,
    now: datetime,
    vanished_after: timedelta,
    jobs_max: int = JOBS_MAX,
) -> Sequence[Cause]:
    """Return why the job `key` stands where it stands, causes of causes after each.

    A long chain is followed to its root all the same; what is left out in between is counted.
    """
    refused = left_out(timetable.hierarchy, store.led_context())
    standing = standing_of(store, store.leadership(), store.store_now())
    question = Question(timetable, store, now, vanished_after, refused, standing)
    causes: list[Cause] = []
    seen: set[JobKey] = set()
    to_explain: list[tuple[int, JobKey]] = [(0, key)]
    while to_explain and len(seen) < jobs_max:
        depth, current = to_explain.pop()
        if current in seen:
            continue
        seen.add(current)
        found, waited_for = _look_at(question, current)
        found = _with_isolation(question, current, with_holds(question, current, found))
        if depth == 0 and (due := due_cause(timetable, key, now)) is not None:
            found.append(due)
        causes += [replace(cause, depth=depth) for cause in found]
        to_explain += [(depth + 1, other) for other in reversed(waited_for)]
    if to_explain:
        depth, following = to_explain[-1]
        text = f'{len(seen)} jobs were looked at; ask on from here: {why_command(following)}'
        causes.append(Cause(key=following, kind=CauseKind.CUT, text=text, depth=depth))
    if is_past(store):
        # Nothing helps any more.
        causes = [replace(cause, action=None) for cause in causes]
    return _shortened(causes)


def _shortened(causes: list[Cause]) -> list[Cause]:
    """Return the beginning of a long answer, what is left out, and what is at the root of it."""
    if len(causes) <= CAUSES_MAX:
        return causes
    shown = causes[: CAUSES_MAX - ROOTS_SHOWN_MAX - 1]
    rest = causes[len(shown) :]
    roots = [
        cause
        for cause, after in zip(rest, [*rest[1:], None], strict=True)
        if after is None or after.depth <= cause.depth
    ][-ROOTS_SHOWN_MAX:]
    left_out = len(rest) - len(roots)
    if not left_out:
        return causes
    text = f'{left_out} more causes are left out here; the first: {why_command(rest[0].key)}'
    cut = Cause(key=rest[0].key, kind=CauseKind.CUT, text=text, depth=rest[0].depth)
    return [*shown, cut, *roots]


def _look_at(question: Question, key: JobKey) -> tuple[list[Cause], list[JobKey]]:
    """Return what is to be said of one job, and the jobs that it waits for."""
    timetable = question.timetable
    node = timetable.hierarchy.nodes[key.process]
    state = timetable.state(key)
    if state is None:
        return [_unborn(question, node, key)], []
    if key.process in question.refused:
        text = str(question.refused[key.process])
        return [Cause(key=key, kind=CauseKind.LEFT_OUT, text=text)], []
    if state.is_final:
        return [_ended(question, key, state)], []
    job = timetable.open_job(key)
    if job is not None and job.state.is_running:
        machine = timetable.hierarchy.machine(key.process)
        if job.uow_id is None and job.state in machine.resting_states:
            rests = Cause(
                key=key,
                kind=CauseKind.RESTS,
                text=f'rests after run {job.run} until its trigger fires again',
                since=job.changed_at,
            )
            causes, waited_for = _not_started(question, node, key)
            return [rests, *causes], waited_for
        return list(under_way(question, job)), []
    return _not_started(question, node, key)


def _with_isolation(question: Question, key: JobKey, causes: list[Cause]) -> list[Cause]:
    """Say first that nothing is decided for a process, where something would be to decide."""
    isolated = question.standing.of(key.process)
    state = question.timetable.state(key)
    if isolated is None or state is None or state.is_final:
        return causes
    cause = Cause(
        key=key,
        kind=CauseKind.ISOLATED,
        text=f'{key.process} is isolated since {at(isolated.since, question.now)}: '
        f'{isolated.reason}. {isolation_text(isolated, question.now)} {advice(isolated.subject)}',
        since=isolated.since,
        expected_at=isolated.next_at,
    )
    return [cause, *(item for item in causes if item.kind is not CauseKind.READY)]


def _unborn(question: Question, node: Node, key: JobKey) -> Cause:
    """Return why there is no such job: not yet, or never."""
    ordinal = key.timeperiod.ordinal
    if ordinal < node.first or (node.until is not None and ordinal >= node.until):
        text = f'is outside its tree {node.tree.name!r}: there will be no such job'
        return Cause(key=key, kind=CauseKind.OUTSIDE, text=text)
    begins = node.calendar.start(key.timeperiod)
    return Cause(
        key=key,
        kind=CauseKind.NOT_OVER,
        text=f'its interval begins at {at(begins, question.now, node.calendar.zone)}',
        expected_at=question.timetable.hierarchy.over_at(node, ordinal),
    )


def _ended(question: Question, key: JobKey, state: JobState) -> Cause:
    """Return how a job in a final state came to it."""
    if question.timetable.is_left_out(key):
        hierarchy = question.timetable.hierarchy
        by = left_out_by(hierarchy, hierarchy.nodes[key.process], key.timeperiod.ordinal)
        text = f'is left out {by}; there is nothing to do'
        return Cause(key=key, kind=CauseKind.ENDED, text=text)
    job = question.store.jobs([key]).get(key)
    reason = f': {job.reason}' if job is not None and job.reason else ''
    since = None if job is None else job.changed_at
    told = '' if since is None else f' since {at(since, question.now)}'
    has_failed = state is JobState.SKIPPED and job is not None and job.failure_count > 0
    skipped = skipped_of(question.timetable, key)
    below = '' if skipped is None else f', {skipped} ({skipped.node.process.name})'
    return Cause(
        key=key,
        kind=CauseKind.FAILED if has_failed else CauseKind.ENDED,
        text=f'is {FAILED.word if has_failed else BY_STATE[state].word}{below}{told}{reason}',
        since=since,
        action=run_again(key) if state is JobState.SKIPPED else None,
    )


def _not_started(question: Question, node: Node, key: JobKey) -> tuple[list[Cause], list[JobKey]]:
    found = readiness(question.timetable, key, question.now)
    match found.due:
        case Due.READY:
            return ready(question, node, key)
        case Due.DOOMED:
            culprit = found.culprits[0]
            text = f'will be skipped: {culprit.kind.value} {culprit.key}'
            return [Cause(key=key, kind=CauseKind.DOOMED, text=text)], [culprit.key]
    causes: list[Cause] = []
    waited_for: list[JobKey] = []
    for culprit in found.culprits:
        if culprit.kind is CulpritKind.NOT_OVER:
            assert culprit.at is not None
            begin = at(culprit.at, question.now, node.calendar.zone)
            text = f'its interval is open; it may start at {begin}'
            causes.append(
                Cause(key=key, kind=CauseKind.NOT_OVER, text=text, expected_at=culprit.at)
            )
        else:
            cause, others = _waits(question, node, key, culprit)
            causes.append(cause)
            waited_for += [culprit.key, *others]
    if not node.process.is_on:
        causes.append(off(key, node, off_text(node.process)))
    if (paused := paused_cause(question, key)) is not None:
        causes.append(paused)
    return causes, waited_for


def _part(question: Question, window: Window | None) -> str:
    """Return how much there is where a part will do: `; 20 of at least 22 are done`."""
    if window is None:
        return ''
    told = f'; {window.done:,} of at least {window.at_least:,} are done'
    if window.give_up_at > question.now:
        told += f', and what is missing is given up at {at(window.give_up_at, question.now)}'
    return told


def _waits(
    question: Question, node: Node, key: JobKey, culprit: Culprit
) -> tuple[Cause, Sequence[JobKey]]:
    """Return that a job waits for a range of others, and which of them have failed besides."""
    hierarchy, source = question.timetable.hierarchy, culprit.key.process
    state = question.word_of(culprit.key)
    assert culprit.source is not None, 'it is not about the interval itself'
    ordinals = hierarchy.input_range(node, culprit.source, key.timeperiod.ordinal)
    more = question.timetable.pending_count(source, ordinals) - 1
    others = f' and {more} more of {len(ordinals)}' if more else ''
    failed = _held_among(question, source, ordinals)
    told, action = _failed_together(question, source, ordinals) if failed else ('', None)
    kinds = _by_error(question, failed)
    if len(failed) > 1:
        told += f', {_alike(kinds)}'
    over_at = hierarchy.over_at(node, key.timeperiod.ordinal)
    told = f'{_part(question, culprit.window)}{told}'
    cause = Cause(
        key=key,
        kind=CauseKind.WAITS_FOR,
        text=f'waits for {culprit.kind.value} {culprit.key} ({state}){others}{told}',
        since=over_at if over_at <= question.now else None,
        action=action,
    )
    told_of = next((kind for kind in kinds if culprit.key in kind), ())
    return cause, [kind[0] for kind in kinds if kind is not told_of][:FAILED_SHOWN_MAX]


def _by_error(question: Question, failed: Sequence[JobKey]) -> Sequence[Sequence[JobKey]]:
    """Return failed jobs by what is wrong with them: one of each kind stands for the others."""
    found: dict[str, list[JobKey]] = {}
    for key in failed:
        job = question.timetable.open_job(key)
        found.setdefault(folded_once(job.reason if job else None), []).append(key)
    return list(found.values())


def _alike(kinds: Sequence[Sequence[JobKey]]) -> str:
    if len(kinds) == 1:
        return 'with the same error but for digits'
    return f'with {len(kinds)} different errors, one of each follows'


def _held_among(question: Question, process: ProcessName, ordinals: range) -> Sequence[JobKey]:
    return sorted(
        job.key
        for job in question.timetable.open_jobs_of(process)
        if job.is_held and job.timeperiod.ordinal in ordinals
    )


def _failed_together(
    question: Question, process: ProcessName, ordinals: range
) -> tuple[str, Action | None]:
    """Return how many of a range have failed, skipped ones included, and what helps all of them.

    The same jobs that a reprocess of only the failed ones is about; one alone speaks for itself.
    """
    qualifier = question.timetable.hierarchy.nodes[process].process.qualifier
    first, last = (Timeperiod(qualifier, item) for item in (ordinals[0], ordinals[-1]))
    where = JobFilter(
        processes=(process,), start=str(first), end=str(last.shift(1)), is_failed=True
    )
    count = sum(1 for _ in all_jobs(question.store, where))
    if count < 2:
        return '', None
    return (
        f'; {count} of the {len(ordinals)} failed',
        run_failed_again(process, first, last, count),
    )
