"""Dead letters that are one trouble: grouped by process and by error with digits folded."""

from __future__ import annotations

from datetime import timedelta

from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.letter_groups import ERROR, DeadLetter, grouped, is_said, of_command
from synergy.core.records import ProcessName, UowId
from tests.builders import instant, key

DIED = instant('2026112400')


def letters(
    count: int, process: str = 'SiteHourly', said: str = 'host {} is away'
) -> list[DeadLetter]:
    first = key(f'{process}@2026112200').timeperiod
    found = [
        DeadLetter(
            id=UowId(f'{process}{number:020}'),
            process=ProcessName(process),
            timeperiod=first.shift(number),
            finished_at=DIED + timedelta(seconds=number),
            error=said.format(number),
        )
        for number in range(count)
    ]
    return found[::-1]


def test_thousands_with_one_error_are_one_group() -> None:
    (group,) = grouped(letters(2_208))

    assert (group.count, group.error) == (2_208, 'host 2207 is away')
    assert (str(group.first), str(group.last)) == ('2026112200', '2027022123')
    assert group.newest == letters(2_208)[0].id
    assert (group.first_at, group.last_at) == (DIED, DIED + timedelta(seconds=2_207))


def test_groups_are_told_apart_by_process_and_error_and_the_largest_comes_first() -> None:
    both = [
        *letters(2, 'SiteDaily'),
        *letters(5),
        *letters(3, said='disk {} is full'),
    ]

    found = grouped(both)

    assert [(group.process, group.count) for group in found] == [
        ('SiteHourly', 5), ('SiteHourly', 3), ('SiteDaily', 2),
    ]  # fmt: skip
    assert grouped(reversed(both))[0].count == 5


def test_a_command_means_the_letters_of_its_kind_within_its_range() -> None:
    both = [*letters(9), *letters(9, said='disk {} is full')]
    (group,) = grouped(letters(9))
    command = Command(
        id=CommandId('c'),
        kind=CommandKind.REPROCESS,
        process=group.process,
        start=group.first.shift(2),
        end=group.first.shift(5),
        details={ERROR: group.kind.error},
        actor='anna',
        created_at=DIED,
    )

    meant = of_command(both, command)

    assert [str(letter.timeperiod) for letter in meant] == [
        '2026112204',
        '2026112203',
        '2026112202',
    ]
    assert all('host' in str(letter.error) for letter in meant)


def test_an_error_is_found_by_a_part_of_it() -> None:
    assert is_said('HOST', 'host 7 is away')
    assert not is_said('disk', 'host 7 is away', 'host # is away')
