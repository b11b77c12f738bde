"""The dashboard as a process: started by `process_starter.py MX`, ended by SIGTERM.

It has a process of its own so that drawing pages never delays a decision of the Scheduler, and so
that several can run, on any box. Waitress serves: a pool of threads, of which each tab that
follows live holds one, waiting.
"""

from __future__ import annotations

import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from threading import Thread
from typing import Final, Protocol

from synergy.conf.dashboard import address_of, linked_host
from synergy.conf.model import Context, Settings
from synergy.core.exit_codes import ExitCode
from synergy.core.records import CommandId
from synergy.doors import forecaster_command
from synergy.mx.app import App
from synergy.mx.live.broker_watch import BrokerWatch
from synergy.mx.live.feed import Feed
from synergy.mx.live.forecaster import Aside
from synergy.mx.live.forecasts import Forecasts, Foresees, Here
from synergy.mx.live.read_model import ReadModel
from synergy.mx.live.store_pool import StorePool
from synergy.mx.templating import environment
from synergy.mx.web.address import is_loopback, is_open, refusal_of, title_of
from synergy.mx.web.request_limits import HEADER_BYTES_MAX, SERVER_BYTES_MAX
from synergy.mx.web.security import Sessions, fresh_secret
from synergy.mx.web.server import Server, create
from synergy.mx.web.site import Site
from synergy.mx.web.viewers import ViewerSlots
from synergy.operations.foreseen import Foreseer
from synergy.ports.broker import REPORT_ROUTE, Broker, Message
from synergy.ports.clock import Clock
from synergy.ports.errors import BrokerError, PortError
from synergy.ports.store import Store
from synergy.view.alert_links import AlertLinks

logger = logging.getLogger(__name__)

#: Threads beside those that live tabs hold; of these, logins hold nine at most.
THREADS: Final = 16
#: As many as a browser holds open to one host.
CONNECTIONS_PER_VIEWER: Final = 6
#: What a trusted proxy says: whom it asks for, and over which scheme. It keeps Host as it was.
PROXY_HEADERS: Final = {'x-forwarded-for', 'x-forwarded-proto'}
#: Objects before young garbage is looked for, and how many such rounds before older garbage is.
GARBAGE_THRESHOLDS: Final = (20_000, 20, 100)
#: How long a thread may keep the others waiting: a short page asks the store a dozen times, and
#: would wait each time for one that draws a long page, or follows the store.
SWITCH_SECONDS: Final = 0.0005
#: How long a request waits for a store that is away: somebody looks at an empty page meanwhile.
STORE_SECONDS_MAX: Final = 3.0
#: How long to wait for a port that an earlier dashboard is about to leave.
BIND_SECONDS: Final = 5.0
_BIND_PAUSE: Final = 0.2


class MxRuntime(Protocol):
    """What the dashboard is started with."""

    @property
    def settings(self) -> Settings:
        """Return the settings."""
        ...

    @property
    def context(self) -> Context:
        """Return the context."""
        ...

    @property
    def clock(self) -> Clock:
        """Return the clock."""
        ...

    def open_store(self, *, create: bool = True, busy_seconds_max: float | None = None) -> Store:
        """Return a connection to the store that waits so long for it, or as the settings say.

        create: whether one that is not there is made.
        """
        ...

    def open_broker(self, *, create: bool = True) -> Broker:
        """Return a connection to the broker; create: as of the store, if messages lie in it."""
        ...


class StartedRuntime(MxRuntime, Protocol):
    """What the process of the dashboard runs on."""

    @property
    def tell_up(self) -> Callable[[], None]:
        """Return what is called once the dashboard listens."""
        ...


def start(runtime: StartedRuntime) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    settings = runtime.settings
    with closing(runtime.open_store()) as store:
        has_users, had_users = bool(store.users()), store.had_users()
        secret = store.kept_secret(fresh_secret())
    refusal = refusal_of(settings, has_users=has_users)
    if refusal is not None:
        logger.error('%s', refusal, extra={'event': 'mx_refused'})
        return ExitCode.MISCONFIGURED
    if not has_users:
        _warn_of_openness(settings, had_users=had_users)
    listening = _listen(runtime.clock, settings)
    if listening is None:
        return ExitCode.MISCONFIGURED
    site = site_of(runtime, secret, Aside(forecaster_command(), settings.project))
    server = server_of(App(site), listening)
    _stop_on_signal(site)
    sys.setswitchinterval(SWITCH_SECONDS)
    # It logs every tab that is closed.
    logging.getLogger('waitress').setLevel(logging.ERROR)
    logger.info(
        'MX serves at %s', address_of(settings, _port(listening)), extra={'event': 'started'}
    )
    site.broker.start()
    runtime.tell_up()
    Thread(target=_warm, args=(site,), name='warm', daemon=True).start()
    server.run()
    logger.info('MX stopped', extra={'event': 'stopped'})
    return ExitCode.OK


def _warm(site: Site) -> None:
    """Read the store and the templates once, so that no first page need wait for them.

    What has been read stays; looking through it for garbage now and then would only hold pages up.
    """
    try:
        with site.stores.lent() as store:
            site.model.look(store)
    except PortError as error:
        logger.warning('the first look failed: %s', error, extra={'event': 'store_down'})
    for name in site.templates.list_templates():
        site.templates.get_template(name)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def site_of(runtime: MxRuntime, secret: str, foresees: Foresees | None = None) -> Site:
    """Return what all requests share. foresees: what makes forecasts, if not this process does."""
    settings, clock = runtime.settings, runtime.clock
    model = ReadModel(runtime.context.hierarchy, clock)
    # A store that is gone is not replaced by an empty one.
    open_store = partial(runtime.open_store, create=False, busy_seconds_max=STORE_SECONDS_MAX)
    stores = StorePool(open_store)
    if foresees is None:
        foreseer = Foreseer(runtime.context.hierarchy, settings.box_vanished, clock.monotonic)
        foresees = Here(foreseer, stores.lent, clock.now)
    return Site(
        settings=settings,
        context=runtime.context,
        clock=clock,
        model=model,
        feed=Feed(model, stores, clock),
        forecasts=Forecasts(foresees, clock.monotonic),
        viewer_slots=ViewerSlots(settings.mx_viewers_max),
        broker=BrokerWatch(partial(runtime.open_broker, create=False), clock),
        stores=stores,
        sessions=Sessions(secret, settings.mx_session),
        links=AlertLinks(secret),
        templates=environment(title_of(settings), runtime.context),
        ring=_ring(runtime),
        host_names=_host_names(settings),
    )


def server_of(app: App, listening: socket.socket) -> Server:
    """Return the server on a socket; it does not run yet."""
    settings = app.site.settings
    return create(
        app,
        listening,
        threads=THREADS + settings.mx_viewers_max,
        connection_limit=CONNECTIONS_PER_VIEWER * (THREADS + settings.mx_viewers_max),
        # Numbers of connections above 1024 are beyond select().
        asyncore_use_poll=True,
        ident='',
        # Without this a body is spooled to the disk, up to a GiB, before anybody looks at it.
        max_request_body_size=SERVER_BYTES_MAX,
        max_request_header_size=HEADER_BYTES_MAX,
        # Frames of live pages are small and must not wait for more.
        send_bytes=1,
        channel_request_lookahead=1,
        trusted_proxy=settings.mx_trusted_proxy,
        trusted_proxy_headers=PROXY_HEADERS if settings.mx_trusted_proxy else set(),
        clear_untrusted_proxy_headers=True,
    )


def _warn_of_openness(settings: Settings, *, had_users: bool) -> None:
    if not is_open(settings, had_users=had_users):
        logger.warning(
            'MX is CLOSED: all its users were removed; make one with ./launch.py user add NAME '
            '--role admin',
            extra={'event': 'mx_closed'},
        )
    elif not is_loopback(settings.mx_host):
        logger.warning(
            'MX is OPEN: everybody who reaches %s may change everything (mx_allow_open)',
            settings.mx_host,
            extra={'event': 'mx_open'},
        )


def _listen(clock: Clock, settings: Settings) -> socket.socket | None:
    """Return the listening socket; None, and one message in the log, when it cannot be had."""
    until = clock.monotonic() + BIND_SECONDS
    family = socket.AF_INET6 if ':' in settings.mx_host else socket.AF_INET
    while True:
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((settings.mx_host, settings.mx_port))
        except OSError as error:
            listening.close()
            if clock.monotonic() < until:
                clock.sleep(_BIND_PAUSE)
                continue
            logger.error(
                'MX cannot listen on %s port %d (%s); stop what uses it, or set mx_port in '
                'settings.py, then ./launch.py start MX',
                settings.mx_host,
                settings.mx_port,
                error.strerror or error,
                extra={'event': 'mx_port_in_use'},
            )
            return None
        return listening


def _port(listening: socket.socket) -> int:
    return int(listening.getsockname()[1])


def _host_names(settings: Settings) -> frozenset[str]:
    own = ('localhost', '127.0.0.1', '::1', settings.mx_host, socket.gethostname())
    linked = linked_host(settings)
    names = (*own, *settings.mx_host_names, *([] if linked is None else [linked]))
    return frozenset(name.lower() for name in names)


def _ring(runtime: MxRuntime) -> Callable[[CommandId], None]:
    def ring(command_id: CommandId) -> None:
        try:
            with closing(runtime.open_broker(create=False)) as broker:
                broker.declare([REPORT_ROUTE])
                broker.publish([Message(REPORT_ROUTE, {'command': command_id})])
        except BrokerError as error:
            # The Scheduler looks by itself, a few seconds later.
            logger.warning('the Scheduler could not be rung: %s', error, extra={'event': 'unrung'})

    return ring


def _stop_on_signal(site: Site) -> None:
    def on_stop(*_: object) -> None:
        site.feed.stop()
        site.broker.stop()
        site.forecasts.stop()
        # Waitress ends its loop and its threads by this.
        raise SystemExit

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_stop)
