"""What a process said last before it ended, of all that is in its log: one line, to be shown.

A process that cannot start has said why, in the last line of a traceback or in the last error that
it logged; whoever looks at boxes or asks why a job waits should read that there and then.
"""

from __future__ import annotations

import re
from typing import Final

from synergy.core.late_pattern import late_pattern
from synergy.core.printable import printable
from synergy.core.redaction import redacted_text

LENGTH_MAX: Final = 300

#: The beginning of a record in a log file: date, time, level, event, logger.
_RECORD: Final = late_pattern(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S* ([A-Z]+) +\S+ \S+ ?')
_TRACEBACK: Final = late_pattern(r'^(.*)Traceback \(most recent call last\):[ \t]*$', re.M)
_FRAME: Final = late_pattern(r' +File "([^"]+)", line (\d+)')
_SYNTAX: Final = late_pattern(r'(?:Syntax|Indentation|Tab)Error: ')


def last_words(log: str, output: str = '') -> str | None:
    """Return why a process ended; None where it did not say.

    log: the end of its log file, output: of what it printed past that, both since it was started.
    """
    said = _last_error(log) or _last_line(output) or _last_line(_without_records(log))
    if said is None:
        return None
    text = printable(redacted_text(said.strip()))
    return text if len(text) <= LENGTH_MAX else f'{text[: LENGTH_MAX - 3]}...'


def _last_error(log: str) -> str | None:
    """Return the last record of an error, or how the traceback ends that comes with it."""
    found = [item for item in _RECORD.finditer(log) if _begins_a_line(log, item)]
    errors = [item for item in found if item.group(1) in ('ERROR', 'CRITICAL')]
    if not errors:
        return None
    last = errors[-1]
    following = (item.start() for item in found if item.start() > last.start())
    record = log[last.end() : next(following, len(log))]
    return _end_of_traceback(record) or record.partition('\n')[0].strip() or None


def _last_line(text: str) -> str | None:
    """Return how the last traceback ends, or else the last line that says something."""
    if (found := _end_of_traceback(text)) is not None:
        return found
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else None


def _end_of_traceback(text: str) -> str | None:
    """Return the line of the exception that the last traceback is of."""
    *_, last = [None, *_TRACEBACK.finditer(text)]
    if last is None:
        return None
    indent = last.group(1)
    place = ''
    for line in text[last.end() :].splitlines():
        inner = line.removeprefix(indent)
        if found := _FRAME.match(inner):
            place = f' ({found[1].rpartition("/")[2]} line {found[2]})'
        if line.startswith(indent) and inner.strip() and not inner.startswith((' ', '\t')):
            # Which file it is in is all that helps, and its message does not say so.
            return inner + place if _SYNTAX.match(inner) else inner
    return None


def _without_records(log: str) -> str:
    """Return what stands in a log file without being a record, as a program's own last words do."""
    lines = log.splitlines()
    return '\n'.join(line for line in lines if not _RECORD.match(line) and line[:4].strip())


def _begins_a_line(log: str, found: re.Match[str]) -> bool:
    return found.start() == 0 or log[found.start() - 1] == '\n'
