"""How the jobs that a request has reset are to run: how many at once, in which order, with what.

Kept among the details of its command, so they hold for whoever leads. Each open request with
options of its own has a code of its own in the dense index, and so a lane of its own beside other
reruns; they take turns within the share of reruns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from synergy.core import readers
from synergy.core.commands import RESETTING_KINDS, Command, CommandId, CommandKind
from synergy.core.readers import Reader
from synergy.core.records import Json, ProcessName
from synergy.core.structs import Struct

MAX_RUNNING: Final = 'max_running'
ORDER: Final = 'order'
ARGUMENTS: Final = 'arguments'
EVEN_IF_OFF: Final = 'even_if_off'
ORDERS: Final = ('oldest', 'newest')
MAX_RUNNING_MAX: Final = 100_000

_READERS: Final[Mapping[str, Reader[Any]]] = {
    MAX_RUNNING: readers.whole(1, MAX_RUNNING_MAX),
    ORDER: readers.one_of(ORDERS),
    ARGUMENTS: readers.json_object,
    EVEN_IF_OFF: readers.boolean,
}
#: Names of the details that say so.
OPTIONS: Final = tuple(_READERS)


class RequestOptions(Struct, frozen=True, kw_only=True):
    """How the jobs of one request run.

    max_running: of all of its jobs, at the same time. arguments: over those of `process`, which the
    request names; what runs in consequence has its own. is_even_if_off: although a process of it is
    switched off.
    """

    process: ProcessName
    max_running: int | None = None
    is_newest_first: bool = False
    arguments: Mapping[str, Json] = MappingProxyType({})
    is_even_if_off: bool = False

    @property
    def order(self) -> str:
        """Return which of its jobs come first, as it is asked for."""
        return ORDERS[self.is_newest_first]

    @property
    def said(self) -> list[str]:
        """Return them in words, for people; arguments by their names."""
        told = []
        if self.max_running is not None:
            told.append(f'at most {self.max_running:,} of its jobs at the same time')
        if self.is_newest_first:
            told.append('the newest first')
        if self.arguments:
            told.append(f'{self.process} with other {", ".join(sorted(self.arguments))}')
        if self.is_even_if_off:
            told.append('also where a process is switched off')
        return told


def details_of(kind: CommandKind, wanted: Mapping[str, object]) -> dict[str, Json]:
    """Return the details that say what is wanted; raise ValueError naming what is wrong.

    wanted: by the names of OPTIONS; None and False: not given.
    """
    given = {
        name: value for name, value in wanted.items() if value is not None and value is not False
    }
    if given and kind not in RESETTING_KINDS:
        raise ValueError(f'{kind.words} runs nothing: leave {min(given)} out')
    if given.get(ORDER) == ORDERS[0]:
        del given[ORDER]  # As without.
    details: dict[str, Json] = {}
    for name, value in given.items():
        try:
            details[name] = _READERS[name](value)
        except ValueError as error:
            raise ValueError(f'{name}: {error}') from error
    return details


def options_of(command: Command) -> RequestOptions | None:
    """Return how the jobs of a request run, if not as others do."""
    if command.kind not in RESETTING_KINDS or not any(name in command.details for name in OPTIONS):
        return None
    try:
        said = details_of(command.kind, {name: command.details.get(name) for name in OPTIONS})
    except ValueError:
        return None  # A row that somebody has edited: it runs as others do.
    return _options(command.process, said)


def options_said(
    kind: CommandKind, process: ProcessName, wanted: Mapping[str, object]
) -> list[str]:
    """Return what is wanted of a request in words, before there is one; raise ValueError."""
    said = details_of(kind, wanted)
    return _options(process, said).said if said else []


def _options(process: ProcessName, said: Mapping[str, Json]) -> RequestOptions:
    arguments = said.get(ARGUMENTS)
    most = said.get(MAX_RUNNING)
    return RequestOptions(
        process=process,
        max_running=most if isinstance(most, int) else None,
        is_newest_first=said.get(ORDER) == 'newest',
        arguments=arguments if isinstance(arguments, Mapping) else {},
        is_even_if_off=said.get(EVEN_IF_OFF) is True,
    )


def options_by_request(commands: Iterable[Command]) -> dict[CommandId, RequestOptions]:
    """Return those of open requests that have any, by id."""
    return {command.id: found for command in commands if (found := options_of(command)) is not None}
