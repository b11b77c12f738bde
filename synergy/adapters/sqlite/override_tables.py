"""Columns that overrides of managed processes got later: a script of the schema, never edited."""

from __future__ import annotations

from typing import Final

#: What becomes of the history of a process, as an operator has answered.
CATCH_UP_COLUMNS: Final = """
ALTER TABLE managed_process ADD COLUMN catch_up TEXT;
ALTER TABLE managed_process ADD COLUMN catch_up_at INTEGER;
ALTER TABLE managed_process ADD COLUMN catch_up_by TEXT
"""
