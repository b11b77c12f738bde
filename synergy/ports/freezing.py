"""The freezes that hold, as the store has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from synergy.core.commands import OPEN_COMMAND_STATES, CommandKind, CommandState
from synergy.core.freezes import FREEZES_MAX, Freeze, freezes_of
from synergy.ports.store import CommandReader

_ENDED: Final = (CommandState.DONE, CommandState.CANCELLED)
_KINDS: Final = (CommandKind.FREEZE,)
#: Freezes that have ended lately; of more, what starts after them is not spread.
_ENDED_MAX: Final = 20


def freezes_in(store: CommandReader, jitter: timedelta = timedelta()) -> Sequence[Freeze]:
    """Return the freezes that have not ended.

    jitter: how much later than its end one may still hold somebody; with it those that have ended.
    """
    found = [*store.commands(OPEN_COMMAND_STATES, FREEZES_MAX, _KINDS)]
    if jitter:
        found += store.commands(_ENDED, _ENDED_MAX, _KINDS)
    return freezes_of(found)
