"""Pools of a context: what they mean, and everything that is wrong with them in one report."""

from __future__ import annotations

from pathlib import Path

import pytest

from synergy.core.pool_record import Demand, Pool, PoolName
from synergy.core.pools import demands_of
from synergy.core.records import ProcessName
from tests.conf.test_context import load, problems

WAREHOUSE = PoolName('warehouse')
TREES = """
timetable_context = {'a': timetable_tree_entry('a', ['A']), 'b': timetable_tree_entry('b', ['B'])}
"""


def test_pools_and_what_entries_take_of_them(tmp_path: Path) -> None:
    context = load(
        tmp_path,
        """
pool_context = {
    'warehouse': pool(slots=8, per_minute=60), 'lake': pool(3, closed='Sun 02:00-04:00')
}
run = dict(classname='workers.flight_hourly.FlightHourly', token='f', trigger_frequency='every 60')
process_context = [
    hourly('A', pools='warehouse', priority=90),
    hourly('B', pools={'warehouse': 2, 'lake': 3}),
    freerun_context_entry('F', 'one', pools='lake', priority=0, **run),
    freerun_context_entry('F', 'two', **run),
]
"""
        + TREES,
    )

    shared = context.hierarchy.pools
    demands = demands_of(context.hierarchy)
    assert shared.sizes[WAREHOUSE] == Pool(name=WAREHOUSE, slots=8, per_minute=60)
    assert [str(item) for item in shared.sizes[PoolName('lake')].closed] == [
        'Sun 02:00-04:00 (of pool lake)'
    ]
    assert demands[ProcessName('A')] == Demand(((WAREHOUSE, 1),), 90)
    assert demands[ProcessName('B')].shares == ((WAREHOUSE, 2), (PoolName('lake'), 3))
    assert demands[ProcessName('F::one')] == Demand(((PoolName('lake'), 1),), 0)
    assert demands[ProcessName('F::two')] == Demand()
    # What an entry takes that is made at run time.
    assert demands[ProcessName('F')] == demands[ProcessName('F::one')]


@pytest.mark.parametrize(
    ('pools', 'fields', 'told'),
    [
        ('{}', "pools='warehous'", "'warehous' is not a pool; define it in pool_context"),
        ("{'warehouse': pool(8)}", "pools='warehous'", "did you mean 'warehouse'"),
        ("{'p': pool(2)}", "pools={'p': 3}", 'has 2 slots, and a run takes 3'),
        ("{'p': pool(0)}", "pools='p'", 'slots = 0: give a whole number from 1 to 100,000'),
        ("{'p': pool(-4)}", "pools='p'", 'slots = -4'),
        ("{'p': pool(2, per_minute=-1)}", "pools='p'", 'per_minute = -1: give a whole number'),
        ("{'p': pool(2, per_minute=0)}", "pools='p'", 'per_minute = 0'),
        ("{'p': pool(True)}", "pools='p'", 'slots = True'),
        ("{'p': pool(slots='8')}", "pools='p'", "slots = '8'"),
        ("{'p': pool(slot=8)}", "pools='p'", 'slot'),
        ("{'p': pool()}", "pools='p'", 'slots'),
        ("{'p': 8}", "pools='p'", "pool 'p' in"),
        ("{'p': pool(1, closed=['Son 1-2'])}", "pools='p'", "begin with 'Son'"),
        ("{'p': pool(1, closed=7)}", "pools='p'", 'closed = 7: give a list of texts'),
        ("{'p': pool(1, closed=['the calendar c'])}", "pools='p'", "the calendar c' of pool p in"),
        # Of the pool alone, and not of all who take of it as well.
        ("{'p': pool(1, closed=['Mon-Sun'])}", "pools='p', closed='Sun'", 'Mon-Sun (of pool p)'),
        (
            "{'p': pool(1, closed=['Mon-Fri']), 'q': pool(1, closed='Sun')}",
            "pools={'p': 1, 'q': 1}, closed='Sat'",
            'Sat (of A), Mon-Fri (of pool p), Sun (of pool q) in',
        ),
        ("{'p': pool(1, closed=['Sun'])}", "pools='p', closed='Mon-Sun'", 'Mon-Sun (of A) in'),
        ("{'a b': pool(1)}", 'priority=1', "pool 'a b' in"),
        ('[pool(8)]', 'priority=1', '`pool_context` in'),
        ("{'p': pool(2)}", "pools={'p': 0}", "'p': 0: give a whole number from 1"),
        ("{'p': pool(2)}", "pools={'p': -1}", "'p': -1"),
        ("{'p': pool(2)}", 'pools={}', "give a pool, as in 'warehouse'"),
        ("{'p': pool(2)}", "pools=['p']", "give a pool, as in 'warehouse'"),
        ("{'p': pool(2)}", "pools='p', priority=101", 'priority = 101'),
        ("{'p': pool(2)}", "pools='p', priority=-1", 'give a whole number from 0 to 100'),
        ("{'p': pool(2)}", "pools='p', priority='high'", "priority = 'high'"),
        ("{'p': pool(2)}", "pool='p'", 'pool'),
    ],
)
def test_what_is_wrong_is_said_with_its_remedy(
    tmp_path: Path, pools: str, fields: str, told: str
) -> None:
    said = problems(
        tmp_path,
        f"pool_context = {pools}\nprocess_context = [hourly('A', {fields}), hourly('B')]\n{TREES}",
    )

    assert told in said
    assert len(said.splitlines()) == 1, said


def test_all_of_it_is_said_at_once(tmp_path: Path) -> None:
    said = problems(
        tmp_path,
        """
pool_context = {'p': pool(0), 'q': pool(1)}
process_context = [
    hourly('A', pools={'q': 2}), hourly('B', pools='nothing'), hourly('C', priority=-1)
]
"""
        + TREES,
    )

    assert all(text in said for text in ('slots = 0', 'a run takes 2', "'nothing'", 'priority'))
