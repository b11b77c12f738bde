"""What `log -f` shows next, also of a log whose end is replaced by a newer one."""

from __future__ import annotations

import pytest

from synergy.cli.commands.log import new_lines
from synergy.view.documents import LineDocument


def lines(*texts: str) -> list[LineDocument]:
    return [LineDocument(attempt=1, at=f'at {text}', level='INFO', text=text) for text in texts]


@pytest.mark.parametrize(
    ('before', 'now', 'expected'),
    [
        ('', 'ab', 'ab'),
        ('ab', 'ab', ''),
        ('ab', 'abcd', 'cd'),
        ('abcd', 'abXcdef', 'ef'),
        ('abXcd', 'abYefg', 'Yefg'),
        ('abXcd', 'abYbcd', ''),
        ('abXyz', 'abZwxyzq', 'q'),
        ('ab', '', ''),
    ],
)
def test_each_line_is_shown_once(before: str, now: str, expected: str) -> None:
    assert new_lines(lines(*before), lines(*now)) == lines(*expected)
