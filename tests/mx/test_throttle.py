"""Guessing is slow, however many guess at once, and shuts nobody else out."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Final

import pytest
from werkzeug.security import check_password_hash
from werkzeug.test import Client

from synergy.core.structs import replace
from synergy.mx.pages import login
from synergy.mx.web.errors import Refused
from synergy.mx.web.throttle import (
    GUESSES_MAX,
    HASHES_AT_ONCE,
    PLACES_MAX,
    QUICK_GUESSES_MAX,
    SLOW_SECONDS,
    Throttle,
    Turns,
    address_of_place,
)
from synergy.operations import credentials
from synergy.operations.credentials import hashed, is_password
from tests.mx.dashboard_harness import NOW, PASSWORD, DashboardHarness

_AT_ONCE: Final = 72


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many passwords were checked at once, for each that was."""
    lock, running, found = threading.Lock(), [0], list[int]()

    def counted(*arguments: object) -> bool:
        with lock:
            running[0] += 1
            found.append(running[0])
        try:
            return is_password(*arguments)  # type: ignore[arg-type] # Passed on.
        finally:
            with lock:
                running[0] -= 1

    monkeypatch.setattr(login, 'is_password', counted)
    return found


def log_in_at_once(
    pages: DashboardHarness, names: Sequence[str], password: str = 'wrong'
) -> list[int]:
    """Send a login for each name, all at the same moment; return the answers."""
    token, barrier = pages.form_token(), threading.Barrier(len(names))
    cookie = pages.client.get_cookie('synergy_mx', domain='localhost')
    assert cookie is not None

    def send(name: str) -> int:
        client = Client(pages.app)
        client.set_cookie('synergy_mx', cookie.value, domain='localhost')
        form = {'form_token': token, 'name': name, 'password': password}
        barrier.wait(30)
        answer = client.post(
            '/login', data=form, headers={'Host': 'localhost'}, environ_base=pages.place
        )
        return answer.status_code

    with ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(send, names))


def test_guessing_is_refused_for_a_while(guarded: DashboardHarness) -> None:
    for _ in range(GUESSES_MAX):
        assert guarded.log_in('viewer', 'wrong password').status_code == 401

    for name in ('viewer', 'VIEWER'):
        answer = guarded.log_in(name)
        assert answer.status_code == 429
        assert int(answer.headers['Retry-After']) <= 61

    guarded.runtime.clock.advance(timedelta(minutes=2))
    assert guarded.log_in('viewer').status_code == 303


def test_of_many_guesses_at_once_no_more_are_looked_at(
    guarded: DashboardHarness, hashes: list[int]
) -> None:
    found = Counter(log_in_at_once(guarded, ['viewer'] * _AT_ONCE))

    assert len(hashes) <= GUESSES_MAX
    assert found == {401: len(hashes), 429: _AT_ONCE - len(hashes)}
    assert guarded.log_in('viewer').status_code == 429
    # Nobody else at this address is shut out.
    assert guarded.log_in('operator').status_code == 303


@pytest.mark.heavy
def test_few_passwords_are_hashed_at_once(guarded: DashboardHarness, hashes: list[int]) -> None:
    found = Counter(log_in_at_once(guarded, [f'name{number}' for number in range(_AT_ONCE)]))

    assert max(hashes) <= HASHES_AT_ONCE
    assert found[401] == len(hashes)
    assert found[401] + found[503] == _AT_ONCE
    assert guarded.log_in('viewer').status_code == 303


def test_right_passwords_at_once_are_no_guesses(guarded: DashboardHarness) -> None:
    for _ in range(3):
        found = set(log_in_at_once(guarded, ['viewer'] * GUESSES_MAX, PASSWORD))
        assert found == {303}


@pytest.mark.heavy
def test_an_address_from_which_much_has_failed_is_slow_and_not_refused(
    guarded: DashboardHarness,
) -> None:
    codes = {
        guarded.log_in(f'name{number}', 'wrong password').status_code
        for number in range(QUICK_GUESSES_MAX + 3)
    }
    before = guarded.runtime.clock.now()

    assert guarded.log_in('viewer').status_code == 303

    assert codes == {401}
    slept = guarded.runtime.clock.now() - before
    assert slept >= timedelta(seconds=SLOW_SECONDS)
    guarded.place = {'REMOTE_ADDR': '10.0.0.9'}
    before = guarded.runtime.clock.now()
    assert guarded.log_in('operator').status_code == 303
    assert guarded.runtime.clock.now() == before


def test_a_name_that_is_guessed_from_everywhere_is_slow_and_not_refused(
    guarded: DashboardHarness,
) -> None:
    for number in range(QUICK_GUESSES_MAX):
        guarded.place = {'REMOTE_ADDR': f'10.0.0.{number}'}
        assert guarded.log_in('viewer', 'wrong password').status_code == 401
    guarded.place = {'REMOTE_ADDR': '192.0.2.1'}
    before = guarded.runtime.clock.now()

    assert guarded.log_in('viewer').status_code == 303

    assert guarded.runtime.clock.now() - before >= timedelta(seconds=SLOW_SECONDS)


def test_an_unknown_name_costs_what_a_wrong_password_costs(
    guarded: DashboardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the product hashes it; that of other tests is quick to check.
    guarded.store.set_password('viewer', hashed(PASSWORD))
    costs: list[str] = []

    def noting(kept: str, password: str) -> bool:
        costs.append(kept.partition('$')[0])
        return check_password_hash(kept, password)

    monkeypatch.setattr(credentials, 'check_password_hash', noting)
    guarded.log_in('viewer', 'wrong password')
    guarded.log_in('noone', 'wrong password')

    known, unknown = costs
    assert known == unknown


def test_a_login_that_was_not_looked_at_is_no_guess(guarded: DashboardHarness) -> None:
    with ExitStack() as stack:
        # All turns are taken, and all places to wait for one.
        turns = Turns(1, waiting_max=0)
        stack.enter_context(turns.turn())
        guarded.app.site = replace(guarded.site, hashing=turns)
        for _ in range(GUESSES_MAX + 1):
            answer = guarded.log_in('viewer')
            assert (answer.status_code, answer.headers['Retry-After']) == (503, '2')

    assert guarded.log_in('viewer').status_code == 303


def test_one_who_waits_in_vain_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('synergy.mx.web.throttle.TURN_SECONDS_MAX', 0.01)
    turns = Turns(1)

    with turns.turn(), pytest.raises(Refused), turns.turn():
        pass
    with turns.turn():
        pass


def test_many_places_free_none_that_has_just_guessed() -> None:
    throttle = Throttle()
    for number in range(PLACES_MAX):
        throttle.begin(f'place {number}', NOW)

    for _ in range(GUESSES_MAX):
        assert throttle.begin('guesser', NOW) is None
    throttle.begin('one more', NOW)

    assert throttle.begin('guesser', NOW) is not None
    assert len(throttle._failures) == PLACES_MAX


def test_of_attempts_at_once_no_more_begin_than_may() -> None:
    for _ in range(20):
        throttle, barrier = Throttle(), threading.Barrier(24)

        def begin(
            _: int, throttle: Throttle = throttle, barrier: threading.Barrier = barrier
        ) -> bool:
            barrier.wait(10)
            return throttle.begin('place', NOW) is None

        with ThreadPoolExecutor(24) as pool:
            assert sum(pool.map(begin, range(24))) == GUESSES_MAX


def test_the_addresses_of_one_network_are_one_place() -> None:
    assert address_of_place('2001:db8::1') == address_of_place('2001:db8::ffff:2')
    assert address_of_place('2001:db8::1') != address_of_place('2001:db8:0:1::1')
    assert address_of_place('::ffff:192.0.2.7') == address_of_place('192.0.2.7')
    assert address_of_place('fe80::1%eth0') == address_of_place('fe80::2%eth1')
    assert address_of_place(None) == address_of_place('no address') == 'unknown'
