"""Events of jobs and free runs, and the short forms in which jobs have them in their own rows.

A job that ran once has two events, both of which its row could tell by itself but for when they
were: `+1` says that run 1 was requested, `=1 5` that run 1 has processed 5, and a JSON string is
any other text. The newest event was at `changed_at`; those before it are lines, each of when it
was, in microseconds written in hexadecimal digits, and its form, the oldest one first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from synergy.adapters.sqlite.rows.columns import Columns, instant_of
from synergy.core.records import JobEvent, uow_id_of
from synergy.core.timeperiod import JobKey
from synergy.ports import rows as fields
from synergy.ports.store import EVENTS_PER_JOB_MAX

#: Of those before the newest one.
LINES_MAX: Final = EVENTS_PER_JOB_MAX - 1
#: As SQL spells what ends a line; no JSON string holds one.
LINE_END: Final = 'char(10)'
_EVENT: Final = Columns('at, text', 'it')
_encode: Final = msgspec.json.Encoder().encode


def event_of(row: tuple[Any, ...]) -> JobEvent:
    """Return the event of a row of at, text."""
    _EVENT.check(row)
    return JobEvent(at=instant_of('at', row[0]), text=fields.said('text', row[1]) or '')


def form_of(text: str, run: int, uow_id: str | None) -> str:
    """Return the form of an event of a job. uow_id: of its newest run `run`, None for another."""
    processed = _processed(run, '')
    if text.startswith(processed):
        count = text[len(processed) :]
        if count.isascii() and count.isdecimal() and (count[0] != '0' or count == '0'):
            return f'={run} {count}'
    elif text == _requested(run, uow_id):
        return f'+{run}'
    return _encode(text).decode()


def lines_of(row: tuple[Any, ...]) -> Iterator[tuple[object, object]]:
    """Yield (microseconds, form) of a row of changed_at, event, history: newest first."""
    changed_at, event, history = row
    if event is not None:
        yield changed_at, event
    if history is None:
        return
    if not isinstance(history, str):
        yield changed_at, history
        return
    *lines, rest = history.split('\n')
    if rest:
        yield None, rest
    for line in reversed(lines):
        at, _, form = line.partition(' ')
        try:
            yield int(at, 16), form
        except ValueError:
            yield at, form


def event_of_line(key: JobKey, line: tuple[Any, ...]) -> JobEvent:
    """Return the event of what `lines_of` yields; raise Malformed."""
    _EVENT.check(line)
    return JobEvent(at=instant_of('at', line[0]), text=_text_of(key, line[1]))


def _text_of(key: JobKey, form: str) -> str:
    run, _, count = form[1:].partition(' ')
    try:
        match form[:1]:
            case '+':
                return _requested(int(run), uow_id_of(key, int(run)))
            case '=':
                return _processed(int(run), str(int(count)))
            case _:
                return fields.said('event', msgspec.json.decode(form, type=str)) or ''
    except (ValueError, msgspec.DecodeError) as error:
        raise fields.malformed('event', form, 'an event') from error


def _requested(run: int, uow_id: str | None) -> str:
    return f'run {run} requested, uow {uow_id}'


def _processed(run: int, count: str) -> str:
    return f'run {run} processed {count}'
