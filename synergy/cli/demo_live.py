"""`launch.py demo --live`: rows that arrive on today's clock, and every state machine at work.

The system starts on the last day of the month before, so that hours, a day and a month that are
over get their final runs at once; the present hour (recomputing) and day (continuous) run again and
again until the demo is stopped. Beside them every level from quarters of an hour to years, and a
process of working days with each kind of input.
"""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Final

from synergy import bootstrap
from synergy.bootstrap import PROJECT, Runtime
from synergy.cli.browser import open_browser
from synergy.cli.command import CommandError, ExitCode
from synergy.cli.console import console
from synergy.cli.demo_live_view import LiveRow, LiveView, look
from synergy.cli.demo_system import (
    LOOK_SECONDS,
    DemoSystem,
    claimed_home,
    hint,
    interruptible,
    lead_to,
    running_system,
)
from synergy.cli.patience import Patience
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.structs import Struct, as_document
from synergy.ports.store import JobFilter, JobReader, Store
from synergy.view.verification import verified

_CONTEXT_MODULE: Final = 'workers.live_context'
#: Runs of the present interval after which a machine that runs again and again was seen to do so.
_RUNS_SEEN: Final = 2
#: With --exit: no run ends for this long, and the demo gives up waiting to see all of it.
_STILL_SECONDS_MAX: Final = 120.0
_FINAL_MAX: Final = 1000
#: The table of which each run says which rows it covers, so that it is compared after each.
_HOURS: Final = 'live_hourly'
_PROBLEMS_SHOWN: Final = 20


class LiveResult(Struct, frozen=True, kw_only=True):
    """What was seen. unseen: what did not happen in time; rejected: rows that did not parse."""

    rows: int
    rejected: int
    runs: Mapping[str, int]
    final: Mapping[str, int]
    unseen: Sequence[str]
    seconds: float
    totals_ok: bool
    violations: int

    @property
    def is_good(self) -> bool:
        """Tell whether the counts agree and no promise is broken."""
        return self.totals_ok and not self.violations and not self.unseen


def run_live(options: Namespace) -> ExitCode:
    """Run the live pipeline until Ctrl-C, or with --exit until every machine was seen."""
    if options.days is not None:
        raise CommandError('--days belongs to the historic demo; leave it out', ExitCode.USAGE)
    home = (options.home or PROJECT / '.synergy-live').absolute()
    lead_to(home)
    os.environ['SYNERGY_CONTEXT_MODULE'] = _CONTEXT_MODULE
    _take_speed(options.speed)
    with bootstrap.open_runtime(*bootstrap.load()) as first, claimed_home(first, home):
        _prepare()
        return _run_in_home(options)


def _run_in_home(options: Namespace) -> ExitCode:
    # Read again: the start of the tree is now written into the home.
    with bootstrap.open_runtime(*bootstrap.load()) as runtime:
        store = runtime.open_store()
        began = runtime.clock.monotonic()
        with running_system(runtime) as system, interruptible():
            if not options.exit:
                open_browser(runtime.settings)
            unseen = _follow(runtime, store, system, is_endless=not options.exit)
        result = _judge(runtime, store, runtime.clock.monotonic() - began, unseen)
    if options.json is not None:
        options.json.write_text(json.dumps(as_document(result), indent=2) + '\n')
    return ExitCode.OK if result.is_good else ExitCode.FOUND


def _take_speed(speed: str | None) -> None:
    """Let all that is started know how fast the clock of flights runs; raise CommandError."""
    from db.live import parse_speed

    try:
        os.environ['LIVE_SPEED'] = f'{parse_speed(speed or "1"):g}'
    except ValueError as error:
        raise CommandError(f'--speed: {error}', ExitCode.USAGE) from error


def _prepare() -> None:
    """Fill what lies before now."""
    from db.live import now, open_live_database, prepare

    console().print('filling the raw table from the last day of last month until now ...')
    with closing(open_live_database()) as database:
        prepare(database, now())
    console().print(hint('status'))


def _follow(
    runtime: Runtime, store: Store, system: DemoSystem, *, is_endless: bool
) -> Sequence[str]:
    """Show the processes until Ctrl-C or until all is seen; return what was not."""
    clock = runtime.clock
    began = clock.monotonic()
    patience = Patience(_STILL_SECONDS_MAX, clock.monotonic)
    unseen: Sequence[str] = ()
    with LiveView(console()) as view:
        try:
            while True:
                system.keep_alive()
                rows = look(runtime.context.hierarchy, store, clock.now())
                seconds = clock.monotonic() - began
                view.show(rows, seconds)
                unseen = _unseen(rows)
                progress = tuple((row.ended_count, row.final_count) for row in rows)
                if not is_endless and (not unseen or patience.has_run_out(progress)):
                    view.show(rows, seconds, is_last=True)
                    return unseen
                clock.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            if not is_endless:
                raise
            return ()


def _unseen(rows: Sequence[LiveRow]) -> Sequence[str]:
    """Return what of the machines has not been seen yet."""
    lines = []
    for row in rows:
        if row.pending_count:
            lines.append(f'{row.process} has {row.pending_count} intervals that are over')
        if row.runs_live and row.ended_count < _RUNS_SEEN:
            lines.append(f'{row.process}@{row.timeperiod} has ended {row.ended_count} live runs')
    return lines


def _judge(runtime: Runtime, store: Store, seconds: float, unseen: Sequence[str]) -> LiveResult:
    """Recount, verify, print; return the result."""
    from db.live import open_live_database
    from db.live_totals import differences, row_counts

    hierarchy, now = runtime.context.hierarchy, runtime.clock.now()
    tables = {
        str(entry.sink): _processed(store, name)
        for name, entry in runtime.context.managed.items()
        if str(entry.sink) != _HOURS
    }
    with closing(open_live_database()) as database:
        wrong = differences(database, tables)
        row_count, rejected_count = row_counts(database)
    violations = [str(item) for item in verified(hierarchy, store, runtime.clock).violations]
    rows = look(hierarchy, store, now)
    result = LiveResult(
        rows=row_count,
        rejected=rejected_count,
        runs={row.process: row.ended_count for row in rows},
        final={row.process: row.final_count for row in rows},
        unseen=unseen,
        seconds=round(seconds, 2),
        totals_ok=not wrong,
        violations=len(violations),
    )
    for title, lines in (('not seen', unseen), ('counts', wrong), ('verify', violations)):
        for line in lines[:_PROBLEMS_SHOWN]:
            print(f'{title}: {line}')
    out = console()
    out.print(
        f'{result.rows} rows arrived, {result.rejected} put aside; final intervals: '
        + ', '.join(f'{name} {count}' for name, count in result.final.items())
    )
    out.print(
        f'counts {"agree" if result.totals_ok else "DO NOT agree"} with a recount of the raw table'
    )
    out.print(f'verify: {result.violations or "no"} violation{"s" * (result.violations != 1)}')
    return result


def _processed(store: JobReader, process: ProcessName) -> Sequence[str]:
    where = JobFilter(processes=(process,), states=(JobState.PROCESSED,))
    return [str(job.timeperiod) for job in store.find_jobs(where, _FINAL_MAX)]
