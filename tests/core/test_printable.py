"""What others wrote is shown, and steers nothing."""

from __future__ import annotations

import pytest

from synergy.core.printable import printable, printable_lines

STEERING = {
    'escape': '\x1b[2J\x1b]0;title\x07',
    'c1': '\x9b31m\x85',
    'carriage return': 'done\rFORGED',
    'backspace': 'rm\x08\x08ls',
    'delete': '\x7f',
    'null': '\x00',
    'override': '\u202egnp.exe',
    'isolate': '\u2066a\u2069',
    'marks': '\u200e\u200f\u061c',
    'ends of lines': 'a\u2028FORGED\u2029FORGED\x0b\x0c',
    'zero width': 'pass\u200bword\ufeff\u2060',
    'tags': 'a\U000e0041\U000e007f',
    'half of a pair': '\udc80\ud800',
}


@pytest.mark.parametrize('text', STEERING.values(), ids=STEERING)
def test_what_steers_is_written_as_its_number(text: str) -> None:
    for shown in (printable(text), printable_lines(text)):
        assert shown != text
        assert shown.isprintable()
        assert len(shown.splitlines()) == 1
        shown.encode()


def test_the_numbers_are_those_of_python() -> None:
    assert printable('\x1b[31m\u202e\n\t\r\U000e0041\x85') == (
        r'\x1b[31m\u202e\n\t\r\U000e0041\x85'
    )


@pytest.mark.parametrize(
    'text',
    [
        '',
        'plain',
        'Größe',
        'Привет',
        '项目',
        'سلام\u200cبه',
        '👨\u200d👩\u200d👧 🚀',
        'a\xa0b',
        '\\x1b',
        '[red]',
    ],
)
def test_letters_of_all_alphabets_stay(text: str) -> None:
    assert printable(text) == printable_lines(text) == text


def test_newlines_and_tabs_of_our_own_stay_where_they_are_meant() -> None:
    assert printable_lines('a\n\tb\x1b') == 'a\n\tb\\x1b'
    assert printable('a\n\tb') == r'a\n\tb'
