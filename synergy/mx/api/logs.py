"""The log files of the dashboard's box as JSON."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.mx.api.answers import counted
from synergy.mx.pages import logs
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer


def api_logs(request: RequestContext) -> Response:
    """List the log files of the dashboard's box."""
    return counted(request, logs.log_files(request), lambda name: {'file': name})


def api_log_file(request: RequestContext, file: str) -> Response:
    """Return the last lines of a log file, or those of them that hold the text q."""
    lines = logs.log_lines(request, file)
    words = (request.optional('q') or '').lower()
    shown = [line for line in lines if words in line.lower()]
    return json_answer(request.http, {'file': file, 'lines': shown})
