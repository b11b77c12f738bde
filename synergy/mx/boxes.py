"""Boxes and what runs on them; starting and stopping is a wish that the Supervisor follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.commands import CommandKind
from synergy.core.records import BoxProcess, Json
from synergy.core.supervision import ProcessStatus
from synergy.mx.ask import Ask
from synergy.mx.errors import Refused, unknown, wrong
from synergy.mx.marks import Mark
from synergy.mx.orders import done_before, record
from synergy.mx.render import page, see

MARKS: Final = {
    ProcessStatus.RUNNING.value: Mark('ok', 'running'),
    ProcessStatus.STOPPED.value: Mark('noop', 'stopped'),
    ProcessStatus.STOPPING.value: Mark('block', 'stopping'),
    ProcessStatus.BACKOFF.value: Mark('block', 'starts again'),
    ProcessStatus.FATAL.value: Mark('fail', 'given up'),
}
UNKNOWN: Final = Mark('due', 'not reported yet')
#: Stopping these from a page would leave nobody to start anything again.
_SELF: Final = frozenset({'Supervisor'})


@dataclass(frozen=True, slots=True)
class Box:
    """One machine. is_draining: its workers take nothing more."""

    name: str
    is_draining: bool
    rows: Sequence[tuple[BoxProcess, Mark]]


def boxes(ask: Ask) -> Response:
    """List what is wanted and what runs, box by box."""
    found: dict[str, list[tuple[BoxProcess, Mark]]] = {}
    for row in ask.store.box_processes(None):
        found.setdefault(row.box_id, []).append((row, MARKS.get(row.state or '', UNKNOWN)))
    draining = {box.box_id for box in ask.store.boxes() if box.is_draining}
    shown = [Box(name, name in draining, rows) for name, rows in found.items()]
    return page(ask, 'boxes.html', boxes=shown)


def drain_box(ask: Ask, box_id: str, action: str) -> Response:
    """Let the workers of a box finish what they hold and take nothing more, or end that."""
    set_drained(ask, box_id, action)
    return see(ask.url('boxes'))


def set_drained(ask: Ask, box_id: str, action: str) -> None:
    """Write down the wish, once for each form or key, and that it was made."""
    if action not in ('drain', 'undrain'):
        raise wrong(f'{action!r:.40} is nothing to do to a box', 'drain or undrain it')
    if not ask.store.box_processes(box_id):
        raise unknown(f'there is no box {box_id!r:.80}', 'choose one from the list of boxes')
    details: dict[str, Json] = {'box': box_id, 'action': action}
    if done_before(ask, CommandKind.BOX, box_id, details) is None:
        ask.store.set_drained(box_id, is_draining=action == 'drain')
        record(ask, CommandKind.BOX, box_id, details)


def switch_box_process(ask: Ask, box_id: str, process: str, action: str) -> Response:
    """Say whether a process is to run on a box."""
    set_desired(ask, box_id, process, action)
    return see(ask.url('boxes'))


def set_desired(ask: Ask, box_id: str, process: str, action: str) -> BoxProcess:
    """Write down the wish, and that it was made; return the row as it is wanted."""
    if action not in ('start', 'stop'):
        raise wrong(f'{action!r:.40} is nothing to do to a process', 'start or stop it')
    known = {row.process: row for row in ask.store.box_processes(box_id)}
    if process not in known:
        raise unknown(
            f'nothing called {process!r:.80} is known on box {box_id!r:.80}',
            'choose one from the list of boxes',
        )
    if process in _SELF:
        raise Refused(
            409, 'Not from here', f'{process} cannot stop itself', './launch.py stop Supervisor'
        )
    details: dict[str, Json] = {'box': box_id, 'action': action}
    if done_before(ask, CommandKind.BOX, process, details) is None:
        ask.store.set_desired(box_id, process, is_on=action == 'start')
        record(ask, CommandKind.BOX, process, details)
    return next(row for row in ask.store.box_processes(box_id) if row.process == process)
