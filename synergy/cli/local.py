"""What an operator sees and does with the store of this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from synergy import bootstrap
from synergy.cli.control import Control
from synergy.cli.interface import ChangeWanted
from synergy.cli.local_alerting import LocalAlerting
from synergy.cli.target import end_of, known_key, node_of
from synergy.conf.boxes import names_on
from synergy.core.commands import Command, Only
from synergy.core.dead_letters import LetterAction
from synergy.core.records import Json
from synergy.core.structs import replace
from synergy.core.supervision import ProcessStatus
from synergy.core.timetable import Timetable
from synergy.operations import (
    boxes,
    dead_letters,
    freeruns,
    jobs,
    letter_groups,
    pools,
    processes,
    requests,
)
from synergy.operations.caller import Caller
from synergy.operations.failures import about_error
from synergy.operations.request_options import with_options
from synergy.view.documents import CommandDocument, PreviewDocument
from synergy.view.estimates import ahead_of, plan_estimate
from synergy.view.fires import fires_said
from synergy.view.freeruns import next_fires
from synergy.view.group_documents import GroupPlanDocument
from synergy.view.group_encode import encode_group
from synergy.view.pool_documents import PoolDocument, encode_pool
from synergy.view.pools import look_at_pools, pool_views, with_pace
from synergy.view.preview import Preview
from synergy.view.preview_encode import encode_preview
from synergy.view.undo import UndoDocument, encode_undo

_ENDED: Final = (None, ProcessStatus.STOPPED, ProcessStatus.FATAL)


@contextmanager
def open_local(
    *, creates: bool = False, chosen_name: str | None = None
) -> Iterator[LocalOperations]:
    """Yield what works on the store of this home. creates: if there is none yet.

    chosen_name: of what is asked for; asking again by the same one does nothing.
    """
    settings, context = bootstrap.load(reads_sources=False)
    with bootstrap.open_runtime(settings, context) as runtime:
        found = LocalOperations(runtime, runtime.open_store(create=creates))
        found.chosen_name = chosen_name
        yield found


class LocalOperations(LocalAlerting):
    """`synergy.cli.interface.Operations` by `synergy.operations`, bound to a store."""

    @property
    def own_box(self) -> str | None:
        """Return this box."""
        return self.runtime.settings.box_id

    def preview(self, wanted: ChangeWanted) -> PreviewDocument:
        """Return what a change of jobs would touch."""
        caller = self._caller(wanted.reason)
        command = self._wanted_command(caller, wanted)
        index = self.index()
        shown = jobs.preview_change(caller, index, command)
        index.rollback()
        return self._encoded(index, shown)

    def change_jobs(self, wanted: ChangeWanted) -> CommandDocument:
        """Ask for a change of jobs."""
        if (earlier := self._earlier(wanted.name)) is not None:
            return earlier
        caller = self._caller(wanted.reason, wanted.name)
        command = self._wanted_command(caller, wanted)
        previewed = partial(jobs.preview_change, caller, self.index())
        return self._settled(jobs.change_jobs(caller, command, previewed))

    def preview_cancel(self, request_id: str) -> UndoDocument:
        """Return what cancelling a request would do."""
        timetable = self.index()
        found = requests.preview_cancel(self.store, timetable, request_id)
        return encode_undo(found, timetable.hierarchy)

    def control_request(self, request_id: str, action: str, reason: str | None) -> CommandDocument:
        """Pause, resume or cancel a request."""
        return self._settled(requests.control_request(self._caller(reason), request_id, action))

    def settle_letter(
        self, uow_id: str, action: LetterAction, reason: str | None
    ) -> CommandDocument:
        """Retry or drop a dead letter."""
        return self._settled(dead_letters.settle_letter(self._caller(reason), uow_id, action))

    def plan_group(self, process: str, error: str, action: LetterAction) -> GroupPlanDocument:
        """Return what settling all dead letters of a process and a kind of error would do."""
        index = self.index()
        plan = _group_plan(self._caller(), index, process, error, action)
        index.rollback()
        return {
            'group': encode_group(plan.view),
            'action': action.value,
            'says': list(plan.says),
            'preview': None if plan.preview is None else self._encoded(index, plan.preview),
        }

    def settle_group(
        self, process: str, error: str, action: LetterAction, reason: str | None
    ) -> CommandDocument:
        """Retry or drop all dead letters of a process and a kind of error, as one request."""
        caller = self._caller(reason)
        plan = _group_plan(caller, self.index(), process, error, action)
        return self._settled(letter_groups.settle_group(caller, plan))

    def next_fires(self, name: str, details: Mapping[str, Json], *, is_new: bool) -> Sequence[str]:
        """Return when a free run would fire if it were as `details` say; refuse what cannot be."""
        caller = self._caller()
        if is_new:
            freeruns.refuse_existing(caller, name)
        else:
            freeruns.known_freerun(caller, name)
        defined = freeruns.defined(caller, name, details)
        fires = next_fires(defined, caller.now)
        return list(fires_said(defined.trigger, fires, caller.now))

    def save_freerun(
        self, name: str, details: Mapping[str, Json], reason: str | None
    ) -> CommandDocument:
        """Make or change a free run."""
        return self._settled(freeruns.save_freerun(self._caller(reason), name, details))

    def switch_freerun(
        self, name: str, action: str, uow_id: str | None, reason: str | None
    ) -> CommandDocument:
        """Switch a free run on or off, run it now, cancel what runs of it, or remove it."""
        caller = self._caller(reason)
        return self._settled(freeruns.switch_freerun(caller, name, action, uow_id))

    def change_process(
        self, name: str, action: str, value: str | None, reason: str | None
    ) -> CommandDocument:
        """Switch a managed process, change its trigger, or look at it now."""
        node = node_of(self.runtime.context, name)
        caller = self._caller(reason)
        return self._settled(processes.change_process(caller, node, action, value))

    def pools(self) -> Sequence[PoolDocument]:
        """Return the pools, with who holds what of each and who waits."""
        index = self.index()
        views = pool_views(look_at_pools(index, self.store, self.now))
        return [encode_pool(view) for view in with_pace(views, self.estimator(index, {}))]

    def change_pool(
        self, name: str, slots: str | None, per_minute: str | None, reason: str | None
    ) -> CommandDocument:
        """Change the size of a pool."""
        caller = self._caller(reason)
        return self._settled(pools.change_pool(caller, name, 'set', slots, per_minute))

    def box(self, named: str | None) -> str:
        """Return the box that is meant: this one, if none is named."""
        box_id = named or self.runtime.settings.box_id
        boxes.check_box(self._caller(), box_id, 'look', self.runtime.settings.box_vanished)
        return box_id

    def busy_on(self, box: str) -> Sequence[str]:
        """Return the workers that run on a box, whatever its Supervisor has reported."""
        return [
            row.process
            for row in self.store.box_processes(box)
            if row.process not in self.runtime.context.daemons and row.state not in _ENDED
        ]

    def switch_on_box(self, box: str, process: str, action: str, reason: str | None) -> None:
        """Say whether a process is to run on a box; its Supervisor looks at once."""
        control = Control(self.runtime)
        name = control.entry(process, box).name
        boxes.switch_on_box(self._caller(reason), box, name, action)
        control.ring()

    def change_box(self, box: str, action: str, reason: str | None) -> int | None:
        """Drain, undrain, update, reset or forget a box; its Supervisor looks at once."""
        rows = len(self.store.box_processes(box))
        rows += any(item.box_id == box for item in self.store.boxes())
        vanished_after = self.runtime.settings.box_vanished
        boxes.change_box(self._caller(reason), box, action, vanished_after)
        Control(self.runtime).ring()
        match action:
            case 'update' | 'reset':
                return len(names_on(self.runtime.context, box))
            case 'forget':
                return rows
            case _:
                return None

    def _encoded(self, index: Timetable, shown: Preview) -> PreviewDocument:
        about = plan_estimate(self.estimator(index, ahead_of(index, shown)), shown)
        return encode_preview(shown, about)

    def _wanted_command(self, caller: Caller, wanted: ChangeWanted) -> Command:
        context = self.runtime.context
        is_range = wanted.to is not None
        key = known_key(
            context, self.store, wanted.process, wanted.timeperiod, self.now, is_range=is_range
        )
        end = key.timeperiod.shift(1)
        if wanted.to is not None:
            calendar = context.hierarchy.nodes[key.process].calendar
            end = end_of(calendar, key.timeperiod.qualifier, wanted.to, self.now)
        command = jobs.job_command(
            caller,
            wanted.kind,
            key,
            end,
            only=Only(wanted.only),
            with_children=wanted.with_children,
            is_anyway=wanted.is_anyway,
        )
        if wanted.error is not None:
            command = about_error(caller, command, wanted.error)
        command = with_options(caller, command, wanted.options)
        return replace(command, plan_hash=wanted.plan_hash)


def _group_plan(
    caller: Caller, index: Timetable, process: str, error: str, action: LetterAction
) -> letter_groups.SettlePlan:
    view = letter_groups.known_group(caller, index, process, error)
    return letter_groups.plan_group(caller, index, view, action)
