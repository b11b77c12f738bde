"""How processes and commands of this product end: every exit code, each with one meaning."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """An exit code. meaning: as docs/cli.md tells it. brief: as `--help` does; None: not there."""

    meaning: str
    brief: str | None

    def __new__(cls, code: int, meaning: str = '', brief: str | None = None) -> Self:
        """Return a number that knows its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        member.brief = brief
        return member

    OK = 0, 'done; the answer is good', 'done'
    FOUND = (
        1,
        'the question was answered, and the answer is bad: problems, violations, not running',
        'the answer is bad (problems, violations, not running)',
    )
    USAGE = 2, 'the command line cannot be understood', 'wrong usage'
    UNKNOWN = (
        3,
        'no such process, timeperiod, box or request',
        'unknown process, timeperiod or box',
    )
    UNAVAILABLE = (
        4,
        'store, broker or another service cannot be used',
        'store or broker unavailable',
    )
    CONFLICT = (
        5,
        'somebody else holds it: already running, home or port in use, name taken',
        'already running or in use',
    )
    MISCONFIGURED = 6, 'settings or context are refused', 'settings or context refused'
    FAULT = (
        70,
        'a fault of the program; its traceback is shown, or stands in the log of the process',
    )
    STUCK = 71, 'of a worker: its run could not be interrupted, so it has ended together with it'
    RESTART = 75, 'of a worker: it has ended in order to be restarted, at once'
    INTERRUPTED = 130, 'interrupted'
