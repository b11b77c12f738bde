"""What an operator sees and does with a dashboard: the interface of commands spoken over HTTP.

`launch.py status --server URL --token T`, or SYNERGY_SERVER and SYNERGY_TOKEN in the environment.
Each action is one address of the API; what it answers, and refuses, is what `synergy.operations`
does there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from synergy.cli.command import CommandError, ExitCode
from synergy.cli.http_client import HttpClient
from synergy.cli.interface import ChangeWanted
from synergy.cli.remote_alerting import RemoteAlerting
from synergy.core.dead_letters import LetterAction
from synergy.core.freerun_definition import FreerunRefused, freerun_of
from synergy.core.records import Json, ProcessName
from synergy.core.request_options import ARGUMENTS, options_said
from synergy.core.supervision import ProcessStatus
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.view.documents import BoxViewDocument, CommandDocument, PreviewDocument
from synergy.view.fires import fires_said
from synergy.view.freeruns import next_fires
from synergy.view.pool_documents import PoolDocument
from synergy.view.undo import UndoDocument

#: What the audit says of a change that its author gave no reason for: on the command line, where
#: one machine's scripts do without, it stays optional.
UNSAID: Final = 'no reason given to launch.py'
#: States of processes that do not run.
_ENDED: Final = (None, ProcessStatus.STOPPED.value, ProcessStatus.FATAL.value)
#: What the API does not do without a word about why, besides changes of jobs.
_NEEDS_REASON: Final = frozenset({'cancel', 'remove', 'drop', 'drain', 'stop'})


@contextmanager
def open_remote(
    url: str, token: str | None, chosen_name: str | None = None
) -> Iterator[RemoteOperations]:
    """Yield what works on a dashboard. Whatever answers there may be something else.

    chosen_name: of what is asked for; asking again by the same one does nothing.
    """
    token = token or os.environ.get('SYNERGY_TOKEN') or None
    try:
        yield RemoteOperations(HttpClient(url, token, chosen_name))
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise CommandError(
            f'{url} answered something else than the API of Synergy '
            f'({type(error).__name__}: {error!s:.200}); check --server, and that it is of this '
            'version',
            ExitCode.UNAVAILABLE,
        ) from error


class RemoteOperations(RemoteAlerting):
    """`synergy.cli.interface.Operations` by the API of a dashboard."""

    @property
    def own_box(self) -> str | None:
        """Return None: a dashboard tells of all boxes alike."""
        return None

    def preview(self, wanted: ChangeWanted) -> PreviewDocument:
        """Return what a change of jobs would touch."""
        # Arguments change nothing of what is touched, and must not stand in an address. They are
        # told by their names alone.
        about = {name: value for name, value in self._body(wanted).items() if name != ARGUMENTS}
        found: PreviewDocument = self.server.get('preview', **about)
        try:
            said = options_said(wanted.kind, ProcessName(wanted.process), wanted.options)
        except ValueError:
            return found  # It is refused once it is asked for.
        return {**found, 'options': said}

    def change_jobs(self, wanted: ChangeWanted) -> CommandDocument:
        """Ask for a change of jobs."""
        reason = wanted.reason or UNSAID
        body: dict[str, Any] = {'reason': reason, **self._body(wanted)}
        return self._settled(self.server.post('requests', key=wanted.name, **body))

    def preview_cancel(self, request_id: str) -> UndoDocument:
        """Return what cancelling a request would do."""
        found: UndoDocument = self.server.get('requests', request_id, 'undo')
        return found

    def control_request(self, request_id: str, action: str, reason: str | None) -> CommandDocument:
        """Pause, resume or cancel a request."""
        return self._asked('requests', request_id, action, reason=reason)

    def settle_letter(
        self, uow_id: str, action: LetterAction, reason: str | None
    ) -> CommandDocument:
        """Retry or drop a dead letter."""
        return self._asked('dead', uow_id, action.value, reason=reason)

    def settle_group(
        self, process: str, error: str, action: LetterAction, reason: str | None
    ) -> CommandDocument:
        """Retry or drop all dead letters of a process and a kind of error, as one request."""
        return self._asked(
            'dead', 'groups', action.value, reason=reason, process=process, error=error
        )

    def next_fires(self, name: str, details: Mapping[str, Json], *, is_new: bool) -> Sequence[str]:
        """Return when a free run would fire if it were as `details` say; refuse what cannot be."""
        known = {item['name']: item['trigger'] for item in self.freeruns()}
        if is_new and name in known:
            raise OperationRefused(
                RefusalKind.CONFLICT, f'{name} exists already', 'change it with freerun edit'
            )
        if not is_new and name not in known:
            self.server.get('freeruns', name)
        now = datetime.fromisoformat(str(self.status()['at']))
        trigger: dict[str, Json] = {'trigger': known[name]} if name in known else {}
        if 'trigger' in details:
            trigger['trigger'] = details['trigger']
        base = ProcessName(name.partition('::')[0])
        try:
            defined = freerun_of(ProcessName(name), trigger, [base], None, now)
        except FreerunRefused as error:
            raise malformed(str(error), 'correct it', str(error)) from error
        return list(fires_said(defined.trigger, next_fires(defined, now), now))

    def save_freerun(
        self, name: str, details: Mapping[str, Json], reason: str | None
    ) -> CommandDocument:
        """Make or change a free run."""
        body: dict[str, Any] = {'name': name, 'reason': reason, **details}
        return self._settled(self.server.post('freeruns', **body))

    def switch_freerun(
        self, name: str, action: str, uow_id: str | None, reason: str | None
    ) -> CommandDocument:
        """Switch a free run on or off, run it now, cancel what runs of it, or remove it."""
        return self._asked('freeruns', name, action, reason=reason, uow=uow_id)

    def change_process(
        self, name: str, action: str, value: str | None, reason: str | None
    ) -> CommandDocument:
        """Switch a managed process, change its trigger, or look at it now."""
        field = 'catch_up' if action == 'catch-up' else 'trigger'
        return self._asked('processes', name, action, reason=reason, **{field: value})

    def pools(self) -> Sequence[PoolDocument]:
        """Return the pools, with who holds what of each and who waits."""
        return list(self.server.items('pools'))

    def change_pool(
        self, name: str, slots: str | None, per_minute: str | None, reason: str | None
    ) -> CommandDocument:
        """Change the size of a pool."""
        return self._asked('pools', name, 'set', reason=reason, slots=slots, per_minute=per_minute)

    def box(self, named: str | None) -> str:
        """Return the box that is meant: the only one, if none is named."""
        if named:
            return named
        known = [view['box_id'] for view in self.boxes()]
        if len(known) != 1:
            raise CommandError(
                f'name the box: --box BOX, or --drain BOX; there are: {", ".join(known) or "none"}',
                ExitCode.USAGE,
            )
        return known[0]

    def busy_on(self, box: str) -> Sequence[str]:
        """Return the workers that run on a box."""
        workers = {item['process'] for item in self.processes()}
        workers |= {item['process'] for item in self.freeruns()}
        return [
            row['process']
            for view in self.boxes()
            for row in view['processes']
            if view['box_id'] == box and row['process'] in workers and row['state'] not in _ENDED
        ]

    def switch_on_box(self, box: str, process: str, action: str, reason: str | None) -> None:
        """Say whether a process is to run on a box."""
        self._post('boxes', box, process, action, reason=reason)

    def change_box(self, box: str, action: str, reason: str | None) -> int | None:
        """Drain, undrain, update, reset or forget a box."""
        view: BoxViewDocument = self._post('boxes', box, action, reason=reason)
        if action in ('update', 'reset'):
            return sum(row['is_on'] for row in view['processes'])
        return None

    def _post(self, *path: str, reason: str | None, **body: object) -> Any:
        """Ask for what the last part of a path says."""
        reason = reason or (UNSAID if path[-1] in _NEEDS_REASON else None)
        given: dict[str, Any] = {'reason': reason, **body}
        return self.server.post(*path, **given)

    def _asked(self, *path: str, reason: str | None, **body: object) -> CommandDocument:
        return self._settled(self._post(*path, reason=reason, **body))

    def _body(self, wanted: ChangeWanted) -> dict[str, object]:
        return {
            'kind': wanted.kind.value,
            'process': wanted.process,
            'start': wanted.timeperiod,
            'end': wanted.to,
            'only': wanted.only,
            'error': wanted.error,
            'with_children': wanted.with_children or None,
            'anyway': wanted.is_anyway or None,
            **_as_sent(wanted.options),
            'plan_hash': wanted.plan_hash,
        }


def _as_sent(options: Mapping[str, object]) -> dict[str, Json]:
    """Return options of a request as an address and a body can both carry them."""
    return {
        name: value if isinstance(value, str | bool) else json.dumps(value)
        for name, value in options.items()
        if value is not None and value is not False
    }
