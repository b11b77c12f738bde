"""Which box runs which process, as recorded from Synergy 2.x."""

from __future__ import annotations

import json
from pathlib import Path

from synergy.conf.boxes import is_present

VECTORS = Path(__file__).parent.parent / 'vectors'


def test_presence_is_as_recorded() -> None:
    recorded = json.loads((VECTORS / 'boxes.json').read_text())
    cases = [
        case
        for group in recorded
        if 'is_present_on' in group['function']
        for case in group['cases']
    ]
    assert cases

    for case in cases:
        if 'raises' in case['out']:
            continue  # Refused when the context is loaded: tests/conf/test_context.py.
        patterns = case['in']['present_on_boxes']
        found = {box: is_present(patterns, box) for box in case['out']}

        assert found == case['out'], case
