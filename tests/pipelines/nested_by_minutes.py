"""The context of `nested`, looked at once a minute: for clocks that are not the machine's.

Simulated days are passed look by look.
"""

from __future__ import annotations

from synergy.core.structs import replace
from tests.pipelines import nested

process_context = [
    replace(entry, fields={**entry.fields, 'trigger_frequency': 'every 60'})
    for entry in nested.process_context
]
timetable_context = nested.timetable_context
