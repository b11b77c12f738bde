"""What is said of a process that has no workers of its own."""

from __future__ import annotations

from synergy.conf.model import Context
from synergy.core.records import ProcessName


def grouped_text(context: Context, name: str) -> str | None:
    """Return that a group of workers runs the units of a process; None where none does."""
    group = context.group_by_process.get(ProcessName(name))
    if group is None:
        return None
    return (
        f'{name} has no workers of its own: those of the group {group} run its units; name that '
        f'instead, {group}'
    )
