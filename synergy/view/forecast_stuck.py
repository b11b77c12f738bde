"""What is due and does not start by itself, with the root that stands in its way, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Final, TypedDict, assert_never

from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.forecast.stuck import Cause, Root, Stuck
from synergy.view.encode import instant
from synergy.view.why_documents import At

_FORM: Final = '%Y-%m-%d %H:%M UTC'


class RootDocument(TypedDict):
    """The job for which others wait in the end."""

    process: str
    timeperiod: str
    cause: Annotated[str, f'one of {", ".join(Cause)}']
    of: Annotated[str, 'the freeze, request, process or workers, by name']
    until: At | None
    text: Annotated[str, 'what stands in its way, in words']


class StuckDocument(TypedDict):
    """Neighbouring jobs of one process that do not start, because of the same root."""

    process: str
    timeperiod: Annotated[str, 'of the first of them']
    last: Annotated[str, 'timeperiod of the last of them']
    jobs: int
    root: RootDocument


def encode_root(root: Root) -> RootDocument:
    """Return what stands in the way of jobs as it is sent."""
    return {
        'process': root.key.process,
        'timeperiod': str(root.key.timeperiod),
        'cause': root.cause.value,
        'of': root.of,
        'until': instant(root.until),
        'text': root_said(root),
    }


def encode_stuck(
    found: Iterable[Stuck], is_wanted: Callable[[str], bool], limit: int
) -> tuple[int, list[StuckDocument]]:
    """Return how many jobs do not start, and so many stretches of them, as they are sent.

    Those that nothing but themselves stands in the way of come first: what waits for them follows.
    """
    wanted = [item for item in found if is_wanted(item.process)]
    wanted.sort(key=lambda item: item.root.key != _first(item))
    count = sum(len(item.ordinals) for item in wanted)
    return count, [_encode(item) for item in wanted[:limit]]


def _encode(item: Stuck) -> StuckDocument:
    first = _first(item).timeperiod
    return {
        'process': item.process,
        'timeperiod': str(first),
        'last': str(first.shift(len(item.ordinals) - 1)),
        'jobs': len(item.ordinals),
        'root': encode_root(item.root),
    }


def _first(item: Stuck) -> JobKey:
    return JobKey(item.process, Timeperiod(item.qualifier, item.ordinals.start))


def root_said(root: Root) -> str:
    """Return what stands in the way, in words."""
    process, timeperiod = root.key
    job = f'{process} {timeperiod}'
    match root.cause:
        case Cause.HELD:
            return f'{job} has failed for good and is held for an operator'
        case Cause.OFF:
            return f'{process} is switched off'
        case Cause.FROZEN:
            return f'{process} is frozen{_until(root.until)}'
        case Cause.CLOSED:
            return f'{process} is closed{_until(root.until)}'
        case Cause.PAUSED:
            return f'{job} waits for its request {root.of}, which is paused'
        case Cause.WORKERS:
            return f'no worker of {root.of} takes work'
        case Cause.LATER:
            return f'{job} may start only{_at(root.until)}'
        case Cause.BEHIND:
            return f'{job} has its turn only later: more comes before it than is done until then'
        case _:
            assert_never(root.cause)


def _until(at: datetime | None) -> str:
    return '' if at is None else f' until {at:{_FORM}}'


def _at(at: datetime | None) -> str:
    return ' later' if at is None else f' at {at:{_FORM}}'
