"""Where a log file of a process is read in the dashboard: only on the dashboard's own box."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

from synergy.mx.web.request_context import RequestContext


def log_href(request: RequestContext, box_id: str | None, log_file: str | None) -> str | None:
    """Return the address of a log file's page; None for what lies on another box, or elsewhere."""
    settings = request.settings
    if box_id != settings.box_id or log_file is None:
        return None
    file = Path(log_file)
    if file.parent != settings.log_directory:
        return None
    return f'/logs?{urlencode({"file": file.name})}'
