"""Rows of a store that cannot be read, in any of its tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from synergy.core.commands import CommandState
from synergy.ports.rows import IllegalRow
from synergy.ports.store import Store

_PAGE: Final = 5000


def illegal_rows(store: Store) -> Sequence[IllegalRow]:
    """Read all tables but those of jobs and units, and return the rows that were illegal so far.

    Those of jobs and units are among them if they were read before. Log lines and events are not
    looked at: nothing depends on them.
    """
    store.leadership()
    store.standing()
    store.overrides()
    store.freeruns()
    store.boxes()
    store.box_processes()
    store.users()
    store.tokens()
    after = None
    while page := store.commands(list(CommandState), _PAGE, None, after):
        after = page[-1]
    return sorted(store.illegal_rows(), key=lambda row: (row.table, row.row))
