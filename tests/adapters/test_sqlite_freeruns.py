"""Free runs in SQLite: rows that have not changed are not decoded again."""

from __future__ import annotations

from synergy.adapters.sqlite.rows.processes import freerun_of, freerun_values
from synergy.core.freerun_record import Freerun
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.core.trigger import parse_trigger
from tests.builders import instant


def test_a_row_is_decoded_once_until_it_differs() -> None:
    entry = Freerun(
        name=ProcessName('Shell::nightly'),
        trigger=parse_trigger('at 02:30'),
        rev=1,
        changed_at=instant('2026112200'),
    )
    row = freerun_values(entry)

    first = freerun_of(row)

    assert first == entry
    assert freerun_of(freerun_values(entry)) is first
    assert freerun_of(freerun_values(replace(entry, last_run=1))).last_run == 1
