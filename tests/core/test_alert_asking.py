"""What comes of what operators ask of alerts, and which counts are unusual."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from synergy.core.alert_asking import Applied, applied, receivers_of
from synergy.core.alert_records import Alerts
from synergy.core.alert_requests import (
    MUTE_MAX,
    AlertRequest,
    AlertRequestKind,
    AlertRequestState,
)
from synergy.core.alert_rules import Receiver
from synergy.core.structs import replace
from synergy.core.unusual_counts import SAMPLES_MIN, is_unusual, usual_band
from tests.core.test_alerts import NOON, Told, held, rule

HOUR = timedelta(hours=1)


def asked(kind: AlertRequestKind, named: str = 'night', **fields: Any) -> AlertRequest:
    return AlertRequest(id=f'{kind}-{named}', kind=kind, named=named, by='anna', at=NOON, **fields)


def after(before: Alerts, *requests: AlertRequest) -> Applied:
    return applied(before, requests, [rule()], NOON)


def told_of_two() -> Alerts:
    told = Told(rule())
    told.see(held('A@1'), held('B@1'))
    return told.alerts


@pytest.mark.parametrize(('named', 'count'), [('night', 2), ('night/1', 1)])
def test_a_rule_or_a_group_is_acknowledged_once(named: str, count: int) -> None:
    done = after(told_of_two(), *[asked(AlertRequestKind.ACK, named)] * 2)

    assert [item.state for item in done.ended] == [
        AlertRequestState.DONE,
        AlertRequestState.REFUSED,
    ]
    assert sum(alert.acknowledged_by == 'anna' for alert in done.alerts.alerts) == count
    assert done.ended[0].outcome == f'{count} alert{"s" if count > 1 else ""} acknowledged'
    assert done.ended[0].ended_at == NOON


def test_a_mute_replaces_the_one_before_and_ends_by_unmute() -> None:
    first = asked(AlertRequestKind.MUTE, until=NOON + HOUR, reason='x')
    second = asked(AlertRequestKind.MUTE, until=NOON + 2 * HOUR)

    done = after(Alerts(), first, second)
    assert [(mute.until, mute.by) for mute in done.alerts.mutes] == [(NOON + 2 * HOUR, 'anna')]
    over = after(done.alerts, *[asked(AlertRequestKind.UNMUTE)] * 2)
    assert over.alerts.mutes == ()
    assert [item.outcome for item in over.ended] == ['night tells again', 'night is not muted']


@pytest.mark.parametrize(
    'request_',
    [
        asked(AlertRequestKind.MUTE),
        asked(AlertRequestKind.MUTE, until=NOON),
        asked(AlertRequestKind.MUTE, until=NOON + MUTE_MAX + HOUR),
        asked(AlertRequestKind.MUTE, 'nigth', until=NOON + HOUR),
        asked(AlertRequestKind.UNMUTE, 'nigth'),
        asked(AlertRequestKind.TEST, 'nigth'),
        asked(AlertRequestKind.ACK, 'nigth'),
        asked(AlertRequestKind.ACK, 'night/9'),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(request_: AlertRequest) -> None:
    before = told_of_two()

    done = after(before, request_)

    assert done.alerts == before
    assert done.tests == []
    assert done.ended[0].state is AlertRequestState.REFUSED
    if request_.named == 'nigth' and request_.kind is not AlertRequestKind.ACK:
        assert 'night' in (done.ended[0].outcome or '')


def test_a_test_goes_to_everybody_once() -> None:
    one, two = Receiver('mailto://a'), Receiver('mailto://b')
    spoken = replace(rule(escalate_after=HOUR), to=(one, two), escalate_to=(two, one))

    done = applied(Alerts(), [asked(AlertRequestKind.TEST)], [spoken], NOON)

    assert receivers_of(spoken) == [one, two]
    assert [test.rule for test in done.tests] == [spoken]
    assert done.ended[0].outcome == 'sent to 2 receivers'


def test_a_count_is_unusual_only_where_enough_is_known_and_the_difference_is_large() -> None:
    assert usual_band([100] * (SAMPLES_MIN - 1)) is None
    steady = usual_band([100] * 50)
    small = usual_band([3] * 50)
    wide = usual_band(range(1, 101))
    assert steady is not None
    assert small is not None
    assert wide is not None

    assert [is_unusual(count, steady) for count in (0, 33, 34, 300, 301)] == [
        True, True, False, False, True,
    ]  # fmt: skip
    assert not any(is_unusual(count, small) for count in range(13))
    assert is_unusual(14, small)
    assert not any(is_unusual(count, wide) for count in (5, 50, 150, 190))
    # One odd run among twenty does not widen what is usual.
    odd = usual_band([100] * 38 + [0, 9_000])
    assert odd == steady
