"""Of what somebody is told: the conditions that there are, and rules that name who hears of which.

A rule tells of some conditions (`on`), of some processes (`scopes`), to some receivers (`to`). What
the conditions mean, how grave they are and from where they are read stands in one table.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Final, NewType

from synergy.core.closed import ClosedHours, closed_until
from synergy.core.records import ProcessName
from synergy.core.structs import Struct, field

AlertName = NewType('AlertName', str)

#: Most rules, and most receivers, scopes and conditions of one.
RULES_MAX: Final = 100
LIST_MAX: Final = 100
GROUP_DEFAULT: Final = timedelta(minutes=5)
GROUP_MAX: Final = timedelta(days=1)
ESCALATE_MAX: Final = timedelta(days=7)


class Severity(IntEnum):
    """How grave it is. Numbers are stored."""

    NOTICE = 1
    WARNING = 2
    ERROR = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """Return it as people and documents say it."""
        return self.name.lower()


class ReadFrom(StrEnum):
    """From where a condition is read. While that cannot be read, nothing of it begins or ends.

    JOURNAL: lines of transitions. JOBS: conditions of jobs, by the index and its deadlines.
    NEEDS: what waits for a person. LEADER: the leadership, and what the leader says of itself.
    BOXES: what Supervisors report. BROKER: whether the broker answers. FORECAST: of deadlines.
    """

    JOURNAL = 'journal'
    JOBS = 'jobs'
    NEEDS = 'needs'
    LEADER = 'leader'
    BOXES = 'boxes'
    BROKER = 'broker'
    FORECAST = 'forecast'


class AlertKind(StrEnum):
    """Of what one can be told; `CONDITIONS` says what each means."""

    LATE = 'late'
    WILL_BE_LATE = 'will_be_late'
    FAILED = 'failed'
    HELD = 'held'
    DEAD_LETTER = 'dead_letter'
    UNUSUAL_DURATION = 'unusual_duration'
    UNUSUAL_COUNT = 'unusual_count'
    PAUSED_BY_ITSELF = 'paused_by_itself'
    REQUEST_DONE = 'request_done'
    NO_LEADER = 'no_leader'
    LEADER_STUCK = 'leader_stuck'
    ISOLATED = 'isolated'
    BOX_VANISHED = 'box_vanished'
    PROCESS_NOT_UP = 'process_not_up'
    QUEUE_WITHOUT_WORKER = 'queue_without_worker'
    BROKER_AWAY = 'broker_away'
    CALENDAR_ENDS = 'calendar_ends'


class AlertCondition(Struct, frozen=True, kw_only=True):
    """What one condition means.

    said: what is told of one, `{subject}` stands for what it is about; said_of_many: of several,
    `{count}` for how many. means: for lists. is_moment: it happens, and is over with that: nobody
    is told of an end, or reminded. is_of_all: it concerns the whole installation, whatever
    processes a rule names.
    """

    read_from: ReadFrom
    severity: Severity
    said: str
    said_of_many: str
    means: str
    is_moment: bool = False
    is_of_all: bool = False


CONDITIONS: Final[dict[AlertKind, AlertCondition]] = {
    AlertKind.LATE: AlertCondition(
        read_from=ReadFrom.JOBS,
        severity=Severity.ERROR,
        said='{subject} is late',
        said_of_many='{count} intervals are late',
        means='an interval is not done, though its deadline has passed',
    ),
    AlertKind.WILL_BE_LATE: AlertCondition(
        read_from=ReadFrom.FORECAST,
        severity=Severity.WARNING,
        said='{subject} will probably be late',
        said_of_many='{count} intervals will probably be late',
        means='an interval will probably miss its deadline',
    ),
    AlertKind.FAILED: AlertCondition(
        read_from=ReadFrom.JOBS,
        severity=Severity.ERROR,
        said='{subject} failed and was skipped',
        said_of_many='{count} intervals failed and were skipped',
        means='a job was skipped after its last attempt, or a free run failed',
    ),
    AlertKind.HELD: AlertCondition(
        read_from=ReadFrom.JOBS,
        severity=Severity.ERROR,
        said='{subject} failed and is held',
        said_of_many='{count} intervals failed and are held',
        means='a job has no attempt left and waits for a person',
    ),
    AlertKind.DEAD_LETTER: AlertCondition(
        read_from=ReadFrom.NEEDS,
        severity=Severity.ERROR,
        said='{subject} keeps failing with the same error',
        said_of_many='{count} kinds of errors wait for a person',
        means='dead letters of one process and error wait for a person',
    ),
    AlertKind.UNUSUAL_DURATION: AlertCondition(
        read_from=ReadFrom.NEEDS,
        severity=Severity.WARNING,
        said='{subject} runs unusually long',
        said_of_many='{count} runs take unusually long',
        means='a run takes far longer than those of its process usually do',
    ),
    AlertKind.UNUSUAL_COUNT: AlertCondition(
        read_from=ReadFrom.JOURNAL,
        severity=Severity.WARNING,
        said='{subject} processed an unusual number of things',
        said_of_many='{count} runs processed unusual numbers of things',
        means='a run processed far more or fewer things than those of its process usually do',
        is_moment=True,
    ),
    AlertKind.PAUSED_BY_ITSELF: AlertCondition(
        read_from=ReadFrom.NEEDS,
        severity=Severity.ERROR,
        said='{subject} was paused after equal failures',
        said_of_many='{count} processes were paused after equal failures',
        means='the Scheduler has paused a process whose runs kept failing alike',
    ),
    AlertKind.REQUEST_DONE: AlertCondition(
        read_from=ReadFrom.JOURNAL,
        severity=Severity.NOTICE,
        said='request {subject} is done',
        said_of_many='{count} requests are done',
        means='everything that a request has reset is done again',
        is_moment=True,
    ),
    AlertKind.NO_LEADER: AlertCondition(
        read_from=ReadFrom.LEADER,
        severity=Severity.CRITICAL,
        said='no Scheduler leads',
        said_of_many='no Scheduler leads',
        means='no Scheduler leads, so that nothing starts',
        is_of_all=True,
    ),
    AlertKind.LEADER_STUCK: AlertCondition(
        read_from=ReadFrom.LEADER,
        severity=Severity.CRITICAL,
        said='the leading Scheduler cannot commit',
        said_of_many='the leading Scheduler cannot commit',
        means='the store refuses everything that the leading Scheduler decides',
        is_of_all=True,
    ),
    AlertKind.ISOLATED: AlertCondition(
        read_from=ReadFrom.LEADER,
        severity=Severity.ERROR,
        said='nothing is decided for {subject}',
        said_of_many='nothing is decided for {count} processes, free runs or commands',
        means='the store refuses the rows of a process, or deciding for it fails',
    ),
    AlertKind.BOX_VANISHED: AlertCondition(
        read_from=ReadFrom.BOXES,
        severity=Severity.ERROR,
        said='box {subject} has vanished',
        said_of_many='{count} boxes have vanished',
        means='the Supervisor of a box has not been heard of',
        is_of_all=True,
    ),
    AlertKind.PROCESS_NOT_UP: AlertCondition(
        read_from=ReadFrom.BOXES,
        severity=Severity.ERROR,
        said='{subject} does not come up',
        said_of_many='{count} processes do not come up',
        means='a process ends each time that its Supervisor starts it',
    ),
    AlertKind.QUEUE_WITHOUT_WORKER: AlertCondition(
        read_from=ReadFrom.NEEDS,
        severity=Severity.ERROR,
        said='no worker takes the units of {subject}',
        said_of_many='no worker takes the units of {count} processes',
        means='units wait, and no worker runs that could take them',
    ),
    AlertKind.BROKER_AWAY: AlertCondition(
        read_from=ReadFrom.BROKER,
        severity=Severity.CRITICAL,
        said='the broker does not answer',
        said_of_many='the broker does not answer',
        means='the broker does not answer, so that workers are told of nothing',
        is_of_all=True,
    ),
    AlertKind.CALENDAR_ENDS: AlertCondition(
        read_from=ReadFrom.NEEDS,
        severity=Severity.WARNING,
        said='working calendar {subject} runs out',
        said_of_many='{count} working calendars run out',
        means='a working calendar has run out, or does soon',
        is_of_all=True,
    ),
}


class ScopeKind(StrEnum):
    """What a scope names."""

    TREE = 'tree'
    PROCESS = 'process'


class Scope(Struct, frozen=True):
    """Some processes. pattern: a name, of processes with `*` and `?`. processes: of a tree."""

    kind: ScopeKind
    pattern: str
    processes: frozenset[ProcessName] = frozenset()

    def has(self, process: ProcessName) -> bool:
        """Tell whether a process, or a free run by its whole name, is one of them."""
        if self.kind is ScopeKind.TREE:
            return process in self.processes
        return fnmatchcase(process, self.pattern) or fnmatchcase(
            process.partition('::')[0], self.pattern
        )

    def __str__(self) -> str:
        """Return it as it is written."""
        return f'{self.kind.value}:{self.pattern}'


class Receiver(Struct, frozen=True):
    """Who is told. url: holds secrets, and is never shown or stored; `id` stands for it."""

    url: str

    @property
    def id(self) -> str:
        """Return what names it in the store: it does not tell the URL."""
        return sha256(self.url.encode()).hexdigest()[:16]

    @property
    def shown(self) -> str:
        """Return it as people see it: its scheme, and enough of its id to tell two apart."""
        return f'{self.url.partition(":")[0]}:{self.id[:6]}'

    def __repr__(self) -> str:
        """Return it without its secrets: values end up in logs and messages of errors."""
        return f'Receiver({self.shown})'


class AlertRule(Struct, frozen=True, kw_only=True):
    """Who is told of what.

    on: at least one. scopes: of which processes; none: of all. quiet_hours: when nothing is sent,
    but for what is of a kind in `piercing`. escalate_after: how long after a message those of
    `escalate_to` are told if nobody has acknowledged; None: they are not. group: messages of one
    root cause are at least so far apart, and what comes in between is one message.
    """

    name: AlertName
    on: frozenset[AlertKind]
    scopes: tuple[Scope, ...] = ()
    to: tuple[Receiver, ...]
    quiet_hours: tuple[ClosedHours, ...] = ()
    piercing: frozenset[AlertKind] = frozenset()
    escalate_after: timedelta | None = None
    escalate_to: tuple[Receiver, ...] = field(default=())
    group: timedelta = GROUP_DEFAULT

    def covers(self, kind: AlertKind, process: ProcessName | None) -> bool:
        """Tell whether it is about a condition of a process; None: of the whole installation."""
        if kind not in self.on:
            return False
        if not self.scopes or process is None or CONDITIONS[kind].is_of_all:
            return True
        return any(scope.has(process) for scope in self.scopes)

    def may_tell(self, kind: AlertKind, *, is_quiet: bool) -> bool:
        """Tell whether a condition may be told of now. is_quiet: of this instant."""
        return not is_quiet or kind in self.piercing


def is_quiet(rule: AlertRule, now: datetime) -> bool:
    """Tell whether an instant lies in the quiet hours of a rule."""
    return bool(rule.quiet_hours) and closed_until(rule.quiet_hours, now) is not None


#: What cannot wait for the morning, unless a rule says otherwise.
PIERCING: Final = frozenset(
    kind for kind, condition in CONDITIONS.items() if condition.severity is Severity.CRITICAL
)
