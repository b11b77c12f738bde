"""Port: the ledger. Every write is one conditional statement, and its outcome is looked at.

Its roles are Protocols, one for each subject and each in a file of its own: those named `Reader`
write nothing, those named `Store` do. One adapter has them all; whoever takes a store as a
parameter names the narrowest role that is enough.

All methods may raise StoreUnavailable (may pass; after a write: maybe applied) and StoreUnusable
(will not). Instants are aware UTC. Lease times are by the store's clock. An adapter object belongs
to one thread; a process that needs two threads on the store opens two.
"""

from __future__ import annotations

from typing import Protocol

from synergy.ports.store.alerts import AlertReader, AlertRequestStore, AlertStore
from synergy.ports.store.archive import Archived, ArchiveReader
from synergy.ports.store.boxes import BoxReader, BoxStore
from synergy.ports.store.commands import CommandReader, CommandStore
from synergy.ports.store.commits import CommitStore
from synergy.ports.store.context import ContextReader
from synergy.ports.store.freeruns import FreerunReader
from synergy.ports.store.illegal import IllegalRows
from synergy.ports.store.jobs import EVENTS_PER_JOB_MAX, JobChange, JobFilter, JobReader
from synergy.ports.store.journal import JournalReader, JournalStore
from synergy.ports.store.leadership import LEASES_MAX, LeadershipReader, LeadershipStore
from synergy.ports.store.scan import RowScan
from synergy.ports.store.snapshots import Snapshots
from synergy.ports.store.timetable import TimetableReader, TimetableStore
from synergy.ports.store.units import Done, EndedRun, LiveRun, UnitReader, UnitStore
from synergy.ports.store.users import UserStore

__all__ = [
    'EVENTS_PER_JOB_MAX',
    'LEASES_MAX',
    'AlertReader',
    'AlertRequestStore',
    'AlertStore',
    'ArchiveReader',
    'Archived',
    'BoxReader',
    'BoxStore',
    'CommandReader',
    'CommandStore',
    'CommitStore',
    'ContextReader',
    'Done',
    'EndedRun',
    'FreerunReader',
    'IllegalRows',
    'JobChange',
    'JobFilter',
    'JobReader',
    'JournalReader',
    'JournalStore',
    'LeadershipReader',
    'LeadershipStore',
    'LiveRun',
    'Reader',
    'RowScan',
    'SchedulerStore',
    'Snapshots',
    'Store',
    'TimetableReader',
    'TimetableStore',
    'UnitReader',
    'UnitStore',
    'UserStore',
]


class Reader(
    LeadershipReader,
    TimetableReader,
    ContextReader,
    JobReader,
    ArchiveReader,
    UnitReader,
    FreerunReader,
    CommandReader,
    BoxReader,
    JournalReader,
    AlertReader,
    IllegalRows,
    RowScan,
    Snapshots,
    Protocol,
):
    """What status, pages and `verify` read; nothing here writes."""


class SchedulerStore(
    Reader,
    LeadershipStore,
    CommitStore,
    TimetableStore,
    JournalStore,
    CommandStore,
    Protocol,
):
    """The roles that the Scheduler needs."""


class Store(SchedulerStore, UnitStore, BoxStore, UserStore, AlertStore, Protocol):
    """All roles; what an adapter implements and `bootstrap` hands out."""

    def close(self) -> None:
        """Release everything held; safe to call twice."""
        ...
