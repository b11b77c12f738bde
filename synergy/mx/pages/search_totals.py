"""How much a search finds in all, process by process, and what can be asked for about all of it.

Each bulk action is about everything found of one process: one request, one row of the audit. What
was found is spelled out in the request (or said as the failed or skipped ones of a range), and the
hash of its plan tells whether it still is what was shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from synergy.core.chosen import stretches
from synergy.core.commands import Command, CommandKind, Only
from synergy.core.letter_groups import meant
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.mx.pages import search
from synergy.mx.web.caller import caller_of
from synergy.mx.web.errors import wrong
from synergy.mx.web.request_context import RequestContext
from synergy.operations.failures import of_kind
from synergy.operations.jobs import chosen_command
from synergy.view.letter_groups import GroupView, failure_groups
from synergy.view.offers import Offer, is_within, offers, standings_of

#: Intervals that are counted one by one for one answer, of all processes together.
COUNTED_MAX: Final = 50_000
#: States that a request can name, so that what it is about needs no list.
_ONLY: Final = {'failed': Only.FAILED, 'skipped': Only.SKIPPED}


class Total(Struct, frozen=True, kw_only=True):
    """All that a search finds of one process. runs: ordinals, in order and apart; not empty.

    is_all: nothing was left uncounted; else there may be older ones. offers: requests about them.
    """

    process: ProcessName
    first: Timeperiod
    last: Timeperiod
    count: int
    is_all: bool
    runs: Sequence[range]
    offers: Sequence[Offer]


def totals_of(request: RequestContext, query: search.Query) -> Sequence[Total]:
    """Return how much a search finds of each process that it finds something of; hold the lock."""
    if query.box is not None:
        return _of_boxes(request, query)
    left = COUNTED_MAX
    totals: list[Total] = []
    for name in search.names_of(request, query):
        ordinals = search.ordinals_of(request, name, query)
        if query.state is None and not query.timeperiod:
            totals += _total(request, name, [ordinals], is_all=True)
            continue
        meant, ended = search.meant_of(request, name, query, ordinals)
        counted = list(islice(meant, left + 1))
        is_all = ended is None and len(counted) <= left
        counted = counted[:left]
        left -= len(counted)
        totals += _total(request, name, map(_alone, counted), is_all=is_all)
    return totals


def found_command(
    request: RequestContext,
    kind: CommandKind,
    process: ProcessName,
    text: str,
    error: str | None = None,
) -> Command:
    """Return the command about all that a search finds of one process; raise Refused for none.

    error: only of what failed with this kind of error.
    """
    query = search.parse_query(request, text)
    if isinstance(query, JobKey):
        raise wrong(f'{text!r:.80} is one interval', 'give the process and its timeperiod')
    request.look()
    with request.model.lock:
        totals = totals_of(request, query)
    total = next((item for item in totals if item.process == process), None)
    if total is None:
        raise wrong(
            f'the search {text!r:.200} finds no interval of {process}',
            'look at it again; nothing was changed',
        )
    if error is not None:
        return _of_error(request, kind, query, total, error)
    node = request.node(process)
    only = Only.ALL
    runs = total.runs
    if query.state in _ONLY and _is_whole(query, total):
        # The same jobs, in fewer words: all failed ones between the first and the last found.
        only, runs = _ONLY[query.state], [range(total.runs[0].start, total.runs[-1].stop)]
    return chosen_command(caller_of(request), kind, node, runs, only)


def groups_of(request: RequestContext, totals: Sequence[Total]) -> Sequence[GroupView]:
    """Return the failures among what was found, by what is wrong; hold the lock."""
    model = request.model
    failed = [
        model.key(model.hierarchy.nodes[total.process], ordinal)
        for total in totals
        for ordinal in sorted(model.failed[total.process])
        if is_within(total.runs, ordinal)
    ]
    return failure_groups(model.timetable, request.store, failed)


def _of_error(
    request: RequestContext, kind: CommandKind, query: search.Query, total: Total, error: str
) -> Command:
    """Return the command about what was found and failed with an error, as it says it."""
    with request.model.lock:
        groups = [view.group for view in groups_of(request, [total])]
    found = meant(groups, error)
    if not found:
        raise wrong(
            f'the search finds no interval of {total.process} that failed with {error!r:.80}',
            'look at it again; nothing was changed',
        )
    runs = stretches([_alone(item.ordinal) for item in found[0].timeperiods])
    if query.state in (None, 'failed') and _is_whole(query, total):
        # The same jobs, in fewer words: the error tells them from others in between.
        runs = [range(runs[0].start, runs[-1].stop)]
    node = request.node(total.process)
    command = chosen_command(caller_of(request), kind, node, runs, Only.FAILED)
    return of_kind(command, groups, error)


def _is_whole(query: search.Query, total: Total) -> bool:
    """Tell whether nothing that stands as wanted was left out between the first and the last."""
    return total.is_all and query.box is None and not query.timeperiod


def _of_boxes(request: RequestContext, query: search.Query) -> Sequence[Total]:
    found = search.find(request, query, search.BOX_LOOKS_MAX, None)
    by_process: dict[ProcessName, list[range]] = {}
    for key in found.keys:
        by_process.setdefault(key.process, []).append(_alone(key.timeperiod.ordinal))
    return [
        total
        for name, runs in by_process.items()
        for total in _total(request, name, runs, is_all=found.after is None)
    ]


def _total(
    request: RequestContext, name: ProcessName, found: Iterable[range], *, is_all: bool
) -> Sequence[Total]:
    runs = [run for run in stretches(list(found)) if run]
    if not runs:
        return ()
    node = request.model.hierarchy.nodes[name]
    return [
        Total(
            process=name,
            first=request.model.key(node, runs[0].start).timeperiod,
            last=request.model.key(node, runs[-1].stop - 1).timeperiod,
            count=sum(map(len, runs)),
            is_all=is_all,
            runs=runs,
            offers=offers(standings_of(request.model.looking(request.now), name, runs)),
        )
    ]


def _alone(ordinal: int) -> range:
    return range(ordinal, ordinal + 1)
