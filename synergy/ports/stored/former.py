"""How a job had ended before a request has reset it, as one text."""

from __future__ import annotations

import json
from typing import Final

from synergy.core.commands import CommandId
from synergy.core.records import Former, UowId
from synergy.core.states import FINAL_JOB_STATES, JobState
from synergy.ports import rows

FIELD: Final = 'former'


def encode(former: Former | None) -> str | None:
    """Return it as a text."""
    if former is None:
        return None
    return json.dumps(
        {
            'state': former.state.value,
            'term': former.term,
            'uow_id': former.uow_id,
            'failure_count': former.failure_count,
            'lost_count': former.lost_count,
            'request_id': former.request_id,
            'reason': former.reason,
        }
    )


def decode(text: object) -> Former | None:
    """Return what was encoded; raise Malformed for anything else."""
    if text is None:
        return None
    found = rows.json_object(FIELD, text)
    state = rows.word(FIELD, JobState, found.get('state'))
    if state not in FINAL_JOB_STATES:
        raise rows.malformed(FIELD, text, 'a final state')
    uow_id, request_id = found.get('uow_id'), found.get('request_id')
    return Former(
        state=state,
        term=rows.count(FIELD, found.get('term')),
        uow_id=None if uow_id is None else UowId(rows.text(FIELD, uow_id)),
        failure_count=rows.count(FIELD, found.get('failure_count')),
        lost_count=rows.count(FIELD, found.get('lost_count')),
        request_id=None if request_id is None else CommandId(rows.text(FIELD, request_id)),
        reason=rows.said(FIELD, found.get('reason')),
    )
