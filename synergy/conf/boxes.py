"""Which box runs which process: `present_on_boxes` is a list of regular expressions.

Source: recorded answers of Synergy 2.x: patterns are searched, not anchored, both sides in lower
case; none means nowhere; what is no text never matches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def is_present(patterns: Iterable[object] | None, box_id: str) -> bool:
    """Tell whether any of `patterns` is found in `box_id`."""
    return any(
        isinstance(pattern, str) and re.search(pattern.lower(), box_id.lower()) is not None
        for pattern in patterns or ()
    )
