"""The tables of messages of the embedded broker, in the file of a store or in one of their own.

All messages that wait mostly have room in a page or two, so they have no index beside their key:
each commit would write that one's page, too.
"""

from __future__ import annotations

from typing import Final

MESSAGE_TABLES: Final = """
CREATE TABLE queue (
    name TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;
CREATE TABLE message (
    queue TEXT NOT NULL,
    id INTEGER NOT NULL,
    body TEXT NOT NULL,
    consumer TEXT,
    is_redelivered INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    PRIMARY KEY (queue, id)
) WITHOUT ROWID
"""
