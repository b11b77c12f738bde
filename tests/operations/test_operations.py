"""The one door: asked twice is asked once, refusals say their kind, the audit has one language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from synergy import bootstrap
from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.exit_codes import ExitCode
from synergy.core.freezes import Scope
from synergy.core.records import Box, BoxProcess, ProcessName
from synergy.core.structs import replace
from synergy.core.users import Role, User
from synergy.core.watching import WatchLease
from synergy.operations import boxes, freeruns, freezes, jobs, processes, requests, users
from synergy.operations.caller import Caller
from synergy.operations.credentials import is_password
from synergy.operations.refusal import OperationRefused, RefusalKind
from synergy.view.index import load_index
from tests.mx.dashboard_harness import NOW, password_hash

VANISHED_AFTER = timedelta(seconds=15)
SWEEP = 'Shell::sweep'
TIDY = 'Shell::tidy'


class Given:
    """A password that needs no hashing."""

    def hashed(self) -> str:
        return password_hash()

    def is_of(self, user: User) -> bool:
        return is_password(user, 'correct horse battery')


class Desk:
    """A caller, and what it has rung for."""

    def __init__(self, store: SqliteStore) -> None:
        context = bootstrap.load({'SYNERGY_CONTEXT_MODULE': 'tests.pipelines.pages'})[1]
        self.store = store
        self.rung: list[CommandId] = []
        self.lease: WatchLease
        self.caller = Caller(
            store=store,
            context=context,
            actor='anna@here',
            now=NOW,
            ring=self.rung.append,
            reason='because',
            own_box='dev',
        )

    def keyed(self, key: str, fingerprint: str) -> Caller:
        return replace(
            self.caller,
            id_of=lambda _kind, _thing: CommandId(key),
            has_key=True,
            fingerprint=fingerprint,
        )

    def audit(self, kind: CommandKind) -> list[Command]:
        return list(self.store.commands(tuple(CommandState), 99, (kind,)))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = SqliteStore.open(tmp_path / 'store.db', clock=SimulatedClock(NOW))
    yield Desk(store)
    store.close()


def test_an_action_is_a_command_and_the_scheduler_is_rung(desk: Desk) -> None:
    asked = freeruns.save_freerun(desk.caller, TIDY, {'trigger': 'every 60'})

    assert desk.store.command(asked.id) == asked
    assert (asked.kind, asked.actor, asked.reason) == (
        CommandKind.FREERUN_SAVE,
        'anna@here',
        'because',
    )
    assert desk.rung == [asked.id]


def test_what_is_asked_twice_under_a_key_is_asked_once(desk: Desk) -> None:
    caller = desk.keyed('k1', 'f1')
    first = freeruns.save_freerun(caller, TIDY, {'trigger': 'every 60'})

    again = freeruns.save_freerun(caller, TIDY, {'trigger': 'every 60'})

    assert again == first
    assert len(desk.audit(CommandKind.FREERUN_SAVE)) == 1


def test_a_key_is_of_one_request(desk: Desk) -> None:
    freeruns.save_freerun(desk.keyed('k1', 'f1'), TIDY, {'trigger': 'every 60'})

    with pytest.raises(OperationRefused) as refused:
        freeruns.save_freerun(desk.keyed('k1', 'f2'), TIDY, {'trigger': 'every 90'})

    assert refused.value.kind is RefusalKind.REUSED


def test_what_is_done_at_once_is_done_once(desk: Desk) -> None:
    caller = desk.keyed('k1', 'f1')
    boxes.switch_on_box(caller, 'dev', 'Shell', 'stop')
    desk.store.set_desired('dev', 'Shell', is_on=True)

    boxes.switch_on_box(caller, 'dev', 'Shell', 'stop')

    assert [row.is_on for row in desk.store.box_processes('dev')] == [True]
    assert len(desk.audit(CommandKind.BOX)) == 1
    assert desk.rung == []


def test_a_process_is_restarted_on_every_box_on_which_it_is_on(desk: Desk) -> None:
    for box_id, is_on in (('b1', True), ('b2', True), ('b3', False)):
        desk.store.set_desired(box_id, 'SiteDaily', is_on=is_on)
        desk.store.set_drained(box_id, is_draining=False)
    node = desk.caller.context.hierarchy.nodes[ProcessName('SiteDaily')]

    processes.change_process(desk.caller, node, 'restart')

    rows = [row for row in desk.store.box_processes() if row.process == 'SiteDaily']
    asked = {row.box_id: row.restart_asked_at is not None for row in rows}
    assert asked == {'b1': True, 'b2': True, 'b3': False}
    (record,) = desk.audit(CommandKind.BOX)
    assert (record.process, record.details['box']) == ('SiteDaily', 'b1, b2')


def test_what_runs_nowhere_is_not_restarted(desk: Desk) -> None:
    node = desk.caller.context.hierarchy.nodes[ProcessName('SiteDaily')]

    with pytest.raises(OperationRefused) as refused:
        processes.change_process(desk.caller, node, 'restart')

    assert refused.value.kind is RefusalKind.NOTHING
    assert desk.audit(CommandKind.BOX) == []


def test_what_no_store_takes_is_refused_at_the_door(desk: Desk) -> None:
    caller = replace(desk.caller, reason='nul \0 byte')

    with pytest.raises(OperationRefused) as refused:
        freeruns.switch_freerun(caller, SWEEP, 'run')

    assert refused.value.kind is RefusalKind.MALFORMED
    assert desk.rung == []


def test_a_plan_that_has_changed_is_not_asked_for(desk: Desk) -> None:
    node = desk.caller.context.hierarchy.nodes[ProcessName('SiteDaily')]
    first = desk.caller.context.hierarchy.timeperiod(node, node.first)
    command = Command(
        id=CommandId('c1'),
        kind=CommandKind.SKIP,
        process=node.process.name,
        start=first,
        end=first.shift(1),
        actor='anna@here',
        created_at=NOW,
        plan_hash='another set',
    )
    index = load_index(desk.caller.context.hierarchy, desk.store, NOW)

    with pytest.raises(OperationRefused) as refused:
        jobs.change_jobs(
            desk.caller, command, lambda item: jobs.preview_change(desk.caller, index, item)
        )

    assert refused.value.kind is RefusalKind.CONFLICT
    assert desk.rung == []


def test_unknown_things_are_named_with_where_they_are_listed(desk: Desk) -> None:
    caller = desk.caller
    node = caller.context.hierarchy.nodes[ProcessName('SiteDaily')]
    asked: list[tuple[Callable[[], Command], RefusalKind]] = [
        (lambda: requests.control_request(caller, 'nothing', 'pause'), RefusalKind.UNKNOWN),
        (lambda: freeruns.switch_freerun(caller, 'Shell::swep', 'run'), RefusalKind.UNKNOWN),
        (lambda: boxes.change_box(caller, 'nowhere', 'drain', VANISHED_AFTER), RefusalKind.UNKNOWN),
        (lambda: boxes.switch_on_box(caller, 'dev', 'Nothing', 'start'), RefusalKind.UNKNOWN),
        (lambda: boxes.switch_on_box(caller, 'dev', 'Supervisor', 'stop'), RefusalKind.ITSELF),
        (lambda: users.remove_user(caller, 'nobody'), RefusalKind.UNKNOWN),
        (lambda: users.revoke_token(caller, 'f00'), RefusalKind.UNKNOWN),
        (lambda: processes.change_process(caller, node, 'trigger', 'x'), RefusalKind.MALFORMED),
        (lambda: freeruns.save_freerun(caller, 'Shel::x', {}), RefusalKind.MALFORMED),
    ]
    for act, kind in asked:
        with pytest.raises(OperationRefused) as refused:
            act()
        assert refused.value.kind is kind
        assert refused.value.advice
        assert './launch.py' in str(refused.value) or kind is not RefusalKind.UNKNOWN
    assert desk.rung == []


def test_a_box_that_is_alive_is_not_forgotten(desk: Desk) -> None:
    desk.store.heartbeat(
        Box(box_id='far', host='far', home='/h', pid=7, version='3.0'), VANISHED_AFTER
    )
    desk.store.report_actual(
        [BoxProcess(box_id='far', process='Scheduler', is_on=True, state='running', pids=(8,))]
    )

    with pytest.raises(OperationRefused) as refused:
        boxes.change_box(desk.caller, 'far', 'forget', VANISHED_AFTER)

    assert refused.value.kind is RefusalKind.CONFLICT
    assert desk.store.box_processes('far')
    boxes.change_box(desk.caller, 'far', 'reset', VANISHED_AFTER)
    assert desk.store.boxes() == []


def test_the_audit_has_one_vocabulary_for_users(desk: Desk) -> None:
    caller = desk.caller
    users.add_user(caller, 'anna', Role.ADMIN, Given())
    users.add_user(caller, 'berta', Role.VIEWER, Given())
    users.set_role(caller, 'berta', Role.OPERATOR)
    users.set_password(caller, 'berta', Given())
    made = users.make_token(caller, 'BERTA', None, 'ci', 1)
    assert made.token is not None
    users.revoke_token(caller, made.token.id)
    users.remove_user(caller, 'berta')

    details = [dict(item.details) for item in desk.audit(CommandKind.USER)]
    assert {item['action'] for item in details} == set(users.ACTIONS)
    assert all(set(item) >= {'action', 'name', 'role'} for item in details)
    with pytest.raises(OperationRefused) as refused:
        users.remove_user(caller, 'anna')
    assert refused.value.kind is RefusalKind.LAST_ADMIN
    users.remove_user(caller, 'anna', keeps_admin=False)


def test_kinds_of_refusal_say_the_same_to_browsers_and_terminals() -> None:
    exit_code_by_status = {
        400: {ExitCode.USAGE},
        403: {ExitCode.UNAVAILABLE},
        404: {ExitCode.UNKNOWN},
        # What cannot be switched from itself is a wrong command line on the machine itself.
        409: {ExitCode.CONFLICT, ExitCode.USAGE},
        422: {ExitCode.UNKNOWN},
    }
    for kind in RefusalKind:
        assert kind.exit_code in exit_code_by_status[kind.status]
        assert kind.title


@pytest.mark.parametrize(
    ('given', 'until', 'kind', 'said'),
    [
        ({Scope.PROCESS: 'SiteHorly'}, '+1 hour', RefusalKind.UNKNOWN, 'SiteHourly'),
        ({Scope.TREE: 'nowhere'}, '+1 hour', RefusalKind.UNKNOWN, 'no tree'),
        ({Scope.POOL: 'nowhere'}, '+1 hour', RefusalKind.UNKNOWN, 'no pool'),
        ({Scope.PROCESS: 'SiteHourly', Scope.TREE: 'x'}, '+1 h', RefusalKind.MALFORMED, 'one of'),
        ({}, '2020-01-01', RefusalKind.MALFORMED, 'in the past'),
        ({}, 'soon', RefusalKind.MALFORMED, 'cannot be read'),
        ({}, '+ever', RefusalKind.MALFORMED, 'cannot be read'),
        ({}, '+400 days', RefusalKind.MALFORMED, '--long'),
    ],
)
def test_a_freeze_that_makes_no_sense_is_refused(
    desk: Desk, given: dict[Scope, str | None], until: str, kind: RefusalKind, said: str
) -> None:
    with pytest.raises(OperationRefused) as refused:
        freezes.freeze(desk.caller, given, until)

    assert refused.value.kind is kind
    assert said in str(refused.value)
    assert desk.audit(CommandKind.FREEZE) == []


def test_a_freeze_is_asked_for_listed_and_thawed(desk: Desk) -> None:
    asked = freezes.freeze(desk.caller, {Scope.PROCESS: 'SiteHourly'}, '+400 days', is_long=True)
    everything = freezes.freeze(desk.caller, {}, '2026-11-23T13')

    (first, second) = freezes.holding(desk.store, NOW)
    assert {first.id, second.id} == {asked.id, everything.id}
    until = {item.id: item.until for item in (first, second)}
    assert until[asked.id] == NOW + timedelta(days=400)
    assert desk.rung == [asked.id, everything.id]
    assert freezes.holding(desk.store, NOW + timedelta(days=401)) == []
    thaw = freezes.thaw(desk.caller, asked.id[:6])
    assert (thaw.kind, thaw.target) == (CommandKind.THAW, asked.id)
    with pytest.raises(OperationRefused, match='no freeze'):
        freezes.thaw(desk.caller, 'nothing')
    with pytest.raises(OperationRefused, match='needs a reason'):
        freezes.freeze(replace(desk.caller, reason=' '), {}, '+1 hour')


def test_what_is_asked_again_under_a_chosen_name_is_asked_once_however_it_stands_by_then(
    desk: Desk,
) -> None:
    def named(name: str, hours: int = 0) -> Caller:
        return replace(
            desk.caller,
            now=NOW + timedelta(hours=hours),
            id_of=lambda *_: CommandId(name),
            has_name=True,
        )

    node = desk.caller.context.hierarchy.nodes[ProcessName('SiteHourly')]
    frozen = freezes.freeze(named('mine'), {}, '2026-11-23T14:00')

    # It is over by then, or thawed: another would be refused, or be a second one.
    assert freezes.freeze(named('mine', 99), {}, '2026-11-23T14:00') == frozen
    assert freezes.thaw(named('end'), 'mine').target == 'mine'
    assert freezes.thaw(named('end', 99), 'mine').id == 'end'
    caught_up = processes.change_process(named('later'), node, 'catch-up', 'none')
    assert processes.change_process(named('later', 1), node, 'catch-up', 'none') == caught_up
    for kind in (CommandKind.FREEZE, CommandKind.THAW, CommandKind.PROCESS_SAVE):
        assert len(desk.audit(kind)) == 1

    with pytest.raises(OperationRefused, match='under this name something else was asked for'):
        processes.change_process(named('mine'), node, 'off')
