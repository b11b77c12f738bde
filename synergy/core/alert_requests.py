"""What operators ask of alerts: written down by whoever asks, carried out by Watch alone.

So one process writes what is remembered, and nothing that it decides meanwhile undoes a request.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from synergy.core.structs import Struct

#: Whoever wants silence for longer says so in context.py.
MUTE_MAX: Final = timedelta(days=30)


class AlertRequestKind(StrEnum):
    """What is asked for.

    ACK: somebody sees to it; no reminders. MUTE: a rule tells nothing until an instant. UNMUTE: it
    does again. TEST: a message to everybody whom a rule tells of anything.
    """

    ACK = 'ack'
    MUTE = 'mute'
    UNMUTE = 'unmute'
    TEST = 'test'


class AlertRequestState(StrEnum):
    """How a request stands. REFUSED: it could not be carried out; its outcome says why."""

    WAITING = 'waiting'
    DONE = 'done'
    REFUSED = 'refused'


class AlertRequest(Struct, frozen=True, kw_only=True):
    """Something that an operator asks of Watch.

    id: the same for the same request, however often it is sent. named: a rule; of ACK, a rule or a
    group, `night/12`. until: of MUTE. outcome: in a sentence, once it has ended.
    """

    id: str
    kind: AlertRequestKind
    named: str
    by: str
    at: datetime
    until: datetime | None = None
    reason: str = ''
    state: AlertRequestState = AlertRequestState.WAITING
    ended_at: datetime | None = None
    outcome: str | None = None


def group_of_test(request_id: str) -> str:
    """Return the group of the deliveries that a request for a test makes."""
    return f'test/{request_id}'
