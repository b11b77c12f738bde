"""What happened, as people tell it: lines of the journal in paragraphs of what belongs together.

What one command brought about is one paragraph, however many jobs it has reset, and so are the
troubles of one process while they last, what was late, and what was skipped for the same reason.
All that went as planned is told together, in numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from synergy.core.journal import CauseKind, Happened, Line, LineKind
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.view.conditions import FAILED, HELD, LATE, PROCESSED, RUNNING, SKIPPED, Mark
from synergy.view.lateness import LateNow
from synergy.view.words import span

#: Troubles of a process that are further apart than this are told apart.
_APART: Final = timedelta(hours=1)
#: Intervals that a paragraph names, and processes that the last one counts.
_NAMED_MAX: Final = 5
_PROCESSES_MAX: Final = 20
_TROUBLE: Final = frozenset({Happened.RETRIED, Happened.GAVE_UP, Happened.HELD, Happened.CANCELED})
_FAILED: Final = _TROUBLE - {Happened.CANCELED}
_COMMANDED: Final = (CauseKind.COMMAND, CauseKind.CONTEXT)

#: From which instant on an unfinished job is late; None: that is not known.
LateAt: TypeAlias = Callable[[JobKey], 'datetime | None']


class Topic(Enum):
    """What a paragraph is about."""

    REQUEST = 'request'
    TROUBLE = 'trouble'
    LATE = 'late'
    SKIPPED = 'skipped'
    PLANNED = 'planned'


class Asked(Struct, frozen=True, kw_only=True):
    """A command, in words. who: and why. is_request: it has a page of its own."""

    who: str
    what: str
    is_request: bool = True


class Paragraph(Struct, frozen=True, kw_only=True):
    """What belongs together. begin, end: of its lines.

    keys: some of the intervals that it is about; more_count: how many others. request: id of the
    request that brought it about.
    """

    topic: Topic
    mark: Mark
    begin: datetime
    end: datetime
    title: str
    sentences: Sequence[str]
    keys: Sequence[JobKey] = ()
    more_count: int = 0
    request: str | None = None


class _Remedy(NamedTuple):
    """What a command has made of a job that was in trouble, and how it stands by that."""

    told: str
    mark: Mark


_Group: TypeAlias = 'tuple[Topic, str, object]'


def story(
    lines: Sequence[Line], asked: Mapping[str, Asked], late_at: LateAt = lambda _: None
) -> Sequence[Paragraph]:
    """Return lines, given oldest first, as paragraphs: the newest first, what was planned last.

    asked: of the commands that lines name, as far as they are known.
    """
    troubled = {line.key for line in lines if _is_trouble(line)}
    first, episodes = _episodes(lines), dict[JobKey | None, int]()
    groups: dict[_Group, list[Line]] = {}
    for line in lines:
        group = _group_of(line, troubled, late_at)
        if group[0] is Topic.TROUBLE:
            # What led to a trouble is told with it, however long before it was.
            known = first[line.about]
            if _is_trouble(line):
                episodes[line.key] = known.pop(0) if len(known) > 1 else known[0]
            group = (*group[:2], episodes.get(line.key, known[0]))
        groups.setdefault(group, []).append(line)
    remedies = _remedies(lines, asked)
    told = [_paragraph(group, found, asked, remedies, late_at) for group, found in groups.items()]
    return in_order(told)


def in_order(paragraphs: Iterable[Paragraph]) -> Sequence[Paragraph]:
    """Return the newest first, what was planned last."""
    return sorted(paragraphs, key=lambda item: (item.topic is Topic.PLANNED, -item.end.timestamp()))


def still_late(late: Iterable[LateNow], now: datetime) -> Iterator[Paragraph]:
    """Yield what is late as yet: no line tells of that, for nothing has happened."""
    for item in late:
        are, whose = ('is', 'its') if item.count == 1 else ('are', 'the first')
        yield Paragraph(
            topic=Topic.LATE,
            mark=LATE,
            begin=item.since,
            end=now,
            title=f'{item.process} is late',
            sentences=[
                f'{_counted(item.count, "interval")} {are} not done yet; {whose} deadline passed '
                f'{span(now - item.since)} ago.'
            ],
            keys=item.first,
            more_count=item.count - len(item.first),
        )


def _episodes(lines: Iterable[Line]) -> Mapping[str, list[int]]:
    """Return in which episode of its process each trouble falls, by what it is about."""
    newest: dict[ProcessName, tuple[datetime, int]] = {}
    found: dict[str, list[int]] = {}
    for line in lines:
        if _is_trouble(line):
            at, number = newest.get(line.process, (line.at, 0))
            number += line.at - at > _APART
            newest[line.process] = (line.at, number)
            found.setdefault(line.about, []).append(number)
    return found


def ids_of(lines: Iterable[Line]) -> Collection[str]:
    """Return the commands that lines name, each once, in their order."""
    found: dict[str | None, None] = dict.fromkeys(line.request for line in lines)
    for line in lines:
        if line.cause.kind in _COMMANDED:
            found[line.cause.id] = None
    return [name for name in found if name is not None]


def _command_of(line: Line) -> str | None:
    """Return the command that a line is owed to; None: to none."""
    if line.request is not None:
        return line.request
    return line.cause.id if line.cause.kind in _COMMANDED else None


def _is_trouble(line: Line) -> bool:
    """Tell whether something went wrong by itself."""
    return line.what in _TROUBLE and _command_of(line) is None


def _group_of(line: Line, troubled: Collection[JobKey | None], late_at: LateAt) -> _Group:
    if (command := _command_of(line)) is not None:
        return Topic.REQUEST, command, None
    is_freerun = line.kind is LineKind.FREERUN
    if line.what in _TROUBLE or (not is_freerun and line.key in troubled):
        return Topic.TROUBLE, line.process, None
    if line.what is Happened.SKIPPED:
        return Topic.SKIPPED, line.process, line.reason
    if _lateness(line, late_at):
        return Topic.LATE, line.process, None
    return Topic.PLANNED, '', None


def _lateness(line: Line, late_at: LateAt) -> timedelta:
    """Return by how much a job ended after its deadline; zero: it did not, or has not ended."""
    if line.key is None or line.to_state is None or not line.to_state.is_final:
        return timedelta()
    at = late_at(line.key)
    return timedelta() if at is None else max(line.at - at, timedelta())


def _remedies(lines: Iterable[Line], asked: Mapping[str, Asked]) -> Mapping[JobKey, _Remedy]:
    """Return what commands have made of jobs that had been in trouble, by the last line of each."""
    troubled: set[JobKey] = set()
    found: dict[JobKey, _Remedy] = {}
    for line in lines:
        if line.key is None:
            continue
        if _is_trouble(line):
            troubled.add(line.key)
            found.pop(line.key, None)
        elif line.key in troubled and (command := _command_of(line)) is not None:
            known = asked.get(command)
            who = 'a request' if known is None else known.who
            told, mark = _REMEDIES.get(line.what, ('asked to run again by', RUNNING))
            found[line.key] = _Remedy(f'{told} {who}', mark)
            if line.what is Happened.PUT_BACK:
                del found[line.key]
    return found


#: How a job stands that was in trouble, by what came of a command.
_REMEDIES: Final[Mapping[Happened, tuple[str, Mark]]] = {
    Happened.ENDED: ('repaired by', PROCESSED),
    Happened.MARKED: ('repaired by', PROCESSED),
    Happened.SKIPPED: ('skipped by', SKIPPED),
    Happened.CANCELED: ('cancelled by', SKIPPED),
    Happened.HELD: ('failed again, and is held, when asked to run by', HELD),
    Happened.GAVE_UP: ('failed again when asked to run by', FAILED),
}


def _paragraph(
    group: _Group,
    lines: Sequence[Line],
    asked: Mapping[str, Asked],
    remedies: Mapping[JobKey, _Remedy],
    late_at: LateAt,
) -> Paragraph:
    topic, name, _ = group
    last = {line.key: line for line in lines if line.key is not None}
    begin, end = lines[0].at, max(line.at for line in lines)
    mark: Mark = PROCESSED
    request: str | None = None
    sentences: Sequence[str]
    match topic:
        case Topic.REQUEST:
            known = asked.get(name)
            request = name if known is not None and known.is_request else None
            title = f'Request {name}' if known is None else f'{known.who}: {known.what}'
            sentences, mark = _of_request(lines, last.values())
        case Topic.TROUBLE:
            title, sentences, mark = _of_trouble(name, lines, last, remedies)
            if late := _late_said(lines, late_at):
                sentences = [*sentences, late]
        case Topic.SKIPPED:
            title = f'{name}: {_intervals(last)} skipped'
            sentences, mark = [_whole(lines[-1].text)], SKIPPED
        case Topic.LATE:
            title, sentences, mark = f'{name} was late', [_late_said(lines, late_at)], LATE
        case Topic.PLANNED:
            title, sentences = 'As planned', _of_planned(lines)
    keys = [key for key in last if topic is not Topic.PLANNED]
    return Paragraph(
        topic=topic,
        mark=mark,
        begin=begin,
        end=end,
        title=title,
        sentences=sentences,
        keys=keys[-_NAMED_MAX:],
        more_count=max(len(keys) - _NAMED_MAX, 0),
        request=request,
    )


def _of_request(lines: Sequence[Line], last: Collection[Line]) -> tuple[Sequence[str], Mark]:
    """Return what came of a command, by the last line of each of its jobs."""
    counts = Counter(_outcome(line) for line in last)
    reset = len({line.key for line in lines if line.what is Happened.RESET})
    ran = len({line.key for line in lines if line.what is Happened.STARTED and line.key})
    parts = [f'{reset:,} reset' if reset else '', f'{ran:,} started again' if reset and ran else '']
    parts += [f'{count:,} {told}' for told, count in counts.most_common()]
    others = [_whole(line.text) for line in lines if line.key is None][-_NAMED_MAX:]
    jobs = f'{_counted(len(last), "job")}: {", ".join(filter(None, parts))}.' if last else ''
    mark: Mark = PROCESSED
    if counts[_OUTCOMES[Happened.GAVE_UP]]:
        mark = FAILED
    if counts[_OUTCOMES[Happened.HELD]]:
        mark = HELD
    return [*filter(None, [jobs]), *others], mark


#: How a job stands whose last line says this.
_OUTCOMES: Final[Mapping[Happened, str]] = {
    Happened.ENDED: 'ended well',
    Happened.MARKED: 'marked as done',
    Happened.GAVE_UP: 'failed for good',
    Happened.HELD: 'held for an operator',
    Happened.SKIPPED: 'skipped',
    Happened.CANCELED: 'cancelled',
    Happened.PUT_BACK: 'put back as before',
    Happened.RETRIED: 'tried again',
    Happened.STARTED: 'still running',
    Happened.RESTED: 'still running',
    Happened.RESET: 'waiting for their turn',
}


def _outcome(line: Line) -> str:
    return _OUTCOMES.get(line.what, 'changed')


def _of_trouble(
    name: str,
    lines: Sequence[Line],
    last: Mapping[JobKey, Line],
    remedies: Mapping[JobKey, _Remedy],
) -> tuple[str, Sequence[str], Mark]:
    failed = [line for line in lines if line.what in _FAILED]
    sentences = []
    if failed:
        # Of free runs only the end of a run is a line.
        attempts = _counted(len(failed), 'attempt' if last else 'run')
        sentences.append(f'{attempts} failed; the last: {_whole(failed[-1].text)}')
    if not last:  # A free run.
        return f'{name} failed', sentences, FAILED
    counts: Counter[str] = Counter()
    marks = set()
    for key, line in last.items():
        if (remedy := remedies.get(key)) is not None:
            counts[remedy.told] += 1
            marks.add(remedy.mark)
            continue
        is_well = line.what is Happened.ENDED and failed
        counts['ended well after another attempt' if is_well else _outcome(line)] += 1
        marks.add(_MARKS.get(line.what, PROCESSED))
    sentences.append(', '.join(f'{count:,} {told}' for told, count in counts.most_common()) + '.')
    mark = next((mark for mark in (HELD, FAILED, RUNNING, SKIPPED) if mark in marks), PROCESSED)
    return f'{name}: {_intervals(last)} {"failed" if failed else "cancelled"}', sentences, mark


#: How bad it is that this is the last line of a job in trouble; what is not here is well.
_MARKS: Final[Mapping[Happened, Mark]] = {
    Happened.HELD: HELD,
    Happened.GAVE_UP: FAILED,
    Happened.CANCELED: FAILED,
}


def _late_said(lines: Iterable[Line], late_at: LateAt) -> str:
    """Return what ended after its deadline, and how long after; empty: nothing."""
    late = {line.key: length for line in lines if (length := _lateness(line, late_at))}
    return (
        f'{_intervals(late)} ended up to {span(max(late.values()))} after the deadline.'
        if late
        else ''
    )


def _of_planned(lines: Sequence[Line]) -> Sequence[str]:
    """Return what was planned, in numbers: what has ended, process by process."""
    ended: Counter[ProcessName] = Counter()
    things: Counter[ProcessName] = Counter()
    for line in lines:
        if line.what is Happened.ENDED:
            ended[line.process] += 1
            things[line.process] += line.count or 0
    told = [
        f'{name}: {_counted(count, "run")} ended well'
        + (f', {things[name]:,} processed.' if things[name] else '.')
        for name, count in ended.most_common(_PROCESSES_MAX)
    ]
    if len(ended) > _PROCESSES_MAX:
        told.append(
            f'And {_counted(len(ended) - _PROCESSES_MAX, "more process", "more processes")}.'
        )
    started = sum(line.what is Happened.STARTED for line in lines)
    return told or [f'{_counted(started, "run")} started; none has ended well yet.']


def _intervals(keys: Collection[JobKey | None]) -> str:
    return _counted(len(keys), 'interval')


def _counted(count: int, noun: str, plural: str | None = None) -> str:
    return f'{count:,} {noun if count == 1 else plural or noun + "s"}'


def _whole(text: str) -> str:
    """Return a text as a sentence."""
    text = text.strip().rstrip('.')
    return f'{text[:1].upper()}{text[1:]}.'
