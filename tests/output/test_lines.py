"""Bytes -> lines: what ends one, what is cut, what an overwritten one costs."""

from __future__ import annotations

import random
import time

import pytest

from synergy.output.lines import LINE_CHARACTERS_MAX, Lines, cut, storable


def lines_of(*pieces: bytes) -> list[str]:
    lines = Lines(lambda: 0.0)
    found = [text for piece in pieces for text in lines.feed(piece)]
    return [*found, *lines.rest()]


@pytest.mark.parametrize(
    ('pieces', 'expected'),
    [
        ((b'a\nb\n',), ['a', 'b']),
        ((b'a', b'b', b'\n', b'c'), ['ab', 'c']),
        ((b'a\r\nb\r\n',), ['a', 'b']),
        ((b'a\r', b'\nb'), ['a', 'b']),
        ((b'a\rb\rc',), ['a', 'b', 'c']),
        ((b'\ra\rb\n',), ['a', 'b']),
        ((b'\n\n\r\n',), []),
        ((b'caf\xc3', b'\xa9\n'), ['café']),
        ((b'\xff\x00\n',), ['\\xff\x00']),
        ((b'a\x0bb\x0cc\xe2\x80\xa8d\n',), ['a\x0bb\x0cc\u2028d']),
        ((b'',), []),
    ],
)
def test_what_ends_a_line(pieces: tuple[bytes, ...], expected: list[str]) -> None:
    assert lines_of(*pieces) == expected


def test_it_does_not_matter_how_the_bytes_are_torn() -> None:
    data = b'one\r\ntwo\nthr\xc3\xa9e\r\n\r\nfour' * 5
    whole = lines_of(data)

    for seed in range(200):
        dice = random.Random(seed)
        cuts = sorted(dice.randrange(len(data)) for _ in range(dice.randrange(12)))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]

        assert lines_of(*pieces) == whole, seed


def test_of_a_quick_series_the_first_and_the_newest_are_kept() -> None:
    updates = b''.join(f'{number}%\r'.encode() for number in range(1000))

    found = lines_of(updates, b'done\n')

    assert found[:20] == [f'{number}%' for number in range(20)]
    assert found[20:] == ['999%', 'done']


def test_of_a_slow_series_one_is_kept_now_and_then() -> None:
    now = 0.0
    lines = Lines(lambda: now)
    found = []
    for number in range(3600):
        now = float(number)
        found += lines.feed(f'{number} s\r'.encode())

    assert 700 < len(found) < 800


def test_a_long_line_is_cut_and_says_how_long_it_was() -> None:
    (text,) = lines_of(*[b'x' * 1000] * 1000)

    assert len(text) == LINE_CHARACTERS_MAX
    assert text.endswith('x... (1000000 bytes, cut)')


def test_a_line_of_many_bytes_for_each_character_is_cut_by_characters() -> None:
    (text,) = lines_of('\U0001f600'.encode() * LINE_CHARACTERS_MAX)

    assert text == '\U0001f600' * LINE_CHARACTERS_MAX


@pytest.mark.parametrize('piece', [b'x', b'x\r', b'x\n', b'\xff', b'\r\n'])
@pytest.mark.heavy
def test_the_cost_is_linear(piece: bytes) -> None:
    def seconds(count: int) -> float:
        lines = Lines(time.monotonic)
        began = time.process_time()
        for _ in range(count):
            lines.feed(piece)
        return time.process_time() - began

    few = min(seconds(20_000) for _ in range(3))

    assert seconds(200_000) < 40 * few


@pytest.mark.parametrize('end', [b'\n', b'\r\n'])
@pytest.mark.parametrize('size', [1, 7, 100_000])
def test_many_lines_at_once_are_those_one_by_one(size: int, end: bytes) -> None:
    longest = b'x' * LINE_CHARACTERS_MAX
    texts = [b'begun', b'', longest, longest + b'y', 'é'.encode() * 3, b'caf\xe9', b'', b'end']
    data = end.join(texts) + end + b'rest'
    lines = Lines(lambda: 0.0)
    found = [line for at in range(0, len(data), size) for line in lines.feed(data[at : at + size])]

    assert [line[:20] for line in found] == [
        'begun', 'x' * 20, 'x' * 20, 'ééé', 'caf\\xe9', 'end',
    ]  # fmt: skip
    assert [len(line) for line in found[1:3]] == [LINE_CHARACTERS_MAX] * 2
    assert lines.rest() == ['rest']


@pytest.mark.parametrize(
    ('text', 'expected'),
    [('plain', 'plain'), ('caf\udce9', 'caf\\udce9'), (3, '3'), (None, 'None')],
)
def test_a_text_is_made_storable(text: object, expected: str) -> None:
    assert storable(text) == expected


def test_what_is_storable_is_of_a_line_at_most() -> None:
    assert len(storable('\ud800' * 20_000)) == LINE_CHARACTERS_MAX
    assert cut('x' * LINE_CHARACTERS_MAX) == 'x' * LINE_CHARACTERS_MAX
    assert cut('x' * 9000).endswith('... (9000 characters, cut)')
