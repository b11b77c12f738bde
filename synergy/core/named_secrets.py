"""Secrets that stand behind their name: `password=...`, `--token ...`, `"apiKey": ...`."""

from __future__ import annotations

import re
from typing import Final

from synergy.core.late_pattern import late_pattern
from synergy.core.secret_names import is_countable, is_secret, is_weak
from synergy.core.uri import MASK

_SCHEMES: Final = (
    r'(?:bearer|basic|digest|token|negotiate|ntlm|apikey|hmac|hawk|aws4-hmac-sha256|splunk|oauth'
    r'|sharedaccesssignature|sharedkey|key|api-key|bot|ssws|genie\w*)'
)
#: What joins a name to its value. Names of free runs, `Process::entry`, and schemes are none.
_NAMED: Final = late_pattern(
    r"""(?<![\w.-])([A-Za-z_][\w.-]*+)((?:\\{0,4}["'])?\]?[ \t]{0,3})"""
    r"""(=>|->|:=|==?|:(?!:|//)|%3[dDaA]|(?<=["']),(?=[ \t]{0,3}["']))([ \t]{0,3})"""
)
#: A value, perhaps in quotes; of a text that was cut off, the rest.
_VALUE: Final = late_pattern(
    r"""•••|(?P<lead>[A-Za-z_.]{0,30}\(?)(?:(?P<escaped>\\{1,4})(?P<eq>["']).*?(?:(?P=escaped)(?P=eq)|\Z)"""
    r"""|(?P<q>["'])(?:\\.|(?!(?P=q))[^\\])*+(?:(?P=q)|\Z))"""
    rf"""|{_SCHEMES}[ \t]+[^\s&"']+|[^\s&"'<>]+(?:["'](?=[^\s,;}}\])])[^\s&<>]*)?""",
    re.I | re.S,
)
#: A connection string goes on with another of its parts.
_PART: Final = late_pattern(r'[^;\n"\']{0,1000}')
_NEXT_PART: Final = late_pattern(r';[ \t]{0,3}(?:[A-Za-z][\w ]{0,30}=|["\']|$)')
#: In a list of two, a name of a header and its value.
_HEADER: Final = late_pattern(r'[\w.]{1,40}-[\w.-]{1,40}|(?:proxy-)?authori[sz]ation|cookie', re.I)
_RANDOM: Final = late_pattern(r'(?=[^\d\s]*\d)(?=[\d\s]*[^\d\s])[\w+/=-]{16,}')
_QUOTES: Final = ('"', "'")
_OPEN: Final = {'{': '}', '[': ']', '(': ')'}
_BRACKETS: Final = {
    opening: re.compile(f'[{re.escape(opening + closing)}]') for opening, closing in _OPEN.items()
}


def without_named(text: str) -> str:
    """Return a text without the values of secret names."""
    parts: list[str] = []
    kept, at = 0, 0
    while (name := _NAMED.search(text, at)) is not None:
        at = name.end()
        if not is_secret(name[1]) or (name[3] == ',' and _HEADER.fullmatch(name[1]) is None):
            continue
        end = _end_of_value(text, name.start(), at)
        if end is None or _is_harmless(name, text[at:end]):
            continue
        quote = text[at] if text[at] in _QUOTES else ''
        parts += [text[kept:at], quote, MASK, quote]
        kept = at = end
    return ''.join([*parts, text[kept:]])


def _end_of_value(text: str, begin: int, at: int) -> int | None:
    """Return where the value that begins at `at` ends: behind its bracket, quote, word or part.

    begin: of its name. In a connection string a semicolon alone ends a value.
    """
    first = text[at : at + 1]
    if first in _OPEN:
        return _end_of_bracket(text, at)
    if first and first not in _QUOTES:
        part = _PART.match(text, at)
        assert part is not None
        is_part = text[max(begin - 3, 0) : begin].rstrip(' \t').endswith(';')
        if is_part or _NEXT_PART.match(text, part.end()):
            return part.end() if part.end() > at else None
    found = _VALUE.match(text, at)
    return None if found is None else found.end()


def _end_of_bracket(text: str, at: int) -> int:
    """Return where a bracket is closed; one that is not, at the end of the text."""
    opening, depth = text[at], 0
    for found in _BRACKETS[opening].finditer(text, at):
        depth += 1 if found[0] == opening else -1
        if depth == 0:
            return found.end()
    return len(text)


def _is_harmless(name: re.Match[str], value: str) -> bool:
    """Tell whether a weak name, or a count, means what it says."""
    bare = value.strip('"\',;')
    if is_countable(name[1]) and bare.isdecimal():
        return True
    if name[1] == 'PWD' and bare.startswith('/'):
        return True
    if not is_weak(name[1]):
        return False
    if re.search(r'(?:^|[_.-])key$', name[1], re.I) and len(name[1]) == 3:
        return _RANDOM.fullmatch(bare) is None
    is_joined = name[3].startswith(('=', '%')) or value[0] in ('"', "'")
    return not is_joined and not (len(bare) >= 6 and any(map(str.isdigit, bare)))
