"""What values are made of: records with named fields that never change; cheap to make and copy.

`replace` copies one with other values for some fields. What holds state, or a lock, is a class.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from msgspec import Struct, field, to_builtins
from msgspec.structs import astuple, fields

if TYPE_CHECKING:
    # The same, and the one whose names and types of fields mypy checks.
    from dataclasses import replace
else:
    from msgspec.structs import replace

__all__ = ['Struct', 'as_document', 'astuple', 'field', 'fields', 'replace']


def as_document(record: Struct) -> dict[str, object]:
    """Return the fields of a record by name, those of records within it likewise; for JSON."""
    return cast('dict[str, object]', to_builtins(record, builtin_types=(datetime,)))
