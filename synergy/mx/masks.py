"""What must not be seen: values that go by a secret's name, and passwords within URIs and texts.

In texts (errors, logs, reasons) a secret is what follows its name as `name=value` or `name: value`.
Rather too much is hidden there than too little; a secret without its name cannot be told.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

MASK: Final = '•••'
_SECRET: Final = re.compile(
    r'passw(or)?d|passphrase|secret|token|api_?key|private_?key|credential|authorization', re.I
)
_SHORT_SECRET: Final = re.compile(r'(^|_)(key|pwd|auth)$', re.I)
_URI_PASSWORD: Final = re.compile(r'(\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@]*:)[^\s@/]+@', re.I)
#: A name, perhaps in quotes, and what joins it to its value. Names of free runs, `Process::entry`,
#: and schemes of URIs are none.
_NAME: Final = re.compile(
    r"""\b([a-z_][\w.-]{0,80})["']?[ \t]{0,3}(?:=>|:=|==?|:(?!:|//))[ \t]{0,3}""", re.I
)
#: A value, perhaps in quotes; of a text that was cut off, the rest.
_VALUE: Final = re.compile(
    r"""(")(?:\\.|[^"\\])*(?:"|\Z)|(')(?:\\.|[^'\\])*(?:'|\Z)"""
    r"""|(?:bearer|basic)[ \t]+[^\s&]+|[^\s&]+""",
    re.I,
)
#: In a text hardly ever a secret: `duplicate key: 4711`.
_HARMLESS: Final = frozenset({'key'})


class SecretUnknown(ValueError):
    """A value was sent as it is shown, masked, and what it stands for is not known."""


def masked(value: Any, name: str = '') -> Any:
    """Return a value of JSON with every secret replaced; `name` is the key it stands under."""
    if name and value not in (None, '') and is_secret(name):
        return MASK
    if isinstance(value, str):
        return masked_text(value)
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, Mapping):
        return {key: masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [masked(item) for item in value]
    return value


def unmasked(value: Any, before: Any, name: str = '') -> Any:
    """Return `value` with every mask replaced by what stood there `before`, under the same name.

    In a list, only an item that is as it was shown is known again: another one may have taken its
    place. Raises SecretUnknown for a mask of which nobody knows what it stands for.
    """
    if isinstance(value, Mapping):
        known = before if isinstance(before, Mapping) else {}
        return {key: unmasked(item, known.get(key), str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return _unmasked_items(value, before if isinstance(before, (list, tuple)) else [], name)
    if not isinstance(value, str) or MASK not in value:
        return value
    if value == masked(before, name):
        return before
    raise SecretUnknown(
        f'{name or "a value"} is {value!r:.60}, which hides a secret that was not there before; '
        'type the secret again'
    )


def _unmasked_items(items: Sequence[Any], before: Sequence[Any], name: str) -> list[Any]:
    known_by_text: dict[str, list[Any]] = {}
    for known in before:
        known_by_text.setdefault(_text(masked(known)), []).append(known)
    texts = [_text(item) for item in items] if before else [''] * len(items)
    # Of several that look the same, one more or one less leaves open which is which.
    counts = Counter(texts).items()
    sure = {text for text, count in counts if len(known_by_text.get(text, ())) == count}
    return [
        unmasked(item, known_by_text[text].pop(0) if text in sure else None, name)
        for item, text in zip(items, texts, strict=True)
    ]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def masked_text(text: str | None) -> str:
    """Return a text without passwords of URIs and without named secrets; nothing stays empty."""
    if not text:
        return ''
    if ':' not in text and '=' not in text:
        return text
    return _without_named(_URI_PASSWORD.sub(rf'\1{MASK}@', text))


def _without_named(text: str) -> str:
    parts: list[str] = []
    kept, at = 0, 0
    while (name := _NAME.search(text, at)) is not None:
        at = name.end()
        if name[1].lower() in _HARMLESS or not is_secret(name[1]):
            continue
        value = _VALUE.match(text, at)
        if value is not None:
            quote = value[1] or value[2] or ''
            parts += [text[kept:at], quote, MASK, quote]
            kept = at = value.end()
    return ''.join([*parts, text[kept:]])


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Tell whether what goes by `name` is to be hidden."""
    return bool(_SECRET.search(name) or _SHORT_SECRET.search(name))
