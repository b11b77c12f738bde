"""Errors that differ in numbers and ids only are one; errors that say different things stay two."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synergy.core.error_kinds import KIND_LENGTH_MAX, ErrorKind, error_kind, folded
from synergy.core.records import ProcessName, Unit, UowId
from tests.builders import instant, key

SAME = {
    'an interval': ('no rows for 2026112307', 'no rows for 2025010100'),
    'an instant': ('no rows for 2026-11-23T07:00:00Z', 'no rows for 2026-11-23 07:00:00.5+00:00'),
    'a port': ("refused: host='db', port=8080", "refused: host='db', port=81"),
    'an object': ('<Connection object at 0x7f8e2c0b5d30>', '<Connection object at 0x1f>'),
    'a UUID': (
        'job 5f2a9c0d-1234-4abc-9def-0123456789ab failed',
        'job AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee failed',
    ),
    'a hash': ('no object 51f3ab', 'no object 9c0d44e1abcdef'),
    'an id of letters and digits': ('instance i0Zb7Qx9k gone', 'instance zz1yy2xx3 gone'),
    'a float': ('too cold: -3.5e-7', 'too cold: 12'),
    'an address': ('no route to 10.0.0.12:5432', 'no route to 192.168.1.1:5433'),
    'a list': ('missing hours [1, 2, 3]', 'missing hours [7]'),
    'a path': ('no file /data/2026/11/23/07.csv', 'no file /data/2025/01/02.csv'),
    'white space': ('a  b\n c', 'a b c'),
    'nothing said': (None, ''),
}


@pytest.mark.parametrize(('one', 'other'), SAME.values(), ids=SAME)
def test_what_differs_in_numbers_and_ids_is_one(one: str | None, other: str | None) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('KeyError: user', 'KeyError: group'),
        ('ConnectionError: refused', 'TimeoutError: refused'),
        ('no table site_hourly', 'no table site_daily'),
        ('decade is wrong', 'facade is wrong'),
        ('libfoo2 is not there', 'libbar2 is not there'),
        ('5 rows', '5 columns'),
    ],
)
def test_what_says_something_else_stays_two(one: str, other: str) -> None:
    assert folded(one) != folded(other)


def test_a_kind_is_of_one_process() -> None:
    at = instant('2026112300')

    def unit(name: str) -> Unit:
        job = key(name)
        end = job.timeperiod.shift(1)
        return Unit(
            id=UowId('1'), process=job.process, timeperiod=job.timeperiod, start=job.timeperiod,
            end=end, run=1, created_at=at, error='HTTP 503',
        )  # fmt: skip

    assert error_kind(unit('SiteHourly@2026112300')) == ErrorKind(
        ProcessName('SiteHourly'), 'HTTP #'
    )
    assert error_kind(unit('SiteHourly@2026112300')) == error_kind(unit('SiteHourly@2026112307'))
    assert error_kind(unit('SiteHourly@2026112300')) != error_kind(unit('UserHourly@2026112300'))


@given(st.text(alphabet='a0f9 -+.,:/_TZ#xeé\n', max_size=60) | st.text(max_size=60))
def test_folding_twice_changes_nothing(text: str) -> None:
    once = folded(text)

    assert folded(once) == once
    assert not any(character.isdecimal() for character in once)


@pytest.mark.parametrize('part', ['a', '-', '#', '1a', '# ', '#-', '+-#', '0x', 'e1', '_', ' '])
def test_no_error_is_long_to_fold(part: str) -> None:
    began = time.process_time()

    found = folded(part * 100_000)

    assert len(found) <= KIND_LENGTH_MAX
    assert time.process_time() - began < 0.2
