"""Pages of the journal: made from what a commit saves, and read as lines.

A page is packed as one text of bytes, for it is written once with each commit and read as a whole:
some 25 bytes a line, and a third of that where a page is long enough to be compressed. Names, ids
and levels stand in it once each; a line names them by their place, counted from 1, and 0 is none.
Lines may get more fields at their end: readers pass over those that they do not know.

    format, body     body: [levels, ids, lines, instant of the first one in micros]
    line             [process, level, ordinal, rev, what, from, to, run, is held, failures, lost,
                      micros since the first one, cause, its id, request, count + 1, reason,
                      which run it has ended, where that is not plain from `what`; of free runs
                      the ids of units that began, and of those that ended]
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, NamedTuple, TypeAlias

import msgspec

from synergy.core.effects import (
    Save,
    SaveJob,
)
from synergy.core.freerun_record import is_freerun
from synergy.core.journal import (
    BY_CLOCK,
    ENDS_OF_RUNS,
    Cause,
    CauseKind,
    Happened,
    JournalPage,
    Line,
    LineKind,
)
from synergy.core.journal_lines import OTHERS, other_lines
from synergy.core.records import CommandId, ProcessName, UowId
from synergy.core.states import RUNNING_JOB_STATES, JobState
from synergy.core.timeperiod import YEAR_MAX, JobKey, Qualifier, Timeperiod, containing_utc
from synergy.core.unit_ids import uow_id_of

#: A reason is cut after so many characters; the history of the job has it whole.
REASON_MAX: Final = 300
#: Shorter bodies do not become shorter.
_PACKED_FROM: Final = 200
_ZLIB_LEVEL: Final = 1
#: Nobody has packed more: a page that claims to be larger is broken.
_BODY_MAX: Final = 256 * 1024 * 1024
_PLAIN: Final = b'\x01'
_COMPRESSED: Final = b'\x02'
#: By their place, which is stored.
STATES: Final = (
    None,
    JobState.EMBRYO,
    JobState.IN_PROGRESS,
    JobState.FINAL_RUN,
    JobState.PROCESSED,
    JobState.SKIPPED,
    JobState.NOOP,
)
_PLACE_BY_STATE: Final = {state: place for place, state in enumerate(STATES)}
_LEVEL_BY_VALUE: Final = {level.value: level for level in Qualifier}
#: No calendar goes on.
_LAST: Final = datetime(YEAR_MAX, 12, 31, 23, 59, 59, tzinfo=UTC)
_ORDINAL_MAX: Final = {level: containing_utc(level, _LAST).ordinal for level in Qualifier}
_MICRO: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_UNITS: Final = ((), ())
_WRONG: Final = (ValueError, TypeError, IndexError, KeyError, OverflowError, zlib.error)
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder().decode

_Row: TypeAlias = 'tuple[Any, ...]'
_Natural: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]


class _StoredLine(msgspec.Struct, array_like=True, gc=False):
    """What fields of a line are, for a page that somebody has changed; read are lists."""

    process: _Natural
    level: _Natural
    ordinal: _Natural
    rev: _Natural
    what: _Natural
    before: _Natural
    after: _Natural
    run: _Natural
    is_held: _Natural
    failures: _Natural
    lost: _Natural
    micros: int
    cause: _Natural
    cause_id: _Natural
    request: _Natural
    count: _Natural
    reason: str | None


class _StoredBody(msgspec.Struct, array_like=True):
    levels: list[str]
    ids: list[str]
    lines: list[_StoredLine]
    since: int


_check: Final = msgspec.msgpack.Decoder(_StoredBody).decode


class _Places(dict[Any, int]):
    """Numbers things in the order in which they come, from 1 on."""

    def __missing__(self, thing: object) -> int:
        place = self[thing] = len(self) + 1
        return place


class _Draft:
    """A page while lines are added to it."""

    def __init__(self, now: datetime) -> None:
        self._since = self._until = now
        self._names, self._levels, self._ids = _Places(), _Places(), _Places()
        self._rows: list[_Row] = []

    def add_job(self, save: SaveJob) -> None:
        """Add the transition that a row is saved for. Called for each: plainly."""
        job, change = save.job, save.change
        timeperiod, at = job.timeperiod, job.changed_at
        count, request = None, job.request_id
        reason: str | None = save.event
        if change is None:
            what, before, cause = Happened.CHANGED, None, BY_CLOCK
        else:
            what, before, cause, count = change.what, change.before, change.cause, change.count
        if count is not None or what is Happened.STARTED:
            reason = None
        elif len(save.event) > REASON_MAX:
            reason = _shortened(save.event)
        more: _Row = ()
        if change is not None and change.ended_run:
            more = (change.ended_run,)
        elif what is Happened.ENDED and job.uow_id is None:
            more = (0,)
        self._rows.append(
            (
                self._names[job.process],
                self._levels[timeperiod.qualifier],
                timeperiod.ordinal,
                job.rev,
                what,
                _PLACE_BY_STATE[before],
                _PLACE_BY_STATE[job.state],
                job.run,
                1 if job.is_held else 0,
                job.failure_count,
                job.lost_count,
                0 if at is self._since else self._micros(at),
                cause.kind,
                0 if cause.id is None else self._ids[cause.id],
                0 if request is None else self._ids[request],
                0 if count is None else count + 1,
                reason,
                *more,
            )
        )

    def add(self, line: Line) -> None:
        """Add a line; its number and term are those that the page gives it."""
        timeperiod = line.timeperiod
        more: _Row = ()
        if line.begun or line.ended:
            more = (tuple([self._ids[uow] for uow in ids] for ids in (line.begun, line.ended)),)
        elif line.ended_run != _run_ended(line.what, line.from_state, line.run):
            more = (line.ended_run,)
        self._rows.append(
            (
                self._names[line.process],
                0 if timeperiod is None else self._levels[timeperiod.qualifier],
                0 if timeperiod is None else timeperiod.ordinal,
                line.rev,
                line.what,
                _PLACE_BY_STATE[line.from_state],
                _PLACE_BY_STATE[line.to_state],
                line.run,
                int(line.is_held),
                line.failures,
                line.lost,
                self._micros(line.at),
                line.cause.kind,
                0 if line.cause.id is None else self._ids[line.cause.id],
                0 if line.request is None else self._ids[line.request],
                0 if line.count is None else line.count + 1,
                None if line.reason is None else _shortened(line.reason),
                *more,
            )
        )

    def page(self, first: int, term: int) -> JournalPage | None:
        """Return the page; None: it has no lines."""
        if not self._rows:
            return None
        levels = [level.value for level in self._levels]
        body = _encode((levels, [*self._ids], self._rows, (self._since - _EPOCH) // _MICRO))
        if len(body) < _PACKED_FROM:
            body = _PLAIN + body
        else:
            body = _COMPRESSED + zlib.compress(body, _ZLIB_LEVEL)
        return JournalPage(
            first=first,
            count=len(self._rows),
            term=term,
            until=self._until,
            names=tuple(self._names),
            body=body,
        )

    def _micros(self, at: datetime) -> int:
        """Return how far an instant lies behind the page's first; it may lie before it."""
        if not self._rows:
            self._since = self._until = at
        elif at > self._until:
            self._until = at
        return (at - self._since) // _MICRO


def _shortened(reason: str) -> str:
    return reason if len(reason) <= REASON_MAX else f'{reason[: REASON_MAX - 1]}…'


def page_of(saves: Iterable[Save], first: int, term: int, now: datetime) -> JournalPage | None:
    """Return the page of what a commit saves; None: it makes no transition.

    first: number of its first line. now: of what names no instant.
    """
    draft = _Draft(now)
    others: list[Save] = []
    for save in saves:
        if type(save) is SaveJob:
            draft.add_job(save)
        elif isinstance(save, OTHERS):
            others.append(save)
    if others:
        for line in other_lines(others, now):
            draft.add(line)
    return draft.page(first, term)


def page_of_lines(
    lines: Iterable[Line], first: int, term: int, now: datetime
) -> JournalPage | None:
    """Return a page of lines that were missing; their numbers and terms are those it gives them."""
    draft = _Draft(now)
    for line in lines:
        draft.add(line)
    return draft.page(first, term)


class _Opened(NamedTuple):
    page: JournalPage
    since: datetime
    levels: Sequence[str]
    ids: Sequence[str]


def lines_of(page: JournalPage) -> Sequence[Line]:
    """Return the lines of a page; raise ValueError if somebody has changed it."""
    try:
        opened, rows = _opened(page)
        return [_line(opened, place, row) for place, row in enumerate(rows)]
    except _WRONG as error:
        raise _unreadable(page, error) from error


class PackedLines(NamedTuple):
    """The lines of a page as they are packed, for whoever looks at few fields of many of them."""

    opened: _Opened
    rows: Sequence[Sequence[Any]]

    def line(self, place: int) -> Line:
        """Return one of them; raise ValueError if somebody has changed it."""
        try:
            return _line(self.opened, place, self.rows[place])
        except _WRONG as error:
            raise _unreadable(self.opened.page, error) from error

    def at(self, place: int) -> datetime:
        """Return of which instant one is; raise ValueError if somebody has changed it."""
        try:
            return self.opened.since + timedelta(microseconds=self.rows[place][11])
        except _WRONG as error:
            raise _unreadable(self.opened.page, error) from error


def packed_lines_of(page: JournalPage) -> PackedLines:
    """Return the lines of a page as they are packed; raise ValueError if it cannot be read."""
    try:
        return PackedLines(*_opened(page))
    except _WRONG as error:
        raise _unreadable(page, error) from error


def _opened(page: JournalPage) -> tuple[_Opened, Sequence[Sequence[Any]]]:
    unpacked = _unpacked(page.body)
    _check(unpacked)
    levels, ids, rows, micros, *_ = _decode(unpacked)
    since = _EPOCH + timedelta(microseconds=micros)
    if len(rows) != page.count:
        raise ValueError(f'it has {len(rows)} lines')
    return _Opened(page, since, levels, ids), rows


def _unreadable(page: JournalPage, error: Exception) -> ValueError:
    return ValueError(f'page {page} of the journal cannot be read: {error!s:.200}')


def _unpacked(body: bytes) -> bytes:
    match body[:1]:
        case b'\x01':
            return body[1:]
        case b'\x02':
            opened = zlib.decompressobj()
            unpacked = opened.decompress(body[1:], _BODY_MAX)
            if not opened.eof:
                raise ValueError('it is cut off, or too large')
            return unpacked
        case other:
            raise ValueError(f'format {other!r} is unknown; a newer version may have written it')


def _line(opened: _Opened, place: int, row: Sequence[Any]) -> Line:
    page, since, levels, ids = opened
    name, level, ordinal, rev, what, before, after, run, is_held, failures, lost, *rest = row
    micros, cause_kind, cause_id, request, count, reason, *more = rest
    what, was = Happened(what), STATES[before]
    process = page.names[_behind(name)]
    timeperiod, (begun, ended) = None, _NO_UNITS
    if level:
        timeperiod = Timeperiod(_LEVEL_BY_VALUE[levels[_behind(level)]], ordinal)
        if ordinal > _ORDINAL_MAX[timeperiod.qualifier]:
            raise ValueError(f'interval {ordinal} of line {page.first + place} is too far away')
    elif more:
        begun, ended = more[0]
    asked = CommandId(ids[_behind(request)]) if request else None
    kind = CauseKind(cause_kind)
    by = ids[_behind(cause_id)] if cause_id else None
    if by is None and kind is CauseKind.COMMAND:
        by = asked
    elif by is None and kind is CauseKind.UNIT and timeperiod is not None and run:
        by = uow_id_of(JobKey(process, timeperiod), run)
    return Line(
        number=page.first + place,
        term=page.term,
        at=since + timedelta(microseconds=micros) if micros else since,
        kind=LineKind.JOB if timeperiod is not None else _kind_of(process),
        process=process,
        timeperiod=timeperiod,
        rev=rev,
        what=what,
        from_state=was,
        to_state=STATES[after],
        run=run,
        is_held=bool(is_held),
        failures=failures,
        lost=lost,
        count=count - 1 if count else None,
        cause=Cause(kind, by),
        request=asked,
        reason=reason,
        ended_run=int(more[0]) if more and level else _run_ended(what, was, run),
        begun=tuple(UowId(ids[_behind(uow)]) for uow in begun) if begun else (),
        ended=tuple(UowId(ids[_behind(uow)]) for uow in ended) if ended else (),
    )


def _run_ended(what: Happened, before: JobState | None, run: int) -> int:
    """Return which run a transition ends as far as its kind tells."""
    return run if what in ENDS_OF_RUNS and before in RUNNING_JOB_STATES else 0


def _behind(place: int) -> int:
    """Return the index of a place that is counted from 1."""
    if type(place) is not int or place < 1:
        raise ValueError(f'place {place!r} is none')
    return place - 1


def _kind_of(name: ProcessName) -> LineKind:
    return LineKind.FREERUN if is_freerun(name) else LineKind.PROCESS
