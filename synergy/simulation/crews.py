"""Who runs the units of a context: its workers, as a plot has them."""

from __future__ import annotations

from synergy.conf.model import Context
from synergy.simulation.plot import Crew


def crew_of(context: Context) -> Crew:
    """Return the workers of a box on which all of them are."""
    entries, served = context.entries, context.served
    return Crew(
        instances={name: entries[name].instances for name in served},
        groups={name: list(found) for name, found in served.items() if name in context.groups},
    )
