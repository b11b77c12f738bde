"""What is remembered of alerts survives being stored, and nobody else's text is taken for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy.core.alert_outbox import Delivery
from synergy.core.alert_records import Alerts, Fact, acknowledge
from synergy.core.alert_requests import AlertRequest, AlertRequestKind
from synergy.core.alert_rules import AlertKind
from synergy.core.watching import AlertMemory
from synergy.ports.rows import Malformed
from synergy.ports.stored import alerts as stored
from tests.core.test_alerts import NOON, Told, held, rule


def test_what_is_remembered_is_the_same_after_it_was_stored() -> None:
    told = Told(rule(escalate_after=timedelta(minutes=1)))
    moment = Fact(kind=AlertKind.REQUEST_DONE, subject='r1', since=NOON)
    told.see(held('A@1', cause='ä\n"', why='x'), held('B@1'), moment)
    told.see(held('A@1', cause='ä\n"'), *(held(f'C@{n}') for n in range(100)), minutes=2)
    told.alerts, _ = acknowledge(told.alerts, 'night', 'anna', told.now)

    assert told.alerts.groups
    assert told.alerts.moments
    assert stored.decode(stored.encode(told.alerts)) == told.alerts
    assert stored.decode(stored.encode(Alerts())) == Alerts()


@pytest.mark.parametrize(
    'text',
    [
        None, 7, '', '[]', '{"last": "x"}', '{"alerts": [{}]}', '[' * 100_000,
        '{"told": [{"rule": "a", "causes": [], "at": "2026-11-27T12:00:00", "is_critical": true}]}',
        '{"moments": [[["a", "unheard_of", "x"], "2026-11-27T12:00:00Z"]]}',
    ],
)  # fmt: skip
def test_what_somebody_else_has_written_is_refused(text: object) -> None:
    with pytest.raises(Malformed):
        stored.decode(text)


def test_fields_of_a_newer_version_are_passed_over() -> None:
    assert stored.decode('{"last": 3, "unheard_of": []}') == Alerts(last=3)


def test_rows_of_deliveries_and_requests_are_read_again_and_those_of_others_refused() -> None:
    delivery = Delivery(
        number=1, key='k', group='g', receiver='r', document='{}', made_at=NOON, next_at=NOON
    )
    request = AlertRequest(id='r', kind=AlertRequestKind.ACK, named='ä', by='anna', at=NOON)

    assert stored.delivery_of(stored.encode_row(delivery)) == delivery
    assert stored.request_of(stored.encode_row(request)) == request
    naive = stored.encode_row(request).replace('Z"', '"')
    for text in (None, b'{}', '', '{}', 'x' * 3_000_000, naive, '[' * 100_000):
        for decode in (stored.delivery_of, stored.request_of):
            with pytest.raises(Malformed):
                decode(text)


def test_of_what_cannot_be_read_the_revision_is_known() -> None:
    assert stored.memory_of(3, '{}') == AlertMemory(rev=3)
    found = stored.memory_of(3, '[')
    assert (found.rev, found.alerts) == (3, Alerts())
    assert found.problem is not None
    assert stored.memory_of('x', None).rev == 0
