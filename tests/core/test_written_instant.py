"""Instants as people write them, and as lines have them."""

from __future__ import annotations

import pytest

from synergy.core.written_instant import instant_written
from tests.builders import instant

NOW = instant('202611291230')


@pytest.mark.parametrize(
    ('text', 'meant'),
    [
        ('2026-11-29T04:00:07.25Z', '2026-11-29T04:00:07.250000+00:00'),
        (' 2026-11-29 04:00:07 UTC ', '2026-11-29T04:00:07+00:00'),
        ('2026-11-29T05:00:07+01:00', '2026-11-29T04:00:07+00:00'),
        ('2026-11-29T05:00 0100', '2026-11-29T04:00:00+00:00'),
        ('2026-11-28T23:30-04:30', '2026-11-29T04:00:00+00:00'),
        ('2026-11-29T04:00', '2026-11-29T04:00:00+00:00'),
        ('2026112904', '2026-11-29T04:00:00+00:00'),
        ('yesterday', '2026-11-28T00:00:00+00:00'),
    ],
)
def test_an_instant_is_read(text: str, meant: str) -> None:
    assert instant_written(text, NOW).isoformat() == meant


@pytest.mark.parametrize(
    'text',
    ['', '2026-11-29T04:00:60', '2026-11-29T24:00:01', '2026-02-30T04:00:00', '9999-12-31T23:59:59',
     '0001-01-01T00:00:00+05:00', '9999-12-31T23:59:59-05:00', '2026-11-29T04:00:07+99:00',
     '2026-11-29T04:00 Europe/Berlin', '٢٠٢٦-11-29T04:00:00', '2026-11-29T04:00:07.1234567'],
)  # fmt: skip
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds, each with its own words
        instant_written(text, NOW)
