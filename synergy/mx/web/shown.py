"""The past instant that a request is about."""

from __future__ import annotations

from datetime import datetime

from synergy.core.structs import Struct


class Shown(Struct, frozen=True, kw_only=True):
    """The past that a page shows. text: the instant as addresses have it. now: the present one.

    known_from: from when on there is a past.
    """

    at: datetime
    text: str
    now: datetime
    known_from: datetime | None
