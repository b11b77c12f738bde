"""A broken promise, as a value."""

from __future__ import annotations

from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey


class Violation(Struct, frozen=True, kw_only=True):
    """One broken promise. key: the job it is about."""

    invariant: str
    key: JobKey
    text: str

    def __str__(self) -> str:
        """Return invariant, job and what is wrong."""
        return f'{self.invariant} {self.key}: {self.text}'
