"""How much later than planned something happens, so that all that is due does not happen at once.

It follows from a name: two schedulers agree on it, and a restart changes nothing.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b


def phase(name: str, length: timedelta) -> timedelta:
    """Return a part of `length`, in whole milliseconds, always the same for one name."""
    milliseconds = length // timedelta(milliseconds=1)
    if milliseconds <= 0:
        return timedelta()
    digest = blake2b(name.encode(), digest_size=6).digest()
    return timedelta(milliseconds=int.from_bytes(digest) % milliseconds)
