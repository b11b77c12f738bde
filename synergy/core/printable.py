"""Texts that others wrote, as they may be shown: what steers a terminal or an eye made visible.

A log line, a name, a reason or an address may hold sequences that clear a screen, forge a line, or
turn the order of letters round. Each such character is written as its number, as in `\\x1b`; all
else stays, letters of all alphabets and joined emoji included. A backslash that was in the text
stays as it is: this is for people, not to be read back.
"""

from __future__ import annotations

import re
from typing import Final

from synergy.core.late_pattern import late_pattern

#: C0 but for tab and newline, DEL, C1; invisible ones (soft hyphen, zero width, byte order mark,
#: tags); what sets direction, Unicode's own ends of lines; halves of surrogates, non-characters.
#: Not the joiners U+200C and U+200D: Persian, Hindi and families of emoji are written with them.
_STEERING: Final = (
    '\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e'
    '\u200b\u200e\u200f'
    '\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\ud800-\udfff'
    '\U000e0000-\U000e007f'
)
_IN_TEXT: Final = late_pattern(f'[{_STEERING}]')
_IN_LINE: Final = late_pattern(f'[{_STEERING}\t\n]')
_NAMED: Final = {'\t': '\\t', '\n': '\\n', '\r': '\\r'}


def printable(text: str) -> str:
    """Return a text as one line that shows what is in it."""
    return text if text.isprintable() else _IN_LINE.sub(_number, text)


def printable_lines(text: str) -> str:
    """Return a text whose own newlines and tabs are meant, and may stay."""
    return text if text.isprintable() else _IN_TEXT.sub(_number, text)


def _number(found: re.Match[str]) -> str:
    character = found.group()
    code = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    if code < 0x100:
        return f'\\x{code:02x}'
    return f'\\u{code:04x}' if code < 0x10000 else f'\\U{code:08x}'
