"""The shapes of the journal as it is sent, and how they are made; see `synergy.view.documents`."""

from __future__ import annotations

from typing import Annotated, TypedDict

from synergy.core.journal import CauseKind, Happened, Line, LineKind
from synergy.view.encode import instant
from synergy.view.journal import Lines
from synergy.view.why_documents import At


class JournalCauseDocument(TypedDict):
    """By what a transition came about."""

    kind: Annotated[str, f'one of {", ".join(kind.name.lower() for kind in CauseKind)}']
    id: Annotated[str | None, 'of the unit, or of the command']


class JournalLineDocument(TypedDict):
    """One transition of a job or a free run."""

    number: Annotated[int, 'its place in the journal: unbroken, from 1 on']
    term: Annotated[int, 'of the Scheduler that wrote it']
    at: At
    kind: Annotated[str, f'what it is about: {", ".join(kind.name.lower() for kind in LineKind)}']
    process: Annotated[str, 'a process, or a free run: Process::entry']
    level: Annotated[str | None, 'of the interval: _hourly, _daily, ...; null: of a free run']
    timeperiod: Annotated[str | None, 'of the job; null: of a free run']
    rev: Annotated[int, 'revision of the row that it led to']
    what: Annotated[str, f'one of {", ".join(item.word for item in Happened)}']
    from_state: Annotated[str | None, 'null: of a free run, or not known after a repair']
    to_state: Annotated[str | None, 'null likewise']
    run: Annotated[int, 'the newest one by then; 0: none']
    is_held: bool
    failures: Annotated[int, 'attempts of that run that had failed by then']
    lost: Annotated[int, 'attempts of it that had lost their worker']
    count: Annotated[int | None, 'things that the run has processed']
    cause: JournalCauseDocument
    request: Annotated[str | None, 'that has reset the job, until it ends']
    text: Annotated[str, 'what happened, for people']


class JournalDocument(TypedDict):
    """Lines of the journal, and where to go on."""

    items: list[JournalLineDocument]
    next_cursor: Annotated[str | None, 'ask again with cursor= this; null: there are no more now']
    after: Annotated[int, 'number behind which to ask for what comes later']
    lost: Annotated[str | None, 'which of the lines that were asked for are gone; null: none']
    unreadable: Annotated[list[str], 'pages that somebody has changed, each told']


def encode_journal_line(line: Line) -> JournalLineDocument:
    """Return a line as it is sent."""
    timeperiod = line.timeperiod
    at = instant(line.at)
    assert at is not None, 'a line has an instant'
    return {
        'number': line.number,
        'term': line.term,
        'at': at,
        'kind': line.kind.name.lower(),
        'process': line.process,
        'level': None if timeperiod is None else timeperiod.qualifier.value,
        'timeperiod': None if timeperiod is None else str(timeperiod),
        'rev': line.rev,
        'what': line.what.word,
        'from_state': None if line.from_state is None else line.from_state.value,
        'to_state': None if line.to_state is None else line.to_state.value,
        'run': line.run,
        'is_held': line.is_held,
        'failures': line.failures,
        'lost': line.lost,
        'count': line.count,
        'cause': {'kind': line.cause.kind.name.lower(), 'id': line.cause.id},
        'request': line.request,
        'text': line.text,
    }


def encode_journal(found: Lines) -> JournalDocument:
    """Return lines as they are sent."""
    return {
        'items': [*map(encode_journal_line, found.lines)],
        'next_cursor': None if found.is_end else str(found.after),
        'after': found.after,
        'lost': found.lost_said,
        'unreadable': [*found.unreadable],
    }
