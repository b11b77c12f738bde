"""Constructors with which a `context.py` registers processes, trees and queues.

Names, parameters and defaults are those of Synergy 2.x; parameters it did not have come last and
are explained in `docs/context.md`. Nothing is checked here, not even the keywords:
`synergy.conf.context` reports all problems of a context together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Final, ParamSpec

from synergy.conf.alert_entry import alert
from synergy.conf.calendars import (
    dates_from,
    exchange_days,
    last_working_day_of_month,
    weekdays,
    working_days,
)
from synergy.conf.mistyped import read_call
from synergy.conf.names import (
    BLOCKING_CHILDREN,
    BLOCKING_DEPENDENCIES,
    BLOCKING_NORMAL,
    EXCHANGE_FREERUN_WORKER,
    EXCHANGE_MANAGED_WORKER,
    EXCHANGE_UTILS,
    PROCESS_LAUNCH_PY,
    PROCESS_MX,
    PROCESS_SCHEDULER,
    PROCESS_SUPERVISOR,
    PROCESS_WATCH,
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    QUALIFIER_MINUTELY_1,
    QUALIFIER_MINUTELY_2,
    QUALIFIER_MINUTELY_3,
    QUALIFIER_MINUTELY_5,
    QUALIFIER_MINUTELY_6,
    QUALIFIER_MINUTELY_10,
    QUALIFIER_MINUTELY_12,
    QUALIFIER_MINUTELY_15,
    QUALIFIER_MINUTELY_20,
    QUALIFIER_MINUTELY_30,
    QUALIFIER_MONTHLY,
    QUALIFIER_REAL_TIME,
    QUALIFIER_WEEKLY,
    QUALIFIER_YEARLY,
    STATE_MACHINE_CONTINUOUS,
    STATE_MACHINE_DISCRETE,
    STATE_MACHINE_FREERUN,
    STATE_MACHINE_RECOMPUTING,
)
from synergy.conf.secret import secret
from synergy.core.pool_record import PRIORITY_DEFAULT
from synergy.core.structs import Struct

__all__ = [
    'BLOCKING_CHILDREN',
    'BLOCKING_DEPENDENCIES',
    'BLOCKING_NORMAL',
    'EXCHANGE_FREERUN_WORKER',
    'EXCHANGE_MANAGED_WORKER',
    'EXCHANGE_UTILS',
    'PROCESS_LAUNCH_PY',
    'PROCESS_MX',
    'PROCESS_SCHEDULER',
    'PROCESS_SUPERVISOR',
    'PROCESS_WATCH',
    'QUALIFIER_DAILY',
    'QUALIFIER_HOURLY',
    'QUALIFIER_MINUTELY_1',
    'QUALIFIER_MINUTELY_2',
    'QUALIFIER_MINUTELY_3',
    'QUALIFIER_MINUTELY_5',
    'QUALIFIER_MINUTELY_6',
    'QUALIFIER_MINUTELY_10',
    'QUALIFIER_MINUTELY_12',
    'QUALIFIER_MINUTELY_15',
    'QUALIFIER_MINUTELY_20',
    'QUALIFIER_MINUTELY_30',
    'QUALIFIER_MONTHLY',
    'QUALIFIER_REAL_TIME',
    'QUALIFIER_WEEKLY',
    'QUALIFIER_YEARLY',
    'STATE_MACHINE_CONTINUOUS',
    'STATE_MACHINE_DISCRETE',
    'STATE_MACHINE_FREERUN',
    'STATE_MACHINE_RECOMPUTING',
    'RawEntry',
    'alert',
    'daemon_context_entry',
    'dates_from',
    'exchange_days',
    'freerun_context_entry',
    'last_working_day_of_month',
    'managed_context_entry',
    'pool',
    'previous',
    'queue_context_entry',
    'secret',
    'timetable_tree_entry',
    'wait_for',
    'weekdays',
    'worker_group',
    'working_days',
]


P = ParamSpec('P')


class RawEntry(Struct, frozen=True):
    """An entry as written, not checked yet. kind: which constructor made it.

    mistakes: what is wrong with how it was called.
    """

    kind: str
    fields: Mapping[str, Any]
    mistakes: Sequence[str] = ()


def _noting_mistakes(make: Callable[P, RawEntry]) -> Callable[P, RawEntry]:
    """Return a constructor that keeps a wrong keyword instead of raising TypeError at it.

    An error at import would be the only one that is told, whatever else is wrong with the context.
    """
    signature = inspect.signature(make)
    kind = make.__name__.partition('_')[0]

    @wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> RawEntry:
        try:
            # They do nothing but keep what they are given: only the call itself can be wrong.
            return make(*args, **kwargs)
        except TypeError:
            call = read_call(signature, args, kwargs)
            return RawEntry(_KIND_BY_WORD.get(kind, kind), call.fields, call.mistakes)

    return made


_KIND_BY_WORD: Final = {
    'timetable': 'tree', 'wait': 'input', 'previous': 'input', 'worker': 'group',
}  # fmt: skip


@_noting_mistakes
def daemon_context_entry(  # noqa: PLR0913 - the signature of Synergy 2.x
    process_name: str,
    classname: str,
    token: str,
    exchange: str = EXCHANGE_UTILS,
    present_on_boxes: Sequence[str] | None = None,
    arguments: Mapping[str, Any] | None = None,
    queue: str | None = None,
    routing: str | None = None,
    pid_file: str | None = None,
    log_file: str | None = None,
    instances: int = 1,
) -> RawEntry:
    """Register a process that the Supervisor keeps alive and that takes no units of work."""
    return RawEntry('daemon', locals())


@_noting_mistakes
def managed_context_entry(  # noqa: PLR0913 - the signature of Synergy 2.x
    process_name: str,
    classname: str,
    token: str,
    time_qualifier: str,
    trigger_frequency: str = 'every 60',
    state_machine_name: str = STATE_MACHINE_DISCRETE,
    is_on: bool = True,
    exchange: str = EXCHANGE_MANAGED_WORKER,
    blocking_type: str = BLOCKING_NORMAL,
    present_on_boxes: Sequence[str] | None = None,
    time_grouping: int = 1,
    arguments: Mapping[str, Any] | None = None,
    queue: str | None = None,
    routing: str | None = None,
    source: str | None = None,
    sink: str | None = None,
    pid_file: str | None = None,
    log_file: str | None = None,
    lag_minutes: float = 5,
    deadline_minutes: float | None = None,
    max_running: int = 1,
    instances: int | None = None,
    max_attempts: int = 3,
    max_lost: int = 5,
    retry_delay: float = 10,
    timeout_seconds: float | None = None,
    on_failure: str = 'skip',
    data_source: str | None = None,
    recycle_after: int | None = None,
    memory_mb_max: int | None = None,
    inputs: Sequence[RawEntry] = (),
    calendar: str | None = None,
    group: str | None = None,
    isolation: str | None = None,
    cpu_seconds_max: int | None = None,
    start_timeout_seconds: float | None = None,
    catch_up: str = 'beside',
    lane_shares: Mapping[str, int] | None = None,
    pools: str | Mapping[str, int] | None = None,
    priority: int = PRIORITY_DEFAULT,
    closed: Sequence[str] = (),
    jitter_seconds: float = 0,
    deadline: str | None = None,
) -> RawEntry:
    """Register a process with one job for every interval of `time_qualifier`.

    lag_minutes: from the end of an interval to its start. deadline_minutes: from the end of an
    interval until its job is to be done; without, until the next interval is over, too. deadline:
    in place of that, the time of day by which it is, as in '06:00' or '06:00 +1d'.
    max_running: jobs in flight at the same time; 1 keeps strict order. instances: worker processes
    on each box, 1 unless given. max_attempts, retry_delay (seconds, doubled each time),
    timeout_seconds: of one unit. max_lost: attempts of a unit that may lose their worker; they
    count apart. on_failure: what becomes of a job without an attempt left, `skip` or `hold`.
    data_source: of a recomputing process, dotted path of a function that opens its source, see
    `synergy.sources`. recycle_after (runs), memory_mb_max: after how many, and above how much, a
    worker is restarted. inputs: what its jobs wait for, beside what nests in them and what their
    tree depends on; see `wait_for`.
    calendar: name of the working calendar that leaves intervals out; without, that of the tree.
    group: name of the workers, in `worker_context`, that run its units and those of others; without
    it has its own. isolation: 'process' runs each unit in a process of its own, which
    memory_mb_max and cpu_seconds_max then bound; 'worker' does not; without, in a group what has a
    time-out does, unless its class keeps something between runs.
    start_timeout_seconds: how long a unit may wait for a worker before it is rung for again, and
    somebody is told.
    catch_up: what becomes of history: `in_order`, `newest_first`, `beside` live intervals or
    `none`. lane_shares: of its starts, while `live`, `history` and `rerun` all have work.
    pools: of which each run takes a slot, or so many of each as a dict says, until it has ended.
    priority: 0 to 100, who starts first where several may; equal ones take turns.
    closed: hours in which nothing of it starts, as in `['Sun 02:00-04:00']`, beside its tree's.
    jitter_seconds: so much later than planned it starts at most, the same each time, so that what
    is due together does not start together.
    """
    return RawEntry('managed', locals())


@_noting_mistakes
def pool(slots: int, per_minute: int | None = None, closed: Sequence[str] = ()) -> RawEntry:
    """Define a pool, in `pool_context` by its name: what runs of several processes share.

    slots: how many of them may be taken at once. per_minute: how many runs may start within any
    minute; without, any number. closed: hours in which nothing starts that takes of it, by UTC
    unless they name a zone.
    """
    return RawEntry('pool', locals())


@_noting_mistakes
def wait_for(  # noqa: PLR0913 - all that can be said of one input
    process_name: str,
    offset: int = 0,
    last: int | None = None,
    at_least: int | None = None,
    give_up_after_minutes: float = 0,
    late: str = 'rerun',
    order_only: bool = False,
) -> RawEntry:
    """Say that the jobs of an entry wait for jobs of `process_name`, in its `inputs`.

    Which: the same interval where both are of one level, else all that lie in mine, or the one in
    which mine lies. offset: as for my interval so many places away, -1 is the one before. last: so
    many of them, which end there. When it is enough: all have ended. at_least: once so many
    minutes have passed since my interval was over, so many that are done will do; when those that
    were missing come, the job runs again (`late='rerun'`), or not (`'ignore'`). order_only: what
    runs again there does not run me again.
    """
    return RawEntry('input', locals())


@_noting_mistakes
def previous() -> RawEntry:
    """Say that the jobs of an entry wait for the interval before their own."""
    return RawEntry('input', locals())


@_noting_mistakes
def freerun_context_entry(  # noqa: PLR0913 - the signature of Synergy 2.x
    process_name: str,
    entry_name: str,
    classname: str,
    token: str,
    trigger_frequency: str,
    is_on: bool = True,
    present_on_boxes: Sequence[str] | None = None,
    description: str | None = None,
    exchange: str = EXCHANGE_FREERUN_WORKER,
    arguments: Mapping[str, Any] | None = None,
    queue: str | None = None,
    routing: str | None = None,
    pid_file: str | None = None,
    log_file: str | None = None,
    instances: int | None = None,
    timeout_seconds: float | None = None,
    overlap: str = 'skip',
    misfire: str = 'once',
    misfire_max: int = 10,
    max_attempts: int = 1,
    max_lost: int = 5,
    retry_delay: float = 10,
    recycle_after: int | None = None,
    memory_mb_max: int | None = None,
    arguments_are_code: bool | None = None,
    time_zone: str | None = None,
    group: str | None = None,
    isolation: str | None = None,
    cpu_seconds_max: int | None = None,
    start_timeout_seconds: float | None = None,
    pools: str | Mapping[str, int] | None = None,
    priority: int = PRIORITY_DEFAULT,
    closed: Sequence[str] = (),
    jitter_seconds: float = 0,
) -> RawEntry:
    """Register a cron-like entry of a process.

    overlap: a fire while a run is under way: `skip`, `queue` (one) or `allow`. misfire: fires that
    were missed: `once`, `all` (the newest `misfire_max`) or `skip`. recycle_after, memory_mb_max:
    as of a managed process; the same for all entries of a process. arguments_are_code:
    whether who may write them may run code, and has to be an admin; without, as the class says.
    time_zone: whose clock the times of its trigger follow, as in `Europe/Berlin`; without, UTC.
    group, isolation, cpu_seconds_max, start_timeout_seconds: as of a managed process; the same for
    all entries of one.
    pools, priority: as of a managed process; a fire that finds no slot waits for one.
    closed, jitter_seconds: as of a managed process.
    """
    return RawEntry('freerun', locals())


@_noting_mistakes
def worker_group(
    instances: int | None = None,
    present_on_boxes: Sequence[str] | None = None,
    recycle_after: int | None = None,
    memory_mb_max: int | None = None,
) -> RawEntry:
    """Register workers that run the units of each entry that names them in its `group`.

    instances: worker processes on each box, 1 unless given. recycle_after (runs), memory_mb_max:
    after how many, and above how much, one of them is restarted. Its name is its key in
    `worker_context`.
    """
    return RawEntry('group', locals())


@_noting_mistakes
def timetable_tree_entry(  # noqa: PLR0913 - the signature of Synergy 2.x
    tree_name: str,
    enclosed_processes: Sequence[str],
    dependent_on: Sequence[str] | None = None,
    mx_name: str | None = None,
    mx_page: str | None = None,
    start_timeperiod: str | None = None,
    end_timeperiod: str | None = None,
    time_zone: str | None = None,
    week_start: str | None = None,
    calendar: str | None = None,
    closed: Sequence[str] = (),
    deadline: str | None = None,
) -> RawEntry:
    """Register a tree: processes that nest by their qualifiers.

    start_timeperiod, end_timeperiod (exclusive): hours or dates that bound a historic or retired
    tree. time_zone: whose clock its days follow, as in `Europe/Berlin`; without, UTC. week_start:
    the day with which its weeks begin; without, Monday. calendar: name of the working calendar that
    leaves out intervals of its processes; closed: hours in which nothing of them starts; deadline:
    the time of day by which all of a day is to be done, as in '06:00'; see `docs/context.md`.
    """
    return RawEntry('tree', locals())


@_noting_mistakes
def queue_context_entry(exchange: str, queue_name: str, routing: str | None = None) -> RawEntry:
    """Register a queue of your own; `routing` is the queue's name unless given."""
    return RawEntry('queue', locals())
