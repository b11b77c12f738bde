"""Documents of boxes and of their processes."""

from __future__ import annotations

from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.fields import Fields
from synergy.core.records import Box, BoxProcess
from synergy.ports import rows
from synergy.ports.rows import Malformed as Malformed
from synergy.ports.stored import box_load


def box_of(document: Document) -> Box:
    """Return the record of a document; raise Malformed."""
    fields = Fields(document)
    return Box(
        box_id=fields.text('_id'),
        host=fields.text('host'),
        home=fields.text('home'),
        pid=None if document.get('pid') is None else fields.number('pid', 2**31),
        version=fields.text('version'),
        seen_at=fields.instant_or_none('seen_at'),
        is_draining=fields.switch('is_draining'),
        load=box_load.decode(fields.said('load')),
    )


def box_process_of(document: Document) -> BoxProcess:
    """Return the record of a document; raise Malformed."""
    fields = Fields(document)
    return BoxProcess(
        box_id=fields.text('box_id'),
        process=fields.text('process_name'),
        is_on=fields.switch('is_on'),
        state=fields.text_or_none('state'),
        pids=rows.pids('pids', document.get('pids') or []),
        restart_count=fields.number('restart_count'),
        changed_at=fields.instant_or_none('changed_at'),
        start_asked_at=fields.instant_or_none('start_asked_at'),
        restart_asked_at=fields.instant_or_none('restart_asked_at'),
        reason=fields.said('reason'),
        log_file=fields.said('log_file'),
    )
