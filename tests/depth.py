"""How many random histories a test plays: so many as kill every mutant, or several times that.

`SYNERGY_TEST_DEPTH=5 ./launch.py test` plays five times as many; the first ones stay the same.
"""

from __future__ import annotations

import os
from typing import Final

_TIMES: Final = int(os.environ.get('SYNERGY_TEST_DEPTH', '1'))


def deep(count: int) -> int:
    """Return how many are played where usually `count` are."""
    return count * _TIMES
