"""What an answer to "why" is made of: causes, each with the one action that helps.

An action names an address of the dashboard and the command that does the same in a terminal; both
only lead there: whoever follows is asked who they are as everywhere.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from synergy.core.commands import CommandId
from synergy.core.records import ProcessName
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.users import Role


class CauseKind(StrEnum):
    """What sort of cause it is, for programs.

    OUTSIDE, NOT_OVER, ENDED, RESTS: nothing is wrong. FAILED: held, or skipped after its last
    attempt. DOOMED: will be skipped. LEFT_OUT: its process has another level in the context than
    its history; nothing of it runs. WAITS_FOR: the causes one deeper tell of what it waits for.
    FROZEN, CLOSED: an operator's freeze, or closed hours, let nothing of its process start.
    OFF, PAUSED, FULL, POOL, READY: it may run, as soon as that changes. REPORT, RETRY, WORKER,
    RUNNING, LEASE: how its unit stands. BUSY, WORKER_OFF, DRAINED, BOX_GONE, GIVEN_UP, STARTING,
    NO_BOX: why no worker takes it. LEADER: nobody schedules. ISOLATED: nothing is decided for its
    process, for the store refuses its rows or deciding fails. LATE, DEADLINE: since when it is
    late, or until when it is to be done; nothing that keeps it. CUT: not all was followed or is
    shown here.
    """

    OUTSIDE = 'outside'
    NOT_OVER = 'not_over'
    ENDED = 'ended'
    RESTS = 'rests'
    FAILED = 'failed'
    DOOMED = 'doomed'
    LEFT_OUT = 'left_out'
    WAITS_FOR = 'waits_for'
    OFF = 'off'
    PAUSED = 'paused'
    FULL = 'full'
    POOL = 'pool'
    READY = 'ready'
    REPORT = 'report'
    RETRY = 'retry'
    WORKER = 'worker'
    RUNNING = 'running'
    LEASE = 'lease'
    BUSY = 'busy'
    WORKER_OFF = 'worker_off'
    DRAINED = 'drained'
    BOX_GONE = 'box_gone'
    GIVEN_UP = 'given_up'
    STARTING = 'starting'
    NO_BOX = 'no_box'
    LEADER = 'leader'
    CUT = 'cut'
    ISOLATED = 'isolated'
    FROZEN = 'frozen'
    CLOSED = 'closed'
    LATE = 'late'
    DEADLINE = 'deadline'


class Action(Struct, frozen=True, kw_only=True):
    """What helps. address: of the dashboard, to look at or, `is_post`, to send a form to.

    address: None where only a terminal on the right box helps. role: who may. command: the same in
    a terminal.
    """

    label: str
    address: str | None
    is_post: bool = False
    role: Role = Role.OPERATOR
    command: str


class Cause(Struct, frozen=True, kw_only=True):
    """One line of the answer. depth: 0 is the job asked about.

    since: since when it is so. expected_at: when it ends by itself; None: not known, or never.
    box_id, log_file: of a log that says more.
    """

    depth: int = 0
    key: JobKey
    kind: CauseKind
    text: str
    since: datetime | None = None
    expected_at: datetime | None = None
    action: Action | None = None
    box_id: str | None = None
    log_file: str | None = None


def why_command(key: JobKey) -> str:
    """Return the command that goes on to explain another job."""
    return f'./launch.py why {key.process} {key.timeperiod}'


def run_again(key: JobKey) -> Action:
    """Return what helps a job that has failed or was skipped."""
    return Action(
        label=f'Run {key.timeperiod} again',
        address=f'/change/reprocess?process={key.process}&first={key.timeperiod}',
        command=f'./launch.py reprocess {key.process} {key.timeperiod}',
    )


def thaw(freeze_id: CommandId) -> Action:
    """Return what ends a freeze before its time."""
    return Action(
        label=f'Thaw {freeze_id[:6]}',
        address=f'/freezes/{freeze_id}/thaw',
        command=f'./launch.py thaw {freeze_id}',
    )


def run_instead(key: JobKey) -> Action:
    """Return what helps a job whose run does not end."""
    return replace(run_again(key), label=f'Stop this run, and run {key.timeperiod} again')


def run_failed_again(
    process: ProcessName, first: Timeperiod, last: Timeperiod, count: int
) -> Action:
    """Return what helps `count` failed jobs of [first, last], all together."""
    return Action(
        label=f'Run the {count} failed again',
        address=f'/change/reprocess?process={process}&first={first}&last={last}&only=failed',
        command=f'./launch.py reprocess {process} {first} --to {last.shift(1)} --only failed',
    )


def switch_on(process: ProcessName) -> Action:
    """Return what helps a process that is off."""
    return Action(
        label=f'Switch {process} on',
        address=f'/processes/{process}/on',
        is_post=True,
        command=f'./launch.py process on {process}',
    )


def switch_freerun_on(name: ProcessName) -> Action:
    """Return what helps a free run that is off."""
    return Action(
        label=f'Switch {name} on',
        address=f'/freeruns/{name}/on',
        is_post=True,
        command=f'./launch.py freerun on {name}',
    )


def resume(request: CommandId) -> Action:
    """Return what helps a request that is paused."""
    return Action(
        label=f'Resume request {request[:6]}',
        address=f'/requests/{request}/resume',
        is_post=True,
        command=f'./launch.py requests resume {request}',
    )


def see_pool(pool: str) -> Action:
    """Return where to see who holds a pool, and to change its size."""
    return Action(
        label=f'See who holds {pool}',
        address=f'/pools#{pool}',
        role=Role.VIEWER,
        command='./launch.py pools ls',
    )


def start_on(box_id: str, process: str) -> Action:
    """Return what helps a process that is switched off, or was given up, on a box."""
    return Action(
        label=f'Start {process} on {box_id}',
        address=f'/boxes/{box_id}/{process}/start',
        is_post=True,
        command=f'./launch.py super --start {process} --box {box_id}',
    )


def undrain(box_id: str) -> Action:
    """Return what helps a box that drains."""
    return Action(
        label=f'Let box {box_id} work again',
        address=f'/boxes/{box_id}/undrain',
        is_post=True,
        command=f'./launch.py super --undrain {box_id}',
    )


def forget(box_id: str) -> Action:
    """Return what helps when a box has vanished for good."""
    return Action(
        label=f'Forget box {box_id}',
        address=f'/boxes/{box_id}/forget',
        is_post=True,
        command=f'./launch.py super --forget {box_id}',
    )


def start_there(process: str, box_id: str | None) -> Action:
    """Return what helps where only a terminal does: to start a process, on a box if it is known."""
    return Action(
        label=f'Start {process} on box {box_id}' if box_id else f'Start {process}',
        address=None,
        command=f'./launch.py start {process}',
    )
