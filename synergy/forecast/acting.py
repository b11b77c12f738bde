"""Where everything would stand if an operator had acted on what others wait for."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from synergy.core.hierarchy import Hierarchy
from synergy.core.index_codes import ENDED_ONLY
from synergy.core.index_pages import IndexPage, IndexStretch
from synergy.core.job_transitions import reset
from synergy.core.records import CommandId, Job
from synergy.core.structs import replace
from synergy.core.timeperiod import Timeperiod
from synergy.core.timetable import Timetable
from synergy.forecast.likely import ActionKind
from synergy.forecast.situation import Situation
from synergy.forecast.stuck import Cause, Root

#: What an operator does about each cause. All others end by themselves, or ask for another context.
ACTION_BY_CAUSE: Final = {
    Cause.HELD: ActionKind.RETRY,
    Cause.OFF: ActionKind.SWITCH_ON,
    Cause.FROZEN: ActionKind.THAW,
    Cause.PAUSED: ActionKind.RESUME,
    Cause.WORKERS: ActionKind.WORKERS,
}
#: A reader's rows do not say when it was that they were right; nothing depends on it here.
_INSTANT: Final = timedelta(microseconds=1)


class Kept:
    """An index as it stood before a course was gone along: bytes and open rows, both few."""

    def __init__(self, timetable: Timetable) -> None:
        """Keep it. Nothing may be drafted."""
        self._pages = timetable.snapshot()
        self._open = [*timetable.open_jobs()]
        self._paused = {
            job.request_id
            for job in self._open
            if job.request_id is not None and timetable.is_paused(job.key)
        }

    def timetable(
        self, hierarchy: Hierarchy, now: datetime, without: Collection[str] = ()
    ) -> Timetable:
        """Return an index that stands so again. without: requests that are paused no more."""
        made = Timetable(hierarchy)
        made.extend(now)
        made.load(lambda _since: map(_stretch, self._pages), self._open)
        made.pause(self._paused - {CommandId(name) for name in without})
        return made


def acted(situation: Situation, kept: Kept, root: Root) -> Situation | None:
    """Return where everything would stand if a root stood in the way no more; None: none can."""
    kind = ACTION_BY_CAUSE.get(root.cause)
    if kind is None:
        return None
    now, hierarchy = situation.now, situation.timetable.hierarchy
    changed = replace(situation, timetable=kept.timetable(hierarchy, now))
    match kind:
        case ActionKind.RETRY:
            job = changed.timetable.open_job(root.key)
            if job is None:
                return None
            changed.timetable.put(_again(job, now))
            changed.timetable.settle()
            return replace(changed, again=(root.key,))
        case ActionKind.SWITCH_ON:
            node = hierarchy.nodes[root.key.process]
            on = replace(node, process=replace(node.process, is_on=True))
            switched = hierarchy.replaced({**hierarchy.nodes, root.key.process: on})
            return replace(situation, timetable=kept.timetable(switched, now))
        case ActionKind.THAW:
            freezes = [freeze for freeze in situation.freezes if freeze.id != root.of]
            return replace(changed, freezes=freezes)
        case ActionKind.RESUME:
            resumed = kept.timetable(hierarchy, now, without=(root.of,))
            return replace(situation, timetable=resumed)
        case _:
            return replace(changed, workers={**situation.workers, root.of: 1})


def _again(job: Job, now: datetime) -> Job:
    return reset(job, 'tried once more', now, job.request_id)


def _stretch(page: IndexPage) -> IndexStretch:
    """Return what has ended of a page; what is open is in the rows."""
    codes = page.codes.translate(ENDED_ONLY)
    return IndexStretch(page.process, Timeperiod(page.qualifier, page.first), codes)
