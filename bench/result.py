"""One measured number."""

from __future__ import annotations

from collections.abc import Mapping

from synergy.core.structs import Struct, as_document


class Result(Struct, frozen=True, kw_only=True):
    """aim: what the number is held against, in words; None when it is only shown."""

    benchmark: str
    what: str
    value: float
    unit: str
    aim: str | None = None

    @property
    def shown(self) -> str:
        """Return the value with as many digits as mean something."""
        return f'{self.value:,.0f}' if abs(self.value) >= 100 else f'{self.value:.3g}'

    def encoded(self) -> Mapping[str, object]:
        """Return the JSON form."""
        return as_document(self)
