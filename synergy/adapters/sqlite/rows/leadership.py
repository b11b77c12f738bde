"""The row that says who leads."""

from __future__ import annotations

from typing import Any, Final

from synergy.adapters.sqlite.rows.columns import Columns, instant_of
from synergy.core.records import Leadership
from synergy.ports import rows as fields

_LEADERSHIP: Final = Columns('owner, term, lease_until', 'tii')


def leadership_of(row: tuple[Any, ...]) -> Leadership:
    """Return the leadership of a row of owner, term, lease_until."""
    _LEADERSHIP.check(row)
    return Leadership(
        owner=fields.text('owner', row[0]),
        term=fields.count('term', row[1]),
        until=instant_of('lease_until', row[2]),
    )
