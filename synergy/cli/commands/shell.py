"""`launch.py shell`: a Python shell in which the system can be looked at.

IPython if it is installed, else the shell of the standard library. What is at hand is listed by its
banner. Jobs are written by the Scheduler alone: change something with the other commands.
"""

from __future__ import annotations

import code
import importlib
import importlib.util
import sys
import traceback
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final

from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.commands.why import print_causes
from synergy.cli.reading import Reading, reading
from synergy.cli.streams import unguarded
from synergy.cli.target import key_of, node_of
from synergy.core.records import Job, Unit
from synergy.core.timeperiod import JobKey
from synergy.doors import in_words
from synergy.ports.errors import PortError
from synergy.ports.store import JobFilter
from synergy.view.encode import encode_causes
from synergy.view.whole import all_jobs
from synergy.view.why import explain

_BANNER: Final = """Synergy Scheduler: a shell on home {home}, as of {now:%Y-%m-%d %H:%M:%S} UTC.
  store, context, settings, now   the ledger, the processes, the settings, this moment
  timetable                       the index of all intervals, as of `now`; refresh() reads it again
  key({process!r}, 'yesterday')   the key of a job; any timeperiod as people write it
  job(...)  runs(...)  explain(...)   its row, its units, why it waits: arguments as for key
  jobs({process!r}, ...)          the rows of processes
Change nothing here: ./launch.py reprocess, skip, cancel and super do, and leave a trace."""


@dataclass(slots=True)
class Bench:
    """The helper functions of the shell, over one open store."""

    source: Reading

    def key(self, process: str, timeperiod: str) -> JobKey:
        """Return the key of a job; zeros at the end of `timeperiod` may be left out."""
        return key_of(self.source.context, process, timeperiod, self.source.now)

    def job(self, process: str, timeperiod: str) -> Job | None:
        """Return a job's row; None while nobody has touched it."""
        key = self.key(process, timeperiod)
        return self.source.store.jobs([key]).get(key)

    def runs(self, process: str, timeperiod: str) -> Sequence[Unit]:
        """Return the units of a job."""
        return self.source.store.runs(self.key(process, timeperiod))

    def jobs(self, *processes: str) -> Sequence[Job]:
        """Return all rows of processes, or of all of them."""
        names = tuple(node_of(self.source.context, name).process.name for name in processes)
        return list(all_jobs(self.source.store, JobFilter(processes=names or None)))

    def explain(self, process: str, timeperiod: str) -> None:
        """Print why a job waits."""
        timetable = self.source.index()
        key = self.key(process, timeperiod)
        vanished_after = self.source.settings.box_vanished
        print_causes(
            encode_causes(
                explain(timetable, self.source.store, key, self.source.now, vanished_after)
            )
        )


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('-c', dest='code', metavar='CODE', help='run CODE, print its value, end')


def _run(options: Namespace) -> ExitCode:
    with reading() as source:
        names = _names(source)
        if options.code is not None:
            return _run_once(options.code, names)
        process = str(next(iter(source.context.managed), 'P'))
        banner = in_words(
            _BANNER.format(home=source.settings.home, now=source.now, process=process)
        )
        with unguarded():
            if importlib.util.find_spec('IPython') is not None:
                embed: Any = importlib.import_module('IPython').embed
                embed(user_ns=names, banner1=banner, colors='neutral')
            else:
                code.interact(banner=banner, local=names, exitmsg='')
    return ExitCode.OK


def _names(source: Reading) -> dict[str, Any]:
    bench = Bench(source)
    names: dict[str, Any] = {
        'store': source.store,
        'context': source.context,
        'settings': source.settings,
        'now': source.now,
        'timetable': source.index(),
        'key': bench.key,
        'job': bench.job,
        'jobs': bench.jobs,
        'runs': bench.runs,
        'explain': bench.explain,
    }

    def refresh() -> None:
        names['timetable'] = source.index()

    names['refresh'] = refresh
    return names


def _run_once(text: str, names: dict[str, Any]) -> ExitCode:
    """Run statements, or print the value of an expression; exit 1 when they raise."""
    try:
        act = _compiled(text)
        act(names)
    except (PortError, CommandError):
        raise
    except Exception as error:  # noqa: BLE001 - the user's own code: anything may go wrong in it
        # Frames of this file say nothing about it.
        frames = [item for item in traceback.extract_tb(error.__traceback__) if _is_user(item)]
        print(''.join(traceback.format_list(frames)), end='', file=sys.stderr)
        print(''.join(traceback.format_exception_only(error)), end='', file=sys.stderr)
        return ExitCode.FOUND
    return ExitCode.OK


def _is_user(frame: traceback.FrameSummary) -> bool:
    return frame.filename != __file__


def _compiled(text: str) -> Callable[[dict[str, Any]], None]:
    try:
        expression: CodeType = compile(text, '<-c>', 'eval')
    except SyntaxError:
        statements = compile(text, '<-c>', 'exec')
        return lambda names: exec(statements, names)

    def show(names: dict[str, Any]) -> None:
        value = eval(expression, names)
        if value is not None:
            print(value)

    return show


COMMAND = CliCommand(
    name='shell',
    summary='Open a Python shell with store, context, settings, timetable and helpers at hand.',
    example='shell -c "len(store.live_units())"',
    add_arguments=_add_arguments,
    run=_run,
)
