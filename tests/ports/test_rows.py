"""Rows that are remembered are decoded once, and judged as if they were not."""

from __future__ import annotations

from typing import Any

from synergy.ports.rows import Rows, count, name_of


class Decoder:
    """Decodes rows of one number, and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, row: tuple[Any, ...]) -> list[int]:
        self.calls += 1
        return [count('number', row[0])]


def decoded(rows: Rows, decoder: Decoder, *found: tuple[Any, ...]) -> list[list[int]]:
    return list(rows.decoded('numbers', lambda row: name_of(row[0]), decoder, found))


def test_rows_are_decoded_each_time_unless_they_are_to_be_remembered() -> None:
    decoder = Decoder()
    rows = Rows('store')

    first = decoded(rows, decoder, (1,), (2,))

    assert first == decoded(rows, decoder, (1,), (2,)) == [[1], [2]]
    assert decoder.calls == 4


def test_a_remembered_row_is_decoded_once_and_its_record_is_the_same() -> None:
    decoder = Decoder()
    rows = Rows('store', is_remembering=True)

    first = decoded(rows, decoder, (1,), (2,))
    again = decoded(rows, decoder, (2,), (1,), (3,))

    assert first == [[1], [2]]
    assert again == [[2], [1], [3]]
    assert again[0] is first[1]
    assert decoder.calls == 3


def test_an_illegal_row_is_found_each_time_also_beside_an_equal_one_that_is_legal() -> None:
    decoder = Decoder()
    rows = Rows('store', is_remembering=True)

    assert decoded(rows, decoder, (1,), (1.0,), (True,)) == [[1]]
    assert [row.row for row in rows.met] == ['1.0', 'True']

    rows.forget()

    assert decoded(rows, decoder, (1.0,), (1,)) == [[1]]
    assert [row.row for row in rows.met] == ['1.0']


def test_tables_with_decoders_of_their_own_do_not_share_records() -> None:
    one, other = Decoder(), Decoder()
    rows = Rows('store', is_remembering=True)

    assert decoded(rows, one, (1,)) == decoded(rows, other, (1,))
    assert (one.calls, other.calls) == (1, 1)
