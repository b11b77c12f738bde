"""What is simulated of declared inputs: yesterday, windows, parts, the order alone, and a cycle."""

from __future__ import annotations

from datetime import datetime, timedelta

from synergy.core.hierarchy import Hierarchy, build
from synergy.core.input import Input, InputKind
from synergy.core.records import Process, ProcessName, RetryPolicy, Tree
from synergy.core.timeperiod import Qualifier
from synergy.core.trigger import Every


def declared_inputs(start: datetime, end: datetime, retry: RetryPolicy) -> Hierarchy:
    """Return processes with every kind of input that an entry may declare, each in its own tree."""

    def waits_for(name: str, **fields: object) -> Input:
        return Input(kind=InputKind.DEPENDENCY, process=ProcessName(name), **fields)  # type: ignore[arg-type]

    def process(name: str, qualifier: Qualifier, *inputs: Input, max_running: int = 2) -> Process:
        return Process(
            name=ProcessName(name),
            qualifier=qualifier,
            inputs=inputs,
            max_running=max_running,
            retry=retry,
            trigger=Every(seconds=30),
        )

    hourly, daily = Qualifier.HOURLY, Qualifier.DAILY
    processes = [
        process('SiteHourly', hourly, max_running=4),
        process(
            'TotalHourly', hourly, waits_for('SiteHourly'), waits_for('TotalHourly', offset=-1)
        ),
        process('WindowHourly', hourly, waits_for('SiteHourly', last=7)),
        process(
            'PartDaily',
            daily,
            waits_for('SiteHourly', at_least=4, give_up_after=timedelta(hours=1)),
        ),
        process('AboveDaily', daily, waits_for('PartDaily')),
        process('NoteDaily', daily, waits_for('SiteHourly', is_order_only=True)),
        process('OneDaily', daily, waits_for('TwoDaily', offset=-1), waits_for('PartDaily')),
        process('TwoDaily', daily, waits_for('OneDaily')),
    ]
    trees = [
        Tree(name=f'of {item.name}', levels=(item.name,), start=start, end=end)
        for item in processes
    ]
    return build(processes, trees)
