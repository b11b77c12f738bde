"""The routes of managed processes that speak JSON: the list, changes at run time, recuts."""

from __future__ import annotations

from typing import Final

from synergy.mx.api import documents, processes, recuts
from synergy.mx.api.route_kinds import action, change, listing, reading
from synergy.mx.web.route import Parameter, Route
from synergy.operations.processes import ACTIONS as PROCESS_ACTIONS
from synergy.operations.processes import CATCH_UPS
from synergy.view.process_documents import ProcessDocument
from synergy.view.recut import RecutDocument, TreeRecutDocument

_LIMIT: Final = Parameter('limit', 'most items of one answer, 1 to 1000', 'integer')
_CURSOR: Final = Parameter('cursor', 'next_cursor of the answer before')
_TIMEPERIOD: Final = 'as in 2026112307, 2026-11-23T07, 2026-11, yesterday'
_START: Final = Parameter(
    'start', f'the first interval by the new definition, {_TIMEPERIOD}; without, that of its tree'
)
_TREE_START: Final = Parameter(
    'start',
    f'each process begins at its interval in which this one begins, {_TIMEPERIOD}; without, that '
    'of the tree',
)

PROCESS_ROUTES: Final[tuple[Route, ...]] = (
    listing(
        'api_processes', '/processes', processes.api_processes, ProcessDocument, _LIMIT, _CURSOR
    ),
    reading(
        'api_preview_recut',
        '/processes/<name>/recut',
        recuts.api_preview_recut,
        RecutDocument,
        _START,
    ),
    change(
        'api_recut',
        '/processes/<name>/recut',
        recuts.api_recut,
        documents.AcceptedDocument,
        _START,
        Parameter('plan_hash', 'of the preview: refused (409) when it is another one by now'),
        required=('start', 'reason'),
        needs_reason=True,
    ),
    reading(
        'api_preview_tree_recut',
        '/trees/<name>/recut',
        recuts.api_preview_tree_recut,
        TreeRecutDocument,
        _TREE_START,
    ),
    change(
        'api_recut_tree',
        '/trees/<name>/recut',
        recuts.api_recut_tree,
        documents.RequestsDocument,
        _TREE_START,
        Parameter('plan_hash', 'of the preview: refused (409) when it is another one by now'),
        required=('start', 'reason'),
        needs_reason=True,
    ),
    action(
        'api_switch_process',
        '/processes/<name>/<action>',
        processes.api_submit_process_action,
        documents.AcceptedDocument,
        PROCESS_ACTIONS,
        Parameter(
            'trigger', 'of the action trigger: every SECONDS, at HH:MM, cron FIELDS, or default'
        ),
        Parameter('catch_up', f'of the action catch-up: {CATCH_UPS}'),
    ),
    reading(
        'api_durations',
        '/processes/<name>/durations',
        processes.api_durations,
        documents.DurationsDocument,
        Parameter('around', f'a timeperiod of the process, {_TIMEPERIOD}'),
    ),
)
