"""Which closed hours hold now, for those who look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from synergy.core.hierarchy import Hierarchy
from synergy.core.holds import HoldKind, Holds
from synergy.core.records import ProcessName
from synergy.core.structs import Struct

#: Processes of which more are only counted.
_SHOWN: Final = 5
#: Changes of closed hours that are looked at.
_LOOKS_MAX: Final = 500


class Closing(Struct, frozen=True, kw_only=True):
    """Processes that are closed now by the same hours, until they open."""

    text: str
    until: datetime
    processes: Sequence[str]

    def __str__(self) -> str:
        """Return it in a line."""
        shown = ', '.join(self.processes[:_SHOWN])
        more = f' and {len(self.processes) - _SHOWN} more' if len(self.processes) > _SHOWN else ''
        return f'{self.text} closes {shown}{more} until {self.until:%Y-%m-%d %H:%M:%S} UTC'


def held_spans(
    holds: Holds, process: str, since: datetime, until: datetime
) -> Sequence[tuple[datetime, datetime, str]]:
    """Return when nothing of a process starts within [since, until): from when, until when, why."""
    found: list[tuple[datetime, datetime, str]] = []
    at, name = since, ProcessName(process)
    for _ in range(_LOOKS_MAX):
        if at >= until:
            break
        held = holds.until(name, at)
        if held is None or held <= at:
            changes_at = holds.changes_at(at)
            if changes_at <= at:
                break
            at = changes_at
        else:
            why = '; '.join(str(hold) for hold in holds.over(name, at))
            found.append((at, min(held, until), why))
            at = held
    return found


def closed_now(hierarchy: Hierarchy, holds: Holds, now: datetime) -> Sequence[Closing]:
    """Return which managed processes closed hours hold now, those of the same hours together."""
    found: dict[tuple[str, datetime], list[str]] = {}
    for name in hierarchy.nodes:
        for hold in holds.over(name, now):
            if hold.kind is HoldKind.CLOSED:
                text = hold.text.removeprefix(f'{name} is closed: ')
                found.setdefault((text, hold.until), []).append(name)
    return [
        Closing(text=text, until=until, processes=names)
        for (text, until), names in sorted(found.items(), key=lambda item: item[0][1])
    ]
