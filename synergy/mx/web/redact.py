"""What is hidden of forms, and comes back as it was when they are sent as they were shown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from synergy.core.redaction import MASK, redacted, redacted_text

__all__ = ['MASK', 'SecretUnknown', 'masked', 'masked_text', 'unmasked']

masked = redacted
masked_text = redacted_text


class SecretUnknown(ValueError):
    """A value was sent as it is shown, masked, and what it stands for is not known."""


def unmasked(value: Any, before: Any, name: str = '') -> Any:
    """Return `value` with every mask replaced by what stood there `before`, under the same name.

    In a list, only an item that is as it was shown is known again: another one may have taken its
    place. Raises SecretUnknown for a mask of which nobody knows what it stands for, and when the
    secret would be seen where it comes to stand.
    """
    found = _unmasked(value, before, name)
    # Where nothing would hide it any more, a secret does not come back: it would be told.
    if MASK in _text(value) and _text(masked(found, name)) != _text(masked(value, name)):
        raise _unknown(name, value)
    return found


def _unmasked(value: Any, before: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        known = before if isinstance(before, Mapping) else {}
        return {key: _unmasked(item, known.get(key), str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return _unmasked_items(value, before if isinstance(before, (list, tuple)) else [], name)
    if not isinstance(value, str) or MASK not in value:
        return value
    if value == masked(before, name):
        return before
    raise _unknown(name, value)


def _unknown(name: str, value: Any) -> SecretUnknown:
    return SecretUnknown(
        f'{name or "a value"} is {value!r:.60}, which hides a secret that was not there before; '
        'type the secret again'
    )


def _unmasked_items(items: Sequence[Any], before: Sequence[Any], name: str) -> list[Any]:
    known_by_text: dict[str, list[Any]] = {}
    # The words of a command are hidden by what stands beside them.
    for known, shown in zip(before, masked(before), strict=True):
        known_by_text.setdefault(_text(shown), []).append(known)
    texts = [_text(item) for item in items] if before else [''] * len(items)
    # Of several that look the same, one more or one less leaves open which is which.
    counts = Counter(texts).items()
    sure = {text for text, count in counts if len(known_by_text.get(text, ())) == count}
    return [
        known_by_text[text].pop(0) if text in sure else _unmasked(item, None, name)
        for item, text in zip(items, texts, strict=True)
    ]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
