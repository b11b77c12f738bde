"""Throughput on MongoDB, three members, and RabbitMQ, beside the bare sequence on the same servers.

The servers are started for the benchmark, on this machine; each run has a database and a virtual
host of its own.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import throughput
from bench.names import HOURS_VARIABLE, PACE_VARIABLE
from bench.result import Result
from bench.servers.mongodb import MongoServers
from bench.servers.rabbitmq import RabbitServer

_AIM = '60 % with four workers'
_HAND_OVER_AIMS = ('under 30', None, 'under 100')


def run(*, is_quick: bool) -> Sequence[Result]:
    """Measure the bare sequence, and the pipeline with 1, 2 and 4 workers."""
    hours = 2_000 if is_quick else 10_000
    # This process reads the same context, of the same length, as those that it starts.
    os.environ[HOURS_VARIABLE] = str(hours)
    with (
        tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder,
        MongoServers() as mongo,
        RabbitServer() as rabbit,
    ):
        homes = Path(folder)

        def environ(name: str) -> Mapping[str, str]:
            return {
                **os.environ,
                'SYNERGY_HOME': str(homes / name),
                'SYNERGY_CONTEXT_MODULE': 'bench.pipeline',
                'SYNERGY_LOG_LEVEL': 'WARNING',
                'SYNERGY_STORE_URI': mongo.uri_of(f'bench_{name}'),
                'SYNERGY_BROKER_URI': rabbit.add_vhost(f'bench_{name}'),
            }

        bare = throughput.bare_sequence(environ('bare'), hours)
        runs = {
            count: throughput.pipeline(environ(str(count)), homes / str(count), hours, count)
            for count in (1, 2, 4)
        }
        paced = throughput.pipeline(
            {**environ('paced'), PACE_VARIABLE: throughput.PACE_SECONDS},
            homes / 'paced',
            hours // 4,
            2,
        )
    return [
        *throughput.results('production', bare, runs, _AIM),
        *throughput.hand_overs('production', throughput.PACED, paced, _HAND_OVER_AIMS),
    ]
