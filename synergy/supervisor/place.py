"""A slot, what runs in it, and what is reported and logged of that."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from synergy.core.exit_codes import ExitCode
from synergy.core.last_words import last_words
from synergy.core.records import BoxProcess
from synergy.core.supervision import ProcessStatus, Watch
from synergy.ports.processes import ProcessIdentity
from synergy.supervisor.outputs import size_of, written_since
from synergy.supervisor.rows import BoxRows
from synergy.supervisor.slots import Slot

logger = logging.getLogger(__name__)

#: How long a process that starts is looked at closely.
_START_SECONDS: Final = 10.0
#: Ends after which the log says why, of a process that was up.
_SAID: Final = (ExitCode.FAULT, ExitCode.UNAVAILABLE, ExitCode.MISCONFIGURED, ExitCode.CONFLICT)


@dataclass(slots=True)
class Place:
    """A slot, and what runs in it. is_foreign: that was started by an earlier Supervisor.

    words: what the process that ended there said last, if it failed.
    """

    slot: Slot
    watch: Watch = field(default_factory=Watch)
    identity: ProcessIdentity | None = None
    is_foreign: bool = False
    words: str | None = None
    _log_size: int = 0
    _output_size: int = 0

    @property
    def reason(self) -> str | None:
        """Return why the process ended that is not up again; None: nothing is wrong."""
        if self.watch.reason is None or self.words is None:
            return self.watch.reason
        return f'{self.words} ({self.watch.reason})'

    @property
    def is_settled(self) -> bool:
        """Tell whether its start has succeeded or failed, or is not wanted."""
        match self.watch.status:
            case ProcessStatus.RUNNING:
                return self.watch.is_up or self.watch.reason is not None
            case ProcessStatus.STOPPED:
                return False
            case _:
                return True

    def is_starting(self, now: float) -> bool:
        """Tell whether it was started a moment ago and is not up. now: of the monotonic clock."""
        is_new = now - self.watch.started_at < _START_SECONDS
        return self.identity is not None and not self.watch.is_up and is_new

    def note_start(self) -> None:
        """Keep where its files end now: what follows there is of the process about to start."""
        self._log_size = size_of(self.slot.log_file)
        self._output_size = size_of(self.slot.output)

    def note_end(self, code: int, *, was_up: bool) -> None:
        """Read what the process has said last, if that is why it ended. code: as in `log_end`.

        One that did its work and ended by a signal, or as it was told to, need not have said it.
        """
        is_said = code in _SAID if was_up else code > 0
        if self.watch.status not in (ProcessStatus.BACKOFF, ProcessStatus.FATAL) or not is_said:
            self.words = None
            return
        self.words = last_words(
            written_since(self.slot.log_file, self._log_size),
            written_since(self.slot.output, self._output_size),
        )

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
                    self.reason,
                    self.slot.log_file or 'the lines above',
                    self.slot.process,
                    extra={'event': 'process_fatal'},
                )
            case ProcessStatus.BACKOFF:
                logger.warning(
                    '%s ended (%s); it starts again',
                    self.slot,
                    self.reason,
                    extra={'event': 'process_ended'},
                )
            case _ if code == ExitCode.STUCK:
                logger.warning(
                    '%s ended with a run that could not be interrupted; it starts again. Its log '
                    "says which; isolation='process' lets such a run end alone",
                    self.slot,
                    extra={'event': 'process_stuck'},
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


def log_start(places: Sequence[Place]) -> None:
    """Log how the start of all that is wanted on this box went."""
    ill = sorted({place.slot.process for place in places if not place.watch.is_up})
    if ill:
        logger.warning(
            '%d of %d processes are up; not up: %s',
            sum(place.watch.is_up for place in places),
            len(places),
            ', '.join(ill),
            extra={'event': 'started_in_part'},
        )
    else:
        logger.info('all %d processes are up', len(places), extra={'event': 'all_up'})


def running(places: Sequence[Place]) -> list[ProcessIdentity]:
    """Return what runs."""
    return [place.identity for place in places if place.identity is not None]


class Standing:
    """How the processes of a box are, all instances of each together.

    The Supervisor asks at every step; only what has changed since is made again.
    """

    def __init__(self, places: Sequence[Place], box_id: str) -> None:
        """Be about `places`, which do not change; what is in them does."""
        self._box_id = box_id
        self._places: dict[str, list[Place]] = {}
        for place in places:
            self._places.setdefault(place.slot.process, []).append(place)
        self._made: dict[str, tuple[tuple[object, ...], BoxProcess]] = {}

    def rows(self, desired: BoxRows) -> Iterator[BoxProcess]:
        """Yield the row of each process."""
        for process, places in self._places.items():
            is_on = desired.is_on(process)
            seen = (is_on, *[(place.watch, place.identity, place.words) for place in places])
            made = self._made.get(process)
            if made is None or made[0] != seen:
                made = self._made[process] = seen, self._row(process, places, is_on=is_on)
            yield made[1]

    def _row(self, process: str, places: Sequence[Place], *, is_on: bool) -> BoxProcess:
        ill = next((place for place in places if place.reason is not None), None)
        return BoxProcess(
            box_id=self._box_id,
            process=process,
            is_on=is_on,
            state=_worst([place.watch.status for place in places]),
            pids=tuple(identity.pid for identity in running(places)),
            restart_count=sum(place.watch.restart_count for place in places),
            reason=None if ill is None else ill.reason,
            log_file=None if ill is None or ill.slot.log_file is None else str(ill.slot.log_file),
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
