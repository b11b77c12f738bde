"""The tables of what recuts have archived, and where intervals begin since: schema version 21.

Their columns are those of the tables that the rows come from, with the request of the recut.
"""

from __future__ import annotations

from typing import Final

VERSION_21: Final = """
ALTER TABLE managed_process ADD COLUMN cut TEXT;
CREATE TABLE job_archived (
    request_of_recut TEXT NOT NULL,
    process_name TEXT NOT NULL,
    timeperiod INTEGER NOT NULL,
    time_qualifier INTEGER NOT NULL,
    state INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    term INTEGER NOT NULL,
    run INTEGER NOT NULL,
    uow_id,
    number_of_failures INTEGER NOT NULL,
    lost_count INTEGER NOT NULL,
    is_held INTEGER NOT NULL,
    request_id TEXT,
    reason TEXT,
    former TEXT,
    changed_at INTEGER NOT NULL,
    event TEXT,
    history TEXT,
    PRIMARY KEY (process_name, request_of_recut, timeperiod)
) WITHOUT ROWID;
CREATE TABLE unit_of_work_archived (
    request_of_recut TEXT NOT NULL,
    id TEXT NOT NULL,
    process_name TEXT NOT NULL,
    timeperiod INTEGER NOT NULL,
    time_qualifier INTEGER NOT NULL,
    start_timeperiod INTEGER,
    end_timeperiod INTEGER,
    run INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    state INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    owner TEXT,
    lease_until INTEGER,
    created_at INTEGER NOT NULL,
    submitted_at INTEGER,
    not_before INTEGER,
    started_at INTEGER,
    finished_at INTEGER,
    processed_count INTEGER NOT NULL,
    error TEXT,
    arguments TEXT,
    lost_count INTEGER NOT NULL,
    PRIMARY KEY (request_of_recut, id)
) WITHOUT ROWID
"""
