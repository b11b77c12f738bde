"""What must not be seen, of texts and of values of JSON: the one redaction for every exit.

A secret is recognized by what names it (`password=`, `--token`, `X-Api-Key:`, a key of a mapping),
by where it stands (within a URI, after `Bearer`, behind `mysql -p`), or by its form (`ghp_...`, a
JSON Web Token, a private key). In doubt it is hidden; a secret that is none of
these, the bare word in a sentence, cannot be told. What was redacted once is not changed by doing
it again. Cost: linear in the length, however hostile the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from synergy.core.command_secrets import without_command_secrets, without_secret_words
from synergy.core.late_pattern import late_pattern
from synergy.core.named_secrets import without_named
from synergy.core.secret_forms import is_plain, without_forms, without_keys, without_whole_keys
from synergy.core.secret_names import is_countable, is_secret, is_weak
from synergy.core.secret_references import is_reference
from synergy.core.secret_uris import without_uris
from synergy.core.uri import MASK

__all__ = ['MASK', 'redacted', 'redacted_lines', 'redacted_text']

_JOINED: Final = late_pattern(r'[:=]|%3|->')
_LINE_WORDS: Final = ('pass', 'phrase', 'cookie', 'mnemonic', 'authori', 'key')
#: Headers and the like whose value is the rest of the line.
_WHOLE_LINE: Final = late_pattern(
    r"""((?<![\w-])(?:set-cookie2?|cookie|passphrase|pass[ _-]phrase"""
    r"""|recovery[ _-]phrase|seed[ _-]phrase|mnemonic)"""
    r"""["'\\]{0,4}[ \t]{0,3}[:=][ \t]{0,3})(?:(["'])([^"'\n]*+)["']?|([^\n"'<>{}]+))""",
    re.I,
)
#: Schemes with several values, up to the end of the line.
_SIGNED: Final = late_pattern(
    r'(authori[sz]ation["\'\\]{0,4}[ \t]{0,3}[:=][ \t]{0,3}["\']?'
    r'(?:digest|aws4[\w-]*|oauth|hawk|signature'
    r'|hmac[\w-]*|gnap|vapid)[ \t])[^\n]+',
    re.I,
)
_CREDENTIALS: Final = late_pattern(
    r'((?<![\w-])(?i:bearer|basic|negotiate|ssws)[ \t]{1,3})'
    r'(?=[\w.~+/-]*+=|[A-Za-z]?[a-z-]*+[A-Z0-9._~+/])[\w.~+/-]{8,}={0,2}'
)
_NAME: Final = late_pattern(r'-{0,2}([A-Za-z_][\w.-]{0,79})')
_XML: Final = late_pattern(
    r'(<([A-Za-z_][\w:.-]{0,80})(?:\s[^<>]{0,300})?>)(?!\s*<)([^<]{1,4000}+)(?=</|\Z)'
)
_ATTRIBUTES: Final = late_pattern(
    r"""(\b(?:name|key|id)["']?\s{0,3}[=:]\s{0,3}["']?([\w.:-]{1,80})["']?[\s,]{1,40}["']?value["']?"""
    r"""\s{0,3}[=:]\s{0,3})(?:(["'])(?:(?!\3)[^\n])*+\3?|[^\s"'<>]+)""",
    re.I,
)
#: `password 'hunter2'`, `identified by "x"`, `password is hunter2`.
_SAID: Final = late_pattern(
    r"""\b((?:password|passwd|passphrase|passcode|secret|token|pwd|api[ _-]?key|access[ _-]?key"""
    r"""|private[ _-]?key|identified[ \t]+by)"""
    r"""(?:[ \t]+(?:is|was|of|to|value|for[ \t]+\S{1,80}))?[ \t]{1,3}):?[ \t]?"""
    r"""(?:"([^"\n]{1,300})"|'([^'\n]{1,300})'|(?=[^\s"']*[0-9!$%^&*#])(?![0-9]{1,3}\b)([^\s"',;:()=]{6,300}))""",
    re.I,
)
_SPACED_NAME: Final = late_pattern(
    r'\b((?:api|access|secret|private|account|encryption|signing|licen[cs]e|shared|master)[ \t]'
    r'(?:access[ \t])?key[ \t]{0,3}[:=][ \t]{0,3})(?:"[^"\n]*+"?|\'[^\'\n]*+\'?|[^\s,;]+)',
    re.I,
)
#: A name and its value, alone in a list: `['password', 'hunter2']`.
_PAIR: Final = late_pattern(
    r"""([\[(][ \t]{0,3}["']([A-Za-z_][\w.-]{0,79})["'][ \t]{0,3},[ \t]{0,3}(["']))"""
    r"""(?:(?!\3)[^\n]){1,1000}+(\3[ \t]{0,3}[\])])"""
)


def redacted(value: Any, name: str = '') -> Any:
    """Return a value of JSON with every secret replaced; `name` is the key it stands under."""
    if value is None or isinstance(value, bool):
        return value
    if name and value != '' and is_secret(name):
        is_count = isinstance(value, (int, float)) and is_countable(name)
        is_folder = name == 'PWD' and str(value).startswith('/')
        return value if is_count or is_folder or is_reference(value) else MASK
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, Mapping):
        return _redacted_mapping(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return _redacted_items(value)
    return redacted_text(str(value))


def redacted_text(text: str | None) -> str:
    """Return a text without secrets; nothing stays empty."""
    if not text:
        return ''
    if is_plain(text):
        return text
    # Most texts hold none of these words, and are then read once or twice, not twenty times.
    low = text.lower()
    text = without_forms(without_keys(text, low))
    is_named = _JOINED.search(text) is not None
    if is_named and _has(low, _LINE_WORDS):
        text = _SIGNED.sub(rf'\1{MASK}', text)
        text = _WHOLE_LINE.sub(_hidden_line, text)
        text = _SPACED_NAME.sub(rf'\1{MASK}', text)
    if is_named:
        text = without_uris(text)
    text = _without_worded(without_command_secrets(text), low)
    if is_named:
        text = without_named(text)
    if _has(low, ('pass', 'secret', 'token', 'pwd', 'key', 'identified')):
        text = _SAID.sub(_hidden_said, text)
    return text


def _without_worded(text: str, low: str) -> str:
    """Return a text without what stands behind some words. low: it, in small letters."""
    if _has(low, ('bearer', 'basic', 'negotiate', 'ssws')):
        text = _CREDENTIALS.sub(rf'\1{MASK}', text)
    if '<' in text:
        text = _XML.sub(_hidden_element, text)
    if '[' in text or '(' in text:
        text = _PAIR.sub(_hidden_pair, text)
    if 'value' in low:
        text = _ATTRIBUTES.sub(_hidden_attribute, text)
    return text


def _has(low: str, words: Sequence[str]) -> bool:
    return any(word in low for word in words)


def redacted_lines(lines: Sequence[str]) -> list[str]:
    """Return lines of a log without secrets; of keys over several lines, one line stays."""
    text = '\n'.join(lines)
    if '-----BEGIN' in text:
        text = without_whole_keys(text)
    return [redacted_text(line) for line in text.split('\n')] if lines else []


def _redacted_mapping(value: Mapping[Any, Any]) -> dict[Any, Any]:
    if is_reference(value):
        return dict(value)
    shown = {key: redacted(item, str(key)) for key, item in value.items()}
    # {"name": "DB_PASSWORD", "value": "..."}, as containers have their environment.
    named = next((value[key] for key in ('name', 'Name', 'key', 'Key') if key in value), None)
    if isinstance(named, str) and is_secret(named):
        if 'key' in value and is_secret('key'):
            shown |= {key: value[key] for key in ('key', 'Key') if value.get(key) == named}
        for key in ('value', 'Value'):
            if value.get(key) not in (None, ''):
                shown[key] = MASK
    return shown


def _redacted_items(value: Sequence[Any]) -> list[Any]:
    if len(value) == 2 and isinstance(value[0], str) and value[1] not in (None, ''):
        name = _NAME.fullmatch(value[0])
        if name is not None and is_secret(name[1]) and not is_weak(name[1]):
            return [value[0], MASK]
    hidden = without_secret_words([item if isinstance(item, str) else '' for item in value])
    return [
        # An option's value may be a number; it is hidden, too.
        redacted_text(word) if isinstance(item, str) or word == MASK else redacted(item)
        for item, word in zip(value, hidden, strict=True)
    ]


def _hidden_line(found: re.Match[str]) -> str:
    quote = found[2] or ''
    return f'{found[1]}{quote}{MASK}{quote}'


def _hidden_element(found: re.Match[str]) -> str:
    name = found[2].rpartition(':')[2]
    return f'{found[1]}{MASK}' if is_secret(name) and not is_weak(name) else found[0]


def _hidden_pair(found: re.Match[str]) -> str:
    is_told = not is_secret(found[2]) or is_weak(found[2])
    return found[0] if is_told else f'{found[1]}{MASK}{found[4]}'


def _hidden_attribute(found: re.Match[str]) -> str:
    quote = found[3] or ''
    return f'{found[1]}{quote}{MASK}{quote}' if is_secret(found[2]) else found[0]


def _hidden_said(found: re.Match[str]) -> str:
    if MASK in found[0]:
        return found[0]
    quote = '"' if found[2] else "'" if found[3] else ''
    return f'{found[1]}{quote}{MASK}{quote}'
