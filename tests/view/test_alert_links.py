"""Links that acknowledge: signed, of one group, for a while, and worth nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from itsdangerous import URLSafeSerializer

from synergy.core.alert_records import Alert, Fact
from synergy.core.alert_rules import AlertKind, AlertName
from synergy.view.alert_links import LIFETIME, PATH, AlertLink, AlertLinks, LinkRefused
from tests.builders import instant

NOW = instant('202611290700')
SITE = 'https://synergy.example.com/'
LINKS = AlertLinks('a secret')


def token_of(address: str) -> str:
    return address.partition(PATH)[2]


def test_a_link_names_a_group_and_when_it_was_made() -> None:
    address = LINKS.address(SITE, 'night/12', NOW)

    assert address.startswith('https://synergy.example.com/acknowledge/')
    assert address.isascii()
    assert ' ' not in address
    assert LINKS.read(token_of(address), NOW) == AlertLink(group='night/12', made_at=NOW)


def test_a_link_is_good_for_its_lifetime() -> None:
    token = token_of(LINKS.address(SITE, 'night/12', NOW))

    assert LINKS.read(token, NOW + LIFETIME).group == 'night/12'
    with pytest.raises(LinkRefused) as refused:
        LINKS.read(token, NOW + LIFETIME + timedelta(seconds=1))
    assert refused.value.is_old


@pytest.mark.parametrize('place', range(0, 60, 7))
def test_a_link_that_was_changed_anywhere_is_not_one_of_ours(place: int) -> None:
    token = token_of(LINKS.address(SITE, 'night/12', NOW))
    other = 'A' if token[place] != 'A' else 'B'

    with pytest.raises(LinkRefused) as refused:
        LINKS.read(token[:place] + other + token[place + 1 :], NOW)
    assert not refused.value.is_old


@pytest.mark.parametrize(
    'token',
    ['', '.', 'x' * 100_000, 'é', token_of(AlertLinks('other').address(SITE, 'night/12', NOW))],
)
def test_what_is_not_a_link_is_refused(token: str) -> None:
    with pytest.raises(LinkRefused):
        LINKS.read(token, NOW)


def test_what_is_signed_for_something_else_is_not_a_link() -> None:
    session = URLSafeSerializer('a secret', salt='session').dumps(['night/12', 0])
    shapes = URLSafeSerializer('a secret', salt='acknowledge alerts')

    for token in (session, shapes.dumps({'group': 'night/12'}), shapes.dumps(['night/12', 0, 1])):
        with pytest.raises(LinkRefused):
            LINKS.read(str(token), NOW)


def test_a_number_that_is_used_again_is_not_what_the_link_was_made_for() -> None:
    link = AlertLink(group='night/12', made_at=NOW)

    def alert(began_seconds: float) -> Alert:
        began_at = NOW + timedelta(seconds=began_seconds)
        fact = Fact(kind=AlertKind.HELD, subject='A@1', since=began_at)
        return Alert(number=12, rule=AlertName('night'), fact=fact, began_at=began_at)

    assert link.is_about([alert(-60)])
    assert link.is_about([alert(0.4)])  # A link tells seconds alone.
    assert not link.is_about([alert(60)])
    assert not link.is_about([])
