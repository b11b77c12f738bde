"""One measured number."""

from __future__ import annotations

from collections.abc import Mapping

from synergy.core.structs import Struct, as_document


class Result(Struct, frozen=True, kw_only=True):
    """aim: what the number is held against, in words; None when it is only shown.

    low, high: of the runs of which `value` is the median.
    """

    benchmark: str
    what: str
    value: float
    unit: str
    aim: str | None = None
    low: float | None = None
    high: float | None = None

    @property
    def shown(self) -> str:
        """Return the value with as many digits as mean something."""
        return _digits(self.value)

    @property
    def shown_spread(self) -> str | None:
        """Return from where to where the runs were."""
        if self.low is None or self.high is None or self.low == self.high:
            return None
        return f'{_digits(self.low)} to {_digits(self.high)}'

    def encoded(self) -> Mapping[str, object]:
        """Return the JSON form."""
        return as_document(self)


def _digits(value: float) -> str:
    return f'{value:,.0f}' if abs(value) >= 100 else f'{value:.3g}'
