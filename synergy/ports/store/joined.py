"""A store that is made of parts: one for each role, with state of its own or shared with others.

The methods of the parts become those of the store as they are, so a call costs what it costs on the
part. An adapter has nothing to do but to make its parts and to close what they share.
"""

from __future__ import annotations

from typing import NamedTuple

from synergy.ports.store import (
    AlertStore,
    ArchiveReader,
    BoxStore,
    CommandStore,
    CommitStore,
    ContextReader,
    FreerunReader,
    IllegalRows,
    JobReader,
    JournalStore,
    LeadershipStore,
    RowScan,
    Snapshots,
    TimetableStore,
    UnitReader,
    UnitStore,
    UserStore,
)


class Parts(NamedTuple):
    """Who does what."""

    leadership: LeadershipStore
    commits: CommitStore
    journal: JournalStore
    timetable: TimetableStore
    context: ContextReader
    jobs: JobReader
    archive: ArchiveReader
    units: UnitReader
    claims: UnitStore
    freeruns: FreerunReader
    commands: CommandStore
    boxes: BoxStore
    users: UserStore
    alerts: AlertStore
    illegal: IllegalRows
    scan: RowScan
    snapshots: Snapshots


class JoinedStore:
    """All roles of `Store` but its end, each method that of the part that has the role."""

    def __init__(self, parts: Parts) -> None:  # noqa: PLR0915 - a table
        """Take over the methods of all parts."""
        self.lead = parts.leadership.lead
        self.resign = parts.leadership.resign
        self.report_standing = parts.leadership.report_standing
        self.report_counts = parts.leadership.report_counts
        self.leadership = parts.leadership.leadership
        self.standing = parts.leadership.standing
        self.counts = parts.leadership.counts
        self.store_now = parts.leadership.store_now

        self.commit = parts.commits.commit
        self.prune = parts.commits.prune

        self.commits_are_whole = parts.journal.commits_are_whole
        self.journal_span = parts.journal.journal_span
        self.journal_pages = parts.journal.journal_pages
        self.journal_pages_before = parts.journal.journal_pages_before
        self.journal_number_since = parts.journal.journal_number_since
        self.journal_number_until = parts.journal.journal_number_until
        self.recent_jobs = parts.journal.recent_jobs
        self.recent_freeruns = parts.journal.recent_freeruns
        self.journal_cursor = parts.journal.journal_cursor
        self.journal_cursors = parts.journal.journal_cursors
        self.led_text = parts.journal.led_text
        self.index_snapshots = parts.journal.index_snapshots
        self.index_snapshot = parts.journal.index_snapshot
        self.save_journal_cursor = parts.journal.save_journal_cursor
        self.remove_journal_cursor = parts.journal.remove_journal_cursor
        self.save_index_snapshot = parts.journal.save_index_snapshot
        self.prune_journal = parts.journal.prune_journal
        self.prune_snapshots = parts.journal.prune_snapshots

        self.index_stretches = parts.timetable.index_stretches
        self.index_copy = parts.timetable.index_copy
        self.save_index_copy = parts.timetable.save_index_copy

        self.led_context = parts.context.led_context
        self.overrides = parts.context.overrides
        self.pool_overrides = parts.context.pool_overrides

        self.open_jobs = parts.jobs.open_jobs
        self.jobs = parts.jobs.jobs
        self.find_jobs = parts.jobs.find_jobs
        self.changed_jobs = parts.jobs.changed_jobs
        self.count_jobs = parts.jobs.count_jobs
        self.request_progress = parts.jobs.request_progress
        self.request_failures = parts.jobs.request_failures
        self.events = parts.jobs.events

        self.archived = parts.archive.archived
        self.has_rows = parts.archive.has_rows

        self.units = parts.units.units
        self.processed = parts.units.processed
        self.live_units = parts.units.live_units
        self.live_runs = parts.units.live_runs
        self.runs = parts.units.runs
        self.all_units = parts.units.all_units
        self.ended_runs = parts.units.ended_runs
        self.dead_units = parts.units.dead_units
        self.dead_letters = parts.units.dead_letters
        self.log = parts.units.log

        self.claim = parts.claims.claim
        self.renew = parts.claims.renew
        self.finish = parts.claims.finish
        self.release = parts.claims.release
        self.append_log = parts.claims.append_log

        self.freeruns = parts.freeruns.freeruns
        self.freerun = parts.freeruns.freerun
        self.freerun_events = parts.freeruns.freerun_events
        self.freerun_units = parts.freeruns.freerun_units
        self.ended_freerun_units = parts.freeruns.ended_freerun_units

        self.insert_command = parts.commands.insert_command
        self.command = parts.commands.command
        self.open_commands = parts.commands.open_commands
        self.commands = parts.commands.commands

        self.boxes = parts.boxes.boxes
        self.heartbeat = parts.boxes.heartbeat
        self.set_drained = parts.boxes.set_drained
        self.forget_box = parts.boxes.forget_box
        self.box_processes = parts.boxes.box_processes
        self.set_desired = parts.boxes.set_desired
        self.ask_restart = parts.boxes.ask_restart
        self.report_actual = parts.boxes.report_actual

        self.watching = parts.alerts.watching
        self.alert_memory = parts.alerts.alert_memory
        self.waiting_deliveries = parts.alerts.waiting_deliveries
        self.count_waiting_deliveries = parts.alerts.count_waiting_deliveries
        self.deliveries = parts.alerts.deliveries
        self.alert_request = parts.alerts.alert_request
        self.open_alert_requests = parts.alerts.open_alert_requests
        self.alert_requests = parts.alerts.alert_requests
        self.insert_alert_request = parts.alerts.insert_alert_request
        self.watch = parts.alerts.watch
        self.stop_watching = parts.alerts.stop_watching
        self.save_alerts = parts.alerts.save_alerts
        self.save_delivery = parts.alerts.save_delivery
        self.prune_alerts = parts.alerts.prune_alerts

        self.users = parts.users.users
        self.had_users = parts.users.had_users
        self.add_user = parts.users.add_user
        self.set_role = parts.users.set_role
        self.set_password = parts.users.set_password
        self.end_sessions = parts.users.end_sessions
        self.remove_user = parts.users.remove_user
        self.tokens = parts.users.tokens
        self.save_token = parts.users.save_token
        self.remove_token = parts.users.remove_token
        self.kept_secret = parts.users.kept_secret

        self.illegal_rows = parts.illegal.illegal_rows
        self.forget_illegal_rows = parts.illegal.forget_illegal_rows

        self.scanned_jobs = parts.scan.scanned_jobs
        self.scanned_units = parts.scan.scanned_units

        self.snapshot = parts.snapshots.snapshot
