"""State machines: each is a table of rules; custom ones are data registered by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from synergy.core.machines.continuous import CONTINUOUS, RECOMPUTING
from synergy.core.machines.discrete import DISCRETE
from synergy.core.machines.table import Machine

#: The machines that come with the product, by the name that a context entry gives.
MACHINE_BY_NAME: Final[Mapping[str, Machine]] = {
    machine.name: machine for machine in (DISCRETE, CONTINUOUS, RECOMPUTING)
}
