"""That nobody watches is told where people look, for no alert can tell it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest

from synergy.conf.model import Context
from synergy.core.alert_rules import AlertKind, AlertName, AlertRule, Receiver
from synergy.core.records import Box, BoxProcess
from synergy.core.structs import replace
from synergy.core.watching import WatchLease
from synergy.view.boxes import BoxView, Presence
from synergy.view.unwatched import PATIENCE, Unwatched, unwatched

NOON: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)


def told(lease: WatchLease | None, views: Sequence[BoxView] = (), rules: int = 1) -> Any:
    found = [
        AlertRule(
            name=AlertName(f'night{number}'),
            on=frozenset([AlertKind.HELD]),
            to=(Receiver('hook://a'),),
        )
        for number in range(rules)
    ]
    context = cast(Context, SimpleNamespace(alerts=tuple(found)))
    return unwatched(context, cast(Any, SimpleNamespace(watching=lambda: lease)), views, NOON)


def lease(until: datetime) -> WatchLease:
    return WatchLease(owner='box-1:7', term=3, until=until)


@pytest.mark.parametrize('until', [NOON + SECOND, NOON, NOON - PATIENCE])
def test_one_that_watches_or_is_started_again_is_well(until: datetime) -> None:
    assert told(lease(until)) is None


def test_without_alerts_nobody_need_watch() -> None:
    assert told(None, rules=0) is None
    assert unwatched(None, cast(Any, None), (), NOON) is None


def test_nobody_watches() -> None:
    over = NOON - PATIENCE - SECOND
    found = told(lease(over), rules=5)

    assert isinstance(found, Unwatched)
    assert found.since == over
    assert found.text.endswith('by alerts night0, night1, night2 and 2 more')
    assert './launch.py start Supervisor' in found.advice
    assert told(None).since is None


def test_what_helps_depends_on_what_stands_on_the_boxes() -> None:
    row = BoxProcess(box_id='b1', process='Watch', is_on=False, state='stopped')
    box = Box(box_id='b1', host='h', pid=4, seen_at=NOON)

    def view(presence: Presence, *rows: BoxProcess) -> BoxView:
        return BoxView(box=box, presence=presence, silent_for=None, processes=rows)

    bare = told(None, [view(Presence.ALIVE)])
    off = told(None, [view(Presence.ALIVE, row)])
    gone = told(None, [view(Presence.VANISHED, row)])
    ill = told(None, [view(Presence.ALIVE, replace(row, is_on=True, reason='exit code 70'))])

    assert './launch.py restart Supervisor' in bare.advice
    assert off.action.command == './launch.py super --start Watch --box b1'
    assert './launch.py start Supervisor' in gone.advice
    # It does not come up, which is told already.
    assert ill is None
