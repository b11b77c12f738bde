"""The routes of dead letters that speak JSON: each letter, and all of a kind of error."""

from __future__ import annotations

from typing import Final

from synergy.core.structs import replace
from synergy.mx.api import dead_letters, documents
from synergy.mx.api.route_kinds import action, listing, reading
from synergy.mx.web.route import Parameter, Route
from synergy.operations.dead_letters import ACTIONS as DEAD_ACTIONS
from synergy.view import group_documents as groups
from synergy.view.letters import LETTER_CONDITIONS, LetterDocument

#: What is not done without a reason.
NEEDS_REASON_DEAD: Final = ('drop',)
_LIMIT: Final = Parameter('limit', 'most items of one answer, 1 to 1000', 'integer')
_CURSOR: Final = Parameter('cursor', 'next_cursor of the answer before')
_GROUP_FIELDS: Final = (
    Parameter('process', 'of the dead letters; a free run by process and entry'),
    Parameter('error', 'of the dead letters; what digits and ids it has does not matter'),
)

DEAD_ROUTES: Final[tuple[Route, ...]] = (
    listing(
        'api_dead',
        '/dead',
        dead_letters.api_dead,
        LetterDocument,
        Parameter('process', 'those of a process or free run'),
        Parameter('interval', 'how the interval stands now', choices=tuple(LETTER_CONDITIONS)),
        Parameter('text', 'part of the error, in capitals or not'),
        _LIMIT,
        _CURSOR,
    ),
    listing(
        'api_dead_groups',
        '/dead/groups',
        dead_letters.api_dead_groups,
        groups.LetterGroupDocument,
        _LIMIT,
        _CURSOR,
    ),
    reading(
        'api_plan_group',
        '/dead/groups/<action>',
        dead_letters.api_plan_group,
        groups.GroupPlanDocument,
        *_GROUP_FIELDS,
    ),
    replace(
        action(
            'api_settle_group',
            '/dead/groups/<action>',
            dead_letters.api_settle_group,
            documents.AcceptedDocument,
            DEAD_ACTIONS,
            *_GROUP_FIELDS,
            needs_reason=NEEDS_REASON_DEAD,
        ),
        required=('process',),
    ),
    action(
        'api_settle_dead',
        '/dead/<uow_id>/<action>',
        dead_letters.api_submit_dead_letter_action,
        documents.AcceptedDocument,
        DEAD_ACTIONS,
        needs_reason=NEEDS_REASON_DEAD,
    ),
)
