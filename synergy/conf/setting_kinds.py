"""What a setting is, and the readers that settings have in common: most take texts, too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from synergy.core import readers
from synergy.core.readers import Reader
from synergy.core.structs import Struct

T = TypeVar('T')


class Setting(Struct, frozen=True, kw_only=True):
    """One setting.

    read: value or text -> value; its ValueError says what to give. default: as written, for `read`;
    None: none, or found out at load. attribute: of `conf.model.Settings`, if not the name.
    """

    name: str
    read: Callable[[object], Any]
    default: Any
    shown_default: str | None = None
    text: str
    attribute: str | None = None

    @property
    def variable(self) -> str:
        """Return the name of the environment variable."""
        return 'SYNERGY_' + self.name.upper().removeprefix('SYNERGY_')

    @property
    def default_value(self) -> Any:
        """Return what the default means."""
        return None if self.default is None else self.read(self.default)


def spelled(read: Reader[T]) -> Reader[T]:
    """Return a reader of numbers that takes texts as well, with blanks around them."""
    read_spelled = readers.spelled(read)
    return lambda value: read_spelled(value.strip() if isinstance(value, str) else value)


def whole(least: int, most: int = readers.WHOLE_MAX) -> Reader[int]:
    """Return a reader of whole numbers."""
    return spelled(readers.whole(least, most))


def seconds(least: float) -> Reader[float]:
    """Return a reader of seconds."""
    return spelled(readers.real(least, unit='seconds'))


def duration(unit: str, least: float, most: float = readers.REAL_MAX) -> Reader[timedelta]:
    """Return a reader of lengths of time. least, most: in units."""
    return spelled(readers.duration(unit, least, most))


def word(*words: str) -> Reader[str]:
    """Return a reader of one of `words`, in capitals or not."""
    read = readers.one_of(words)
    return lambda value: read(value.upper() if isinstance(value, str) else value)
