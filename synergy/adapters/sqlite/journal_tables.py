"""The tables of the journal, of its followers and of snapshots: schema versions 24 and 27."""

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

#: Behind one line there may be a snapshot of each context that was led then.
VERSION_27: Final = """
ALTER TABLE index_snapshot RENAME TO index_snapshot_24;
CREATE TABLE index_snapshot (
    number INTEGER NOT NULL,
    context_rev INTEGER NOT NULL,
    part INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (number, context_rev, part)
);
INSERT INTO index_snapshot (number, context_rev, part, at, body)
    SELECT number, context_rev, part, at, body FROM index_snapshot_24;
DROP TABLE index_snapshot_24
"""
