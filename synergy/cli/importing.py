"""Import everything that the context names, in a child process, within bounds of time.

The Scheduler and `check` itself never run user code; a worker whose module cannot be imported would
be found out only when it is started. Each name that hangs, or ends its process, costs one child and
its share of the time, and is told by name; the others are tried in the next.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from synergy.conf.boxes import is_present
from synergy.conf.model import Context, DaemonEntry, Settings, WorkerEntry
from synergy.conf.names import PROCESS_MX, PROCESS_SCHEDULER, PROCESS_SUPERVISOR
from synergy.core.printable import printable
from synergy.core.redaction import redacted_text
from synergy.core.structs import Struct
from synergy.doors import BESIDE, IS_CHECKOUT, PYTHON
from synergy.ports.clock import Clock

#: How long one import may take, and all together.
ONE_SECONDS: Final = 20.0
ALL_SECONDS: Final = 120.0
_BUILT_IN: Final = (PROCESS_SCHEDULER, PROCESS_SUPERVISOR, PROCESS_MX)
_SAID_LENGTH_MAX: Final = 400


class Import(Struct, frozen=True, kw_only=True):
    """A dotted name that the context names. users: processes that need it. is_here: on this box."""

    kind: str
    dotted: str
    users: Sequence[str]
    is_here: bool


@dataclass(slots=True)
class Imported:
    """What was found: problems of what runs on this box, warnings of what runs elsewhere."""

    count: int
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def good_count(self) -> int:
        """Return how many can be imported."""
        return self.count - len(self.problems) - len(self.warnings)


def imports_of(settings: Settings, context: Context) -> Sequence[Import]:
    """Return what the context names: workers, data sources, daemons of the project's own."""
    found: dict[tuple[str, str], list[tuple[str, bool]]] = {}
    entries: list[DaemonEntry | WorkerEntry] = [
        *context.daemons.values(),
        *context.managed.values(),
        *context.freeruns.values(),
    ]
    for entry in entries:
        if entry.name in _BUILT_IN:
            continue
        is_here = is_present(entry.present_on_boxes, settings.box_id)
        is_daemon = isinstance(entry, DaemonEntry)
        named = [('daemon' if is_daemon else 'worker', entry.classname)]
        if not isinstance(entry, DaemonEntry) and entry.data_source is not None:
            named.append(('data_source', entry.data_source))
        for key in named:
            found.setdefault(key, []).append((entry.name, is_here))
    return [
        Import(
            kind=kind,
            dotted=dotted,
            users=list(dict.fromkeys(name for name, _ in users)),
            is_here=any(is_here for _, is_here in users),
        )
        for (kind, dotted), users in found.items()
    ]


def try_imports(
    wanted: Sequence[Import],
    project: Path,
    clock: Clock,
    *,
    one_seconds: float = ONE_SECONDS,
    all_seconds: float = ALL_SECONDS,
) -> Imported:
    """Import everything, and return what cannot be; takes `all_seconds` and a moment at most."""
    until = clock.monotonic() + all_seconds
    said: dict[int, str] = {}
    while len(said) < len(wanted) and clock.monotonic() < until:
        rest = [number for number in range(len(wanted)) if number not in said]
        given = [(number, (wanted[number].kind, wanted[number].dotted)) for number in rest]
        _try_in_one_child(given, project, said, (clock, min(one_seconds, all_seconds), until))
    found = Imported(len(wanted))
    for number, item in enumerate(wanted):
        problem = said.get(number, f'it was not tried, for the others took {all_seconds:.0f} s')
        if problem:
            _note(found, item, problem)
    return found


def _note(found: Imported, item: Import, problem: str) -> None:
    what = 'data_source' if item.kind == 'data_source' else 'classname'
    text = printable(redacted_text(problem))[:_SAID_LENGTH_MAX]
    told = f'{what} {item.dotted} of {", ".join(item.users)} cannot be used: {text}'
    if item.is_here:
        found.problems.append(told)
    else:
        found.warnings.append(f'{told}; it runs on other boxes')


def _try_in_one_child(
    given: Sequence[tuple[int, tuple[str, str]]],
    project: Path,
    said: dict[int, str],
    patience: tuple[Clock, float, float],
) -> None:
    """Try until all is tried, or one hangs or ends the child; add to `said` how each went."""
    clock, one_seconds, until = patience
    reading, writing = os.pipe()
    child = subprocess.Popen(
        (*PYTHON, '-m', 'synergy.cli.import_child', str(writing)),
        env=_environment(),
        cwd=project,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(writing,),
        start_new_session=True,
    )
    os.close(writing)
    under_way = given[0][0]
    try:
        assert child.stdin is not None, 'it is a pipe'
        with suppress(BrokenPipeError), child.stdin as asked:
            asked.write(json.dumps(given).encode())
        buffer = b''
        deadline = clock.monotonic() + one_seconds
        is_readable = select.poll()
        is_readable.register(reading, select.POLLIN)
        while any(number not in said for number, _ in given):
            seconds = min(deadline, until) - clock.monotonic()
            if seconds <= 0 or not is_readable.poll(seconds * 1000):
                said[under_way] = f'its import takes longer than {one_seconds:.0f} s'
                return
            read = os.read(reading, 65_536)
            if not read:
                said.setdefault(under_way, _ended(child.wait()))
                return
            *lines, buffer = (buffer + read).split(b'\n')
            for line in lines:
                under_way, problem = json.loads(line)
                deadline = clock.monotonic() + one_seconds
                if problem is not None:
                    said[under_way] = problem
    finally:
        os.close(reading)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _ended(code: int) -> str:
    how = f'signal {-code}' if code < 0 else f'exit code {code}'
    return f'its import ends the process ({how})'


def _environment() -> Mapping[str, str]:
    """Return the environment in which Python finds this package; the project is where it works."""
    if not IS_CHECKOUT:
        return os.environ
    known = os.environ.get('PYTHONPATH')
    return {**os.environ, 'PYTHONPATH': os.pathsep.join([str(BESIDE), *([known] if known else [])])}
