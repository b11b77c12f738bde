"""Several boxes, each a home with a Supervisor of its own, on one store and one broker."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from synergy.core.states import JobState
from tests.system_harness import SystemHarness, kill

CONTEXT = 'tests.pipelines.unstartable'
BOXES = ('one', 'two')


@pytest.fixture
def boxes(tmp_path: Path) -> Iterator[dict[str, SystemHarness]]:
    with ExitStack() as stack:
        yield {
            box: stack.enter_context(
                SystemHarness(
                    tmp_path / box,
                    CONTEXT,
                    SYNERGY_BOX_ID=box,
                    SYNERGY_BOX_VANISHED_SECONDS='2',
                    SYNERGY_STORE_URI=f'sqlite://{tmp_path}/store.db',
                    SYNERGY_BROKER_URI=f'embedded://{tmp_path}/broker',
                )
            )
            for box in BOXES
        }


def state_of(system: SystemHarness, box: str, process: str) -> str | None:
    return next(
        (row.state for row in system.store.box_processes(box) if row.process == process), None
    )


def presence(system: SystemHarness, box: str) -> str:
    found = json.loads(system.launch('super', '--query', '--all', '--json').stdout)
    return next((item['presence'] for item in found if item['box_id'] == box), 'unknown')


def test_a_box_that_is_killed_is_shown_as_vanished_and_its_unit_is_rescued(
    boxes: dict[str, SystemHarness],
) -> None:
    one, two = boxes.values()
    supervisor = one.start('Supervisor')
    key = one.key('PatientDaily')
    one.wait_for(lambda: 'began 2026110100 attempt 1 fence 1' in one.journal(), 'the start')
    assert one.unit(key).owner.startswith('one:PatientDaily:')  # type: ignore[union-attr]

    supervisor.send_signal(signal.SIGSTOP)  # It must not restart what is killed now.
    for child in psutil.Process(supervisor.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # One process of this context ends by itself.
            child.kill()
    kill(supervisor)
    two.tell('go')
    two.start('Supervisor')

    assert two.wait_final(key) is JobState.PROCESSED
    assert two.unit(key).owner.startswith('two:PatientDaily:')  # type: ignore[union-attr]
    two.wait_for(lambda: presence(two, 'one') == 'vanished', 'the loss of box one')
    status = two.launch('status')
    assert 'box one' in status.stdout
    assert 'has vanished' in status.stdout
    assert two.launch('super', '--query', '--all').returncode == 1
    assert two.launch('super', '--forget', 'one').returncode == 0
    assert 'one' not in {box.box_id for box in two.store.boxes()}


def test_a_drained_box_finishes_what_it_runs_and_takes_no_more(
    boxes: dict[str, SystemHarness],
) -> None:
    one, two = boxes.values()
    one.start('Supervisor')
    key = one.key('PatientDaily')
    one.wait_for(lambda: 'began 2026110100 attempt 1 fence 1' in one.journal(), 'the start')

    drained = two.launch('super', '--drain', 'one')
    assert drained.returncode == 0, drained.stderr
    one.wait_for(lambda: state_of(one, 'one', 'PatientDaily') == 'draining', 'the drain')
    busy = two.launch('super', '--drain', 'one', '--wait', '0')
    assert busy.returncode == 1
    assert 'still at work: PatientDaily' in busy.stdout
    one.tell('go')
    assert two.launch('super', '--drain', 'one', '--wait', '20').returncode == 0

    # Far longer than the grace of a stop, and yet the first attempt ended it.
    assert one.wait_final(key) is JobState.PROCESSED
    assert one.unit(key).attempt == 1
    assert state_of(one, 'one', 'PatientDaily') == 'stopped'
    assert state_of(one, 'one', 'Scheduler') == 'running'
    assert one.launch('super', '--undrain').returncode == 0
    one.wait_for(lambda: state_of(one, 'one', 'PatientDaily') == 'running', 'the return')


def test_what_is_switched_from_elsewhere_is_followed(boxes: dict[str, SystemHarness]) -> None:
    one, two = boxes.values()
    one.start('Supervisor')
    one.wait_for(lambda: state_of(one, 'one', 'PatientDaily') == 'running', 'the start')

    assert two.launch('super', '--stop', 'PatientDaily', '--box', 'one').returncode == 0
    one.wait_for(lambda: state_of(one, 'one', 'PatientDaily') == 'stopped', 'the stop')
    assert one.launch('super', '--reset').returncode == 0

    one.wait_for(lambda: state_of(one, 'one', 'PatientDaily') == 'running', 'the start')


def test_a_supervisor_measures_its_box_with_each_heartbeat(boxes: dict[str, SystemHarness]) -> None:
    one = boxes['one']
    one.start('Supervisor')

    one.wait_for(lambda: measured(one) >= {'Supervisor', 'Scheduler'}, 'the load')

    (box,) = one.store.boxes()
    assert box.load is not None
    assert all(item.memory_bytes > 1_000_000 for item in box.load.processes)


def measured(system: SystemHarness) -> set[str]:
    loads = [box.load for box in system.store.boxes()]
    return {item.process for load in loads if load is not None for item in load.processes}


def test_two_places_do_not_share_a_box_id(boxes: dict[str, SystemHarness]) -> None:
    one, two = boxes.values()
    one.start('Supervisor')
    one.wait_for(lambda: state_of(one, 'one', 'PatientDaily') == 'running', 'the start')
    two.environ['SYNERGY_BOX_ID'] = 'one'

    second = two.start('Supervisor')
    log = two.home / 'logs' / 'supervisor_daemon.log'
    two.wait_for(lambda: log.exists() and 'is in use by' in log.read_text(), 'the refusal')

    assert psutil.Process(second.pid).children() == []
    assert len(one.store.boxes()) == 1
    assert one.store.boxes()[0].home == str(one.home)
