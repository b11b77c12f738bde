"""Messages on their way: numbers, keys, links, tests, and rows that somebody has changed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from synergy.core.alert_asking import applied
from synergy.core.alert_records import Alerts, Fact
from synergy.core.alert_requests import AlertRequestKind, group_of_test
from synergy.core.alert_rules import AlertKind, Receiver
from synergy.core.structs import replace
from synergy.view.alert_outgoing import Site, deliveries_of, deliveries_of_tests, letter_of
from tests.core.test_alert_asking import asked
from tests.core.test_alerts import NOON, Told, held, rule

ONE, TWO = Receiver('hook://s3cret@a.example/x'), Receiver('mailto://b')
SITE = Site(address='https://x.example', link=lambda group, _: f'https://x.example/ack/{group}')


def test_each_receiver_gets_a_message_as_a_delivery_of_its_own() -> None:
    told = Told(replace(rule(), to=(ONE, TWO)))
    told.see(held('A@1'))
    told.see(minutes=1)

    found = deliveries_of(told.messages, 7, SITE)

    assert [item.number for item in found] == [8, 9, 10, 11]
    assert [item.key for item in found] == ['night/1/begin'] * 2 + ['night/1/end'] * 2
    assert [item.receiver for item in found] == [ONE.id, TWO.id] * 2
    assert 's3cret' not in repr(found)
    begin, end = (json.loads(found[place].document) for place in (0, 2))
    assert begin['acknowledge_link'] == 'https://x.example/ack/night/1'
    assert 'https://x.example/ack/night/1' in begin['text']
    assert end['acknowledge_link'] is None
    letter = letter_of(found[0])
    assert (letter.key, letter.severity) == ('night/1/begin', 'error')
    assert letter.title == begin['title']


def test_what_happened_once_is_not_acknowledged() -> None:
    told = Told(rule())
    told.see(Fact(kind=AlertKind.REQUEST_DONE, subject='r1', since=NOON))

    (delivery,) = deliveries_of(told.messages, 0, SITE)

    assert json.loads(delivery.document)['acknowledge_link'] is None
    assert 'cknowledge' not in delivery.document.replace('acknowledge_link', '')


def test_a_test_has_a_text_of_its_own() -> None:
    spoken = replace(rule(escalate_after=timedelta(minutes=30)), to=(ONE, TWO))
    request = asked(AlertRequestKind.TEST)
    done = applied(Alerts(), [request], [spoken], NOON)

    found = deliveries_of_tests(done.tests, 3, SITE, NOON)

    assert [item.number for item in found] == [4, 5]
    assert {item.group for item in found} == {item.key for item in found}
    assert found[0].group == group_of_test(request.id)
    document = json.loads(found[0].document)
    assert document['kind'] == 'test'
    assert document['title'] == 'Test of alert night'
    assert 'anna' in document['text']
    assert letter_of(found[0]).severity == 'notice'


@pytest.mark.parametrize('document', ['', '[]', '{}', '{"title": 1, "text": "", "severity": "x"}'])
def test_a_row_that_somebody_has_changed_is_not_sent(document: str) -> None:
    told = Told(rule())
    told.see(held('A@1'))
    (delivery,) = deliveries_of(told.messages, 0, Site())

    with pytest.raises(ValueError, match='cannot be read'):
        letter_of(replace(delivery, document=document))
