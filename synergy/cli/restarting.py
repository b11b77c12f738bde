"""Let a running Supervisor stop and start processes of this box again; wait until they are up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from synergy.bootstrap import Runtime
from synergy.cli.caller import caller_of
from synergy.cli.command import CommandError, ExitCode
from synergy.cli.control import START_SECONDS, Control, Running, failure_since
from synergy.conf.model import DaemonEntry, Entry
from synergy.conf.names import PROCESS_SUPERVISOR
from synergy.operations.boxes import switch_on_box
from synergy.ports.store import BoxReader


def switched_on(runtime: Runtime, entries: Iterable[Entry]) -> Sequence[Entry]:
    """Return what of `entries` is to run on this box, without the Supervisor."""
    rows = runtime.open_store().box_processes(runtime.settings.box_id)
    off = {row.process for row in rows if not row.is_on}
    return [e for e in entries if e.name not in off and e.name != PROCESS_SUPERVISOR]


def restart(runtime: Runtime, control: Control, entries: Sequence[Entry]) -> None:
    """Let the running Supervisor stop and start processes again; return once all are up.

    Raises CommandError when one of them does not come up again in time.
    """
    store, box_id = runtime.open_store(), runtime.settings.box_id
    _refuse_drained(store, box_id, entries)
    before = {entry.name: list(control.instances(entry)) for entry in entries}
    asked_at = runtime.clock.now()
    for entry in entries:
        switch_on_box(caller_of(runtime, store), box_id, entry.name, 'restart')
    control.ring()

    def failure_of(name: str) -> str | None:
        rows = {row.process: row for row in store.box_processes(box_id)}
        return failure_since(rows[name], asked_at) if name in rows else None

    for entry in entries:
        is_anew = _is_anew(control, entry, before[entry.name], partial(failure_of, entry.name))
        if not control.wait(is_anew, control.patience(False) + START_SECONDS):
            raise CommandError(
                f'{entry.name} is not up again yet; see {entry.log_file} and ./launch.py status',
                ExitCode.UNAVAILABLE,
            )


def _is_anew(
    control: Control, entry: Entry, before: Sequence[Running], failure: Callable[[], str | None]
) -> Callable[[], bool]:
    """Return what tells whether other instances than `before` are up.

    It raises CommandError when one has ended instead.
    """

    def look() -> bool:
        if (why := failure()) is not None:
            raise CommandError(why, ExitCode.UNAVAILABLE)
        pairs = zip(before, control.instances(entry), strict=True)
        is_other = all(old.identity is None or old.identity != new.identity for old, new in pairs)
        return is_other and control.is_up(entry)

    return look


def _refuse_drained(store: BoxReader, box_id: str, entries: Sequence[Entry]) -> None:
    """Raise CommandError (5) for workers of a box that drains: they would not start again."""
    is_drained = any(box.box_id == box_id and box.is_draining for box in store.boxes())
    workers = [entry.name for entry in entries if not isinstance(entry, DaemonEntry)]
    if is_drained and workers:
        raise CommandError(
            f'box {box_id} drains, so {", ".join(workers)} would not start again; first '
            f'./launch.py super --undrain {box_id}',
            ExitCode.CONFLICT,
        )
