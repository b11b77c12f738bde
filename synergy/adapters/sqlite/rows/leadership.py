"""The row that says who leads."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from synergy.adapters.sqlite.rows.columns import Columns, instant_of
from synergy.core.records import Leadership
from synergy.ports import rows as fields

_LEASE: Final = Columns('owner, term, lease_until', 'tii')


def leadership_of(row: tuple[Any, ...]) -> Leadership:
    """Return the leadership of a row of owner, term, lease_until."""
    owner, term, until = lease_of(row)
    return Leadership(owner=owner, term=term, until=until)


def lease_of(row: tuple[Any, ...]) -> tuple[str, int, datetime]:
    """Return owner, term and end of a lease."""
    _LEASE.check(row)
    until = instant_of('lease_until', row[2])
    return fields.text('owner', row[0]), fields.count('term', row[1]), until
