"""Names of intervals and requests within texts, as links to their pages."""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup, escape

from synergy.core.printable import printable_lines
from synergy.mx.web.redact import masked_text

#: Names are of letters, digits and `_ . -`; an id of a request is hexadecimal.
_NAMED: Final = re.compile(
    r'(?P<process>[A-Za-z][\w.-]*)@(?P<timeperiod>[0-9]{10})(?![0-9])'
    r'|(?<=\brequest )(?P<request>[0-9a-f]{6,32})\b'
)


def linked(text: str) -> Markup:
    """Return a text, secrets masked, in which intervals and requests lead to their pages."""
    return Markup(_NAMED.sub(_link, str(escape(printable_lines(masked_text(text))))))


def _link(found: re.Match[str]) -> str:
    if found['request']:
        return f'<a class="link tp" href="/requests/{found["request"]}">{found["request"]}</a>'
    address = f'/i/{found["process"]}/{found["timeperiod"]}'
    return f'<a class="link" href="{address}">{found[0]}</a>'
