"""Managed processes as JSON: what is registered, changing it, how long runs take."""

from __future__ import annotations

from datetime import timedelta

from werkzeug.wrappers import Response

from synergy.core.node import Node
from synergy.mx.api.answers import accepted, counted, need_key
from synergy.mx.pages.processes import ask_change
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer
from synergy.mx.widgets.estimating import estimator_of
from synergy.view.backlog import backlog_of, with_pace
from synergy.view.encode import (
    instant,
)
from synergy.view.process_documents import ProcessDocument
from synergy.view.processes import encode_process
from synergy.view.usual import slow_since
from synergy.view.workload import workload_of


def api_durations(request: RequestContext, name: str) -> Response:
    """Tell how long the newest runs of a process took, and how long they usually take.

    With around, of an interval that is older than all of these: the runs before and after it.
    """
    node, text = request.node(name), request.optional('around')
    around = None if text is None else request.timeperiod(node, text)
    durations = request.model.durations(request.store, node.process.name, around)
    slow, usual = slow_since(durations), durations.usual
    return json_answer(
        request.http,
        {
            'process': node.process.name,
            'usual_seconds': _seconds(usual.p50),
            'p95_seconds': _seconds(usual.p95),
            'slow_since': str(slow[0].key.timeperiod) if slow else None,
            'runs': [
                {
                    'timeperiod': str(run.key.timeperiod),
                    'run': run.run,
                    'state': run.state.value,
                    'started_at': instant(run.started_at),
                    'finished_at': instant(run.finished_at),
                    'took_seconds': _seconds(run.took),
                }
                for run in durations.runs
            ],
        },
    )


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds(), 3)


def api_processes(request: RequestContext) -> Response:
    """List managed processes as the Scheduler goes by them."""
    request.look()
    with request.model.lock:
        timetable = request.model.timetable
        work = workload_of(timetable, request.model.looking(request.now).runs)
        nodes = list(request.model.hierarchy)
        backlogs = {node.process.name: backlog_of(timetable, node, request.now) for node in nodes}
    estimator = estimator_of(request, {})

    def encode(node: Node) -> ProcessDocument:
        name = node.process.name
        backlog = backlogs[name]
        timed = None if backlog is None else with_pace(backlog, estimator)
        return encode_process(node, work.of(name), request.model.left_out.found.get(name), timed)

    return counted(request, nodes, encode)


def api_submit_process_action(request: RequestContext, name: str, action: str) -> Response:
    """Switch a process on or off, change its trigger, go by context.py again, or look at it now."""
    need_key(request)
    return accepted(request, ask_change(request, name, action))
