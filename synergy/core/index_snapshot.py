"""A snapshot of the index, kept long: with the lines that follow it, any later instant.

Unlike the copy for the next start, which knows what has ended, it has the byte of every interval,
and a line about each job that was running or held, and about so many that a request has reset. How
requests were told apart just then is not kept: embryos that one has reset are all of one sort
(`RERUN`).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from synergy.core.index_codes import OWN, PAUSED, RERUN
from synergy.core.index_pages import IndexPage
from synergy.core.journal import BY_CLOCK, Happened, JournalPage, Line, LineKind
from synergy.core.journal_pages import lines_of, page_of_lines
from synergy.core.records import Job, ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import Qualifier

#: Translates codes to those of a snapshot.
AS_KEPT: Final = bytes(RERUN if code == PAUSED or code in OWN else code for code in range(256))
#: A part is closed once it is this long: a document of MongoDB has 16 MB at most.
_PART_BYTES: Final = 4 * 1024 * 1024
_ZLIB_LEVEL: Final = 1
#: Rows of jobs that requests have reset: of the others the bytes alone are kept.
RESETS_MAX: Final = 2_000
#: Of one process: an interval of a minute for a thousand years.
_CODES_MAX: Final = 1 << 30
_LEVEL_BY_VALUE: Final = {level.value: level for level in Qualifier}
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder().decode


class SnapshotMark(NamedTuple):
    """Which snapshot. number: of the line that it was made behind. at: when.

    context_rev: of the context that was led then (`LedContext`); 0: none was.
    """

    number: int
    at: datetime
    context_rev: int


class IndexSnapshot(Struct, frozen=True):
    """A snapshot as it is stored. parts: at least one; see `snapshot_of`."""

    mark: SnapshotMark
    parts: tuple[bytes, ...]


class Opened(Struct, frozen=True, kw_only=True):
    """What a snapshot says. open_lines: of jobs that had not ended and had a row, numbered 0.

    Of those that a request has reset there are at most `RESETS_MAX`. What happened is RESTED where
    a job was between two runs, and STARTED where it had a unit.

    context: text of the context that was led, as `synergy.ports.stored.led_context` has it.
    """

    mark: SnapshotMark
    pages: Sequence[IndexPage]
    open_lines: Sequence[Line]
    context: str | None


def snapshot_of(
    mark: SnapshotMark, pages: Iterable[IndexPage], running: Iterable[Job], context: str | None
) -> IndexSnapshot:
    """Return a snapshot of an index. running: the rows of its open jobs; see `kept_rows`."""
    lines = page_of_lines(map(_line_of, running), 1, 0, mark.at)
    opened = None if lines is None else (lines.count, lines.names, lines.body)
    parts = [_encode((context, opened))]
    part: list[Any] = []
    size = 0
    for page in pages:
        codes = zlib.compress(page.codes.translate(AS_KEPT), _ZLIB_LEVEL)
        part.append((page.process, page.qualifier.value, page.first, codes))
        size += len(codes) + len(page.process)
        if size > _PART_BYTES:
            parts.append(_encode(part))
            part, size = [], 0
    if part:
        parts.append(_encode(part))
    return IndexSnapshot(mark, tuple(parts))


def kept_rows(open_jobs: Iterable[Job]) -> Iterator[Job]:
    """Yield the rows of which a snapshot tells."""
    resets = 0
    for job in open_jobs:
        if job.state.is_running or job.is_held:
            yield job
        elif resets < RESETS_MAX:
            resets += 1
            yield job


def opened(snapshot: IndexSnapshot) -> Opened:
    """Return what a snapshot says; raise ValueError if somebody has changed it."""
    try:
        context, lines = _decode(snapshot.parts[0])
        pages = tuple(_pages(snapshot.parts[1:]))
        return Opened(
            mark=snapshot.mark,
            pages=pages,
            open_lines=_lines(snapshot.mark, lines),
            context=context,
        )
    except (ValueError, TypeError, KeyError, IndexError, zlib.error) as error:
        told = f'the snapshot of the index behind line {snapshot.mark.number} cannot be read'
        raise ValueError(f'{told}: {error!s:.200}') from error


def _line_of(job: Job) -> Line:
    return Line(
        number=0,
        term=0,
        at=job.changed_at,
        kind=LineKind.JOB,
        process=job.process,
        timeperiod=job.timeperiod,
        rev=job.rev,
        what=_what(job),
        to_state=job.state,
        run=job.run,
        is_held=job.is_held,
        failures=job.failure_count,
        lost=job.lost_count,
        cause=BY_CLOCK,
        request=job.request_id,
        reason=job.reason,
    )


def _what(job: Job) -> Happened:
    if job.is_held:
        return Happened.HELD
    if not job.state.is_running:
        return Happened.RESET
    return Happened.RESTED if job.uow_id is None else Happened.STARTED


def _lines(mark: SnapshotMark, stored: Any) -> Sequence[Line]:
    if stored is None:
        return ()
    count, names, body = stored
    named = tuple(map(ProcessName, names))
    page = JournalPage(first=1, count=count, term=0, until=mark.at, names=named, body=body)
    return lines_of(page)


def _pages(parts: Iterable[bytes]) -> Iterator[IndexPage]:
    for part in parts:
        for process, level, first, codes in _decode(part):
            unpacking = zlib.decompressobj()
            unpacked = unpacking.decompress(codes, _CODES_MAX)
            if not unpacking.eof:
                raise ValueError(f'the page of {process} is cut off, or too large')
            yield IndexPage(
                process=ProcessName(process),
                qualifier=_LEVEL_BY_VALUE[level],
                first=first,
                codes=unpacked,
            )
