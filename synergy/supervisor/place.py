"""A slot, what runs in it, and what is reported and logged of that."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from synergy.core.exit_codes import ExitCode
from synergy.core.records import BoxProcess
from synergy.core.supervision import ProcessStatus, Watch
from synergy.ports.processes import ProcessIdentity
from synergy.supervisor.rows import BoxRows
from synergy.supervisor.slots import Slot

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Place:
    """A slot, and what runs in it. is_foreign: that was started by an earlier Supervisor."""

    slot: Slot
    watch: Watch = field(default_factory=Watch)
    identity: ProcessIdentity | None = None
    is_foreign: bool = False

    def try_again(self) -> None:
        """Give a process that was given up another try."""
        if self.watch.status is ProcessStatus.FATAL:
            logger.info('%s is tried again', self.slot, extra={'event': 'process_retried'})
            self.watch = Watch(restart_count=self.watch.restart_count)

    def log_end(self, code: int) -> None:
        """Log that the process has ended. code: its exit code, negative a signal."""
        match self.watch.status:
            case ProcessStatus.FATAL:
                logger.error(
                    '%s is FATAL (%s); see %s, then ./launch.py start %s',
                    self.slot,
                    self.watch.reason,
                    self.slot.output or 'the lines above',
                    self.slot.process,
                    extra={'event': 'process_fatal'},
                )
            case ProcessStatus.BACKOFF:
                logger.warning(
                    '%s ended (%s); it starts again',
                    self.slot,
                    self.watch.reason,
                    extra={'event': 'process_ended'},
                )
            case _ if code == ExitCode.RESTART:
                logger.info(
                    '%s ended to be restarted; its log says why',
                    self.slot,
                    extra={'event': 'process_recycled'},
                )
            case _:
                logger.info(
                    '%s stopped (%s)',
                    self.slot,
                    f'exit code {code}' if code >= 0 else f'signal {-code}',
                    extra={'event': 'process_stopped'},
                )


def running(places: Sequence[Place]) -> list[ProcessIdentity]:
    """Return what runs."""
    return [place.identity for place in places if place.identity is not None]


def actual(places: Sequence[Place], box_id: str, rows: BoxRows) -> Iterator[BoxProcess]:
    """Yield how the processes of a box are, all instances of each together."""
    places_by_process: dict[str, list[Place]] = {}
    for place in places:
        places_by_process.setdefault(place.slot.process, []).append(place)
    for process, found in places_by_process.items():
        yield BoxProcess(
            box_id=box_id,
            process=process,
            is_on=rows.is_on(process),
            state=_worst([place.watch.status for place in found]),
            pids=tuple(identity.pid for identity in running(found)),
            restart_count=sum(place.watch.restart_count for place in found),
        )


def _worst(statuses: Sequence[ProcessStatus]) -> str:
    order = (
        ProcessStatus.FATAL,
        ProcessStatus.BACKOFF,
        ProcessStatus.STOPPING,
        ProcessStatus.DRAINING,
        ProcessStatus.STOPPED,
        ProcessStatus.RUNNING,
    )
    return min(statuses, key=order.index).value
