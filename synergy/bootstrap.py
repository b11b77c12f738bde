"""Wiring: the only place that names concrete adapters.

`load` reads settings and context; `open_runtime` hands out what a process needs to run with them,
and closes whatever was opened when its block ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from synergy import __version__, doors, private
from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.adapters.embedded.files import JointFile
from synergy.adapters.os.clocks import SystemClock
from synergy.adapters.os.descendants import OsDescendants
from synergy.adapters.os.processes import OsProcesses, die_with, show_as, shown_as
from synergy.adapters.secrets.values import SecretValues
from synergy.adapters.sqlite.administration import SqliteAdministration
from synergy.adapters.sqlite.store import SqliteStore
from synergy.conf import settings as conf_settings
from synergy.conf.context import load_context
from synergy.conf.errors import SettingsError
from synergy.conf.model import Context, Settings
from synergy.conf.names import SUPERVISOR_PID_FILE
from synergy.core.structs import Struct
from synergy.core.uri import without_password
from synergy.ports.administration import Administration
from synergy.ports.broker import BrokerAdmin
from synergy.ports.clock import Clock
from synergy.ports.errors import BrokerUnavailable, StoreUnavailable
from synergy.ports.one_commit import Apart, StoreAndBroker
from synergy.ports.processes import Descendants, Processes
from synergy.ports.sender import Pinger, Sender
from synergy.ports.store import Store
from synergy.ports.telemetry import LineageSink, SpanSink

__all__ = [
    'PROJECT',
    'Runtime',
    'clock',
    'die_with',
    'load',
    'load_settings',
    'narrow',
    'open_runtime',
    'project_folder',
    'show_as',
]

#: The checkout, if this package lies in one; `project_folder` is where the user's modules are.
PROJECT = doors.BESIDE


def _nobody_waits() -> None:
    """Do nothing: it is a command, not a process that others wait for."""


class Runtime(Struct, frozen=True, kw_only=True):
    """What a process of the product runs on.

    tell_up: called by it once it has begun to do what it is for.
    """

    settings: Settings
    context: Context
    clock: Clock
    processes: Processes
    descendants: Descendants
    _resources: ExitStack
    tell_up: Callable[[], None] = _nobody_waits

    def open_store(self, *, create: bool = True, busy_seconds_max: float | None = None) -> Store:
        """Return a new connection to the store, for the calling thread alone.

        busy_seconds_max: of a caller that would rather not wait as long as the settings say.
        Raises StoreUnavailable when it cannot be reached or, with `create` False, does not exist.
        """
        allowed = self.settings.store_busy_seconds_max
        patience = allowed if busy_seconds_max is None else min(busy_seconds_max, allowed)
        store = self._open_store(patience, create=create)
        self._resources.callback(store.close)
        return store

    def _open_store(self, busy_seconds_max: float, *, create: bool) -> Store:
        if is_mongodb(self.settings.store_uri):
            # Not imported for the embedded default: the driver takes time and memory.
            from synergy.adapters.mongo.store import MongoStore

            return MongoStore.open(
                self.settings.store_uri,
                busy_seconds_max=busy_seconds_max,
                log_retention=self.settings.log_retention,
                create=create,
            )
        path = self._store_path()
        if not create and not _is_there(path):
            raise StoreUnavailable(self._missing_text(path))
        return SqliteStore.open(
            path,
            clock=self.clock,
            busy_seconds_max=busy_seconds_max,
            synchronous=self.settings.sqlite_synchronous,
        )

    def _missing_text(self, path: Path) -> str:
        running = self.processes.recorded(self.settings.pid_directory / SUPERVISOR_PID_FILE)
        if running is not None:
            return (
                f'the store was deleted or moved away while the Supervisor (pid {running.pid}) '
                f'runs: there is none at {path}; put it back, with its -wal file. If it is lost, '
                './launch.py restart Supervisor begins with an empty one'
            )
        return (
            f'nothing has run here yet, or the store was moved away: there is none at {path}; '
            'start everything with ./launch.py up, set SYNERGY_HOME to the home that you mean, '
            'or put it back'
        )

    def administer_store(self, *, busy_seconds_max: float | None = None) -> Administration:
        """Return the administration of the store, whatever its version.

        busy_seconds_max: of a caller that would rather not wait as long as the settings say.
        """
        settings = self.settings
        allowed = settings.store_busy_seconds_max
        patience = allowed if busy_seconds_max is None else min(busy_seconds_max, allowed)
        administration: Administration
        if is_mongodb(settings.store_uri):
            from synergy.adapters.mongo.administration import MongoAdministration

            administration = MongoAdministration(
                settings.store_uri,
                busy_seconds_max=patience,
                log_retention=settings.log_retention,
            )
        else:
            administration = SqliteAdministration(
                _path_of(settings.store_uri, 'sqlite', 'store_uri'),
                clock=self.clock,
                busy_seconds_max=patience,
            )
        self._resources.callback(administration.close)
        return administration

    def open_both(self) -> StoreAndBroker:
        """Return connections to store and broker, for the calling thread alone.

        Where both lie in one file it is one connection, and blocks of writes are one commit.
        """
        store = self.open_store()
        if not (isinstance(store, SqliteStore) and self.are_one_file):
            return StoreAndBroker(store=store, broker=self.open_broker(), one_commit=Apart())
        broker = EmbeddedBroker.beside(
            store,
            self._bells_folder(),
            clock=self.clock,
            busy_seconds_max=self.settings.store_busy_seconds_max,
        )
        self._resources.callback(broker.close)
        return StoreAndBroker(store=store, broker=broker, one_commit=JointFile(store.file))

    def senders(self) -> Sequence[Sender]:
        """Return who sends messages of alerts."""
        # Imported here: nobody else needs TLS.
        from synergy.adapters.senders.apprise import AppriseSender
        from synergy.adapters.senders.webhook import WebhookSender

        return (WebhookSender(self.clock.now), AppriseSender())

    def pinger(self) -> Pinger:
        """Return who asks a dead man's switch for its address."""
        from synergy.adapters.senders.pinger import HttpPinger

        return HttpPinger()

    def span_sink(self) -> SpanSink:
        """Return who takes spans."""
        from synergy.adapters.senders.otlp import OtlpSink

        settings = self.settings
        assert settings.otlp_endpoint is not None, 'it is wanted'
        headers = () if settings.otlp_headers is None else settings.otlp_headers.headers
        resource = {
            'service.name': settings.mx_title or 'synergy',
            'service.version': __version__,
            'synergy.box': settings.box_id,
        }
        return OtlpSink(settings.otlp_endpoint, dict(headers), resource)

    def lineage_sink(self) -> LineageSink:
        """Return who takes events of lineage."""
        from synergy.adapters.senders.openlineage import OpenLineageSink

        settings = self.settings
        assert settings.openlineage_url is not None, 'it is wanted'
        key, headers = settings.openlineage_api_key, dict[str, str]()
        if key is not None:
            headers['Authorization'] = f'Bearer {key.value}'
        return OpenLineageSink(settings.openlineage_url, headers, settings.openlineage_namespace)

    @property
    def are_one_file(self) -> bool:
        """Tell whether messages lie in the file of the store."""
        has_file = not is_mongodb(self.settings.store_uri)
        return has_file and not is_rabbitmq(self.settings.broker_uri)

    def open_broker(self, *, create: bool = True) -> BrokerAdmin:
        """Return a new connection to the broker, for the calling thread alone.

        create: whether a store is made that is not there yet, if messages lie in it. Raises
        BrokerUnavailable when it cannot be opened.
        """
        if not create and self.are_one_file:
            path = self._store_path()
            try:
                is_there = _is_there(path)
            except StoreUnavailable as error:
                raise BrokerUnavailable(str(error)) from error
            if not is_there:
                raise BrokerUnavailable(self._missing_text(path))
        broker = self._broker()
        self._resources.callback(broker.close)
        return broker

    def _broker(self) -> BrokerAdmin:
        settings = self.settings
        if is_rabbitmq(settings.broker_uri):
            # Imported here: an installation on one machine needs no pika.
            from synergy.adapters.rabbit.broker import RabbitBroker

            return RabbitBroker(
                settings.broker_uri,
                title=f'{shown_as()} {settings.box_id}:{os.getpid()}',
                are_queues_quorum=settings.broker_quorum_queues,
            )
        return EmbeddedBroker.open(
            self._bells_folder(),
            clock=self.clock,
            busy_seconds_max=settings.store_busy_seconds_max,
            store=self._store_path() if self.are_one_file else None,
            synchronous=settings.sqlite_synchronous,
        )

    def _store_path(self) -> Path:
        return _path_of(self.settings.store_uri, 'sqlite', 'store_uri')

    def _bells_folder(self) -> Path:
        return _path_of(self.settings.broker_uri, 'embedded', 'broker_uri')


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the project's settings; raise SettingsError."""
    given = os.environ if environ is None else environ
    return conf_settings.load_settings(given, project_folder(given))


def project_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder with context.py and settings.py; see `synergy.doors`."""
    return doors.project_folder(os.environ if environ is None else environ, Path.cwd())


def load(
    environ: Mapping[str, str] | None = None, *, reads_sources: bool = True
) -> tuple[Settings, Context]:
    """Return the project's settings and context; raise SettingsError or ContextError.

    reads_sources: whether the classes that the context names are looked for; see `load_context`.
    """
    settings = load_settings(environ)
    today = clock().now().date()
    return settings, load_context(settings, reads_sources=reads_sources, today=today)


def narrow(settings: Settings) -> list[str]:
    """Make the folders of this installation private; return what was changed, in sentences.

    Raises SettingsError when one of them belongs to somebody else.
    """
    try:
        return private.narrow(settings.home, settings.project, folders_of(settings))
    except OSError as error:
        raise SettingsError((str(error),)) from error


def folders_of(settings: Settings) -> tuple[Path, ...]:
    """Return the folders, in its home or elsewhere, that this installation writes files to."""
    return tuple(sorted({settings.log_directory, settings.pid_directory}))


def clock() -> Clock:
    """Return the clock of this machine, for what needs nothing else."""
    return SystemClock()


def secret_values(runtime: Runtime) -> Callable[[str], str]:
    """Return what looks up the secrets that arguments refer to."""
    return SecretValues(os.environ, runtime.clock.monotonic)


@contextmanager
def open_runtime(settings: Settings, context: Context) -> Iterator[Runtime]:
    """Yield the runtime; what is opened through it is closed at the end of the block."""
    with ExitStack() as resources:
        yield Runtime(
            settings=settings,
            context=context,
            clock=clock(),
            processes=OsProcesses(),
            descendants=OsDescendants(),
            _resources=resources,
        )


def is_mongodb(uri: str) -> bool:
    """Tell whether a store URI names a MongoDB database."""
    return urlsplit(uri).scheme in ('mongodb', 'mongodb+srv')


def is_rabbitmq(uri: str) -> bool:
    """Tell whether a broker URI names a RabbitMQ server."""
    return urlsplit(uri).scheme in ('amqp', 'amqps')


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise StoreUnavailable(
            f'store {path} cannot be looked at ({error.strerror}); run this as the user to whom '
            'the home belongs, or set SYNERGY_HOME to the home that you mean'
        ) from error


def _path_of(uri: str, scheme: str, setting: str) -> Path:
    parts = urlsplit(uri)
    if parts.scheme != scheme:
        raise SettingsError(
            (
                f'{setting} {without_password(uri)!r} names no adapter of this version; use {scheme}:///ABSOLUTE/PATH',
            )
        )
    return Path(unquote(parts.path))
