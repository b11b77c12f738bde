"""Boxes: switch what runs on one, drain it, put it in order, or forget it.

All this writes what is desired, and an audit record that it was; the Supervisor of the box follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from synergy.conf.boxes import names_on
from synergy.conf.group_words import grouped_text
from synergy.conf.names import PROCESS_SUPERVISOR
from synergy.core.commands import Command, CommandKind
from synergy.core.nearest import nearest
from synergy.core.records import Json
from synergy.operations.caller import Caller
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.operations.submission import asked_before, record_for, write_down
from synergy.view.boxes import Presence, box_views

SWITCH_ACTIONS: Final = ('stop', 'start', 'restart')
ACTIONS: Final = ('drain', 'undrain', 'update', 'reset', 'forget')


def switch_on_box(caller: Caller, box_id: str, process: str, action: str) -> Command:
    """Say whether a process is to run on a box, or is to start anew; return the audit record.

    action: of SWITCH_ACTIONS.
    """
    check_switch(caller, box_id, process, action)

    def write() -> None:
        _switch(caller, box_id, process, action)

    return _done(caller, process, box_id, action, write)


def restart_everywhere(caller: Caller, process: str) -> Command:
    """Let a process start anew on every box on which it is switched on; return the audit record.

    One that a group of workers runs is that group.
    """
    process = caller.context.worker_of(process)
    boxes = boxes_with(caller, process)

    def write() -> None:
        for box_id in boxes:
            _switch(caller, box_id, process, 'restart')

    return _done(caller, process, ', '.join(boxes), 'restart', write)


def boxes_with(caller: Caller, process: str) -> Sequence[str]:
    """Return the boxes on which a process is switched on; refuse one that is on nowhere."""
    process = caller.context.worker_of(process)
    rows = caller.store.box_processes()
    found = [row.box_id for row in rows if row.process == process and row.is_on]
    for box_id in found:
        check_switch(caller, box_id, process, 'restart')
    if not found:
        raise OperationRefused(
            RefusalKind.NOTHING,
            f'{process} is switched on on no box, so there is nothing to restart',
            'start it on the page of boxes, or start a Supervisor',
            listed_at='/boxes',
        )
    return found


def _switch(caller: Caller, box_id: str, process: str, action: str) -> None:
    if action == 'restart':
        caller.store.ask_restart(box_id, process)
    else:
        caller.store.set_desired(box_id, process, is_on=action == 'start')


def check_switch(caller: Caller, box_id: str, process: str, action: str) -> None:
    """Refuse what cannot be switched: the Supervisor, and what does not belong on the box."""
    if action not in SWITCH_ACTIONS:
        raise malformed(f'{action!r:.40} cannot be done to a process', 'start, stop or restart it')
    known = {row.process for row in caller.store.box_processes(box_id)}
    is_known_box = bool(known) or any(box.box_id == box_id for box in caller.store.boxes())
    if is_known_box or box_id == caller.own_box:
        known |= {*names_on(caller.context, box_id), PROCESS_SUPERVISOR}
    if process not in known:
        own = grouped_text(caller.context, process)
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            own or f'nothing called {process!r:.80} is known on box {box_id!r:.80}',
            'choose one from the list of boxes',
            in_terminal=own
            or f'nothing called {process!r} is known on box {box_id!r}'
            f'{nearest(process, known)}; ./launch.py super --query --all shows all',
        )
    if process == PROCESS_SUPERVISOR:
        # It would leave nobody to start anything again.
        raise OperationRefused(
            RefusalKind.ITSELF,
            f'{process} cannot stop itself',
            f'./launch.py stop {process}',
            in_terminal=f'{process} switches others, not itself; ./launch.py {action} {process}',
        )


def change_box(caller: Caller, box_id: str, action: str, vanished_after: timedelta) -> Command:
    """Do what `action`, of ACTIONS, says to a whole box; return the audit record.

    drain, undrain: let its workers take no more work, or work again. update: switch everything on
    that belongs there. reset: forget what was desired, then update. forget: delete its rows.
    """
    if action not in ACTIONS:
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'{action!r:.40} cannot be done to a box',
            f'one of {", ".join(ACTIONS)}',
        )
    store = caller.store

    def write() -> None:
        check_box(caller, box_id, action, vanished_after)
        if action in ('drain', 'undrain'):
            store.set_drained(box_id, is_draining=action == 'drain')
        if action in ('forget', 'reset'):
            store.forget_box(box_id)
        if action in ('update', 'reset'):
            for name in names_on(caller.context, box_id):
                store.set_desired(box_id, name, is_on=True)

    return _done(caller, box_id, box_id, action, write)


def check_box(caller: Caller, box_id: str, action: str, vanished_after: timedelta) -> None:
    """Refuse a box that is not known, and to forget one that is alive."""
    presence_by_box = {
        view.box.box_id: view.presence for view in box_views(caller.store, vanished_after)
    }
    if box_id not in presence_by_box and box_id != caller.own_box:
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'there is no box {box_id!r:.80}',
            'choose one from the list of boxes',
            in_terminal=f'box {box_id!r} is unknown{nearest(box_id, presence_by_box)}; '
            './launch.py super --query --all shows all',
            listed_at='/boxes',
        )
    if action == 'forget' and presence_by_box.get(box_id) is Presence.ALIVE:
        raise OperationRefused(
            RefusalKind.CONFLICT,
            f'box {box_id} is alive',
            'stop its Supervisor there, or reset it',
            title='It is alive',
            in_terminal=f'box {box_id} is alive; stop its Supervisor there first, or use --reset',
        )


def _done(
    caller: Caller, thing: str, box_id: str, action: str, write: Callable[[], None]
) -> Command:
    """Write what is desired, and that it was, once for each form or key."""
    details: dict[str, Json] = {'box': box_id, 'action': action}
    record = record_for(caller, CommandKind.BOX, thing, details)
    if (known := asked_before(caller, record)) is not None:
        return known
    write()
    return write_down(caller, record)
