"""What a search means: `process:site* state:failed since:3d box:w2`, or one job by its name."""

from __future__ import annotations

import heapq
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from itertools import islice
from typing import Final

from synergy.conf.model import Context
from synergy.core.nearest import nearest
from synergy.core.node import Node
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Measure, Qualifier, Timeperiod, parse
from synergy.core.written_timeperiod import FORMS, UnreadTimeperiod, at_level, written
from synergy.mx.web.errors import Refused, wrong, wrong_cursor
from synergy.mx.web.request_context import RequestContext
from synergy.view.conditions import SOUGHT
from synergy.view.standing import ASKED, Wanted, looked_at

#: By what people write.
STATES: Final[Mapping[str, Wanted]] = {
    'embryo': JobState.EMBRYO,
    'processed': JobState.PROCESSED,
    'skipped': JobState.SKIPPED,
    'noop': JobState.NOOP,
    **SOUGHT,
}
#: Embryos that are asked whether they are blocked, the newest of all processes together; of one
#: process at least so many.
LOOKS_MAX: Final = 10_000
LOOKS_MIN: Final = 100
#: Processes that the search box offers; each page carries them.
COMPLETIONS_MAX: Final = 120
#: With `box:`, the runs of so many of the newest intervals that match the rest are looked at.
BOX_LOOKS_MAX: Final = 2_000
#: Digits of a timeperiod without the zeros that need not be typed.
_DIGITS: Final = {
    Measure.YEAR: 4,
    Measure.MONTH: 6,
    Measure.WEEK: 8,
    Measure.DAY: 8,
    Measure.HOUR: 10,
    Measure.MINUTE: 12,
}
_NAME_DIGITS: Final = 10
_KEYS: Final = ('process', 'state', 'since', 'box')
_SINCE: Final = re.compile(r'([0-9]{1,5})(min|h|d)')
_UNIT: Final = {'min': 'minutes', 'h': 'hours', 'd': 'days'}


class Query(Struct, frozen=True, kw_only=True):
    """What is looked for. process, box: patterns. since: earliest start of the interval.

    timeperiod: how its name begins. within: in which interval, of any level, it lies. box: where
    the last run was made.
    """

    process: str = '*'
    state: str | None = None
    since: datetime | Timeperiod | None = None
    timeperiod: str | None = None
    within: Timeperiod | None = None
    box: str | None = None

    @property
    def is_asked(self) -> bool:
        """Tell whether each job that has not begun is asked how it stands, up to a bound."""
        return self.state is not None and STATES[self.state] in ASKED


class Found(Struct, frozen=True):
    """Jobs, newest first. after: the one after which more may be found; None at the end."""

    keys: Sequence[JobKey]
    after: JobKey | None


def completions(context: Context) -> Sequence[str]:
    """Return what the search box offers while somebody types."""
    states = [f'state:{state}' for state in STATES]
    names = list(context.hierarchy.nodes)[:COMPLETIONS_MAX]
    return [
        *states,
        'state:failed since:3d',
        'since:1d',
        'since:3d',
        *names,
        *(f'process:{name}' for name in names),
    ]


def parse_query(request: RequestContext, text: str) -> Query | JobKey:
    """Return what a text looks for: one job, or a description of several."""
    found: dict[str, str] = {}
    bare: list[str] = []
    for word in text.replace('@', ' ').split():
        key, colon, value = word.partition(':')
        # What begins with a digit is a time, as in 07:30.
        if colon and not word.count('::') and not key[:1].isdecimal():
            if key not in _KEYS:
                raise wrong(
                    f'{key!r:.40} is nothing to search by{nearest(key, _KEYS)}',
                    'use process:, state:, since: and box:, as in process:site* box:w2',
                )
            found[key] = value
        else:
            bare.append(word)
    name, spoken = _named_and_spoken(request, bare)
    if name is not None:
        found.setdefault('process', name)
    if spoken is not None and (one := _one(request, found.get('process'), spoken)) is not None:
        return one
    within = None if spoken is None else _within(request, spoken)
    return Query(
        process=found.get('process', '*'),
        state=_state(found.get('state')),
        since=_since(request, found.get('since')),
        timeperiod=spoken if within is None else None,
        within=within,
        box=found.get('box'),
    )


def find(request: RequestContext, query: Query, limit: int, cursor: JobKey | None) -> Found:
    """Return at most `limit` jobs, newest first, that come after `cursor`; hold the lock."""
    if query.box is None:
        return _found(request, query, limit, cursor)
    looked_at = _found(request, query, BOX_LOOKS_MAX, cursor)
    keys = on_box(request, looked_at.keys, query.box)
    return Found(keys[:limit], keys[limit - 1] if len(keys) > limit else looked_at.after)


def cursor_of(request: RequestContext) -> JobKey | None:
    """Return the job that a cursor names; None for the beginning of a list."""
    text = request.optional('cursor')
    if text is None:
        return None
    process, _, timeperiod = text.partition('@')
    try:
        key = request.key(process, timeperiod)
    except Refused as error:
        raise wrong_cursor(text) from error
    if str(key.timeperiod) != timeperiod:
        raise wrong_cursor(text)
    return key


def on_box(request: RequestContext, keys: Sequence[JobKey], box: str) -> list[JobKey]:
    """Return the jobs whose last run a worker of a box has claimed."""
    jobs = request.store.jobs(keys)
    units = request.store.units([job.uow_id for job in jobs.values() if job.uow_id is not None])
    boxes = {unit.key: (unit.owner or '').partition(':')[0] for unit in units.values()}
    pattern = box.lower()
    return [key for key in keys if fnmatchcase(boxes.get(key, '').lower(), pattern)]


def names_of(request: RequestContext, query: Query) -> Sequence[ProcessName]:
    """Return the processes that a query is about."""
    pattern = query.process.lower()
    pattern = pattern if '*' in pattern else f'*{pattern}*'
    return [name for name in request.model.hierarchy.nodes if fnmatchcase(name.lower(), pattern)]


def _found(request: RequestContext, query: Query, limit: int, cursor: JobKey | None) -> Found:
    names = names_of(request, query)
    parts = [_of_process(request, name, query, limit + 1, cursor) for name in names]
    # Where the looks at one process ended, what others have further back is left to the next page.
    ends = [part.after for part in parts if part.after is not None]
    end = max(ends, key=_rank, default=None)
    keys = [key for part in parts for key in part.keys if end is None or _rank(key) >= _rank(end)]
    newest = heapq.nlargest(limit + 1, keys, key=_rank)
    return Found(newest[:limit], newest[limit - 1] if len(newest) > limit else end)


def _rank(key: JobKey) -> tuple[str, str]:
    return str(key.timeperiod), key.process


def _of_process(
    request: RequestContext, name: ProcessName, query: Query, limit: int, cursor: JobKey | None
) -> Found:
    """Return at most `limit` jobs of one process, newest first, and where the looks ended."""
    qualifier = request.model.hierarchy.nodes[name].process.qualifier
    ordinals = ordinals_of(request, name, query)
    if cursor is not None:
        ordinals = _before(ordinals, qualifier, cursor, name)
    meant, ended = meant_of(request, name, query, ordinals)
    keys = [JobKey(name, Timeperiod(qualifier, ordinal)) for ordinal in islice(meant, limit)]
    return Found(keys, ended)


def ordinals_of(request: RequestContext, name: ProcessName, query: Query) -> range:
    """Return the intervals of a process that have begun, and began late enough for a query."""
    node = request.model.hierarchy.nodes[name]
    span = request.model.timetable.span(name)
    first = span.start
    if query.since is not None:
        since = query.since
        instant = node.calendar.start(since) if isinstance(since, Timeperiod) else since
        first = max(node.calendar.containing(node.process.qualifier, instant).ordinal, first)
    begun = range(first, max(span.stop, first))
    return begun if query.within is None else _lying_in(node, query.within, begun)


def _lying_in(node: Node, around: Timeperiod, ordinals: range) -> range:
    """Return those of `ordinals` that lie in an interval of any level, by the calendar of `node`.

    A week is found by its first day, too: that is its name.
    """
    calendar, qualifier = node.calendar, node.process.qualifier
    if around.qualifier is qualifier:
        found = range(around.ordinal, around.ordinal + 1)
    elif around.qualifier.rank < qualifier.rank:
        found = calendar.children(around, qualifier)
    elif qualifier.measure is Measure.WEEK and around.qualifier is Qualifier.DAILY:
        week = calendar.parent(around, qualifier)
        found = range(week.ordinal, week.ordinal + (str(week) == str(around)))
    else:
        found = range(0)
    first = max(found.start, ordinals.start)
    return range(first, max(min(found.stop, ordinals.stop), first))


def meant_of(
    request: RequestContext, name: ProcessName, query: Query, ordinals: range
) -> tuple[Iterator[int], JobKey | None]:
    """Return those of `ordinals` that a query means, newest first, and where the looks will end.

    All but the box is looked at.
    """
    node = request.model.hierarchy.nodes[name]
    qualifier = node.process.qualifier
    looking = request.model.looking(request.now)
    wanted = None if query.state is None else STATES[query.state]
    found = looked_at(looking, node, ordinals, wanted, newest_first=True)
    ended: JobKey | None = None
    if query.is_asked:
        looks = max(LOOKS_MAX // len(request.model.hierarchy.nodes), LOOKS_MIN)
        looked = list(islice(found, looks))
        found = iter(looked)
        if len(looked) == looks:
            ended = JobKey(name, Timeperiod(qualifier, looked[-1][0]))
    meant = (ordinal for ordinal, is_meant in found if is_meant)
    if query.timeperiod:
        beginning, numbers = query.timeperiod, meant
        meant = (
            number for number in numbers if str(Timeperiod(qualifier, number)).startswith(beginning)
        )
    return meant, ended


def _before(ordinals: range, qualifier: Qualifier, cursor: JobKey, name: ProcessName) -> range:
    """Return the ordinals that come after `cursor` where the newest come first."""
    text = str(cursor.timeperiod)

    def text_of(ordinal: int) -> str:
        return str(Timeperiod(qualifier, ordinal))

    at = bisect_left(ordinals, text, key=text_of)
    is_beside = at < len(ordinals) and text_of(ordinals[at]) == text and name < cursor.process
    return ordinals[: at + is_beside]


def _named_and_spoken(
    request: RequestContext, words: Sequence[str]
) -> tuple[str | None, str | None]:
    """Return the process and the timeperiod, of one word or several, that stand in a search."""
    for count in range(len(words), 0, -1):
        for at in range(len(words) - count + 1):
            phrase = ' '.join(words[at : at + count])
            if _is_timeperiod(request, phrase):
                return _only_name([*words[:at], *words[at + count :]]), phrase
    return _only_name(words), None


def _is_timeperiod(request: RequestContext, phrase: str) -> bool:
    if phrase.isascii() and phrase.isdecimal():
        # As far as somebody has typed it.
        return True
    try:
        written(phrase, request.now)
    except UnreadTimeperiod:
        return False
    return True


def _only_name(words: Sequence[str]) -> str | None:
    if len(words) > 1:
        # As if the whole were a timeperiod: nothing that was typed is passed over.
        rest = ' '.join(words[1:])
        raise wrong(
            f'{rest!r:.60} after {words[0]!r:.60} is neither a timeperiod nor something to search '
            'by',
            f'{FORMS}; or give one pattern of names, as in process:site*',
        )
    return words[0] if words else None


def _one(request: RequestContext, process: str | None, spoken: str) -> JobKey | None:
    known = {name.lower(): name for name in request.model.hierarchy.nodes}
    name = known.get((process or '').lower())
    if name is None:
        return None
    node = request.model.hierarchy.nodes[name]
    qualifier, calendar = node.process.qualifier, node.calendar
    if spoken.isdecimal() and len(spoken) < _DIGITS[qualifier.measure]:
        return None  # A day of hours, say: all of them are meant.
    try:
        if spoken.isdecimal():
            return JobKey(name, parse(qualifier, spoken.ljust(_NAME_DIGITS, '0')))
        return JobKey(name, at_level(qualifier, spoken, request.now, calendar))
    except ValueError:
        pass
    try:
        meant = written(spoken, request.now, calendar, qualifier)
    except UnreadTimeperiod:
        return None
    if qualifier.measure is Measure.WEEK and meant.qualifier is Qualifier.DAILY:
        # Weeks have no other name than that of a day.
        return JobKey(name, calendar.parent(meant, qualifier))
    return None


def _within(request: RequestContext, spoken: str) -> Timeperiod | None:
    """Return the interval that a text names in full; None for digits that go on."""
    digits = spoken
    if digits.isdecimal():
        while len(digits) > len('YYYY') and len(digits) <= _NAME_DIGITS and digits.endswith('00'):
            digits = digits[:-2]
        if len(digits) not in _DIGITS.values():
            return None
    try:
        return written(digits, request.now)
    except UnreadTimeperiod:
        if digits.isdecimal():
            return None
        raise


def _state(text: str | None) -> str | None:
    if text is None or text in STATES:
        return text
    raise wrong(
        f'{text!r:.40} is not a state{nearest(text, STATES)}', f'one of {", ".join(STATES)}'
    )


def _since(request: RequestContext, text: str | None) -> datetime | Timeperiod | None:
    if text is None:
        return None
    match = _SINCE.fullmatch(text)
    if match is None:
        try:
            return written(text, request.now)
        except UnreadTimeperiod as error:
            raise wrong(
                f'since:{text:.40} is neither a length of time nor a timeperiod',
                'give minutes, hours or days: 30min, 5h, 3d; or a timeperiod as one word: '
                '2026-11-28, 2026-11-28T07, yesterday, last-month',
            ) from error
    return request.now - timedelta(**{_UNIT[match[2]]: int(match[1])})
