"""The JSON form of free runs; see `synergy.view.encode`."""

from __future__ import annotations

from synergy.core.zones import name_of
from synergy.view import documents
from synergy.view.encode import instant, seconds
from synergy.view.fires import zone_of
from synergy.view.freeruns import EntryResults, FreerunView


def encode_freerun(item: FreerunView) -> documents.FreerunDocument:
    """Return a free run with its next fires."""
    freerun = item.freerun
    return {
        'name': freerun.name,
        'process': freerun.process,
        'entry': freerun.entry,
        'trigger': str(freerun.trigger),
        'is_on': freerun.is_on,
        'overlap': freerun.overlap.value,
        'misfire': freerun.misfire.value,
        'misfire_max': freerun.misfire_max,
        'arguments': dict(freerun.arguments),
        'description': freerun.description,
        'is_from_context': freerun.definition is not None,
        'run_count': freerun.last_run,
        'live': list(freerun.live),
        'last_fire': instant(freerun.last_fire),
        'next_fires': [instant(at) for at in item.next_fires],
        'time_zone': name_of(zone_of(freerun.trigger)),
        'clock_changes': list(item.clock_changes),
        'start_timeout_seconds': seconds(item.start_timeout),
    }


def encode_standing(item: EntryResults) -> documents.FreerunStandingDocument:
    """Return how a free run has done lately."""
    last = item.last
    return {
        'last_state': None if last is None else last.state.value,
        'last_error': None if last is None else last.error,
        'last_ended_at': None if last is None else instant(last.finished_at),
        'failed_in_a_row': item.failed_count,
    }
