"""Which free runs there are: those of the store, as far as context.py has not overtaken them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from synergy.core.effects import Effects, Note, RemoveFreerun, SaveFreerun
from synergy.core.freerun_record import Freerun
from synergy.core.structs import replace


def reconcile(
    stored: Iterable[Freerun], defined: Iterable[Freerun], now: datetime
) -> tuple[Sequence[Freerun], Effects]:
    """Return the entries that hold, and what is to be saved for that.

    stored: as the store has them. defined: as context.py has them now. What an operator changed at
    run time holds until the entry in context.py is changed; an entry that is gone from there goes.
    """
    entries = {freerun.name: freerun for freerun in stored}
    effects = Effects()
    definitions = {freerun.name: freerun for freerun in defined}
    for name, before in list(entries.items()):
        if before.definition is not None and name not in definitions:
            effects.saves.append(RemoveFreerun(before))
            effects.notes.append(Note('freerun_removed', f'{name} is gone from the context'))
            del entries[name]
    for name, fresh in definitions.items():
        before_or_none = entries.get(name)
        if before_or_none is None:
            entries[name] = replace(fresh, rev=1, last_fire=now, changed_at=now)
        elif before_or_none.definition != fresh.definition:
            entries[name] = replace(
                fresh,
                rev=before_or_none.rev + 1,
                last_fire=now,
                last_run=before_or_none.last_run,
                live=before_or_none.live,
                changed_at=now,
            )
        else:
            continue
        effects.saves.append(SaveFreerun(entries[name], 'taken over from context.py'))
    return list(entries.values()), effects
