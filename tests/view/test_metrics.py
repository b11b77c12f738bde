"""The table of metrics: values in, samples out; and what keeps labels few."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from synergy.core.box_load import BoxLoad, ProcessLoad
from synergy.core.leader_counts import LeaderCounts, Outcome, labels_of
from synergy.core.records import Box
from synergy.core.structs import replace
from synergy.view.boxes import BoxView, Presence
from synergy.view.metric_kinds import Kind, PoolNumbers, ProcessNumbers, RunningNumbers, Seen
from synergy.view.metric_values import BOXES_MAX, boxes_with_labels, combined, loads_of
from synergy.view.metrics import METRICS
from tests.builders import instant

NOW = instant('2026112310')
LOAD = BoxLoad(
    load_average=1.5,
    cpu_count=4,
    memory_percent=25.0,
    processes=tuple(
        ProcessLoad(process=name, pid=1, started_at=NOW, cpu_percent=50.0, memory_bytes=10)
        for name in ('MX', 'A', 'A', 'Z')
    ),
)


def box(name: str, presence: Presence = Presence.ALIVE, *, is_draining: bool = False) -> BoxView:
    return BoxView(
        box=Box(box_id=name, pid=1, load=LOAD, is_draining=is_draining),
        presence=presence,
        silent_for=timedelta(seconds=2),
        processes=(),
    )


def seen() -> Seen:
    counts = LeaderCounts()
    counts.ended('A', Outcome.CANCELED, 3.0)
    counts.refused = 5
    return Seen(
        version='3.1',
        processes=[
            ProcessNumbers(
                label='A', group='etl', is_on=False, intervals={'embryo': 2, 'processed': 9},
                behind_seconds=60.0, oldest_at=NOW, late=1, failed=2, held=3, running=4, queued=5,
                retrying=6, dead=7, untaken=8,
            ),
            ProcessNumbers(label='B', intervals={}),
        ],
        boxes=[box('w1', is_draining=True), box('w2', Presence.VANISHED)],
        presences={Presence.ALIVE: 1, Presence.VANISHED: 1},
        loads=loads_of([box('w1')], {'MX': 'MX', 'A': 'A'}),
        running={'A': RunningNumbers(2, 1)},
        pools={'warehouse': PoolNumbers(8, 3)},
        counts=counts,
        is_led=True,
        term=12,
        standbys=1,
        is_stuck=False,
        isolated=2,
        is_broker_up=True,
        is_watched=True,
        lags={'alerts': 3},
        deliveries=4,
    )  # fmt: skip


SAMPLES = {
    'synergy_intervals': [(('A', 'embryo'), 2), (('A', 'processed'), 9)],
    'synergy_behind_seconds': [(('A',), 60), (('B',), 0)],
    'synergy_oldest_unfinished_timestamp_seconds': [(('A',), NOW.timestamp())],
    'synergy_intervals_late': [(('A',), 1), (('B',), 0)],
    'synergy_intervals_failed': [(('A',), 2), (('B',), 0)],
    'synergy_intervals_held': [(('A',), 3), (('B',), 0)],
    'synergy_dead_letters': [(('A',), 7), (('B',), 0)],
    'synergy_process_on': [(('A',), 0), (('B',), 1)],
    'synergy_units_live': [
        (('A', 'running'), 4), (('A', 'retrying'), 6), (('B', 'running'), 0), (('B', 'retrying'), 0)
    ],
    'synergy_units_queued': [(('A', 'etl'), 5), (('B', ''), 0)],
    'synergy_units_untaken': [(('A',), 8), (('B',), 0)],
    'synergy_units': [
        (('A', word), int(word == 'cancelled'))
        for word in ('processed', 'noop', 'cancelled', 'failed', 'lost')
    ],
    'synergy_scheduler_leads': [((), 1)],
    'synergy_scheduler_terms': [((), 12)],
    'synergy_scheduler_standbys': [((), 1)],
    'synergy_scheduler_stuck': [((), 0)],
    'synergy_scheduler_isolated': [((), 2)],
    'synergy_scheduler_commits_refused': [((), 5)],
    'synergy_broker_up': [((), 1)],
    'synergy_watch_up': [((), 1)],
    'synergy_follower_lag_lines': [(('alerts',), 3)],
    'synergy_alert_deliveries_waiting': [((), 4)],
    'synergy_pool_slots': [(('warehouse',), 8)],
    'synergy_pool_slots_used': [(('warehouse',), 3)],
    'synergy_boxes': [
        (('alive',), 1), (('vanished',), 1), (('stopped',), 0), (('never seen',), 0)
    ],
    'synergy_box_up': [(('w1',), 1), (('w2',), 0)],
    'synergy_box_vanished': [(('w1',), 0), (('w2',), 1)],
    'synergy_box_drained': [(('w1',), 1), (('w2',), 0)],
    'synergy_box_silent_seconds': [(('w1',), 2), (('w2',), 2)],
    'synergy_box_load_average': [(('w1',), 1.5)],
    'synergy_box_cpus': [(('w1',), 4)],
    'synergy_box_memory_used_ratio': [(('w1',), 0.25)],
    'synergy_process_resident_memory_bytes': [
        (('w1', 'MX'), 10), (('w1', 'A'), 20), (('w1', 'other'), 10)
    ],
    'synergy_process_cpu_ratio': [
        (('w1', 'MX'), 0.5), (('w1', 'A'), 1.0), (('w1', 'other'), 0.5)
    ],
    'synergy_processes_wanted': [(('A',), 2)],
    'synergy_processes_up': [(('A',), 1)],
    'synergy_build_info': [(('3.1',), 1)],
}  # fmt: skip
HISTOGRAMS = {
    'synergy_unit_duration_seconds': [(('A',), [0, 0, 1, 0, 0, 0, 0, 0, 0])],
    'synergy_scheduler_batch_duration_seconds': [((), [0] * 10)],
    'synergy_scheduler_commit_duration_seconds': [((), [0] * 10)],
}


@pytest.mark.parametrize('metric', METRICS, ids=lambda metric: metric.name)
def test_values_in_samples_out(metric: object) -> None:
    [metric] = [item for item in METRICS if item is metric]
    found = list(metric.samples(seen()))

    if metric.kind is Kind.HISTOGRAM:
        told = [(labels, times.counts) for labels, times in found if hasattr(times, 'counts')]
        assert told == HISTOGRAMS[metric.name]
    else:
        assert found == SAMPLES[metric.name]
    assert all(len(labels) == len(metric.labels) for labels, _ in found)


def test_names_and_labels_follow_the_rules() -> None:
    allowed = {'process', 'state', 'pool', 'box', 'group', 'version', 'follower'}

    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert re.fullmatch(r'synergy(_[a-z]+)+', metric.name), metric.name
        assert not metric.name.endswith(('_total', '_count', '_sum', '_bucket')), metric.name
        assert allowed.issuperset(metric.labels), metric.name
        assert not metric.text.endswith('.'), metric.name


def test_what_has_no_label_of_its_own_is_summed() -> None:
    a, b = seen().processes
    old = replace(b, label='C', oldest_at=NOW - timedelta(days=1), behind_seconds=90.0, late=4)

    found = combined([a, b, replace(a, label='D'), old], {'B': 'B'})

    assert [item.label for item in found] == ['B', 'other']
    other = found[1]
    assert other.intervals == {'embryo': 4, 'processed': 18}
    assert (other.behind_seconds, other.oldest_at) == (90.0, old.oldest_at)
    assert (other.late, other.dead, other.is_on) == (6, 14, False)
    assert combined([b], {'B': 'B'}) == [b]


def test_labels_are_the_first_names_and_never_the_one_of_all_others() -> None:
    assert list(labels_of(['A', 'other', 'B', 'C'], 3)) == ['A', 'B']
    assert labels_of(['A'], 0) == {}


def test_of_too_many_boxes_those_that_live_have_labels() -> None:
    many = [box(f'v{number}', Presence.VANISHED) for number in range(BOXES_MAX)]

    found = boxes_with_labels([*many, box('w1')])

    assert len(found) == BOXES_MAX
    assert found[0].box.box_id == 'w1'
