"""What is advised when no Scheduler leads, and when another context is in force."""

from __future__ import annotations

import pytest

from synergy.core.led_context import LedContext, led_process
from synergy.core.records import Box, BoxProcess
from synergy.core.structs import replace
from synergy.view.boxes import BoxView, Presence
from synergy.view.leaderless import leaderless_advice
from synergy.view.troubles import other_context
from tests.builders import two_trees


def view(presence: Presence, *rows: BoxProcess) -> BoxView:
    box = Box(box_id='dev', host='h', home='/home', version='3')
    return BoxView(box=box, presence=presence, silent_for=None, processes=list(rows))


def scheduler(state: str | None, *, is_on: bool = True) -> BoxProcess:
    return BoxProcess(box_id='dev', process='Scheduler', is_on=is_on, state=state)


@pytest.mark.parametrize(
    ('views', 'text'),
    [
        ([], './launch.py start Supervisor'),
        ([view(Presence.VANISHED, scheduler('running'))], './launch.py start Supervisor'),
        ([view(Presence.ALIVE, scheduler('running'))], 'takes over within seconds'),
        (
            [view(Presence.ALIVE, scheduler('running'))],
            './launch.py super --restart Scheduler --box dev starts it again',
        ),
        ([view(Presence.ALIVE, scheduler('fatal'))], 'is fatal: its log says why'),
        (
            [view(Presence.ALIVE, scheduler('stopped', is_on=False))],
            'is switched off: ./launch.py super --start Scheduler --box dev',
        ),
        ([view(Presence.ALIVE)], 'No box that is alive (dev) has a Scheduler'),
    ],
)
def test_what_helps_fits_what_stands_on_the_boxes(views: list[BoxView], text: str) -> None:
    advice = leaderless_advice(views)

    assert text in advice
    is_down = not any(view.presence is Presence.ALIVE for view in views)
    assert ('start Supervisor' in advice) is is_down


def test_another_context_than_the_one_in_force_is_told() -> None:
    hierarchy = two_trees()
    led = LedContext(
        rev=1,
        processes={node.process.name: led_process(hierarchy, node) for node in hierarchy},
    )

    assert other_context(hierarchy, led) is None
    assert other_context(hierarchy, None) is None
    name = next(iter(led.processes))
    fewer = replace(
        led, processes={key: led.processes[key] for key in led.processes if key != name}
    )
    told = other_context(hierarchy, fewer)
    assert told is not None
    assert str(name) in told
    assert 'SYNERGY_CONTEXT_MODULE' in told
