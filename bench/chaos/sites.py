"""Where a round takes place: boxes on one store and one broker, and what can be done to these.

    embedded     one machine: a home on a small disk of its own, store and broker files beside it
    production   MongoDB and RabbitMQ; each box a home and an address of its own

What this machine does not allow (root, namespaces, mounts, a C compiler) is left out of the faults
and named in `left_out`, which the report shows.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.chaos.boxes import Box
from bench.chaos.clocks import ClocksUnavailable, WallClock, library_in
from bench.chaos.names import (
    CONTEXT_MODULE,
    DAYS_VARIABLE,
    JOURNAL_VARIABLE,
    UNRULY_VARIABLE,
)
from bench.chaos.network import Network, NetworkUnavailable
from bench.servers.mongodb import MongoServers
from bench.servers.rabbitmq import RabbitServer

EMBEDDED, PRODUCTION = 'embedded', 'production'

#: Other than the defaults only where a short round would not see the effect otherwise; the lease of
#: the leader is the default, so that take-over times are those of production.
_SETTINGS: Final = {
    'SYNERGY_CONTEXT_MODULE': CONTEXT_MODULE,
    'SYNERGY_UOW_LEASE_SECONDS': '5',
    'SYNERGY_SWEEP_SECONDS': '2',
    'SYNERGY_STOP_GRACE_SECONDS': '2',
    'SYNERGY_RESTART_DELAY_SECONDS': '0.2',
    # Chaos may kill the same process often; that alone is no reason to give it up.
    'SYNERGY_QUICK_EXIT_SECONDS': '1',
    'SYNERGY_LOG_LEVEL': 'INFO',
}
_DISK_BYTES: Final = 48 * 1024 * 1024


@dataclass(slots=True)
class Site:
    """boxes, and what faults need. clocks: by box. disk: a folder on a disk of its own. left_out:
    kinds of faults that are not possible here, and why.
    """

    backend: str
    folder: Path
    boxes: list[Box] = field(default_factory=list)
    mongo: MongoServers | None = None
    rabbit: RabbitServer | None = None
    network: Network | None = None
    clocks: dict[str, WallClock] = field(default_factory=dict)
    disk: Path | None = None
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def journal(self) -> Path:
        """Return the file in which workers write down what they did."""
        return self.folder / 'journal'


@contextmanager
def site(backend: str, folder: Path, box_count: int, days: int) -> Iterator[Site]:
    """Make everything but start no box; all is gone when the block ends."""
    found = Site(backend, folder)
    box_ids = [f'box{number}' for number in range(1, box_count + 1)]
    with ExitStack() as resources:
        variables = {
            **_without_settings(os.environ),
            **_SETTINGS,
            JOURNAL_VARIABLE: str(found.journal),
            DAYS_VARIABLE: str(days),
            **_kept(os.environ, UNRULY_VARIABLE),
        }
        if backend == EMBEDDED:
            variables |= _make_embedded(found, resources)
        else:
            variables |= _make_production(found, box_ids, resources)
        library = None
        try:
            library = library_in(folder)
        except ClocksUnavailable as error:
            found.left_out['clock step'] = str(error)
        for box_id in box_ids:
            home = (found.disk or folder) / box_id
            home.mkdir(parents=True, exist_ok=True)
            environ = {**variables, 'SYNERGY_HOME': str(home)}
            if library is not None:
                # One machine has one clock.
                is_own = backend != EMBEDDED or not found.clocks
                clock = (
                    WallClock(folder / f'clock-{box_id}') if is_own else found.clocks[box_ids[0]]
                )
                found.clocks[box_id] = clock
                environ |= clock.variables(library)
            prefix = () if found.network is None else found.network.prefix_of(box_id)
            found.boxes.append(Box(box_id, environ, prefix, folder / f'{box_id}.out'))
        for box in found.boxes:
            resources.callback(box.stop)
        yield found


def _make_embedded(found: Site, resources: ExitStack) -> Mapping[str, str]:
    disk = found.folder / 'disk'
    disk.mkdir()
    done = subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', f'size={_DISK_BYTES}', 'synergy-chaos', str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        resources.callback(_unmount, disk)
    else:
        found.left_out['disk full'] = f'a small disk cannot be mounted: {done.stderr.strip()}'
    found.disk = disk
    return {
        'SYNERGY_STORE_URI': f'sqlite://{disk}/store.db',
        'SYNERGY_BROKER_URI': f'embedded://{disk}/broker',
    }


def _unmount(disk: Path) -> None:
    # Lazily: a process that is about to end may still have its log open.
    subprocess.run(['umount', '-l', str(disk)], check=False)


def _make_production(found: Site, box_ids: list[str], resources: ExitStack) -> Mapping[str, str]:
    try:
        found.network = resources.enter_context(Network(box_ids))
    except NetworkUnavailable as error:
        found.left_out['network cut'] = str(error)
    host = '127.0.0.1' if found.network is None else found.network.host
    found.mongo = resources.enter_context(MongoServers(host=host))
    found.rabbit = resources.enter_context(RabbitServer(host=host))
    return {
        'SYNERGY_STORE_URI': found.mongo.uri_of('chaos'),
        'SYNERGY_BROKER_URI': found.rabbit.uri,
    }


def _kept(environ: Mapping[str, str], name: str) -> Mapping[str, str]:
    return {name: environ[name]} if name in environ else {}


def _without_settings(environ: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith('SYNERGY_')}
