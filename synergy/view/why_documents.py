"""The shapes of what waits, why, and what helps; `synergy.view.documents` has them, too."""

from __future__ import annotations

from typing import Annotated, TypeAlias, TypedDict

from synergy.core.users import Role
from synergy.view.cause import CauseKind

At: TypeAlias = Annotated[str, 'an instant: ISO 8601, UTC']
TimeperiodText: TypeAlias = Annotated[str, 'an interval: YYYYMMDDHH, with zeros at its end']
ProcessText: TypeAlias = Annotated[str, 'name of a process']


class ActionDocument(TypedDict):
    """What helps: an address of the dashboard, and the command that does the same."""

    label: str
    method: Annotated[str | None, 'GET to look at it, POST to send a form to']
    address: Annotated[str | None, 'null: only a terminal on the right box helps']
    role: Annotated[str, Role]
    command: str


class CauseDocument(TypedDict):
    """One step of an answer to why; depth 0 is the job asked about."""

    depth: int
    process: ProcessText
    timeperiod: TimeperiodText
    kind: Annotated[str, CauseKind]
    text: str
    since: At | None
    expected_at: At | None
    action: ActionDocument | None
    box_id: Annotated[str | None, 'of a log file that says more']
    log_file: Annotated[str | None, 'a path on that box']


class NeedDocument(TypedDict):
    """Something that waits for a person."""

    kind: Annotated[
        str,
        'failed, self_paused, paused, vanished, not_up, overlong, off, no_worker, start_overdue, '
        'calendar_ends or no_watch',
    ]
    subject: Annotated[str, 'what it is about']
    text: str
    advice: str
    since: At | None
    count: Annotated[int, 'of what waits, where that can be counted']
    action: ActionDocument | None
    log_file: str | None
