"""Regular expressions that are compiled when they are first used.

Compiling all of them is a tenth of the start of each command and daemon, and most use few.
"""

from __future__ import annotations

import re
from typing import Any, cast


class _LatePattern:
    """Stands for a pattern, whose methods it keeps once it is compiled."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._arguments = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        """Return something of the pattern; the next time it is found without coming here."""
        found = getattr(re.compile(*self._arguments), name)
        setattr(self, name, found)
        return found


def late_pattern(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return what is used like `re.compile(pattern, flags)`, in which a mistake shows on use."""
    return cast('re.Pattern[str]', _LatePattern(pattern, flags))
