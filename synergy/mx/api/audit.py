"""The audit as JSON."""

from __future__ import annotations

from typing import Final

from werkzeug.wrappers import Response

from synergy.core.commands import CommandKind
from synergy.mx.api.answers import listed
from synergy.mx.pages import audit
from synergy.mx.web.redact import masked
from synergy.mx.web.request_context import RequestContext
from synergy.view.encode import encode_command

KIND_WORDS: Final = tuple(kind.value for kind in CommandKind)


def api_audit(request: RequestContext) -> Response:
    """List who asked for what, from where, why, and what came of it, newest first."""
    who, what = request.optional('who'), request.optional('what')
    kinds = None if what is None else [CommandKind(request.choice('what', KIND_WORDS, what))]
    found, cursor = audit.audited(request, who, kinds)
    return listed(request, [masked(encode_command(item)) for item in found], cursor)
