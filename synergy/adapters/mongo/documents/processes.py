"""Documents of free runs, and of what operators have changed of managed processes."""

from __future__ import annotations

from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.fields import Fields, json_value
from synergy.core.freerun_definition import MISFIRE_MAX
from synergy.core.freerun_record import Freerun, Misfire, Overlap
from synergy.core.lanes import CatchUp
from synergy.core.records import Override, ProcessName, UowId
from synergy.ports import rows
from synergy.ports.rows import Malformed as Malformed
from synergy.ports.stored import cut as cut_text


def freerun_of(document: Document) -> Freerun:
    """Return the free run of a document; raise Malformed."""
    fields = Fields(document)
    return Freerun(
        name=ProcessName(f'{fields.text("process_name")}::{fields.text("entry_name")}'),
        trigger=fields.trigger('trigger_frequency'),
        is_on=fields.switch('is_on'),
        overlap=fields.word('overlap', Overlap),
        misfire=fields.word('misfire', Misfire),
        misfire_max=fields.number('misfire_max', MISFIRE_MAX),
        arguments=fields.json('arguments'),
        description=fields.said('description'),
        definition=fields.text_or_none('definition'),
        rev=fields.number('rev'),
        last_fire=fields.instant_or_none('last_fire'),
        last_run=fields.number('last_run'),
        live=tuple(map(UowId, rows.texts('live', document.get('live') or []))),
        queued_at=fields.instant_or_none('queued_at'),
        changed_at=fields.instant('changed_at'),
    )


def freerun_values(freerun: Freerun, term: int) -> Document:
    """Return what a save writes: all but the key."""
    return {
        'trigger_frequency': str(freerun.trigger),
        'is_on': freerun.is_on,
        'overlap': freerun.overlap.value,
        'misfire': freerun.misfire.value,
        'misfire_max': freerun.misfire_max,
        'arguments': json_value(freerun.arguments),
        'description': freerun.description,
        'definition': freerun.definition,
        'rev': freerun.rev,
        'term': term,
        'last_fire': freerun.last_fire,
        'last_run': freerun.last_run,
        'live': list(freerun.live),
        'related_unit_of_work': freerun.live[-1] if freerun.live else None,
        'queued_at': freerun.queued_at,
        'changed_at': freerun.changed_at,
    }


def override_of(document: Document) -> Override:
    """Return the override of a document; raise Malformed."""
    fields = Fields(document)
    is_on, trigger = document.get('is_on'), document.get('trigger_frequency')
    catch_up = document.get('catch_up')
    return Override(
        process=ProcessName(fields.text('process_name')),
        trigger=None if trigger is None else fields.trigger('trigger_frequency'),
        trigger_at=fields.instant_or_none('trigger_at'),
        trigger_by=fields.said('trigger_by'),
        is_on=None if is_on is None else fields.switch('is_on'),
        is_on_at=fields.instant_or_none('is_on_at'),
        is_on_by=fields.said('is_on_by'),
        catch_up=None if catch_up is None else fields.word('catch_up', CatchUp),
        catch_up_at=fields.instant_or_none('catch_up_at'),
        catch_up_by=fields.said('catch_up_by'),
        definition=fields.text('definition'),
        rev=fields.number('rev'),
        cut=cut_text.decode(document.get('cut')),
    )


def override_values(override: Override, term: int) -> Document:
    """Return what a save writes: all but the key."""
    return {
        'trigger_frequency': None if override.trigger is None else str(override.trigger),
        'trigger_at': override.trigger_at,
        'trigger_by': override.trigger_by,
        'is_on': override.is_on,
        'is_on_at': override.is_on_at,
        'is_on_by': override.is_on_by,
        'catch_up': None if override.catch_up is None else override.catch_up.value,
        'catch_up_at': override.catch_up_at,
        'catch_up_by': override.catch_up_by,
        'definition': override.definition,
        'cut': cut_text.encode(override.cut),
        'rev': override.rev,
        'term': term,
    }
