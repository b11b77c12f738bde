"""Processes that come with the product; a context may override them by registering their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from synergy.conf.entries import RawEntry, daemon_context_entry
from synergy.conf.followed import followers_of
from synergy.conf.model import DaemonEntry, Entry, Settings
from synergy.conf.names import PROCESS_MX, PROCESS_SCHEDULER, PROCESS_SUPERVISOR, PROCESS_WATCH

WATCH_CODE: Final = 'synergy.watch.main.start'
ALWAYS: Final = (
    daemon_context_entry(
        PROCESS_SCHEDULER, 'synergy.scheduler.main.start', 'scheduler', present_on_boxes=['.*']
    ),
    daemon_context_entry(PROCESS_SUPERVISOR, 'synergy.supervisor.main.start', 'supervisor'),
    daemon_context_entry(PROCESS_MX, 'synergy.mx.main.start', 'mx', present_on_boxes=['.*']),
)
WATCH: Final = daemon_context_entry(PROCESS_WATCH, WATCH_CODE, 'watch', present_on_boxes=['.*'])


def built_in_entries(
    settings: Settings,
    given: Mapping[object, RawEntry],
    note: Callable[[str], None],
    *,
    has_alerts: bool,
) -> Sequence[RawEntry]:
    """Return those that a context with processes called `given` has.

    Watch is among them where it has something to do. note: is told what is wrong.
    """
    built_in = [*ALWAYS]
    if wanted := followers_of(settings, has_alerts=has_alerts):
        built_in.append(WATCH)
        if given.get(PROCESS_WATCH, WATCH) is not WATCH:
            note(
                f'process {PROCESS_WATCH} has the name of the process that looks after '
                f'{" and ".join(wanted)}; call yours otherwise'
            )
    return [entry for entry in built_in if entry.fields['process_name'] not in given]


def nothing_to_watch(name: str) -> str | None:
    """Return why there is no process Watch in a context; None for any other name."""
    if name != PROCESS_WATCH:
        return None
    return (
        f'{PROCESS_WATCH} has nothing to do, for the context has no alert_context, and none of '
        'heartbeat_url, otlp_endpoint and openlineage_url is set; docs/operating.md tells what it '
        'looks after'
    )


def is_watch(entry: Entry) -> bool:
    """Tell whether an entry is the Watch of the product, and not a user's own of that name."""
    return isinstance(entry, DaemonEntry) and entry.classname == WATCH_CODE
