"""The journal: pages and lines, what their order promises, and lines that were left out."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest

from synergy.core.effects import AddPage, InsertUnit, SaveFreerun, SaveJob, in_stages
from synergy.core.freerun_record import Freerun
from synergy.core.index_snapshot import SnapshotMark, opened, snapshot_of
from synergy.core.job_transitions import (
    change_of,
    embryo,
    ended,
    held,
    reset,
    rested,
    started,
    touched,
)
from synergy.core.journal import (
    BY_CLOCK,
    BY_REPAIR,
    BY_REQUEST,
    BY_UNIT,
    Cause,
    CauseKind,
    Change,
    Happened,
    JournalPage,
    Line,
    LineKind,
)
from synergy.core.journal_pages import REASON_MAX, lines_of, page_of, page_of_lines
from synergy.core.journal_repair import missing_lines, missing_lines_of_freeruns, repair_since
from synergy.core.journal_replay import Replay
from synergy.core.records import CommandId, Job, JobEvent, ProcessName, Unit, UowId, uow_id_of
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.core.trigger import Every
from tests.builders import first_unit, instant, key, two_trees
from tests.depth import deep

NOW = instant('2026112312')
LATER = NOW + timedelta(seconds=90, microseconds=7)
HOUR, DAY = key('SiteHourly@2026112200'), key('SiteDaily@2026112200')
TICK = ProcessName('Cleaner::tick')


def start_of(job_key: JobKey, **fields: object) -> Job:
    job = replace(embryo(job_key, NOW), **fields)  # type: ignore[arg-type]
    unit: Unit = first_unit(job_key, NOW)
    return started(job, unit, JobState.IN_PROGRESS, NOW)


def freerun(rev: int, **fields: object) -> Freerun:
    entry = Freerun(name=TICK, trigger=Every(seconds=60), rev=rev, changed_at=NOW)
    return replace(entry, **fields)  # type: ignore[arg-type]


def lines(*saves: SaveJob | SaveFreerun, first: int = 1) -> Sequence[Line]:
    page = page_of(saves, first, 3, NOW)
    assert page is not None
    return lines_of(page)


def line(number: int, rev: int, before: JobState | None, after: JobState | None) -> Line:
    return Line(
        number=number,
        term=1,
        at=NOW,
        kind=LineKind.JOB,
        process=HOUR.process,
        timeperiod=HOUR.timeperiod,
        rev=rev,
        what=Happened.CHANGED,
        from_state=before,
        to_state=after,
        cause=BY_CLOCK,
    )


def test_a_line_tells_what_the_row_and_its_change_say() -> None:
    job = start_of(HOUR)
    done = replace(ended(job, JobState.PROCESSED, None, LATER), failure_count=2)

    first, second = lines(
        SaveJob(job, 'run 1 requested', None, Change(Happened.STARTED, JobState.EMBRYO)),
        SaveJob(done, 'x', None, Change(Happened.ENDED, JobState.IN_PROGRESS, BY_UNIT, 5)),
        first=41,
    )

    assert (first.number, first.term, first.at, first.about) == (41, 3, NOW, str(HOUR))
    assert (first.from_state, first.to_state) == (JobState.EMBRYO, JobState.IN_PROGRESS)
    assert (first.kind, first.cause, first.reason) == (LineKind.JOB, BY_CLOCK, None)
    assert first.text == f'run 1 requested, uow {uow_id_of(HOUR, 1)}'
    assert (second.number, second.rev, second.at) == (42, 2, LATER)
    assert (second.failures, second.count, second.text) == (2, 5, 'run 1 processed 5')
    assert second.cause == Cause(CauseKind.UNIT, uow_id_of(HOUR, 1))


def test_a_line_of_a_request_names_it_and_a_reason_is_kept_in_part() -> None:
    job = replace(start_of(DAY), request_id=CommandId('c1'))
    again = reset(job, 'why', NOW, CommandId('c2'))
    why = Cause(CauseKind.COMMAND, 'c2')

    asked, back = lines(
        SaveJob(job, 'run', None, Change(Happened.STARTED, JobState.EMBRYO, BY_REQUEST)),
        SaveJob(again, 'é' * 900, None, Change(Happened.RESET, JobState.IN_PROGRESS, why)),
    )

    assert (asked.request, asked.cause) == ('c1', Cause(CauseKind.COMMAND, 'c1'))
    assert (back.request, back.cause) == ('c2', why)
    assert back.reason is not None
    assert len(back.reason) <= REASON_MAX


def test_free_runs_are_told_apart_and_what_makes_no_transition_makes_no_line() -> None:
    (told,) = lines(SaveFreerun(freerun(4, last_run=2), 'run 2 dead', Happened.GAVE_UP))

    assert (told.kind, told.process, told.timeperiod) == (LineKind.FREERUN, TICK, None)
    assert (told.rev, told.run, told.cause, told.about) == (4, 2, BY_UNIT, TICK)
    assert (told.begun, told.ended) == ((), ())
    one, two, three = map(UowId, ('b1', 'a1', 'a2'))
    moved = SaveFreerun(freerun(5), 'both', Happened.ENDED, (one,), (two, three))
    (told,) = lines(moved)
    assert (told.begun, told.ended) == (('b1',), ('a1', 'a2'))
    assert page_of([InsertUnit(first_unit(HOUR, NOW))], 1, 1, NOW) is None
    assert page_of([], 1, 1, NOW) is None


def test_a_change_says_which_run_it_ends_where_its_kind_does_not() -> None:
    live = started(embryo(HOUR, NOW), first_unit(HOUR, NOW), JobState.IN_PROGRESS, NOW)
    again = reset(live, 'again', NOW, CommandId('c1'))
    next_run = replace(live, run=2, uow_id=uow_id_of(HOUR, 2), state=JobState.FINAL_RUN)

    def ended_run(before: Job, after: Job, what: Happened) -> int:
        return change_of(after, what, before.state, BY_CLOCK, None, lambda _: before).ended_run

    assert ended_run(live, again, Happened.RESET) == 1
    assert ended_run(held(live, 'why', NOW), again, Happened.RESET) == 0
    assert ended_run(rested(live, NOW), again, Happened.RESET) == 0
    assert ended_run(live, touched(live, NOW), Happened.RETRIED) == 0
    assert ended_run(live, next_run, Happened.STARTED) == 1
    assert ended_run(rested(live, NOW), next_run, Happened.STARTED) == 0
    assert ended_run(embryo(HOUR, NOW), live, Happened.STARTED) == 0


def test_whatever_lines_are_put_in_a_page_come_out_of_it() -> None:
    drawn = random.Random(17)
    states = [None, *JobState]
    for count in (1, 2, 40, 300):
        told = [
            Line(
                number=number,
                term=9,
                at=NOW + timedelta(microseconds=drawn.randrange(-(10**9), 10**9)),
                kind=LineKind.JOB,
                process=drawn.choice([HOUR, DAY]).process,
                timeperiod=drawn.choice([HOUR, DAY]).timeperiod.shift(drawn.randrange(-99, 99)),
                rev=drawn.randrange(1, 10**6),
                what=drawn.choice([*Happened]),
                from_state=drawn.choice(states),
                to_state=drawn.choice(states),
                run=drawn.randrange(1, 70_000),
                is_held=drawn.random() < 0.5,
                failures=drawn.randrange(300),
                lost=drawn.randrange(300),
                count=drawn.choice([None, 0, 10**12]),
                cause=Cause(drawn.choice([*CauseKind]), drawn.choice(['a', 'b'])),
                request=drawn.choice([None, CommandId('c')]),
                reason=drawn.choice([None, '', 'why\n\x00']),
                ended_run=drawn.choice([0, 3]),
            )
            for number in range(7, 7 + count)
        ]
        page = page_of_lines(told, 7, 9, NOW)

        assert page is not None
        assert [*lines_of(page)] == told
        assert page.until == max(item.at for item in told)
        assert {*page.names} == {item.process for item in told}


@pytest.mark.parametrize(
    'body', [b'', b'\x01', b'\x02abc', b'\x03\x90', b'\x01\xc1', b'\x01\x94\x90\x90\x91\x00\x00']
)
def test_a_page_that_somebody_has_changed_is_told_clearly(body: bytes) -> None:
    page = JournalPage(first=5, count=1, term=1, until=NOW, names=(HOUR.process,), body=body)

    with pytest.raises(ValueError, match='page 5 of the journal cannot be read'):
        lines_of(page)


def test_whatever_somebody_makes_of_a_page_is_told_or_can_be_said() -> None:
    drawn = random.Random(18)
    page = page_of_lines([line(number, number, None, None) for number in range(1, 4)], 1, 1, NOW)
    assert page is not None
    packed = page.body[1:] if page.body[:1] == b'\x01' else zlib.decompress(page.body[1:])
    levels, ids, rows, micros = msgspec.msgpack.decode(packed)
    odd: list[object] = [
        None,
        True,
        -1,
        0,
        1,
        7,
        2**40,
        2**63,
        1.5,
        float('nan'),
        '',
        'x',
        b'x',
        [],
        {},
    ]
    told = 0
    for _ in range(deep(3000)):
        changed = [list(row) for row in rows]
        row = drawn.choice(changed)
        row[drawn.randrange(len(row))] = drawn.choice(odd)
        body = msgspec.msgpack.encode((levels, ids, changed, micros))
        flipped = bytearray(body)
        if drawn.random() < 0.5:
            flipped[drawn.randrange(len(body))] ^= 1 << drawn.randrange(8)
        try:
            found = lines_of(replace(page, body=b'\x01' + flipped))
        except ValueError:
            continue
        told += 1
        for item in found:
            json.dumps([item.about, item.text, item.uow_id, item.rev, item.at.isoformat()])
    assert told > 50


def test_a_line_takes_less_room_than_promised() -> None:
    saves = []
    for place in range(50):
        job = start_of(JobKey(HOUR.process, HOUR.timeperiod.shift(place)))
        done = ended(job, JobState.PROCESSED, None, LATER)
        saves += [
            SaveJob(job, 'r', None, Change(Happened.STARTED, JobState.EMBRYO)),
            SaveJob(done, 'r', None, Change(Happened.ENDED, JobState.IN_PROGRESS, BY_UNIT, 123)),
        ]
    alone, together = page_of(saves[:1], 10**9, 99, NOW), page_of(saves, 10**9, 99, NOW)

    assert alone is not None
    assert len(alone.body) < 90
    assert together is not None
    assert len(together.body) / together.count < 15


def test_a_page_is_saved_after_what_it_tells_and_before_the_command_that_asked() -> None:
    job = SaveJob(start_of(DAY), 'run')
    page = page_of([job], 1, 1, NOW)
    assert page is not None

    staged = in_stages([AddPage(page), SaveFreerun(freerun(1), 'x'), job])

    assert staged == [job, SaveFreerun(freerun(1), 'x'), AddPage(page)]


E, P, D = JobState.EMBRYO, JobState.IN_PROGRESS, JobState.PROCESSED


@pytest.mark.parametrize(
    ('told', 'wrong'),
    [
        ([(1, 1, E, P), (2, 2, P, D)], None),
        ([(8, 4, P, D), (9, 5, D, E)], None),
        ([(1, 1, E, P), (2, 2, None, None), (3, 3, None, D)], None),
        ([(1, 1, E, P), (3, 2, P, D)], 'line 3 of the journal stands for 2'),
        ([(1, 1, E, P), (1, 2, P, D)], 'line 1 of the journal stands for 2'),
        ([(1, 1, E, P), (2, 3, P, D)], 'rev 3 follows rev 1'),
        ([(1, 1, E, P), (2, 1, E, P)], 'rev 1 follows rev 1'),
        ([(1, 1, E, P), (2, 2, E, D)], 'said to have been embryo, and was in progress'),
    ],
)
def test_order_is_judged(
    told: list[tuple[int, int, JobState | None, JobState | None]], wrong: str | None
) -> None:
    replay = Replay()

    found = [str(item) for row in told for item in replay.take(line(*row))]

    assert len(found) == (wrong is not None)
    assert all(wrong in item for item in found if wrong)


def test_rows_are_compared_with_the_journal() -> None:
    replay = Replay()
    list(replay.take(line(1, 1, E, P)))
    job = start_of(HOUR)

    def wrong(row: Job) -> list[str]:
        return [item.text for item in replay.against([row])]

    assert wrong(job) == []
    assert wrong(replace(job, rev=2)) == ['is at rev 2, in the journal at 1']
    assert wrong(replace(job, state=D)) == ['is processed, in the journal in progress']
    assert wrong(start_of(DAY)) == []
    assert wrong(replace(start_of(DAY), changed_at=LATER)) == ['rev 1 is not in the journal']
    entry = freerun(3, changed_at=LATER)
    assert [item.text for item in replay.against([], [entry])] == [
        'is at rev 3, in the journal nowhere'
    ]


def test_what_is_archived_begins_again_at_its_first_revision() -> None:
    replay = Replay()
    gone = Line(
        number=2,
        term=1,
        at=NOW,
        kind=LineKind.PROCESS,
        process=HOUR.process,
        what=Happened.ARCHIVED,
        cause=BY_CLOCK,
    )

    told = [line(1, 1, E, P), gone, line(3, 1, E, P)]

    assert [item for row in told for item in replay.take(row)] == []


def events(*texts: str) -> list[JobEvent]:
    """Return events a second apart, the last one at NOW; newest first."""
    return [
        JobEvent(at=NOW - timedelta(seconds=place), text=text)
        for place, text in enumerate(reversed(texts))
    ]


def test_the_lines_that_a_row_lacks_are_told_from_its_history() -> None:
    replay = Replay()
    list(replay.take(line(5, 1, E, P)))
    since = NOW - timedelta(minutes=1)
    row = replace(held(start_of(HOUR), 'broken', NOW), rev=3, failure_count=3)

    between, last = missing_lines([(row, events('one', 'two', 'three'))], replay, since)

    assert [(item.rev, item.reason, item.cause) for item in (between, last)] == [
        (2, 'two', BY_REPAIR),
        (3, 'three', BY_REPAIR),
    ]
    assert (between.from_state, between.to_state) == (P, None)
    assert (last.from_state, last.to_state, last.what) == (None, P, Happened.HELD)
    assert (last.failures, last.is_held) == (3, True)


def test_a_row_without_any_line_has_those_since_the_journal_is_looked_at() -> None:
    row = replace(start_of(HOUR), rev=3)
    told = events('one', 'two', 'three')

    found = [*missing_lines([(row, told)], Replay(), NOW - timedelta(seconds=1.5))]

    assert [item.rev for item in found] == [2, 3]
    (first,) = missing_lines([(start_of(HOUR), told[:1])], Replay(), NOW)
    assert (first.from_state, first.to_state, first.what) == (E, P, Happened.STARTED)
    assert [*missing_lines([(row, told)], _known(3), NOW)] == []


def _known(rev: int) -> Replay:
    replay = Replay()
    list(replay.take(line(1, rev, E, P)))
    return replay


def test_a_free_run_lacks_lines_likewise() -> None:
    (found,) = missing_lines_of_freeruns([(freerun(1), events('added'))], Replay(), NOW)

    assert (found.kind, found.rev, found.reason) == (LineKind.FREERUN, 1, 'added')


def test_rows_are_looked_at_from_before_the_last_page_whoever_had_the_faster_clock() -> None:
    minute = timedelta(minutes=1)
    assert repair_since(NOW, NOW + minute) == NOW - minute
    assert repair_since(NOW + minute, NOW) == NOW - minute


def test_a_snapshot_has_the_byte_of_every_interval_and_lines_of_what_runs() -> None:
    timetable = Timetable(two_trees())
    timetable.extend(NOW)
    running = replace(start_of(HOUR), failure_count=1, request_id=CommandId('c'))
    timetable.put(running)
    timetable.put(ended(start_of(DAY), JobState.NOOP, None, NOW))
    timetable.settle()
    mark = SnapshotMark(7, NOW, 2)

    snapshot = snapshot_of(mark, timetable.snapshot(), [running], 'the context')
    found = opened(snapshot)

    assert (found.mark, found.context) == (mark, 'the context')
    assert [*found.pages] == [*timetable.snapshot()]
    (told,) = found.open_lines
    assert (told.key, told.rev, told.to_state, told.failures) == (HOUR, 1, P, 1)
    assert told.request == 'c'
    with pytest.raises(ValueError, match='the snapshot of the index behind line 7 cannot be read'):
        opened(replace(snapshot, parts=(snapshot.parts[0], snapshot.parts[1][:-9])))
