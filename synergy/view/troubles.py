"""What the leading Scheduler says is wrong, as sentences: whom it leaves out, why it is stuck."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote

from synergy.core.changed_levels import left_out
from synergy.core.freerun_record import is_freerun
from synergy.core.hierarchy import Hierarchy
from synergy.core.leader_standing import Isolated, LeaderStanding, SubjectKind, advice
from synergy.core.led_context import LedContext, not_led_so
from synergy.core.records import Leadership, ProcessName, is_led
from synergy.core.structs import Struct
from synergy.ports.store import Reader
from synergy.view.words import at

#: Processes that are written out.
_NAMED_MAX: Final = 5


class Trouble(Struct, frozen=True, kw_only=True):
    """Something that needs somebody. process: whom it is about; None: everything, or a command."""

    text: str
    advice: str
    since: datetime
    process: ProcessName | None = None

    @property
    def address(self) -> str | None:
        """Return the page of the dashboard where it is looked into."""
        if self.process is None:
            return None
        kind = 'freeruns' if is_freerun(self.process) else 't'
        return f'/{kind}/{quote(self.process)}'


def standing_of(
    store: Reader, leadership: Leadership | None, store_now: datetime
) -> LeaderStanding:
    """Return what the Scheduler that leads says of itself; of one that led it is void."""
    return store.standing() if is_led(leadership, store_now) else LeaderStanding()


def troubles(standing: LeaderStanding, now: datetime) -> Sequence[Trouble]:
    """Return everything that is wrong, what concerns all first."""
    found = []
    if standing.stuck_since is not None:
        found.append(
            Trouble(
                text=f'The Scheduler could save nothing since {at(standing.stuck_since, now)}: '
                f'{standing.stuck_because}.',
                advice='Nothing is started or finished until it can. Its log says more; see '
                './launch.py check --servers.',
                since=standing.stuck_since,
            )
        )
    return [*found, *(_of(item, now) for item in standing.isolated)]


def other_context(hierarchy: Hierarchy, led: LedContext | None) -> str | None:
    """Return that the context is not the one in force, as a sentence; None when it is."""
    # Whoever leads with it leaves these out, and has not led with them as they are.
    refused = left_out(hierarchy, led)
    names = [
        name
        for name in not_led_so(hierarchy, led)
        if name not in refused
        and not any(source.process in refused for source in hierarchy.nodes[name].inputs)
    ]
    if not names:
        return None
    shown = ', '.join(names[:_NAMED_MAX])
    more = f' and {len(names) - _NAMED_MAX} more' if len(names) > _NAMED_MAX else ''
    return (
        f'this context is not the one that the store was last led with: no Scheduler has led '
        f'{shown}{more} as described here, so what is said of that is what this context means, '
        'not what happens. Set SYNERGY_PROJECT and SYNERGY_CONTEXT_MODULE to what the Scheduler '
        'uses; if this context is new, a Scheduler that starts takes it over'
    )


def _of(item: Isolated, now: datetime) -> Trouble:
    subject = item.subject
    is_command = subject.kind is SubjectKind.COMMAND
    return Trouble(
        text=f'{subject.kind.value.capitalize()} {subject.name} is isolated since '
        f'{at(item.since, now)}, refused {item.refusal_count} times: {item.reason}. '
        f'{isolation_text(item, now)}',
        advice=advice(subject),
        since=item.since,
        process=None if is_command else ProcessName(subject.name),
    )


def isolation_text(item: Isolated, now: datetime) -> str:
    """Return what isolation means, and until when it lasts."""
    until = 'the context changes' if item.next_at is None else f'{at(item.next_at, now)}'
    return f'Nothing is decided for it until {until}, when it is tried again; all others go on.'
