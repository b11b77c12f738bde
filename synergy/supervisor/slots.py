"""Which processes this box is to run: one slot for each instance of each entry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from synergy.conf.boxes import is_present
from synergy.conf.model import Context, DaemonEntry, Settings
from synergy.conf.names import PROCESS_SUPERVISOR
from synergy.core.structs import Struct
from synergy.doors import starter_command


class Slot(Struct, frozen=True, kw_only=True):
    """One process of the operating system that is to run. is_last: stopped after all others.
    folder: where it works. output: file for what it prints past its log, of `output_bytes_max`.
    log_file: its log; None where it has none.
    """

    process: str
    instance: int
    command: tuple[str, ...]
    folder: Path
    pid_file: Path
    output: Path | None
    output_bytes_max: int = 10_000_000
    log_file: Path | None = None
    is_last: bool = False

    def __str__(self) -> str:
        """Return the name, with the instance where there are several."""
        return slot_name(self.process, self.instance)


def slots_of(settings: Settings, context: Context, *, is_console: bool) -> list[Slot]:
    """Return the slots of this box, daemons first: the Scheduler is started before its workers.

    is_console: processes write their log to this terminal, too.
    """
    return list(_slots(settings, context, is_console))


def slot_name(process: str, instance: int) -> str:
    """Return how one instance is called: `SiteHourly`, `SiteHourly.1`."""
    return process if instance == 0 else f'{process}.{instance}'


def instance_file(path: Path, instance: int) -> Path:
    """Return the pid or log file of one instance: `site_hourly.pid`, `site_hourly.1.pid`."""
    return path if instance == 0 else path.with_suffix(f'.{instance}{path.suffix}')


def _slots(settings: Settings, context: Context, is_console: bool) -> Iterator[Slot]:
    for entry in context.entries.values():
        if entry.name == PROCESS_SUPERVISOR:
            continue
        if not is_present(entry.present_on_boxes, settings.box_id):
            continue
        for instance in range(entry.instances):
            log_file = instance_file(entry.log_file, instance)
            yield Slot(
                process=entry.name,
                instance=instance,
                command=starter_command(
                    entry.name, instance, *(('--console',) if is_console else ())
                ),
                folder=settings.project,
                pid_file=instance_file(entry.pid_file, instance),
                output=None if is_console else log_file.with_suffix('.out'),
                output_bytes_max=settings.log_file_bytes_max,
                log_file=log_file,
                is_last=isinstance(entry, DaemonEntry),
            )
