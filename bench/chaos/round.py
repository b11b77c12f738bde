"""One round: start the boxes, let faults and reprocess requests rain, stop, wait, judge.

What happens is drawn from the seed; when exactly, the machine decides, so a seed repeats the kind
of a round, not each of its instants. Every kind of fault comes once before any comes twice; those
that the round waits for come first.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from bench.chaos import faults, unruly
from bench.chaos.faults import Fault
from bench.chaos.judge import Request, Story, judge
from bench.chaos.names import DAYS_VARIABLE, JOURNAL_VARIABLE, UNRULY_VARIABLE
from bench.chaos.report import Happened, Report, report
from bench.chaos.sites import EMBEDDED, Site, site
from bench.chaos.watch import LeaderWatch
from synergy import bootstrap
from synergy.bootstrap import Runtime
from synergy.cli.patience import Patience
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.states import FINAL_JOB_STATES
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import Timeperiod
from synergy.ports.errors import PortError
from synergy.ports.store import Store

_LOOK_SECONDS: Final = 0.1
#: Nothing has moved for this long: no interval comes to its end any more. Work itself takes as long
#: as it does, on a machine that is busy otherwise many times as long.
_STILL_SECONDS_MAX: Final = 100.0
#: Between two faults, and between two requests.
_FAULT_SECONDS: Final = (0.8, 2.4)
_REQUEST_SECONDS: Final = (3.0, 8.0)
_DAYS_PER_MINUTE: Final = 40
_DAYS_MIN: Final = 6
#: Processes that ignore SIGTERM cost their grace, in most runs.
_DAYS_PER_MINUTE_UNRULY: Final = 4
_DAYS_MIN_UNRULY: Final = 2
#: Given up soon by whoever only looks; boxes have the limits of production.
_IMPATIENT: Final = '&serverSelectionTimeoutMS=500&socketTimeoutMS=2000&connectTimeoutMS=500'


class UnknownFault(ValueError):
    """A kind of fault that does not exist, or not at this site."""


class RoundSettings(Struct, frozen=True, kw_only=True):
    """What to play. minutes: how long faults go on; longer until each of `kinds` has begun.
    is_unruly: user code misbehaves, too. say: told what happens.
    """

    backend: str
    minutes: float
    seed: int
    box_count: int = 2
    kinds: frozenset[str] = frozenset()
    is_unruly: bool = False
    say: Callable[[str], None] = print


@dataclass(slots=True)
class _Rain:
    """Faults and requests under way and past. kinds: those still to come before any repeats."""

    random: Random
    kinds: list[str] = field(default_factory=list)
    under_way: list[Happened] = field(default_factory=list)
    past: list[Happened] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    unsent: list[Command] = field(default_factory=list)

    @property
    def seen(self) -> set[str]:
        """Return the kinds of which one has begun."""
        return {item.fault.kind for item in (*self.under_way, *self.past)}


def run(settings: RoundSettings) -> Report:
    """Play a round in a temporary folder, which is kept when a promise was broken.

    Raises UnknownFault for a kind that cannot happen here.
    """
    folder = Path(tempfile.mkdtemp(prefix='synergy-chaos-'))
    per_minute = _DAYS_PER_MINUTE_UNRULY if settings.is_unruly else _DAYS_PER_MINUTE
    least = _DAYS_MIN_UNRULY if settings.is_unruly else _DAYS_MIN
    days = max(int(settings.minutes * per_minute), least)
    # This process reads the same context as those that it starts.
    os.environ |= {DAYS_VARIABLE: str(days), JOURNAL_VARIABLE: str(folder / 'journal')}
    os.environ.pop(UNRULY_VARIABLE, None)
    if settings.is_unruly:
        os.environ[UNRULY_VARIABLE] = str(folder / 'complaints')
    try:
        with site(settings.backend, folder, settings.box_count, days) as place:
            for kind, why in place.left_out.items():
                settings.say(f'left out: {kind}: {why}')
            _check_kinds(settings.kinds, place)
            found = _play(settings, place)
            if found.problems:
                _keep_logs(place)
    except UnknownFault:
        shutil.rmtree(folder)
        raise
    if found.problems:
        settings.say(f'journal and logs are kept in {folder}')
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def _check_kinds(kinds: frozenset[str], place: Site) -> None:
    possible = faults.kinds_of(place)
    if unknown := kinds - possible.keys():
        raise UnknownFault(
            f'no such fault here: {", ".join(sorted(unknown))}; there are {", ".join(possible)}'
        )


def _play(settings: RoundSettings, place: Site) -> Report:
    environ = dict(place.boxes[0].environ)
    if settings.backend != EMBEDDED:
        environ['SYNERGY_STORE_URI'] += _IMPATIENT
    conf, context = bootstrap.load(environ)
    with bootstrap.open_runtime(conf, context) as runtime:
        store = runtime.open_store()
        rain = _Rain(Random(settings.seed))
        total = sum(node.until - node.first for node in context.hierarchy if node.until is not None)
        settings.say(
            f'{settings.backend}: {len(place.boxes)} boxes, {total} intervals, '
            f'{settings.minutes:g} minutes of faults, seed {settings.seed}'
        )
        with LeaderWatch(runtime.open_store) as watch:
            _wait(place, lambda: place.journal.exists())
            began = time.monotonic()
            _let_it_rain(settings, place, watch, rain, (runtime, store))
            stopped = time.monotonic()
            settings.say('faults stopped; everything must finish now')
            is_finished = _wait(place, lambda: _is_finished(store, rain, total))
            ended = time.monotonic()
        for box in place.boxes:
            box.stop()
        story = Story(
            journal=place.journal,
            hierarchy=context.hierarchy,
            requests=rain.requests,
        )
        still = f'nothing moved for {_STILL_SECONDS_MAX:g} s'
        problems = [] if is_finished else [f'I8 not everything ended, and {still}']
        problems += judge(story, store, runtime.clock.now())
        if settings.is_unruly:
            problems += [
                *unruly.complaints(),
                *unruly.lines_of_others(store),
                *unruly.left_processes(),
            ]
        return report(
            settings=(settings.backend, settings.seed, settings.minutes),
            place=place,
            past=rain.past,
            watch=watch,
            problems=problems,
            counts=(total, len(rain.requests)),
            phases=(stopped - began, ended - stopped),
        )


def _let_it_rain(
    settings: RoundSettings,
    place: Site,
    watch: LeaderWatch,
    rain: _Rain,
    looking: tuple[Runtime, Store],
) -> None:
    """Begin and end faults, and ask for reprocessing, until it is enough; then end all faults."""
    random = rain.random
    until = time.monotonic() + settings.minutes * 60
    next_fault = time.monotonic() + random.uniform(*_FAULT_SECONDS)
    next_request = time.monotonic() + random.uniform(*_REQUEST_SECONDS)
    try:
        while (now := time.monotonic()) < until or settings.kinds - rain.seen:
            _keep_alive(place)
            _end_due(settings, rain, now)
            if now >= next_fault:
                _begin(settings, place, rain, watch.leader)
                next_fault = time.monotonic() + random.uniform(*_FAULT_SECONDS)
            if now >= next_request:
                rain.unsent.append(_request(looking[0], random))
                next_request = now + random.uniform(*_REQUEST_SECONDS)
            _send(looking[1], rain)
            time.sleep(_LOOK_SECONDS)
    finally:
        _end_due(settings, rain, float('inf'))


def _keep_alive(place: Site) -> None:
    for box in place.boxes:
        box.keep_alive()


def _begin(settings: RoundSettings, place: Site, rain: _Rain, leader: str | None) -> None:
    """Begin the next fault that is possible now; those that are not keep their turn."""
    begin_by_kind = faults.kinds_of(place)
    busy = {faults.resource_of(item.fault.kind) for item in rain.under_way}
    if len(rain.kinds) < len(begin_by_kind):
        rain.kinds += rain.random.sample(list(begin_by_kind), len(begin_by_kind))
    awaited = settings.kinds - rain.seen
    for kind in sorted(rain.kinds, key=lambda kind: kind not in awaited):
        if faults.resource_of(kind) in busy:
            continue
        fault = begin_by_kind[kind](place, rain.random, leader)
        # Only now: to find a victim, such as the primary, takes a moment.
        at = time.monotonic()
        if fault is None:
            continue
        rain.kinds.remove(kind)
        happened = Happened(fault=fault, at=at)
        settings.say(f'{fault.kind}: {fault.text}{_lasting(fault)}')
        (rain.past if fault.end is None else rain.under_way).append(happened)
        return


def _lasting(fault: Fault) -> str:
    return f', for {fault.seconds:.1f} s' if fault.end is not None else ''


def _end_due(settings: RoundSettings, rain: _Rain, now: float) -> None:
    """End the faults that have lasted long enough."""
    for happened in list(rain.under_way):
        fault = happened.fault
        assert fault.end is not None, 'others are over at once'
        if now < happened.at + fault.seconds:
            continue
        fault.end()
        rain.under_way.remove(happened)
        rain.past.append(replace(happened, ended_at=time.monotonic()))
        settings.say(f'{fault.kind} is over')


def _request(runtime: Runtime, random: Random) -> Command:
    """Return a request to reprocess some intervals of some process."""
    node = random.choice([node for node in runtime.context.hierarchy if node.until is not None])
    assert node.until is not None, 'only such are chosen from'
    first = random.randrange(node.first, node.until)
    last = min(first + random.randint(1, 8), node.until)
    qualifier = node.process.qualifier
    return Command(
        id=CommandId(uuid.uuid4().hex[:12]),
        kind=CommandKind.REPROCESS,
        process=node.process.name,
        start=Timeperiod(qualifier, first),
        end=Timeperiod(qualifier, last),
        # A month with all its children is most of the pipeline, again for every request.
        with_children=len(range(first, last)) < 4 and random.random() < 0.2,
        actor='chaos',
        created_at=runtime.clock.now(),
    )


def _send(store: Store, rain: _Rain) -> None:
    """Insert what is not inserted yet; the same again is a no-op."""
    while rain.unsent:
        command = rain.unsent[0]
        if all(request.id != command.id for request in rain.requests):
            rain.requests.append(Request(command.id, time.monotonic()))
        try:
            store.insert_command(command)
        except PortError:
            return
        rain.unsent.pop(0)


def _is_finished(store: Store, rain: _Rain, total: int) -> bool:
    _send(store, rain)
    try:
        counts = store.count_jobs()
        done = sum(count for (_, state), count in counts.items() if state in FINAL_JOB_STATES)
        return not rain.unsent and done == total and not store.open_commands(1)
    except PortError:
        return False


def _wait(place: Site, is_so: Callable[[], bool]) -> bool:
    """Wait for as long as anything moves; tell whether it came about."""
    patience = Patience(_STILL_SECONDS_MAX, time.monotonic)
    while not patience.has_run_out(_progress(place)):
        _keep_alive(place)
        if is_so():
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def _progress(place: Site) -> Hashable:
    """Return how far the work is: each start and end of a run is a line of the journal.

    Before the first of them, what processes say in their logs while they start.
    """
    if place.journal.exists():
        return place.journal.stat().st_size
    sizes = []
    for path in _logs(place):
        with suppress(OSError):
            sizes.append(path.stat().st_size)
    return tuple(sizes)


def _keep_logs(place: Site) -> None:
    """Copy the logs off the disk that goes with the round."""
    for path in _logs(place):
        target = place.folder / 'logs' / path.parent.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):
            target.write_bytes(path.read_bytes())
    if place.disk is not None:
        for path in place.disk.glob('store.db*'):
            (place.folder / 'logs' / path.name).write_bytes(path.read_bytes())


def _logs(place: Site) -> Iterator[Path]:
    for box in place.boxes:
        yield from sorted(Path(box.environ['SYNERGY_HOME']).glob('logs/*'))
