"""Migrations from version 23 on; see `schema`, which has those before."""

from __future__ import annotations

from typing import Final

from synergy.adapters.sqlite.alert_tables import VERSION_26
from synergy.adapters.sqlite.journal_tables import VERSION_24, VERSION_27

#: Sizes of pools that operators have set.
_VERSION_23: Final = """
CREATE TABLE pool (
    pool TEXT NOT NULL PRIMARY KEY,
    rev INTEGER NOT NULL,
    term INTEGER NOT NULL,
    text TEXT NOT NULL
) WITHOUT ROWID
"""

#: What leaders have counted. Not a column beside the leadership, which is written every 2 s.
_VERSION_25: Final = """
CREATE TABLE leader_counts (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    text TEXT NOT NULL
)
"""

#: Which request a run was made for.
_VERSION_28: Final = """
ALTER TABLE unit_of_work ADD COLUMN request_id TEXT;
ALTER TABLE unit_of_work_archived ADD COLUMN request_id TEXT
"""

LATER: Final = (_VERSION_23, VERSION_24, _VERSION_25, VERSION_26, VERSION_27, _VERSION_28)
