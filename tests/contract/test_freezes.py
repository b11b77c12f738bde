"""Freezes in the store: held from the moment they are asked for until they have ended."""

from __future__ import annotations

from datetime import timedelta

from synergy.core.commands import CommandId, CommandKind, CommandState
from synergy.core.effects import SaveCommand
from synergy.core.freezes import EVERYTHING, Scope, details_of
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.ports.freezing import freezes_in
from synergy.ports.store import Store
from tests.contract.conftest import NOW
from tests.contract.rows import command, leader

HOUR = timedelta(hours=1)


def test_a_freeze_is_read_as_it_was_asked_for_until_it_ends(store: Store) -> None:
    store.insert_command(command('other'))
    asked = [
        command(
            f'f{number}',
            kind=CommandKind.FREEZE,
            process=ProcessName(name),
            details=details_of(scope, NOW + HOUR),
            created_at=NOW + timedelta(seconds=number),
        )
        for number, (scope, name) in enumerate([(Scope.ALL, EVERYTHING), (Scope.TREE, 'Site')])
    ]
    for item in asked:
        store.insert_command(item)

    found = freezes_in(store)
    assert [(item.id, item.scope, item.name, item.until) for item in found] == [
        ('f0', Scope.ALL, EVERYTHING, NOW + HOUR),
        ('f1', Scope.TREE, 'Site', NOW + HOUR),
    ]

    running = replace(asked[0], state=CommandState.RUNNING)
    done = replace(asked[1], state=CommandState.DONE, finished_at=NOW + HOUR / 2, outcome='thawed')
    store.commit(leader(store), [SaveCommand(running), SaveCommand(done)])
    assert [item.id for item in freezes_in(store)] == [CommandId('f0')]
    lately = {item.id: item.until for item in freezes_in(store, HOUR)}
    assert lately == {'f0': NOW + HOUR, 'f1': NOW + HOUR / 2}
