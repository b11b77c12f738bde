"""What others are told of runs: spans of OpenTelemetry, events of OpenLineage, as values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from synergy.core.structs import Struct

#: What an attribute of a span may be.
Value: TypeAlias = str | int | bool


class Span(Struct, frozen=True, kw_only=True):
    """One span. trace, id, parent: hexadecimal digits; parent None: it is the root of its trace.

    error: why it failed; None: it did not. Without secrets, as far as they can be told.
    """

    trace: str
    id: str
    parent: str | None
    name: str
    begin: datetime
    end: datetime
    attributes: Mapping[str, Value]
    error: str | None = None


class LineageKind(Enum):
    """What has become of a run; the words are those of OpenLineage."""

    START = 'START'
    COMPLETE = 'COMPLETE'
    FAIL = 'FAIL'
    ABORT = 'ABORT'


class DataSet(Struct, frozen=True):
    """What a run reads or writes, by the name that all know it by."""

    namespace: str
    name: str


class LineageRun(Struct, frozen=True):
    """A run of a job, in one namespace. id: a UUID."""

    id: str
    job: str


class LineageEvent(Struct, frozen=True, kw_only=True):
    """One event of a run.

    parent: on whose behalf it runs. begin, end: of what it is about, its nominal time. job_type:
    JOB, or REQUEST for what runs jobs. tags: what else is known of it.
    """

    kind: LineageKind
    at: datetime
    run: LineageRun
    job_type: str
    parent: LineageRun | None = None
    begin: datetime | None = None
    end: datetime | None = None
    inputs: tuple[DataSet, ...] = ()
    outputs: tuple[DataSet, ...] = ()
    error: str | None = None
    tags: Mapping[str, str]
