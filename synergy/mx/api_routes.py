"""The part of the table of routes that speaks JSON."""

from __future__ import annotations

from typing import Final

from synergy.mx.route import Route

API_ROUTES: Final[tuple[Route, ...]] = ()
