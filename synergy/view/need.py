"""One thing that waits for a person, and what such things are told from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from synergy.conf.model import Context
from synergy.core.calendar_ends import CalendarEnd
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.timetable import Timetable
from synergy.ports.store import Reader
from synergy.view.boxes import BoxView
from synergy.view.cause import Action
from synergy.view.letter_groups import GroupView
from synergy.view.usual import Usual
from synergy.view.workload import Workload


class NeedKind(StrEnum):
    """What it is that waits for a person."""

    FAILED = 'failed'
    SELF_PAUSED = 'self_paused'
    PAUSED = 'paused'
    VANISHED = 'vanished'
    NOT_UP = 'not_up'
    OVERLONG = 'overlong'
    OFF = 'off'
    NO_WORKER = 'no_worker'
    START_OVERDUE = 'start_overdue'
    CALENDAR_ENDS = 'calendar_ends'
    NO_WATCH = 'no_watch'


class Need(Struct, frozen=True, kw_only=True):
    """One thing that waits for a person.

    subject: what it is about, and address: its page in the dashboard. text: a sentence without its
    stop; advice: what helps, with a command. count: of what waits, where that can be counted.
    action: one button that helps. box_id, log_file: of a log that says more. group: of FAILED.
    also: what else keeps it.
    """

    kind: NeedKind
    subject: str
    address: str
    text: str
    advice: str
    since: datetime | None = None
    count: int = 1
    action: Action | None = None
    box_id: str | None = None
    log_file: str | None = None
    group: GroupView | None = None
    also: str | None = None


class Seen(Struct, frozen=True, kw_only=True):
    """What needs are told from.

    views: the boxes, of which one has vanished after `vanished_after`. work: what is under way.
    usual: how long runs of a process take. context: what tells of calendars and free runs.
    """

    timetable: Timetable
    store: Reader
    views: Sequence[BoxView]
    vanished_after: timedelta
    work: Workload
    usual: Callable[[ProcessName], Usual]
    now: datetime
    context: Context | None = None

    @property
    def calendar_ends(self) -> Sequence[CalendarEnd]:
        """Return the working calendars that have run out, or do soon."""
        return () if self.context is None else self.context.calendar_ends(self.now.date())
