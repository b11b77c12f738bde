"""What every test of the Scheduler leaves behind: nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scheduler.scheduler_harness import close_brokers


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close the brokers that a test has opened."""
    yield
    close_brokers()
