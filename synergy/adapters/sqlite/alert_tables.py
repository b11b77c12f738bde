"""The tables of alerts: schema version 26.

Who watches lies beside what is remembered: its lease is written often, and the other may be large.
"""

from __future__ import annotations

from typing import Final

VERSION_26: Final = """
CREATE TABLE watch_lease (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    owner TEXT NOT NULL,
    term INTEGER NOT NULL,
    lease_until INTEGER NOT NULL
);
CREATE TABLE alert_memory (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    rev INTEGER NOT NULL,
    text TEXT NOT NULL
);
CREATE TABLE alert_delivery (
    number INTEGER NOT NULL PRIMARY KEY,
    alert_group TEXT NOT NULL,
    receiver TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    ended_at INTEGER,
    text TEXT NOT NULL
);
CREATE INDEX alert_delivery_waiting ON alert_delivery (receiver) WHERE ended_at IS NULL;
CREATE INDEX alert_delivery_ended ON alert_delivery (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX alert_delivery_group ON alert_delivery (alert_group);
CREATE TABLE alert_request (
    id TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    ended_at INTEGER,
    text TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX alert_request_at ON alert_request (at);
CREATE INDEX alert_request_open ON alert_request (at) WHERE ended_at IS NULL
"""
