"""The index as it was at an instant: a snapshot of it, and the lines of the journal behind that.

Of each job only the newest line counts, so of a page no more is looked at than tells which that is;
what a line says is read of the few whose jobs had not ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from synergy.core.hierarchy import Hierarchy
from synergy.core.index_codes import CODE_BY_STATE, FRESH, RERUN, leave_out
from synergy.core.index_pages import IndexPage
from synergy.core.index_snapshot import Opened, SnapshotMark
from synergy.core.journal import Happened, Line
from synergy.core.journal_pages import STATES, PackedLines
from synergy.core.records import CommandId, Job, ProcessName, uow_id_of
from synergy.core.states import JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.core.timetable import Timetable

#: Lines, the newest, that are kept as they are.
RECENT_MAX: Final = 256
#: Stands for the request that has reset a job of which no line is left.
UNKNOWN_REQUEST: Final = CommandId('unknown')
_LEVEL_BY_VALUE: Final = {level.value: level for level in Qualifier}
_NO_RESETS: Final = bytes(FRESH if code == RERUN else code for code in range(256))
#: What leaves a job between two runs where it was.
_KEEPS_RESTING: Final = (Happened.VOIDED, Happened.CHANGED)
_SKIPPED: Final = STATES.index(JobState.SKIPPED)
_OPEN: Final = frozenset(
    place for place, state in enumerate(STATES) if state is not None and not state.is_final
)
_CODES: Final = tuple(FRESH if state is None else CODE_BY_STATE[state] for state in STATES)
#: By ordinal, the newest line of a process at one level: its page and place.
_Newest: TypeAlias = dict[int, tuple[PackedLines, int]]


class PastTimetable(Timetable):
    """The index of then."""

    def take(self, page: IndexPage, *, is_whole: bool = False) -> bool:
        """Take over the bytes of a process; False: they are not of its intervals.

        is_whole: those of jobs that were reset, too; else their rows are still to come.
        """
        node = self.hierarchy.nodes[page.process]
        if page.qualifier is not node.process.qualifier or page.first != node.first:
            return False
        self._codes[page.process][:] = page.codes if is_whole else page.codes.translate(_NO_RESETS)
        return True

    def forget(self, process: ProcessName) -> None:
        """Take over that all rows of a process were put away."""
        codes = self._codes[process]
        for job in [*self.open_jobs_of(process)]:
            self._open.put(job.key, None)
        codes[:] = bytes(len(codes))
        leave_out(self.hierarchy, self.hierarchy.nodes[process], codes, self.span(process))
        self._low[process] = self._rerun_counts[process] = 0

    def end(self, process: ProcessName, code_by_ordinal: Mapping[int, int]) -> None:
        """Take over how intervals of a process have ended."""
        first, codes = self.hierarchy.nodes[process].first, self._codes[process]
        for ordinal, code in code_by_ordinal.items():
            codes[ordinal - first] = code
        for job in [*self.open_jobs_of(process)]:
            if job.timeperiod.ordinal in code_by_ordinal:
                self._open.put(job.key, None)
        self._low[process] = 0
        self._rerun_counts[process] = codes.count(RERUN)

    def stand(self, job: Job) -> None:
        """Take over the row of a job that has not ended."""
        self.put(job)
        self.settle()


class NewestLines:
    """By job, the newest line since the snapshot; read when it is asked for."""

    def __init__(self, newest: Mapping[tuple[str, str], _Newest]) -> None:
        """Know where they are."""
        self._newest = newest

    def get(self, key: JobKey) -> Line | None:
        """Return that of a job; None: it has not changed since."""
        level, ordinal = key.timeperiod
        found = self._newest.get((key.process, level.value), {}).get(ordinal)
        return None if found is None else found[0].line(found[1])


class Past(Struct, frozen=True, kw_only=True):
    """How everything stood at an instant.

    mark: the snapshot that it begins with. last: number of the newest line by then. term: in which
    that was written; 0: there is none behind the snapshot. newest: by job, the newest line since
    the snapshot. failed: jobs that were held or skipped after failures, as far as the lines since
    then tell. recent: the newest lines, oldest first.
    """

    at: datetime
    mark: SnapshotMark
    last: int
    term: int
    timetable: PastTimetable
    newest: NewestLines
    failed: Mapping[ProcessName, set[int]]
    recent: Sequence[Line]

    @property
    def hierarchy(self) -> Hierarchy:
        """Return the hierarchy of then."""
        return self.timetable.hierarchy


class Rebuilding:
    """An index on the way from a snapshot to a later instant."""

    def __init__(self, opened: Opened, hierarchy: Hierarchy) -> None:
        """Begin with the snapshot. hierarchy: of then."""
        self._opened = opened
        self._hierarchy = hierarchy
        self._newest: dict[tuple[str, str], _Newest] = {}
        self._resting = {
            _key_of(line) for line in opened.open_lines if line.what is Happened.RESTED
        }
        self._archived: set[str] = set()
        self._recent: deque[tuple[PackedLines, int]] = deque(maxlen=RECENT_MAX)
        self._last = opened.mark.number
        self._term = 0

    def take(self, packed: PackedLines, first: int, stop: int) -> None:
        """Take over lines of a page, those at places [first, stop). Called for each page."""
        page, _, levels, _ = packed.opened
        names, resting = page.names, self._resting
        # By the places of name and level: what is known of these intervals.
        known: dict[tuple[int, int], _Newest] = {}
        for place in range(first, stop):
            row = packed.rows[place]
            if not row[1]:
                self._take_other(names[row[0] - 1], row[4])
                known.clear()
                continue
            if not row[6]:
                continue  # A repair could not tell; its next line of this job does.
            what, of = row[4], (row[0], row[1])
            newest = known.get(of)
            if newest is None:
                key = names[row[0] - 1], levels[row[1] - 1]
                newest = known[of] = self._newest.setdefault(key, {})
            ordinal = row[2]
            if what == Happened.RESTED:
                resting.add((names[row[0] - 1], levels[row[1] - 1], ordinal))
            elif resting and what not in _KEEPS_RESTING:
                resting.discard((names[row[0] - 1], levels[row[1] - 1], ordinal))
            newest[ordinal] = packed, place
        self._recent.extend((packed, place) for place in range(max(first, stop - RECENT_MAX), stop))
        if stop > first:
            self._last, self._term = page.first + stop - 1, page.term

    def _take_other(self, name: str, what: int) -> None:
        if what != Happened.ARCHIVED:
            return
        self._archived.add(name)
        for key in [key for key in self._newest if key[0] == name]:
            del self._newest[key]
        self._resting = {key for key in self._resting if key[0] != name}

    def past(self, at: datetime) -> Past:
        """Return how everything stood then; raise ValueError if a line cannot be read."""
        timetable = PastTimetable(self._hierarchy)
        self._begin(timetable)
        for name in self._archived & self._hierarchy.nodes.keys():
            timetable.forget(ProcessName(name))
        timetable.extend(at)
        failed: dict[ProcessName, set[int]] = {name: set() for name in self._hierarchy.nodes}
        for (name, level), newest in self._newest.items():
            node = self._hierarchy.nodes.get(ProcessName(name))
            if node is not None and node.process.qualifier is _LEVEL_BY_VALUE.get(level):
                self._settle(timetable, node.process.name, newest, failed[node.process.name])
        for job in timetable.open_jobs():
            if job.is_held:
                failed[job.process].add(job.timeperiod.ordinal)
        return Past(
            at=at,
            mark=self._opened.mark,
            last=self._last,
            term=self._term,
            timetable=timetable,
            newest=NewestLines(self._newest),
            failed=failed,
            recent=[packed.line(place) for packed, place in self._recent],
        )

    def _settle(
        self,
        timetable: PastTimetable,
        process: ProcessName,
        newest: _Newest,
        failed: set[int],
    ) -> None:
        """Take over where the jobs of a process stand by their newest lines."""
        span = timetable.span(process)
        level = self._hierarchy.nodes[process].process.qualifier.value
        ended: dict[int, int] = {}
        rows: list[Job] = []
        for ordinal, (packed, place) in newest.items():
            if ordinal not in span:
                continue
            row = packed.rows[place]
            state = row[6]
            if state in _OPEN:
                is_resting = (process, level, ordinal) in self._resting
                rows.append(job_of(packed.line(place), is_resting=is_resting))
            else:
                ended[ordinal] = _CODES[state]
            if row[8] or (state == _SKIPPED and row[9]):
                failed.add(ordinal)
        timetable.end(process, ended)
        for job in rows:
            timetable.stand(job)

    def _begin(self, timetable: PastTimetable) -> None:
        reset: list[tuple[IndexPage, int]] = []
        for page in self._opened.pages:
            if page.process in self._hierarchy.nodes and timetable.take(page):
                at = page.codes.find(RERUN)
                while at >= 0:
                    reset.append((page, at))
                    at = page.codes.find(RERUN, at + 1)
        for page, at in reset:
            timeperiod = Timeperiod(page.qualifier, page.first + at)
            timetable.stand(
                Job(
                    process=page.process,
                    timeperiod=timeperiod,
                    rev=1,
                    request_id=UNKNOWN_REQUEST,
                    changed_at=self._opened.mark.at,
                )
            )
        for line in self._opened.open_lines:
            key = line.key
            if key is not None and timetable.state(key) is not None:
                timetable.stand(job_of(line, is_resting=line.what is Happened.RESTED))


def job_of(line: Line, *, is_resting: bool = False) -> Job:
    """Return the row to which a line has led, as far as it tells; its state is known."""
    key = line.key
    assert key is not None, 'it is about a job'
    assert line.to_state is not None, 'a later line tells it'
    has_unit = line.to_state.is_running and line.run and not is_resting
    return Job(
        process=key.process,
        timeperiod=key.timeperiod,
        state=line.to_state,
        rev=line.rev,
        run=line.run,
        uow_id=uow_id_of(key, line.run) if has_unit else None,
        failure_count=line.failures,
        lost_count=line.lost,
        is_held=line.is_held,
        request_id=line.request,
        reason=line.reason,
        changed_at=line.at,
        term=line.term,
    )


def until_of(pages: Sequence[PackedLines], at: datetime) -> tuple[int, int]:
    """Return behind which line of which page the past of an instant ends: (page, place).

    It is the last one that is not later: lines are in the order of commits, and clocks of leaders
    differ.
    """
    for number in range(len(pages) - 1, -1, -1):
        packed = pages[number]
        if packed.opened.page.until <= at:
            return number, len(packed.rows)
        for place in range(len(packed.rows) - 1, -1, -1):
            if packed.at(place) <= at:
                return number, place + 1
    return 0, 0


def _key_of(line: Line) -> tuple[str, str, int]:
    assert line.timeperiod is not None, 'it is about a job'
    level, ordinal = line.timeperiod
    return line.process, level.value, ordinal
