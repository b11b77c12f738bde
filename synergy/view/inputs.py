"""What one interval waits for: each input resolved, what it still lacks, in words and as JSON.

One place for the command line, the API, the pages and the check of a context.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, TypedDict

from synergy.core.hierarchy import Hierarchy
from synergy.core.leaving_out import left_out_by
from synergy.core.node import Input, InputKind, Node
from synergy.core.readiness import Window, is_enough, window_of
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.working import first_working, left_out
from synergy.view.conditions import Condition, Looking, condition_of
from synergy.view.why_documents import At, ProcessText, TimeperiodText
from synergy.view.words import at, span

NESTED: Final = 'nested'
DEPENDENCY: Final = 'dependency'
DECLARED: Final = 'declared'
#: Intervals of one input that are asked how they stand.
LOOKED_AT_MAX: Final = 1_000
#: Intervals before one that a calendar leaves out: weeks of the finest level, decades of days.
_LOOKED_AROUND: Final = 30_000


class ResolvedInput(Struct, frozen=True, kw_only=True):
    """One input of one interval. ordinals: of `other`, which it waits for; kind: a word."""

    source: Input
    other: Node
    kind: str
    ordinals: range

    @property
    def first(self) -> JobKey | None:
        """Return the first interval that is waited for; None: there is none."""
        return self._key(0)

    @property
    def last(self) -> JobKey | None:
        """Return the last interval that is waited for."""
        return self._key(-1)

    @property
    def said(self) -> str:
        """Return what was said of it in words, besides of which process; '' for nothing."""
        return terms(self.source)

    def _key(self, place: int) -> JobKey | None:
        if not self.ordinals:
            return None
        timeperiod = Timeperiod(self.other.process.qualifier, self.ordinals[place])
        return JobKey(self.source.process, timeperiod)


class InputStanding(Struct, frozen=True, kw_only=True):
    """How an input stands. pending: intervals that have not ended; skipped: that were left out.

    conditions: how many of the pending ones, of the first LOOKED_AT_MAX, stand how. window: where
    a part will do. lacks: all of that in words.
    """

    resolved: ResolvedInput
    pending: int
    skipped: int
    conditions: Mapping[Condition, int]
    window: Window | None
    is_enough: bool
    lacks: str


class InputTermsDocument(TypedDict):
    """What was said of an input, by the names of wait_for()."""

    offset: int
    last: int | None
    at_least: int | None
    give_up_after_minutes: float
    late: Annotated[str, 'rerun or ignore: what comes after it ran without']
    order_only: Annotated[bool, 'what runs again there does not run it again']


class ResolvedInputDocument(TypedDict):
    """One input of one interval: which intervals of which process."""

    process: ProcessText
    kind: Annotated[str, 'nested, dependency (of its tree) or declared (by its entry)']
    first: Annotated[TimeperiodText | None, 'null: there is nothing to wait for']
    last: TimeperiodText | None
    count: int
    terms: InputTermsDocument
    text: Annotated[str, 'the terms in words; empty: all are waited for, and nothing else is said']


class SampleDocument(TypedDict):
    """What one interval of a process waits for."""

    process: ProcessText
    timeperiod: TimeperiodText
    inputs: list[ResolvedInputDocument]


class JobInputDocument(ResolvedInputDocument):
    """One input of one interval, and how it stands."""

    pending: Annotated[int, 'have not ended']
    skipped: int
    conditions: Annotated[dict[str, int], 'how the pending ones stand, at most 1,000 of them']
    done: Annotated[int | None, 'where a part will do: how many have ended well']
    give_up_at: Annotated[At | None, 'where a part will do: from when on it will']
    is_enough: Annotated[bool, 'nothing of it is waited for']
    lacks: Annotated[str, 'what is still waited for, in words']


class InputsDocument(TypedDict):
    """What a job waits for, and what it still lacks."""

    inputs: list[JobInputDocument]
    left_out: Annotated[str | None, 'by what it is left out, and so waits for nothing; null: not']


def resolved(hierarchy: Hierarchy, node: Node, ordinal: int) -> Sequence[ResolvedInput]:
    """Return the inputs of one interval, in the order in which they are looked at."""
    return [
        ResolvedInput(
            source=source,
            other=hierarchy.nodes[source.process],
            kind=kind_of(node, source),
            ordinals=hierarchy.input_range(node, source, ordinal),
        )
        for source in node.inputs
    ]


def standings(looking: Looking, node: Node, ordinal: int) -> Sequence[InputStanding]:
    """Return the inputs of one interval and how each stands."""
    found = resolved(looking.timetable.hierarchy, node, ordinal)
    reason = _left_out(looking, node, ordinal)
    if reason is None:
        return [_standing(looking, node, ordinal, item) for item in found]
    lacks = f'nothing: it is left out {reason}, and does not run'
    return [
        replace(_standing(looking, node, ordinal, item), is_enough=True, lacks=lacks)
        for item in found
    ]


def encode_inputs(looking: Looking, node: Node, ordinal: int) -> InputsDocument:
    """Return what one interval waits for, as it is sent."""
    return {
        'inputs': [encode_standing(item) for item in standings(looking, node, ordinal)],
        'left_out': _left_out(looking, node, ordinal),
    }


def samples(hierarchy: Hierarchy, now: datetime) -> Sequence[SampleDocument]:
    """Return of each process that waits for something for what one interval does.

    The last one that is over; of what has just begun the first. None that a calendar leaves out,
    if there is another nearby.
    """
    found: list[SampleDocument] = []
    for node in hierarchy:
        if node.inputs:
            ordinal = working_near(node, max(hierarchy.over_until(node, now) - 1, node.first))
            found.append(
                {
                    'process': node.process.name,
                    'timeperiod': str(hierarchy.timeperiod(node, ordinal)),
                    'inputs': [
                        encode_resolved(item) for item in resolved(hierarchy, node, ordinal)
                    ],
                }
            )
    return found


def working_near(node: Node, ordinal: int) -> int:
    """Return the last interval until `ordinal` that no calendar leaves out, else one after it."""
    process = node.process
    if process.working is None:
        return ordinal
    start = max(ordinal - _LOOKED_AROUND + 1, node.first)
    before = left_out(node.calendar, process.working, process.qualifier, range(start, ordinal + 1))
    if (place := before.rfind(b'\0')) >= 0:
        return start + place
    after = first_working(node.calendar, process.working, process.qualifier, ordinal)
    return after if node.until is None or after < node.until else ordinal


def terms(source: Input) -> str:
    """Return in words what was said of an input, besides of which process; '' for nothing."""
    said = []
    if source.offset:
        count, where = abs(source.offset), 'before' if source.offset < 0 else 'after'
        places = '' if count == 1 else f'{count:,} places '
        said.append(f'as for the interval {places}{where}')
    if source.last is not None:
        said.append(f'the last {source.last:,} that end there')
    if source.at_least is not None:
        when = 'is over'
        if source.give_up_after:
            when = f'has been over for {span(source.give_up_after)}'
        said.append(f'at least {source.at_least:,} will do once its interval {when}')
        if not source.is_order_only:
            ignored = source.is_late_ignored
            said.append(f'late ones {"are ignored" if ignored else "let it run again"}')
    if source.is_order_only:
        said.append('for the order alone')
    return ', '.join(said)


def encode_resolved(item: ResolvedInput) -> ResolvedInputDocument:
    """Return which intervals an input means."""
    source, first, last = item.source, item.first, item.last
    return {
        'process': source.process,
        'kind': item.kind,
        'first': None if first is None else str(first.timeperiod),
        'last': None if last is None else str(last.timeperiod),
        'count': len(item.ordinals),
        'terms': {
            'offset': source.offset,
            'last': source.last,
            'at_least': source.at_least,
            'give_up_after_minutes': source.give_up_after.total_seconds() / 60,
            'late': 'ignore' if source.is_late_ignored else 'rerun',
            'order_only': source.is_order_only,
        },
        'text': terms(source),
    }


def which(item: ResolvedInputDocument) -> str:
    """Return which intervals an input means: `SiteHourly 2026112200 to 2026112223 (24)`."""
    if item['first'] is None:
        return f'{item["process"]}: none, there are no such intervals'
    if item['count'] == 1:
        return f'{item["process"]} {item["first"]}'
    return f'{item["process"]} {item["first"]} to {item["last"]} ({item["count"]:,})'


def encode_standing(item: InputStanding) -> JobInputDocument:
    """Return an input and how it stands."""
    window = item.window
    return {
        **encode_resolved(item.resolved),
        'pending': item.pending,
        'skipped': item.skipped,
        'conditions': {condition.name: count for condition, count in item.conditions.items()},
        'done': None if window is None else window.done,
        'give_up_at': None
        if window is None
        else window.give_up_at.isoformat().replace('+00:00', 'Z'),
        'is_enough': item.is_enough,
        'lacks': item.lacks,
    }


def kind_of(node: Node, source: Input) -> str:
    """Return in a word where an input comes from."""
    if source.kind is InputKind.CHILDREN:
        return NESTED
    return DECLARED if source in node.process.inputs else DEPENDENCY


def _left_out(looking: Looking, node: Node, ordinal: int) -> str | None:
    """Return by what an interval is left out; None where it is not."""
    hierarchy = looking.timetable.hierarchy
    key = JobKey(node.process.name, hierarchy.timeperiod(node, ordinal))
    is_left_out = looking.timetable.is_left_out(key)
    return left_out_by(hierarchy, node, ordinal) if is_left_out else None


def _standing(looking: Looking, node: Node, ordinal: int, item: ResolvedInput) -> InputStanding:
    timetable, name, source = looking.timetable, item.source.process, item.source
    pending = timetable.pending_count(name, item.ordinals)
    skipped = timetable.skipped_count(name, item.ordinals)
    conditions = Counter(_pending(looking, item)) if pending else Counter()
    window = None
    if source.at_least is not None:
        window = window_of(timetable, node, source, ordinal)
    enough = not pending or (window is not None and is_enough(window, looking.now))
    total = len(item.ordinals)
    if not total:
        lacks = 'nothing: there are no such intervals'
    elif not pending:
        ended = 'it has ended' if total == 1 else f'all {total:,} have ended'
        lacks = f'nothing: {ended}{_skipped(skipped, total)}'
    else:
        said = ', '.join(f'{count:,} {condition.word}' for condition, count in conditions.items())
        more = ' of the first' if pending > LOOKED_AT_MAX else ''
        if window is None:
            ended = 'it has not ended' if total == 1 else f'{pending:,} of {total:,} have not ended'
        else:
            ended = _part(window, pending, looking.now, is_enough=enough)
        lacks = f'{ended}{_skipped(skipped, total)} ({said}{more})'
    return InputStanding(
        resolved=item, pending=pending, skipped=skipped, conditions=conditions,
        window=window, is_enough=enough, lacks=lacks,
    )  # fmt: skip


def _skipped(skipped: int, total: int) -> str:
    if not skipped:
        return ''
    return ', as skipped' if total == 1 else f', {skipped:,} of them skipped'


def _part(window: Window, pending: int, now: datetime, *, is_enough: bool) -> str:
    """Return `20 of at least 22 are done; the missing 4 are given up at ...`."""
    told = f'{window.done:,} of at least {window.at_least:,} are done'
    missing = 'the missing one is' if pending == 1 else f'the missing {pending:,} are'
    if window.rerun:
        again = 'one runs' if window.rerun == 1 else f'{window.rerun:,} run'
        return f'{told}; {again} again for a request, which is waited for'
    if is_enough:
        return f'enough: {told}; {missing} given up since {at(window.give_up_at, now)}'
    if now < window.give_up_at:
        return f'{told}; {missing} given up at {at(window.give_up_at, now)}'
    short = window.at_least - window.done
    return f'{told}; {missing} waited for until {short:,} more of them have come'


def _pending(looking: Looking, item: ResolvedInput) -> Iterator[Condition]:
    """Yield how what has not ended stands, as far as it is looked at."""
    timetable, name = looking.timetable, item.source.process
    qualifier = item.other.process.qualifier
    pending = timetable.first_pending(name, item.ordinals)
    for _ in range(LOOKED_AT_MAX):
        if pending is None:
            return
        yield condition_of(looking, item.other, JobKey(name, Timeperiod(qualifier, pending)))
        pending = timetable.first_pending(name, range(pending + 1, item.ordinals.stop))
