"""Values that must not be seen in what this process prints and logs: its resolved secrets."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

_MASK: Final = '•••'
#: Values; those of the last runs stay hidden, for threads may print after their run.
_KEPT_MAX: Final = 512
#: Of a value of several lines, a line this long is hidden alone, too.
_LINE_LENGTH_MIN: Final = 4
#: How `synergy.output.lines` marks a line that it has cut.
_CUT_END: Final = ', cut)'
_CUT: Final = re.compile(r'\.\.\. \(\d+ (?:bytes|characters), cut\)\Z')


class Concealed:
    """Hides values, and the usual ways to write them. Read by any thread, added to by one."""

    def __init__(self) -> None:
        """Hide nothing yet."""
        self._values: dict[str, None] = {}
        self._forms: list[str] = []
        self._pattern: re.Pattern[str] | None = None

    def add(self, values: Iterable[str]) -> None:
        """Hide these from now on."""
        has_new = False
        for value in values:
            has_new = has_new or value not in self._values
            self._values.pop(value, None)
            self._values[value] = None
        if has_new:
            for value in [*self._values][:-_KEPT_MAX]:
                del self._values[value]
            forms = {form for value in self._values for form in _forms(value) if form}
            longest_first = sorted(forms, key=len, reverse=True)
            self._forms = longest_first
            self._pattern = re.compile('|'.join(map(re.escape, longest_first)))

    def text(self, text: str) -> str:
        """Return a text without them."""
        if self._pattern is None:
            return text
        if text.endswith(_CUT_END) and (mark := _CUT.search(text)) is not None:
            text = self._without_begun(text[: mark.start()]) + mark[0]
        return self._pattern.sub(_MASK, text)

    def _without_begun(self, text: str) -> str:
        """Return a line that was cut without the value that was cut with it."""
        ends = len(text)
        for form in self._forms:
            begin = text.find(form[:_LINE_LENGTH_MIN], max(len(text) - len(form), 0))
            while 0 <= begin < ends:
                if form.startswith(text[begin:]):
                    ends = begin
                    break
                begin = text.find(form[:_LINE_LENGTH_MIN], begin + 1)
        return text if ends == len(text) else text[:ends] + _MASK


def _forms(value: str) -> Iterable[str]:
    """Yield a value as it is, and as programs write it."""
    raw = value.encode(errors='surrogateescape')
    yield value
    yield repr(value)[1:-1]
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield quote(raw, safe='')
    yield quote(raw)
    yield quote_plus(raw)
    yield base64.b64encode(raw).decode()
    yield value.replace("'", "'\"'\"'")
    yield from (line for line in value.splitlines() if len(line) >= _LINE_LENGTH_MIN)
