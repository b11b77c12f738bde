"""The faults of a round: what each does, for how long, and what must work again to be healed.

A fault is begun and, unless it is over at once, ended by the loop of the round; both may take a
second or a few where a server is started. `scope` names what was hit, so that the journal tells
afterwards when work went on there.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from bench.chaos.boxes import Box, send
from bench.chaos.sites import EMBEDDED, Site
from bench.servers.mongodb import Member
from synergy.core.structs import Struct

#: A step of the clock, in seconds. On one machine leases are judged by the clock that steps: a step
#: back delays a rescue by as much, so it is a small one there.
_STEPS_PRODUCTION: Final = (-3600, -90, 90, 3600)
_STEPS_EMBEDDED: Final = (-12, -4, 30, 3600)
_BALLAST_CHUNK: Final = 256 * 1024


class Scope(Struct, frozen=True, kw_only=True):
    """What a fault hit: a box, a process on it, the process ids that died; empty is everything."""

    box: str | None = None
    process: str | None = None
    pids: frozenset[int] = frozenset()
    leader: str | None = None


class Fault(Struct, frozen=True, kw_only=True):
    """A fault that was begun. seconds: how long it lasts. end: undoes it; None: over at once."""

    kind: str
    text: str
    scope: Scope = Scope()
    seconds: float = 0.0
    end: Callable[[], object] | None = None


#: Begins a fault; None when there is nothing to do it to just now.
Begin = Callable[[Site, Random, str | None], Fault | None]


def kinds_of(site: Site) -> Mapping[str, Begin]:
    """Return the faults that are possible at a site, by kind."""
    found: dict[str, Begin] = {
        'kill leader': _kill_leader,
        'kill standby': _kill_standby,
        'kill worker': _kill_worker,
        'kill supervisor': _kill_supervisor,
        'lose box': _lose_box,
        'freeze leader': _freeze_leader,
        'freeze worker': _freeze_worker,
        'freeze supervisor': _freeze_supervisor,
    }
    if site.clocks:
        found['clock step'] = _step_clock
    if site.disk is not None and 'disk full' not in site.left_out:
        found['disk full'] = _fill_disk
    if site.mongo is not None:
        found |= {
            'kill primary': _kill_primary,
            'kill secondary': _kill_secondary,
            'freeze primary': _freeze_primary,
        }
    if site.rabbit is not None:
        found |= {
            'restart broker': _restart_broker,
            'close connections': _close_connections,
            'memory alarm': _alarm,
        }
    if site.network is not None:
        found['network cut'] = _cut
    return found


def resource_of(kind: str) -> str:
    """Return what a kind of fault needs for itself: no two such at the same time."""
    if kind in ('kill primary', 'kill secondary', 'freeze primary'):
        return 'mongod'
    if kind in ('restart broker', 'close connections', 'memory alarm'):
        return 'rabbit'
    return kind


def _box_of_leader(site: Site, leader: str | None) -> Box | None:
    name = None if leader is None else leader.rpartition(':')[0]
    return next((box for box in site.boxes if box.box_id == name), None)


def _kill_leader(site: Site, _random: Random, leader: str | None) -> Fault | None:
    box = _box_of_leader(site, leader)
    pid = None if box is None else box.scheduler_pid()
    if box is None or pid is None or leader != f'{box.box_id}:{pid}':
        return None
    send(pid, signal.SIGKILL)
    return Fault(kind='kill leader', text=leader, scope=Scope(leader=leader))


def _kill_standby(site: Site, random: Random, leader: str | None) -> Fault | None:
    leading = _box_of_leader(site, leader)
    box = random.choice([box for box in site.boxes if box is not leading])
    pid = box.scheduler_pid()
    if pid is None or leading is None:
        return None
    send(pid, signal.SIGKILL)
    return Fault(kind='kill standby', text=f'{box.box_id}:{pid}', scope=Scope(box=box.box_id))


def _kill_worker(site: Site, random: Random, _leader: str | None) -> Fault | None:
    found = _some_worker(site, random)
    if found is None:
        return None
    box, process, pid = found
    send(pid, signal.SIGKILL)
    scope = Scope(box=box.box_id, process=process, pids=frozenset({pid}))
    return Fault(kind='kill worker', text=f'{process} {pid} on {box.box_id}', scope=scope)


def _kill_supervisor(site: Site, random: Random, _leader: str | None) -> Fault | None:
    box = random.choice(site.boxes)
    pid = box.supervisor_pid()
    if pid is None:
        return None
    send(pid, signal.SIGKILL)
    return Fault(kind='kill supervisor', text=f'{pid} on {box.box_id}', scope=Scope(box=box.box_id))


def _lose_box(site: Site, random: Random, leader: str | None) -> Fault | None:
    box = random.choice(site.boxes)
    pids = box.pids()
    if not pids:
        return None
    lost = leader if _box_of_leader(site, leader) is box else None
    for pid in pids:
        send(pid, signal.SIGKILL)
    scope = Scope(box=box.box_id, pids=frozenset(pids), leader=lost)
    return Fault(kind='lose box', text=f'{box.box_id}, {len(pids)} processes', scope=scope)


def _freeze_leader(site: Site, random: Random, leader: str | None) -> Fault | None:
    box = _box_of_leader(site, leader)
    pid = None if box is None else box.scheduler_pid()
    if box is None or pid is None or leader != f'{box.box_id}:{pid}':
        return None
    # Longer than the lease: a shorter one is harmless.
    return _frozen('freeze leader', pid, leader, Scope(leader=leader), random.uniform(7, 11))


def _freeze_worker(site: Site, random: Random, _leader: str | None) -> Fault | None:
    found = _some_worker(site, random)
    if found is None:
        return None
    box, process, pid = found
    scope = Scope(box=box.box_id, process=process, pids=frozenset({pid}))
    text = f'{process} {pid} on {box.box_id}'
    return _frozen('freeze worker', pid, text, scope, random.uniform(6, 9))


def _freeze_supervisor(site: Site, random: Random, _leader: str | None) -> Fault | None:
    box = random.choice(site.boxes)
    pid = box.supervisor_pid()
    if pid is None:
        return None
    scope = Scope(box=box.box_id)
    return _frozen('freeze supervisor', pid, f'{pid} on {box.box_id}', scope, random.uniform(2, 8))


def _frozen(kind: str, pid: int, text: str, scope: Scope, seconds: float) -> Fault:
    send(pid, signal.SIGSTOP)
    return Fault(
        kind=kind, text=text, scope=scope, seconds=seconds, end=lambda: send(pid, signal.SIGCONT)
    )


def _some_worker(site: Site, random: Random) -> tuple[Box, str, int] | None:
    box = random.choice(site.boxes)
    workers = list(box.workers())
    if not workers:
        return None
    process, pid = random.choice(workers)
    return box, process, pid


def _step_clock(site: Site, random: Random, _leader: str | None) -> Fault | None:
    box = random.choice(site.boxes)
    clock = site.clocks[box.box_id]
    seconds = random.choice(_STEPS_EMBEDDED if site.backend == EMBEDDED else _STEPS_PRODUCTION)
    clock.set_off(seconds)
    return Fault(
        kind='clock step',
        text=f'{seconds:+} s on {"all boxes" if site.backend == EMBEDDED else box.box_id}',
        scope=Scope(box=None if site.backend == EMBEDDED else box.box_id),
        seconds=random.uniform(5, 10),
        end=lambda: clock.set_off(0),
    )


def _fill_disk(site: Site, random: Random, _leader: str | None) -> Fault | None:
    assert site.disk is not None
    ballast = site.disk / 'ballast'
    with ballast.open('ab', buffering=0) as file:
        for size in (_BALLAST_CHUNK, 4096, 1):
            try:
                while True:
                    file.write(b'\0' * size)
            except OSError:
                continue
    return Fault(
        kind='disk full',
        text=f'{ballast.stat().st_size >> 20} MiB of ballast',
        seconds=random.uniform(3, 6),
        end=lambda: ballast.unlink(missing_ok=True),
    )


def _kill_primary(site: Site, random: Random, _leader: str | None) -> Fault | None:
    member = _primary(site)
    return None if member is None else _down('kill primary', site, random, member)


def _kill_secondary(site: Site, random: Random, _leader: str | None) -> Fault | None:
    assert site.mongo is not None
    members = site.mongo.secondaries()
    if len(members) < 2:
        return None
    return _down('kill secondary', site, random, random.choice(members))


def _down(kind: str, site: Site, random: Random, member: Member) -> Fault:
    mongo = site.mongo
    assert mongo is not None
    mongo.kill(member)
    return Fault(
        kind=kind,
        text=member.name,
        seconds=random.uniform(2, 6),
        end=lambda: mongo.restart(member),
    )


def _freeze_primary(site: Site, random: Random, _leader: str | None) -> Fault | None:
    mongo, member = site.mongo, _primary(site)
    if mongo is None or member is None:
        return None
    mongo.pause(member)
    return Fault(
        kind='freeze primary',
        text=member.name,
        seconds=random.uniform(4, 8),
        end=lambda: mongo.resume(member),
    )


def _primary(site: Site) -> Member | None:
    """Return the primary while the set is whole: one member less must leave a majority."""
    assert site.mongo is not None
    if len(site.mongo.secondaries()) < 2:
        return None
    return site.mongo.primary()


def _restart_broker(site: Site, random: Random, _leader: str | None) -> Fault | None:
    rabbit = site.rabbit
    assert rabbit is not None
    rabbit.kill()
    seconds = random.uniform(1, 4)
    return Fault(kind='restart broker', text=rabbit.uri, seconds=seconds, end=rabbit.start)


def _close_connections(site: Site, _random: Random, _leader: str | None) -> Fault | None:
    assert site.rabbit is not None
    site.rabbit.close_connections('chaos')
    return Fault(kind='close connections', text=site.rabbit.uri)


def _alarm(site: Site, random: Random, _leader: str | None) -> Fault | None:
    rabbit = site.rabbit
    assert rabbit is not None
    rabbit.memory_alarm(is_on=True)
    return Fault(
        kind='memory alarm',
        text=rabbit.uri,
        seconds=random.uniform(2, 6),
        end=lambda: rabbit.memory_alarm(is_on=False),
    )


def _cut(site: Site, random: Random, leader: str | None) -> Fault | None:
    network, box = site.network, random.choice(site.boxes)
    assert network is not None
    lost = leader if _box_of_leader(site, leader) is box else None
    network.cut(box.box_id)
    return Fault(
        kind='network cut',
        text=box.box_id,
        scope=Scope(box=box.box_id, leader=lost),
        seconds=random.uniform(4, 12),
        end=lambda: network.reconnect(box.box_id),
    )
