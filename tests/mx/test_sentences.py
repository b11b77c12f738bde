"""What a command asks for, in words."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from synergy.core.commands import Command, CommandId, CommandKind, Only
from synergy.core.records import Json, ProcessName
from synergy.mx.web.sentences import KIND_NAMES, sentence, unsaid
from tests.builders import instant, key

HOUR = key('SiteHourly@2026112200')


def command(kind: CommandKind, process: str, details: Mapping[str, Json]) -> Command:
    return Command(
        id=CommandId('c1'),
        kind=kind,
        process=ProcessName(process),
        start=HOUR.timeperiod,
        end=HOUR.timeperiod.shift(3),
        only=Only.FAILED,
        target=CommandId('344731aa'),
        details=details,
        actor='anna',
        created_at=instant('2026112401'),
    )


@pytest.mark.parametrize(
    ('kind', 'process', 'details', 'said'),
    [
        (
            CommandKind.SKIP,
            'SiteHourly',
            {},
            'skip SiteHourly 2026112200 – 2026112202, only failed',
        ),
        (CommandKind.ABANDON, 'X', {}, 'cancel request 344731 about X'),
        (CommandKind.BOX, 'X', {'action': 'start', 'box': 'dev'}, 'start X on dev'),
        (CommandKind.BOX, 'dev', {'action': 'drain', 'box': 'dev'}, 'drain dev'),
        (CommandKind.BOX, 'dev', {'action': 'undrain', 'box': 'dev'}, 'let dev take work again'),
        (CommandKind.USER, 'MX', {'revoked': 'ab12'}, 'revoke token ab12'),
        (
            CommandKind.USER,
            'MX',
            {'action': 'role', 'name': 'bob', 'role': 'admin'},
            'make user bob admin',
        ),
        (CommandKind.USER, 'MX', {'action': 'rm', 'name': 'bob'}, 'remove user bob'),
        (CommandKind.USER, 'MX', {}, 'change user None'),
        (CommandKind.PROCESS_SAVE, 'X', {'is_on': False}, 'switch X off'),
        (CommandKind.POOL_SAVE, 'lake', {'slots': 4}, 'change the size of pool lake'),
        (CommandKind.FREERUN_SAVE, 'X::y', {'trigger': 'at 02:30', 'a': 1}, 'save X::y'),
    ],
)
def test_a_sentence_says_what_is_asked_for(
    kind: CommandKind, process: str, details: Mapping[str, Json], said: str
) -> None:
    assert sentence(command(kind, process, details)) == said


def test_every_kind_has_a_name_and_a_sentence() -> None:
    assert set(KIND_NAMES) == set(CommandKind)
    assert all(sentence(command(kind, 'X', {})) for kind in CommandKind)


def test_what_a_sentence_leaves_out_is_told() -> None:
    details: dict[str, Json] = {'trigger': 'at 02:30', 'a': 1}

    assert unsaid(command(CommandKind.FREERUN_SAVE, 'X::y', details)) == details
    assert unsaid(command(CommandKind.PROCESS_SAVE, 'X', {'is_on': True})) == {}
    assert unsaid(command(CommandKind.POOL_SAVE, 'lake', {'slots': 4})) == {'slots': 4}
    assert unsaid(command(CommandKind.BOX, 'X', {'action': 'start', 'box': 'dev'})) == {}
