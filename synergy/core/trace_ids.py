"""Ids of traces and their spans, as W3C Trace Context and OpenTelemetry have them.

Each is a pure function of what the ledger says anyway, so nothing is stored: a worker tells user
code which span it runs in before anybody has sent that, and who sends it again sends the same.

One trace is one cascade: all runs that a request has caused, with the request as its root. A run
that the clock has started is a trace of its own. Within a trace stand, each in the one before:

    request                     where there is one
    job     one for each run    from when the run was asked for until the Scheduler has settled it
    run     the unit of work    until the last attempt has ended
    attempt                     what the spans of user code belong to
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from synergy.core.records import CommandId, UowId
from synergy.core.structs import Struct

_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8
_VERSION: Final = '00'
_SAMPLED: Final = '01'


class RunIds(Struct, frozen=True, kw_only=True):
    """The ids of one run, in hexadecimal digits. request: the span above that of the job."""

    trace: str
    request: str | None
    job: str
    run: str

    def attempt(self, number: int) -> str:
        """Return the id of the span of an attempt."""
        return _digest(f'attempt {number} of {self.run}', _SPAN_BYTES)


def trace_of_request(request: CommandId) -> str:
    """Return the id of the trace of a request."""
    return _digest(f'request {request}', _TRACE_BYTES)


def span_of_request(request: CommandId) -> str:
    """Return the id of the span of a request, the root of its trace."""
    return _digest(f'root {request}', _SPAN_BYTES)


def run_ids(uow: UowId | str, request: CommandId | str | None) -> RunIds:
    """Return the ids of a run. request: that it was made for."""
    asked = None if request is None else CommandId(request)
    trace = _digest(f'run {uow}', _TRACE_BYTES) if asked is None else trace_of_request(asked)
    return RunIds(
        trace=trace,
        request=None if asked is None else span_of_request(asked),
        job=_digest(f'job of {uow}', _SPAN_BYTES),
        run=_digest(f'run {uow}', _SPAN_BYTES),
    )


def traceparent_of(uow: UowId | str, request: CommandId | str | None, attempt: int) -> str:
    """Return the header `traceparent` under which spans of user code join an attempt."""
    ids = run_ids(uow, request)
    return f'{_VERSION}-{ids.trace}-{ids.attempt(attempt)}-{_SAMPLED}'


def uuid_of_run(uow: UowId | str) -> str:
    """Return the UUID of a run, by which OpenLineage knows it."""
    return _uuid(f'run {uow}')


def uuid_of_request(request: CommandId | str) -> str:
    """Return the UUID of a request."""
    return _uuid(f'request {request}')


def _uuid(name: str) -> str:
    digits = [*_digest(name, 16)]
    # Version 8 of RFC 9562: the other digits are of one's own making.
    digits[12], digits[16] = '8', '89ab'[int(digits[16], 16) % 4]
    text = ''.join(digits)
    return f'{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}'


def _digest(name: str, size: int) -> str:
    # All zeros would mean that there is no id: as unlikely as the same digest twice.
    return blake2b(name.encode(), digest_size=size).hexdigest()
