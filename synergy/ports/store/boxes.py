"""Boxes: who is there, what is desired, what runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from synergy.core.records import Box, BoxProcess


class BoxReader(Protocol):
    """Boxes and their processes, for whoever looks."""

    def boxes(self) -> Sequence[Box]:
        """Return every box that was ever seen or drained and not forgotten, by id."""
        ...

    def box_processes(self, box_id: str | None = None) -> Sequence[BoxProcess]:
        """Return the rows of one box, or of all, by box and process."""
        ...


class BoxStore(BoxReader, Protocol):
    """What supervisors write and follow; CLI and web set what is desired."""

    def heartbeat(self, box: Box, vanished_after: timedelta) -> Box:
        """Say that the Supervisor of a box lives; return the box's row as it stands afterwards.

        One conditional statement that writes host, home, pid, version, load and, by the store's
        clock and whatever `box.seen_at` says, `seen_at`; it inserts the row if there is none and
        leaves `is_draining` of an existing one alone. Nothing is written while another place (host
        and home) holds the box, with a pid and seen less than `vanished_after` ago: the row
        returned is then the other's, which the caller tells by host and home.
        """
        ...

    def set_drained(self, box_id: str, *, is_draining: bool) -> None:
        """Say whether the workers of a box are to take no more; inserts a missing row."""
        ...

    def forget_box(self, box_id: str) -> int:
        """Delete a box and its processes; return how many rows there were.

        Safe while its Supervisor runs: it reports both again, and all is then desired on.
        """
        ...

    def set_desired(self, box_id: str, process: str, *, is_on: bool) -> None:
        """Say whether `process` is to run on `box_id`; inserts the row if there is none.

        With `is_on`, `start_asked_at` becomes the present instant of the store's clock: a
        Supervisor that has given the process up tries it again.
        """
        ...

    def ask_restart(self, box_id: str, process: str) -> None:
        """Say that `process` is to run on `box_id`, and that whatever runs of it ends before.

        As `set_desired` with `is_on`; `restart_asked_at` becomes the same instant.
        """
        ...

    def report_actual(self, rows: Sequence[BoxProcess]) -> None:
        """Write what runs; what is desired in existing rows is left alone."""
        ...
