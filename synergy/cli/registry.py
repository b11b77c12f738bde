"""Every sub-command, one record each: its name, where its code is, and what it needs."""

from __future__ import annotations

import importlib
from typing import Final

from synergy import doors
from synergy.cli.command import CliCommand
from synergy.core.structs import Struct


class CommandRecord(Struct, frozen=True, kw_only=True):
    """One sub-command.

    module: in `synergy.cli.commands`, with the attribute after a colon, COMMAND if none is said.
    needs_store: it touches the store or the broker of this machine; the others touch none, or only
    those of a home that they make themselves. works_over_http: a dashboard can answer it instead.
    is_checkout_only: it works with files that are not part of an installed package. is_shared: what
    it makes may be meant for other users, as `.ve` is, so the umask stays that of the caller.
    """

    name: str
    module: str
    summary: str
    needs_store: bool = True
    works_over_http: bool = False
    is_checkout_only: bool = False
    is_shared: bool = False

    @property
    def is_here(self) -> bool:
        """Tell whether it works in this installation."""
        return doors.IS_CHECKOUT or not self.is_checkout_only

    def load(self) -> CliCommand:
        """Return the sub-command itself; its module is imported now."""
        module, _, attribute = self.module.partition(':')
        found = importlib.import_module(f'synergy.cli.commands.{module}')
        command: CliCommand = getattr(found, attribute or 'COMMAND')
        return command


def _asked(name: str, summary: str, module: str | None = None) -> CommandRecord:
    return CommandRecord(name=name, module=module or name, summary=summary, works_over_http=True)


def _local(name: str, summary: str) -> CommandRecord:
    return CommandRecord(name=name, module=name, summary=summary)


def _alone(name: str, summary: str, **facts: bool) -> CommandRecord:
    return CommandRecord(name=name, module=name, summary=summary, needs_store=False, **facts)


#: In the order of `--help`.
RECORDS: Final = (
    _alone('new', 'make a project of your own: context, worker, test'),
    _alone(
        'demo', 'process a year of real flights, hour by hour, and watch it', is_checkout_only=True
    ),
    _local('up', 'run the supervisor and everything in the foreground'),
    _local('start', 'start a process, or the Supervisor and with it everything'),
    _local('stop', 'stop a process, or the Supervisor and with it everything'),
    _local('restart', 'stop and start processes again, after a change of their code'),
    _local('query', 'tell which processes run'),
    _asked('status', 'show how the system stands'),
    _asked('super', 'name this box; switch, drain and query what runs on boxes'),
    _asked('jobs', 'list jobs'),
    _asked('job', 'show one job: runs, log, events, neighbours'),
    _asked('why', 'tell why a job waits, down to the root'),
    _asked('inputs', 'tell what a job waits for, and what it lacks of that'),
    _asked('log', 'show the log of a run'),
    _asked('alert', 'tell what is wrong and who was told; acknowledge, mute, test'),
    _asked('journal', 'tell what has happened, line by line; go on telling'),
    _asked('reprocess', 'run jobs, and what depends on them, again', 'job_commands:REPROCESS'),
    _asked('skip', 'end jobs, and what is nested below them, as skipped', 'job_commands:SKIP'),
    _asked('cancel', 'stop what runs', 'job_commands:CANCEL'),
    _asked('mark-done', 'say that jobs are done, repaired by hand', 'job_commands:MARK_DONE'),
    _asked('requests', 'follow, pause, resume or cancel what was asked for'),
    _asked('dead', 'list, retry or drop units without an attempt left'),
    _local('mq', 'list, declare, purge or remove message queues'),
    _asked('freerun', 'list, add, edit, switch and run cron-like entries'),
    _asked('recut', 'archive the history of a process that has changed, and begin it'),
    _asked('process', 'list, switch, retime or look at managed processes'),
    _asked('pools', 'tell who holds and who waits for pools; change their sizes'),
    _asked('forecast', 'tell what is likely to be done when, and which deadlines hold'),
    _asked('freeze', 'let nothing start until an instant: at all, or of a process or tree'),
    _asked('thaw', 'list what is frozen, or end a freeze before its time'),
    _local('user', 'manage who may use the dashboard, and tokens for the API'),
    _alone('simulate', 'play the system on a simulated clock, or foresee what would run'),
    _local('verify', 'check the invariants over the whole store'),
    _local('db', 'look at the store, bring it up to date, or empty it'),
    CommandRecord(
        name='try',
        module='try_run',
        summary="run one interval's code here and now, in the foreground; touch no ledger",
    ),
    _local('shell', 'a Python shell with store, context and timetable at hand'),
    _local('list', 'list the registered processes'),
    _alone('check', 'validate settings and context; start nothing'),
    _alone('completion', 'print a completion script for the shell', is_shared=True),
    _alone('install', 'make the virtual environment', is_checkout_only=True, is_shared=True),
    _alone('test', 'run all checks and tests', is_shared=True),
    _alone('bench', 'measure speed and memory', is_checkout_only=True, is_shared=True),
    _alone('chaos', 'prove by force that nothing is lost: kill, freeze, cut, fill'),
    _alone('docs', 'build these pages as a web site', is_checkout_only=True, is_shared=True),
)
RECORD_BY_NAME: Final = {record.name: record for record in RECORDS}


def names() -> tuple[str, ...]:
    """Return the names of the commands that work in this installation."""
    return tuple(record.name for record in RECORDS if record.is_here)
