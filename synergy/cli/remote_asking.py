"""Asking for changes by the API of a dashboard: how long an answer is awaited, and recuts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from synergy.cli.http_client import LOOK_SECONDS
from synergy.cli.interface import FreezeWanted, PastReading, RecutWanted
from synergy.cli.remote_past import RemotePast
from synergy.cli.remote_reading import RemoteReading
from synergy.operations.journal import JournalWanted
from synergy.view.documents import CommandDocument, FreezeDocument
from synergy.view.forecast import ForecastDocument
from synergy.view.journal_documents import JournalDocument
from synergy.view.recut import RecutDocument, TreeRecutDocument

#: How long to wait for the Scheduler's first answer.
ANSWER_SECONDS: Final = 10.0


class RemoteAsking(RemoteReading):
    """What all changes have in common, the recut of a process, and the way to the past."""

    def past(self, at: str) -> PastReading:
        """Return what could be looked at at a past instant, as typed."""
        return RemotePast(self.server, at)

    def preview_recut(self, wanted: RecutWanted) -> RecutDocument:
        """Return what a recut would do."""
        found: RecutDocument = self.server.get(
            'processes', wanted.process, 'recut', start=wanted.timeperiod
        )
        return found

    def recut(self, wanted: RecutWanted) -> CommandDocument:
        """Ask for a recut."""
        body: dict[str, Any] = {
            'start': wanted.timeperiod,
            'plan_hash': wanted.plan_hash,
            'reason': wanted.reason,
        }
        path = ('processes', wanted.process, 'recut')
        return self._settled(self.server.post(*path, key=wanted.name, **body))

    def preview_tree_recut(self, wanted: RecutWanted) -> TreeRecutDocument:
        """Return what recuts of all processes of a tree that need one would do."""
        found: TreeRecutDocument = self.server.get(
            'trees', wanted.process, 'recut', start=wanted.timeperiod
        )
        return found

    def recut_tree(self, wanted: RecutWanted) -> Sequence[CommandDocument]:
        """Ask for a recut of each process of a tree that needs one."""
        body: dict[str, Any] = {
            'start': wanted.timeperiod,
            'plan_hash': wanted.plan_hash,
            'reason': wanted.reason,
        }
        asked = self.server.post('trees', wanted.process, 'recut', key=wanted.name, **body)
        return [self._settled(item) for item in asked['requests']]

    def journal(self, wanted: JournalWanted) -> JournalDocument:
        """Return lines of the journal, oldest first."""
        instants = {'from': wanted.since, 'until': wanted.until}
        found: JournalDocument = self.server.get(
            'journal',
            process=wanted.process,
            cursor=wanted.after,
            limit=wanted.limit,
            **instants,
        )
        return found

    def forecast(self, by: str | None, process: str | None) -> ForecastDocument:
        """Return what is to be expected."""
        found: ForecastDocument = self.server.get('forecast', by=by, process=process)
        return found

    def freezes(self) -> Sequence[FreezeDocument]:
        """Return the freezes that hold now, the oldest first."""
        return list(self.server.items('freezes'))

    def freeze(self, wanted: FreezeWanted) -> CommandDocument:
        """Let nothing of a scope start until an instant."""
        body: dict[str, Any] = {
            name: value
            for name, value in (
                ('process', wanted.process),
                ('tree', wanted.tree),
                ('pool', wanted.pool),
                ('until', wanted.until),
                ('reason', wanted.reason),
                ('long', wanted.is_long or None),
            )
            if value is not None
        }
        return self._settled(self.server.post('freezes', **body))

    def thaw(self, freeze_id: str, reason: str | None) -> CommandDocument:
        """End a freeze before its time."""
        return self._settled(self.server.post('freezes', freeze_id, 'thaw', reason=reason))

    def _settled(self, command: CommandDocument) -> CommandDocument:
        """Return a command as it stands after a short wait for the Scheduler."""
        until = self.clock.monotonic() + ANSWER_SECONDS
        while command['state'] == 'requested' and self.clock.monotonic() < until:
            self.clock.sleep(LOOK_SECONDS)
            command = self.server.get('requests', command['id'])
        return command
