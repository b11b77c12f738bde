"""Settings and context as JSON."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.core.structs import as_document
from synergy.mx.pages.config import entry_rows, setting_rows
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer


def api_config(request: RequestContext) -> Response:
    """Return settings and context as loaded, without secrets."""
    rows = setting_rows(request)
    return json_answer(
        request.http,
        {
            'settings': {row.name: row.value for row in rows},
            'places': {row.name: row.place for row in rows if row.place is not None},
            'processes': [as_document(row) for row in entry_rows(request)],
        },
    )
