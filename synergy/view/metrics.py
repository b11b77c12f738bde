"""The table of all that `/metrics` says: name, kind, labels, meaning, and where its values are.

The reference in docs/metrics.md is made from it; the rules and the dashboard of
`scripts/monitoring` are checked against it. Names follow Prometheus's rules: base units, `_total`
for what only rises. Source: prometheus.io, Metric and label naming. No label has a timeperiod, an
error, or a text that somebody typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from synergy.core.box_load import BoxLoad
from synergy.core.leader_counts import Outcome, RunCounts
from synergy.view.boxes import BoxView, Presence
from synergy.view.metric_kinds import Kind, Metric, ProcessNumbers, Sample, Seen


def _each(value: Callable[[ProcessNumbers], float]) -> Callable[[Seen], Iterator[Sample]]:
    """Return what yields a number of each process."""
    return lambda seen: (((item.label,), value(item)) for item in seen.processes)


def _one(value: Callable[[Seen], float]) -> Callable[[Seen], Iterator[Sample]]:
    return lambda seen: iter([((), value(seen))])


def _intervals(seen: Seen) -> Iterator[Sample]:
    for item in seen.processes:
        for state, count in item.intervals.items():
            yield (item.label, state), count


def _oldest(seen: Seen) -> Iterator[Sample]:
    for item in seen.processes:
        if item.oldest_at is not None:
            yield (item.label,), item.oldest_at.timestamp()


def _live(seen: Seen) -> Iterator[Sample]:
    for item in seen.processes:
        yield (item.label, 'running'), item.running
        yield (item.label, 'retrying'), item.retrying


def _queued(seen: Seen) -> Iterator[Sample]:
    return (((item.label, item.group), item.queued) for item in seen.processes)


def _of_runs(seen: Seen) -> Iterator[tuple[str, RunCounts]]:
    yield from seen.counts.runs.items()


def _units(seen: Seen) -> Iterator[Sample]:
    for label, runs in _of_runs(seen):
        for outcome in Outcome:
            yield (label, outcome.word), runs.outcomes[outcome]


def _durations(seen: Seen) -> Iterator[Sample]:
    return (((label,), runs.took) for label, runs in _of_runs(seen))


def _alive(seen: Seen) -> Iterator[BoxView]:
    return (view for view in seen.boxes if view.presence is Presence.ALIVE)


def _silent(seen: Seen) -> Iterator[Sample]:
    for view in seen.boxes:
        if view.silent_for is not None:
            yield (view.box.box_id,), max(view.silent_for.total_seconds(), 0.0)


def _load(value: Callable[[BoxLoad], float]) -> Callable[[Seen], Iterator[Sample]]:
    """Return what yields a number of each box that lives, of which somebody has measured it."""
    return lambda seen: (
        ((view.box.box_id,), value(view.box.load))
        for view in _alive(seen)
        if view.box.load is not None
    )


_P: Final = ('process',)
_B: Final = ('box',)
_GAUGE, _COUNTER, _HISTOGRAM = Kind.GAUGE, Kind.COUNTER, Kind.HISTOGRAM

METRICS: Final[Sequence[Metric]] = (
    Metric(
        'synergy_intervals',
        _GAUGE,
        'Intervals that have begun, by their state',
        ('process', 'state'),
        _intervals,
    ),
    Metric(
        'synergy_behind_seconds',
        _GAUGE,
        'Since the oldest unfinished interval could have started; 0 when all are done. What was '
        'asked to run again does not count',
        _P,
        _each(lambda item: item.behind_seconds),
    ),
    Metric(
        'synergy_oldest_unfinished_timestamp_seconds',
        _GAUGE,
        'When the oldest unfinished interval begins; absent when all are done',
        _P,
        _oldest,
    ),
    Metric(
        'synergy_intervals_late',
        _GAUGE,
        'Unfinished intervals whose deadline has passed, or, without one, after which another has '
        'ended',
        _P,
        _each(lambda item: item.late),
    ),
    Metric(
        'synergy_intervals_failed',
        _GAUGE,
        'Intervals that are held, or were skipped, after their last attempt',
        _P,
        _each(lambda item: item.failed),
    ),
    Metric(
        'synergy_intervals_held',
        _GAUGE,
        'Intervals that are held for an operator',
        _P,
        _each(lambda item: item.held),
    ),
    Metric(
        'synergy_dead_letters',
        _GAUGE,
        'Dead letters on the list, of free runs under the name of their process',
        _P,
        _each(lambda item: item.dead),
    ),
    Metric(
        'synergy_process_on',
        _GAUGE,
        'Whether a process is switched on; of `other`, whether all are',
        _P,
        _each(lambda item: float(item.is_on)),
    ),
    Metric(
        'synergy_units_live',
        _GAUGE,
        'Units that run, or wait for another attempt',
        ('process', 'state'),
        _live,
    ),
    Metric(
        'synergy_units_queued',
        _GAUGE,
        'Units that wait for a worker: the depth of the queue. group: of the workers that take '
        'them; empty where a process has workers of its own',
        ('process', 'group'),
        _queued,
    ),
    Metric(
        'synergy_units_untaken',
        _GAUGE,
        'Units that wait although no worker runs that would take them',
        _P,
        _each(lambda item: item.untaken),
    ),
    Metric(
        'synergy_units',
        _COUNTER,
        'Attempts that have ended, by outcome: processed, noop, cancelled by its worker, failed, '
        'lost with its worker',
        ('process', 'state'),
        _units,
    ),
    Metric(
        'synergy_unit_duration_seconds',
        _HISTOGRAM,
        'How long attempts took that their workers reported',
        _P,
        _durations,
    ),
    Metric(
        'synergy_scheduler_leads',
        _GAUGE,
        'Whether a Scheduler leads; while none does, nothing starts',
        (),
        _one(lambda seen: float(seen.is_led)),
    ),
    Metric(
        'synergy_scheduler_terms',
        _COUNTER,
        'Leaderships that there were; it rises at each change of the leader',
        (),
        _one(lambda seen: seen.term),
    ),
    Metric(
        'synergy_scheduler_standbys',
        _GAUGE,
        'Schedulers that stand by',
        (),
        _one(lambda seen: seen.standbys),
    ),
    Metric(
        'synergy_scheduler_stuck',
        _GAUGE,
        'Whether the leading Scheduler could save nothing for 10 s',
        (),
        _one(lambda seen: float(seen.is_stuck)),
    ),
    Metric(
        'synergy_scheduler_isolated',
        _GAUGE,
        'Processes, free runs and commands that the leading Scheduler leaves out, for the store '
        'has refused their rows',
        (),
        _one(lambda seen: seen.isolated),
    ),
    Metric(
        'synergy_scheduler_batch_duration_seconds',
        _HISTOGRAM,
        'From deciding on a batch until its messages are acknowledged',
        (),
        lambda seen: [((), seen.counts.batches)],
    ),
    Metric(
        'synergy_scheduler_commit_duration_seconds',
        _HISTOGRAM,
        'Of a batch, saving, announcing and acknowledging',
        (),
        lambda seen: [((), seen.counts.commits)],
    ),
    Metric(
        'synergy_scheduler_commits_refused',
        _COUNTER,
        'Commits that the store has refused',
        (),
        _one(lambda seen: seen.counts.refused),
    ),
    Metric(
        'synergy_broker_up',
        _GAUGE,
        'Whether this dashboard reaches the broker',
        (),
        _one(lambda seen: float(seen.is_broker_up)),
    ),
    Metric(
        'synergy_watch_up',
        _GAUGE,
        'Whether a Watch looks after alerts, traces and whatever else follows the journal',
        (),
        _one(lambda seen: float(seen.is_watched)),
    ),
    Metric(
        'synergy_follower_lag_lines',
        _GAUGE,
        'Lines of the journal that a follower has yet to read',
        ('follower',),
        lambda seen: (((name,), lag) for name, lag in seen.lags.items()),
    ),
    Metric(
        'synergy_alert_deliveries_waiting',
        _GAUGE,
        'Messages of alerts that their receivers have not taken yet',
        (),
        _one(lambda seen: float(seen.deliveries)),
    ),
    Metric(
        'synergy_pool_slots',
        _GAUGE,
        'Slots of a pool',
        ('pool',),
        lambda seen: (((name,), item.slots) for name, item in seen.pools.items()),
    ),
    Metric(
        'synergy_pool_slots_used',
        _GAUGE,
        'Slots of a pool that units under way hold',
        ('pool',),
        lambda seen: (((name,), item.used) for name, item in seen.pools.items()),
    ),
    Metric(
        'synergy_boxes',
        _GAUGE,
        'Boxes: alive, vanished, stopped in order, never seen',
        ('state',),
        lambda seen: (((item.value,), seen.presences.get(item, 0)) for item in Presence),
    ),
    Metric(
        'synergy_box_up',
        _GAUGE,
        'Whether a box was heard of lately',
        _B,
        lambda seen: (
            ((view.box.box_id,), float(view.presence is Presence.ALIVE)) for view in seen.boxes
        ),
    ),
    Metric(
        'synergy_box_vanished',
        _GAUGE,
        'Whether a box has vanished: silent, and not stopped in order',
        _B,
        lambda seen: (
            ((view.box.box_id,), float(view.presence is Presence.VANISHED)) for view in seen.boxes
        ),
    ),
    Metric(
        'synergy_box_drained',
        _GAUGE,
        'Whether the workers of a box take no more',
        _B,
        lambda seen: (((view.box.box_id,), float(view.box.is_draining)) for view in seen.boxes),
    ),
    Metric('synergy_box_silent_seconds', _GAUGE, 'Since the last heartbeat of a box', _B, _silent),
    Metric(
        'synergy_box_load_average',
        _GAUGE,
        'Load average of a box over a minute',
        _B,
        _load(lambda load: load.load_average),
    ),
    Metric(
        'synergy_box_cpus',
        _GAUGE,
        'Processors of a box',
        _B,
        _load(lambda load: load.cpu_count),
    ),
    Metric(
        'synergy_box_memory_used_ratio',
        _GAUGE,
        'Share of the memory of a box that is in use',
        _B,
        _load(lambda load: load.memory_percent / 100),
    ),
    Metric(
        'synergy_process_resident_memory_bytes',
        _GAUGE,
        'Memory of Scheduler, Supervisor, dashboard and workers on a box',
        ('box', 'process'),
        lambda seen: (((item.box, item.process), item.memory_bytes) for item in seen.loads),
    ),
    Metric(
        'synergy_process_cpu_ratio',
        _GAUGE,
        'What these take of one processor',
        ('box', 'process'),
        lambda seen: (((item.box, item.process), item.cpu) for item in seen.loads),
    ),
    Metric(
        'synergy_processes_wanted',
        _GAUGE,
        'On how many boxes a process, or a group of workers, ought to run',
        _P,
        lambda seen: (((name,), item.wanted) for name, item in seen.running.items()),
    ),
    Metric(
        'synergy_processes_up',
        _GAUGE,
        'On how many of these it runs',
        _P,
        lambda seen: (((name,), item.up) for name, item in seen.running.items()),
    ),
    Metric(
        'synergy_build_info',
        _GAUGE,
        'Version of this dashboard; its value is 1',
        ('version',),
        lambda seen: [((seen.version,), 1)],
    ),
)
