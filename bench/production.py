"""Throughput on MongoDB, three members, and RabbitMQ, beside the limit on the same servers.

The servers are started for the benchmark, on this machine; each run has a database and a virtual
host of its own.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bench import throughput
from bench.embedded import environ_of
from bench.limit import Limit
from bench.limit.production import measure
from bench.names import HOURS_VARIABLE, PACE_VARIABLE, PRODUCTION
from bench.result import Result
from bench.servers.mongodb import MongoServers
from bench.servers.rabbitmq import RabbitServer

#: Of the share of the limit, by workers, and of the processor time per interval, by role.
_AIMS: Final[Mapping[int | str, str]] = {
    2: 'at least 50',
    4: 'at least 65',
    'servers': 'under 5,000 with the others',
}
_HAND_OVER_AIMS: Final = ('under 20', None, None)
_ROUNDS: Final = 3


class Production:
    """Real servers: each run in a database and a virtual host of its own."""

    name = PRODUCTION

    def __init__(self, homes: Path, mongo: MongoServers, rabbit: RabbitServer) -> None:
        """Use servers that run."""
        self._homes = homes
        self._mongo = mongo
        self._rabbit = rabbit
        self._numbers = itertools.count(1)

    def limit(self, count: int) -> Limit:
        """Measure the limit."""
        vhost = self._rabbit.add_vhost(f'limit{next(self._numbers)}')
        return measure(self._mongo.uri_of('limit'), vhost, count, 1, self._pids())

    def pipeline(
        self, hours: int, worker_count: int, extra: Mapping[str, str] = MappingProxyType({})
    ) -> throughput.Throughput:
        """Run the pipeline in a new home."""
        name = f'bench_{next(self._numbers)}'
        # This process reads the same context, of the same length, as those that it starts.
        os.environ[HOURS_VARIABLE] = str(hours)
        environ = {
            **environ_of(self._homes / name),
            'SYNERGY_STORE_URI': self._mongo.uri_of(name),
            'SYNERGY_BROKER_URI': self._rabbit.add_vhost(name),
            **extra,
        }
        home = self._homes / name
        return throughput.pipeline(environ, home, hours, worker_count, self._pids())

    def _pids(self) -> Sequence[int]:
        mongod = [member.process for member in self._mongo.members]
        pids = [*(process.pid for process in mongod if process is not None), self._rabbit.pid]
        return [pid for pid in pids if pid is not None]


@contextmanager
def production() -> Iterator[Production]:
    """Start the servers; end them with the block."""
    with (
        tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder,
        MongoServers() as mongo,
        RabbitServer() as rabbit,
    ):
        yield Production(Path(folder), mongo, rabbit)


def run(*, is_quick: bool) -> Sequence[Result]:
    """Measure the limit and the pipeline with 1, 2 and 4 workers by turns."""
    hours = 1_000 if is_quick else 4_000
    with production() as servers:
        table = throughput.side_by_side(
            servers, _AIMS, hours=hours, rounds=1 if is_quick else _ROUNDS
        )
        paced = servers.pipeline(hours // 2, 2, {PACE_VARIABLE: throughput.PACE_SECONDS})
    return [
        *table,
        *throughput.hand_overs('production', throughput.PACED, paced, _HAND_OVER_AIMS),
    ]
