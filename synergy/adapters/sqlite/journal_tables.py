"""The tables of the journal, of its followers and of snapshots: schema version 24."""

from __future__ import annotations

from typing import Final

VERSION_24: Final = """
CREATE TABLE journal (
    first INTEGER NOT NULL PRIMARY KEY,
    count INTEGER NOT NULL,
    term INTEGER NOT NULL,
    until INTEGER NOT NULL,
    names TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX journal_until ON journal (until);
CREATE TABLE journal_cursor (
    name TEXT NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE index_snapshot (
    number INTEGER NOT NULL,
    part INTEGER NOT NULL,
    at INTEGER NOT NULL,
    context_rev INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (number, part)
)
"""
