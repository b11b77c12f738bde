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
def test_the_cost_is_linear(piece: bytes) -> None:
    def seconds(count: int) -> float:
        lines = Lines(time.monotonic)
        began = time.process_time()
        for _ in range(count):
            lines.feed(piece)
        return time.process_time() - began

    few = min(seconds(20_000) for _ in range(3))

    assert seconds(200_000) < 40 * few


def test_what_is_skipped_is_counted_and_the_next_line_begins_again() -> None:
    lines = Lines(lambda: 0.0)
    lines.feed(b'begun')

    assert lines.skip(b' and ended\nsecond\nthird') == 2
    assert lines.feed(b' ended\n') == ['third ended']


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
