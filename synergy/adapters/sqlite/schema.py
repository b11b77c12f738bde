"""The store's tables in SQLite: one script per schema version, applied in order, never edited.

Table and column names follow the collections and fields of Synergy 2.x where it has them.
Instants are whole microseconds since 1970-01-01 UTC; timeperiods their string forms.
"""

from __future__ import annotations

from typing import Final

from synergy.adapters.sqlite.archive_tables import VERSION_21
from synergy.adapters.sqlite.later_migrations import LATER
from synergy.adapters.sqlite.message_tables import MESSAGE_TABLES
from synergy.adapters.sqlite.override_tables import CATCH_UP_COLUMNS

_VERSION_1: Final = """
CREATE TABLE job (
    process_name TEXT NOT NULL,
    timeperiod TEXT NOT NULL,
    time_qualifier TEXT NOT NULL,
    state TEXT NOT NULL,
    rev INTEGER NOT NULL,
    term INTEGER NOT NULL,
    run INTEGER NOT NULL,
    related_unit_of_work TEXT,
    number_of_failures INTEGER NOT NULL,
    is_held INTEGER NOT NULL,
    reason TEXT,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (process_name, timeperiod)
) WITHOUT ROWID;
CREATE INDEX job_open ON job (state)
    WHERE state IN ('state_embryo', 'state_in_progress', 'state_final_run');
CREATE TABLE job_event (
    process_name TEXT NOT NULL,
    timeperiod TEXT NOT NULL,
    rev INTEGER NOT NULL,
    at INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (process_name, timeperiod, rev)
) WITHOUT ROWID;
CREATE TABLE unit_of_work (
    id TEXT NOT NULL PRIMARY KEY,
    process_name TEXT NOT NULL,
    timeperiod TEXT NOT NULL,
    time_qualifier TEXT NOT NULL,
    start_timeperiod TEXT NOT NULL,
    end_timeperiod TEXT NOT NULL,
    run INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL,
    fence INTEGER NOT NULL,
    owner TEXT,
    lease_until INTEGER,
    created_at INTEGER NOT NULL,
    submitted_at INTEGER,
    not_before INTEGER,
    started_at INTEGER,
    finished_at INTEGER,
    number_of_processed_documents INTEGER NOT NULL,
    error TEXT,
    arguments TEXT NOT NULL,
    UNIQUE (process_name, timeperiod, run)
) WITHOUT ROWID;
CREATE INDEX unit_of_work_live ON unit_of_work (state)
    WHERE state IN ('state_requested', 'state_in_progress', 'state_invalid');
CREATE TABLE log_recording (
    related_unit_of_work TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,
    level TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX log_recording_unit ON log_recording (related_unit_of_work);
CREATE TABLE command (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    process_name TEXT NOT NULL,
    time_qualifier TEXT NOT NULL,
    start_timeperiod TEXT NOT NULL,
    end_timeperiod TEXT NOT NULL,
    with_children INTEGER NOT NULL,
    plan_hash TEXT,
    actor TEXT NOT NULL,
    reason TEXT,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    outcome TEXT
);
CREATE INDEX command_state ON command (state, created_at);
CREATE TABLE leadership (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    owner TEXT NOT NULL,
    term INTEGER NOT NULL,
    lease_until INTEGER NOT NULL
);
CREATE TABLE box_configuration (
    box_id TEXT NOT NULL,
    process_name TEXT NOT NULL,
    is_on INTEGER NOT NULL,
    state TEXT,
    pids TEXT NOT NULL,
    restart_count INTEGER NOT NULL,
    changed_at INTEGER,
    PRIMARY KEY (box_id, process_name)
) WITHOUT ROWID
"""

_VERSION_2: Final = """
ALTER TABLE job ADD COLUMN request_id TEXT;
CREATE INDEX job_request ON job (request_id, state) WHERE request_id IS NOT NULL;
ALTER TABLE command ADD COLUMN only_jobs TEXT NOT NULL DEFAULT 'all';
ALTER TABLE command ADD COLUMN target TEXT;
ALTER TABLE command ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
ALTER TABLE command ADD COLUMN is_paused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE command ADD COLUMN plan TEXT;
ALTER TABLE command ADD COLUMN planned_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE command ADD COLUMN applied_count INTEGER NOT NULL DEFAULT 0;
CREATE INDEX unit_of_work_dead ON unit_of_work (state) WHERE state = 'state_dead';
CREATE INDEX log_recording_at ON log_recording (at);
CREATE TABLE freerun_process (
    process_name TEXT NOT NULL,
    entry_name TEXT NOT NULL,
    trigger_frequency TEXT NOT NULL,
    is_on INTEGER NOT NULL,
    overlap TEXT NOT NULL,
    misfire TEXT NOT NULL,
    misfire_max INTEGER NOT NULL,
    arguments TEXT NOT NULL,
    description TEXT,
    definition TEXT,
    rev INTEGER NOT NULL,
    term INTEGER NOT NULL,
    last_fire INTEGER,
    last_run INTEGER NOT NULL,
    live TEXT NOT NULL,
    queued_at INTEGER,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (process_name, entry_name)
) WITHOUT ROWID
"""

_VERSION_3: Final = """
CREATE TABLE box (
    box_id TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    home TEXT NOT NULL,
    pid INTEGER,
    version TEXT NOT NULL,
    seen_at INTEGER,
    is_draining INTEGER NOT NULL
) WITHOUT ROWID
"""

_VERSION_4: Final = """
CREATE INDEX job_changed ON job (changed_at, process_name, timeperiod);
CREATE TABLE mx_user (
    name TEXT NOT NULL PRIMARY KEY,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    serial INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE mx_token (
    id TEXT NOT NULL PRIMARY KEY,
    user_name TEXT NOT NULL,
    role TEXT NOT NULL,
    digest TEXT NOT NULL,
    label TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) WITHOUT ROWID;
CREATE TABLE mx_secret (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    text TEXT NOT NULL
)
"""

_VERSION_5: Final = """
CREATE TABLE index_page (
    process_name TEXT NOT NULL PRIMARY KEY,
    time_qualifier TEXT NOT NULL,
    first INTEGER NOT NULL,
    codes BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE index_copy (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    as_of INTEGER NOT NULL
)
"""

_VERSION_6: Final = """
CREATE TABLE managed_process (
    process_name TEXT NOT NULL PRIMARY KEY,
    trigger_frequency TEXT,
    trigger_at INTEGER,
    trigger_by TEXT,
    is_on INTEGER,
    is_on_at INTEGER,
    is_on_by TEXT,
    definition TEXT NOT NULL,
    rev INTEGER NOT NULL,
    term INTEGER NOT NULL
) WITHOUT ROWID
"""

_VERSION_7: Final = """
CREATE INDEX unit_of_work_freerun ON unit_of_work (finished_at)
    WHERE time_qualifier = '_real_time'
"""

_VERSION_8: Final = """
ALTER TABLE box ADD COLUMN load TEXT
"""

_VERSION_9: Final = """
ALTER TABLE box_configuration ADD COLUMN start_asked_at INTEGER
"""

#: mx_login: one row once there was a user; the dashboard is then never open again.
_VERSION_10: Final = """
CREATE TABLE mx_login (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1)
);
INSERT INTO mx_login (id) SELECT 1 WHERE EXISTS (SELECT 1 FROM mx_user);
ALTER TABLE command ADD COLUMN fingerprint TEXT
"""

#: standing: what the leader says of itself, as one document.
_VERSION_11: Final = """
ALTER TABLE leadership ADD COLUMN standing TEXT
"""

_VERSION_12: Final = """
CREATE TABLE led_context (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    rev INTEGER NOT NULL,
    term INTEGER NOT NULL,
    text TEXT NOT NULL
)
"""

#: Attempts that have lost their worker; what was lost before counts as failed, as it did then.
_VERSION_13: Final = """
ALTER TABLE unit_of_work ADD COLUMN lost_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN lost_count INTEGER NOT NULL DEFAULT 0
"""

#: Why a process of a box ended and is not up again, and where it logs.
_VERSION_14: Final = """
ALTER TABLE box_configuration ADD COLUMN reason TEXT;
ALTER TABLE box_configuration ADD COLUMN log_file TEXT
"""

#: place: of `core.records.LogPlace`.
_VERSION_15: Final = """
ALTER TABLE log_recording ADD COLUMN place INTEGER NOT NULL DEFAULT 0
"""

#: How a job had ended before it was reset.
_VERSION_16: Final = """
ALTER TABLE job ADD COLUMN former TEXT
"""

#: When somebody asked that a process of a box is stopped and started again.
_VERSION_17: Final = """
ALTER TABLE box_configuration ADD COLUMN restart_asked_at INTEGER
"""

#: The conditions of partial indexes, cheaper for each change of a row; see `states`.
_VERSION_18: Final = """
DROP INDEX job_open;
CREATE INDEX job_open ON job (state)
    WHERE (state = 'state_embryo' OR state = 'state_in_progress' OR state = 'state_final_run');
DROP INDEX unit_of_work_live;
CREATE INDEX unit_of_work_live ON unit_of_work (state)
    WHERE (state = 'state_requested' OR state = 'state_in_progress' OR state = 'state_invalid')
"""

#: Rows of intervals that have ended at half the room: what repeats another column left out,
#: numbers in place of words (see `states`), events in the row of their job (see `rows.events`), and
#: units found by their ids, but for those from before (`is_by_key`). Where somebody has written
#: another row for an interval, with blanks or zeros around its digits, that row is left out. Two
#: columns have other names, so that a process of an earlier version that still runs can write
#: nothing: it would write words (see `earlier`).
_VERSION_19: Final = """
CREATE TABLE narrow_job (
    process_name TEXT NOT NULL,
    timeperiod INTEGER NOT NULL,
    time_qualifier INTEGER NOT NULL,
    state INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    term INTEGER NOT NULL,
    run INTEGER NOT NULL,
    uow_id,
    number_of_failures INTEGER NOT NULL,
    is_held INTEGER NOT NULL,
    reason TEXT,
    changed_at INTEGER NOT NULL,
    request_id TEXT,
    lost_count INTEGER NOT NULL DEFAULT 0,
    former TEXT,
    event TEXT,
    history TEXT,
    PRIMARY KEY (process_name, timeperiod)
) WITHOUT ROWID;
DELETE FROM job WHERE timeperiod <> CAST(CAST(timeperiod AS INTEGER) AS TEXT) AND EXISTS (
    SELECT 1 FROM job AS other WHERE other.process_name = job.process_name
    AND other.timeperiod = CAST(CAST(job.timeperiod AS INTEGER) AS TEXT));
INSERT OR IGNORE INTO narrow_job SELECT
    process_name, timeperiod,
    CASE time_qualifier WHEN '_yearly' THEN 1 WHEN '_monthly' THEN 2 WHEN '_daily' THEN 3
        WHEN '_hourly' THEN 4 WHEN '_real_time' THEN 5 ELSE time_qualifier END,
    CASE state WHEN 'state_embryo' THEN 0 WHEN 'state_in_progress' THEN 1
        WHEN 'state_final_run' THEN 2 WHEN 'state_processed' THEN 3 WHEN 'state_skipped' THEN 4
        WHEN 'state_noop' THEN 5 ELSE state END,
    rev, term, run, related_unit_of_work, number_of_failures, is_held, reason, changed_at,
    request_id, lost_count, former, NULL, NULL
FROM job;
DROP TABLE job;
ALTER TABLE narrow_job RENAME TO job;
CREATE INDEX job_open ON job (changed_at) WHERE (state < 3);
CREATE INDEX job_ended ON job (changed_at) WHERE (state >= 3);
CREATE INDEX job_request ON job (request_id, state) WHERE request_id IS NOT NULL;
CREATE TABLE narrow_unit_of_work (
    id TEXT NOT NULL PRIMARY KEY,
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
    lost_count INTEGER NOT NULL DEFAULT 0,
    is_by_key INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO narrow_unit_of_work SELECT
    id, process_name, timeperiod,
    CASE time_qualifier WHEN '_yearly' THEN 1 WHEN '_monthly' THEN 2 WHEN '_daily' THEN 3
        WHEN '_hourly' THEN 4 WHEN '_real_time' THEN 5 ELSE time_qualifier END,
    nullif(start_timeperiod, timeperiod), end_timeperiod, run, attempt,
    CASE state WHEN 'state_in_progress' THEN 0 WHEN 'state_invalid' THEN 1
        WHEN 'state_requested' THEN 2 WHEN 'state_processed' THEN 3 WHEN 'state_noop' THEN 4
        WHEN 'state_canceled' THEN 5 WHEN 'state_dead' THEN 6 ELSE state END,
    fence, owner, lease_until, created_at, submitted_at, not_before, started_at, finished_at,
    number_of_processed_documents, error, nullif(arguments, '{}'), lost_count, 1
FROM unit_of_work;
DROP TABLE unit_of_work;
ALTER TABLE narrow_unit_of_work RENAME TO unit_of_work;
CREATE INDEX unit_of_work_live ON unit_of_work (state) WHERE (state < 3);
CREATE INDEX unit_of_work_dead ON unit_of_work (process_name, timeperiod) WHERE state = 6;
CREATE INDEX unit_of_work_freerun ON unit_of_work (finished_at) WHERE time_qualifier = 5;
CREATE INDEX unit_of_work_by_key ON unit_of_work (process_name, timeperiod, run)
    WHERE is_by_key = 1
"""

#: What was rung for in another file is rung for again.
_VERSION_20: Final = f"""
{MESSAGE_TABLES};
UPDATE unit_of_work SET submitted_at = NULL WHERE state = 2
"""

MIGRATIONS: Final = (
    _VERSION_1,
    _VERSION_2,
    _VERSION_3,
    _VERSION_4,
    _VERSION_5,
    _VERSION_6,
    _VERSION_7,
    _VERSION_8,
    _VERSION_9,
    _VERSION_10,
    _VERSION_11,
    _VERSION_12,
    _VERSION_13,
    _VERSION_14,
    _VERSION_15,
    _VERSION_16,
    _VERSION_17,
    _VERSION_18,
    _VERSION_19,
    _VERSION_20,
    VERSION_21,
    CATCH_UP_COLUMNS,
    *LATER,
)
