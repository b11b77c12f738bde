"""The part of the table of routes that is about freezes."""

from __future__ import annotations

from typing import Final

from synergy.mx.api import documents, freezes
from synergy.mx.api.route_kinds import action, change, listing
from synergy.mx.web.route import Parameter, Route
from synergy.operations.freezes import UNTIL
from synergy.view import documents as shapes

FREEZE_ROUTES: Final[tuple[Route, ...]] = (
    listing(
        'api_freezes',
        '/freezes',
        freezes.api_freezes,
        shapes.FreezeDocument,
        Parameter('limit', 'most items of one answer, 1 to 1000', 'integer'),
        Parameter('cursor', 'next_cursor of the answer before'),
    ),
    change(
        'api_freeze',
        '/freezes',
        freezes.api_submit_freeze,
        documents.AcceptedDocument,
        Parameter('process', 'of this process or free run alone'),
        Parameter('tree', 'of the processes of this tree alone'),
        Parameter('pool', 'of what takes from this pool alone'),
        Parameter('until', UNTIL),
        Parameter('long', 'it may last more than a year', 'boolean'),
        required=('until', 'reason'),
        needs_reason=True,
    ),
    action(
        'api_thaw',
        '/freezes/<freeze_id>/<action>',
        freezes.api_submit_thaw,
        documents.AcceptedDocument,
        freezes.ACTIONS,
    ),
)
