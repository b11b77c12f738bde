"""The shapes of managed processes as they are sent; see `synergy.view.documents`."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from synergy.core.lanes import CatchUp
from synergy.core.states import Blocking
from synergy.view.backlog import HistoryDocument
from synergy.view.documents import At, ProcessText
from synergy.view.input_said import InputDocument


class OverrideDocument(TypedDict, total=False):
    """What was changed of a process at run time, by whom and when."""

    is_on: bool
    is_on_by: str | None
    is_on_at: At | None
    trigger: str
    trigger_by: str | None
    trigger_at: At | None
    start: str
    start_by: str
    start_at: At | None
    catch_up: Annotated[str, CatchUp]
    catch_up_by: str | None
    catch_up_at: At | None


class ProcessDocument(TypedDict):
    """A managed process as the Scheduler uses it."""

    process: ProcessText
    tree: str
    qualifier: Annotated[str, 'the length of its intervals: hourly, weekly, 15-minute, ...']
    time_zone: Annotated[str, 'whose clock its days follow']
    trigger: str
    machine: Annotated[str, 'name of its state machine']
    blocking: Annotated[str, Blocking]
    is_on: bool
    conditions: Annotated[
        dict[str, int], 'how many of its jobs run, are queued, rest, are held, ...; none: absent'
    ]
    max_running: int
    catch_up: Annotated[str, CatchUp]
    lane_shares: Annotated[dict[str, int], 'of its starts, while all lanes have work']
    history: Annotated[HistoryDocument | None, 'what never ran and is not live; null: little']
    live_from: Annotated[At | None, 'what might start before then is history; null: never led']
    left_out_before: Annotated[At | None, 'what might start before then and has no row is left out']
    max_attempts: int
    max_lost: Annotated[int, 'attempts that may lose their worker, which count apart']
    group: Annotated[str | None, 'name of the workers that run its units and those of others']
    deadline: Annotated[
        str | None,
        'until when its intervals are to be done: 06:00 +1d by the clock of its tree, or 90 min '
        'after their end; null: once the next one is over, too',
    ]
    start_timeout_seconds: Annotated[
        float | None, 'how long a unit may wait for a worker before somebody is told'
    ]
    inputs: list[InputDocument]
    arguments: dict[str, Any]
    override: OverrideDocument | None
    left_out: Annotated[str | None, 'why nothing of it runs: its level or zone has changed']
