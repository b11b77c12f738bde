"""Live pages: no more than there are places, shared among users and addresses, each free again."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from werkzeug.test import Client

from synergy.core.structs import replace
from synergy.mx.web.errors import Refused
from synergy.mx.web.viewers import ViewerSlot, ViewerSlots, ViewerStream
from tests.mx.dashboard_harness import DashboardHarness

_AT_ONCE: Final = 110


def test_of_many_at_once_no_more_get_in_than_there_are_places() -> None:
    for _ in range(10):
        places, barrier = ViewerSlots(64), threading.Barrier(_AT_ONCE)

        def take(
            number: int, places: ViewerSlots = places, barrier: threading.Barrier = barrier
        ) -> ViewerSlot | int:
            barrier.wait(30)
            try:
                return places.take(f'user{number % 5}', f'10.0.0.{number % 4}')
            except Refused as error:
                return error.status

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(take, range(_AT_ONCE)))

        taken = [item for item in found if isinstance(item, ViewerSlot)]
        assert len(taken) == places.taken == 64
        for place in (*taken, *taken):
            place.leave()
        assert places.taken == 0
        assert not places._count_by_owner


def test_no_user_and_no_address_takes_all() -> None:
    places = ViewerSlots(64)

    def fill(user: str | None, address: str) -> tuple[int, Refused]:
        for count in range(_AT_ONCE):
            try:
                places.take(user, address)
            except Refused as error:
                return count, error
        raise AssertionError('there is no end to it')

    count, error = fill('anna', '10.0.0.1')
    assert (count, error.status) == (16, 429)
    assert int(error.headers['Retry-After']) > 0
    count, error = fill(None, '10.0.0.1')
    assert (count, error.status) == (48 - 16, 429)
    assert fill('berta', '10.0.0.2')[0] == 16
    count, error = fill('carla', '10.0.0.3')
    assert (count, error.status) == (0, 503)


@pytest.mark.parametrize(('total', 'user_max', 'address_max'), [(1, 1, 1), (2, 2, 2), (4, 2, 3)])
def test_few_places_are_shared_as_well(total: int, user_max: int, address_max: int) -> None:
    places = ViewerSlots(total)

    assert (places.user_max, places.address_max) == (user_max, address_max)


def test_a_stream_that_never_began_leaves_its_place() -> None:
    places = ViewerSlots(2)

    ViewerStream(places.take(None, '10.0.0.1'), iter(())).close()
    assert list(ViewerStream(places.take(None, '10.0.0.1'), iter([b'x']))) == [b'x']

    assert places.taken == 0


def test_streams_of_one_viewer_leave_room_for_others(guarded: DashboardHarness) -> None:
    guarded.log_in('viewer')
    cookie = guarded.client.get_cookie('synergy_mx', domain='localhost')
    assert cookie is not None
    barrier = threading.Barrier(_AT_ONCE)

    def follow(_: int) -> tuple[int, object]:
        client = Client(guarded.app)
        client.set_cookie('synergy_mx', cookie.value, domain='localhost')
        barrier.wait(30)
        answer = client.get('/events', headers={'Host': 'localhost'}, environ_base=guarded.place)
        return answer.status_code, answer

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(follow, range(_AT_ONCE)))

    places = guarded.site.viewer_slots
    assert Counter(status for status, _ in found) == {200: 16, 429: _AT_ONCE - 16}
    assert places.taken == 16
    guarded.log_in('operator')
    other = guarded.get('/events')
    assert other.status_code == 200
    for _, answer in (*found, (200, other)):
        answer.close()  # type: ignore[attr-defined] # A response of the test client.
    assert places.taken == 0


def test_a_stream_that_is_only_asked_about_takes_no_place(pages: DashboardHarness) -> None:
    answer = pages.client.head('/events', headers={'Host': 'localhost'})

    assert answer.status_code == 200
    assert pages.site.viewer_slots.taken == 0


def test_what_is_wrong_with_a_stream_is_found_before_it_takes_a_place(
    pages: DashboardHarness,
) -> None:
    assert pages.get('/events?ticks=perhaps').status_code == 400
    assert pages.site.viewer_slots.taken == 0
    pages.app.site = replace(pages.site, viewer_slots=ViewerSlots(0))
    assert pages.get('/events').status_code == 503
