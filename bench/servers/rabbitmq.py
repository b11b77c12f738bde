"""A real RabbitMQ on loopback: started in a second or a few, killed without a trace.

Everything it writes (database, logs, configuration, Erlang cookie) lies in a folder of its own,
and it listens on free ports, its name server (epmd) included, so that any number of them live
beside each other and beside one of the system. Its processes die with the process that started
them. Debian's scripts are called directly: their wrapper would change to another user.

    with RabbitServer() as server:
        connect(server.uri)
        server.kill()
        server.restart()
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final
from urllib.parse import quote

_SCRIPTS: Final = Path('/usr/lib/rabbitmq/bin')
_ERLANG: Final = Path('/usr/lib/erlang')
_START_SECONDS_MAX: Final = 60.0
_CONTROL_SECONDS_MAX: Final = 60.0
_CONFIGURATION: Final = """\
loopback_users = none
listeners.tcp.1 = {host}:{port}
vm_memory_high_watermark.relative = 0.4
disk_free_limit.absolute = 1MB
log.console = false
log.file.level = info
"""


class RabbitServerError(Exception):
    """The server could not be started or steered; the message ends with its own last words."""


def is_installed() -> bool:
    """Tell whether Debian's package rabbitmq-server is there."""
    return (_SCRIPTS / 'rabbitmq-server').exists() and shutil.which('epmd') is not None


class RabbitServer:
    """One server; a context manager. All state survives `kill` and `restart`, not `close`."""

    def __init__(
        self, folder: Path | None = None, *, port: int | None = None, host: str = '127.0.0.1'
    ) -> None:
        """Choose ports and write the configuration; start nothing.

        folder: where it keeps everything, left in place by `close`; None is a temporary one.
        """
        self.host = host
        self._is_temporary = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix='synergy-rabbitmq-'))
        self.folder.mkdir(parents=True, exist_ok=True)
        epmd_port, dist_port, free_port = _free_ports(3)
        self.port = port or free_port
        self._children: list[subprocess.Popen[bytes]] = []
        configuration = self.folder / 'rabbitmq.conf'
        configuration.write_text(_CONFIGURATION.format(host=host, port=self.port))
        (self.folder / 'enabled_plugins').write_text('[].\n')
        (self.folder / 'rabbitmq-env.conf').touch()
        self._environ = {
            'PATH': '/usr/local/bin:/usr/bin:/bin',
            'HOME': str(self.folder),
            'LANG': 'C.UTF-8',
            'ERL_EPMD_PORT': str(epmd_port),
            'ERL_EPMD_ADDRESS': '127.0.0.1',
            'RABBITMQ_NODENAME': 'rabbit@localhost',
            'RABBITMQ_DIST_PORT': str(dist_port),
            'RABBITMQ_MNESIA_BASE': str(self.folder / 'mnesia'),
            'RABBITMQ_LOG_BASE': str(self.folder / 'log'),
            'RABBITMQ_CONFIG_FILE': str(configuration),
            'RABBITMQ_CONF_ENV_FILE': str(self.folder / 'rabbitmq-env.conf'),
            'RABBITMQ_ENABLED_PLUGINS_FILE': str(self.folder / 'enabled_plugins'),
            'RABBITMQ_PID_FILE': str(self.folder / 'pid'),
            # Two schedulers that do not spin: the machine is shared with what is measured.
            'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS': '+S 2:2 +sbwt none +sbwtdcpu none '
            '+sbwtdio none -kernel inet_dist_use_interface {127,0,0,1} -start_epmd false',
            # Replaces the shell by the server, so that the child we know is the server.
            'RUNNING_UNDER_SYSTEMD': 'true',
        }

    def __enter__(self) -> RabbitServer:
        """Start it; what was begun is gone when that fails."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    @property
    def uri(self) -> str:
        """Return the URI of the default virtual host."""
        return self.uri_of('/')

    def uri_of(self, vhost: str, *, user: str = 'guest', password: str = 'guest') -> str:
        """Return the URI of a virtual host."""
        return f'amqp://{user}:{password}@{self.host}:{self.port}/{quote(vhost, safe="")}'

    @property
    def pid(self) -> int | None:
        """Return the pid of the server, None when it is down; for SIGSTOP and the like."""
        return self._children[-1].pid if self._children else None

    def start(self) -> None:
        """Start it and wait until it accepts connections; raise RabbitServerError."""
        if self._children:
            return
        if not is_installed():
            raise RabbitServerError(
                'RabbitMQ is not installed; apt-get install rabbitmq-server, '
                'or name a running one by SYNERGY_TEST_AMQP_URI'
            )
        # In the foreground, as a child: a daemon would outlive us.
        self._spawn(['epmd', '-port', self._environ['ERL_EPMD_PORT'], '-address', '127.0.0.1'])
        self._await(self._has_name_server)
        self._spawn([str(_SCRIPTS / 'rabbitmq-server')])
        self._await(self._is_answering)

    def kill(self) -> None:
        """End it at once, as kill -9 and a power cut of its machine do."""
        for child in reversed(self._children):
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self._children.clear()

    def stop(self) -> None:
        """End it in order."""
        if self._children:
            with suppress(RabbitServerError):
                self.control('stop')
            with suppress(subprocess.TimeoutExpired):
                self._children[-1].wait(20)
        self.kill()

    def restart(self) -> None:
        """Kill it, if it runs, and start it again on the same port with what it had saved."""
        self.kill()
        self.start()

    def close(self) -> None:
        """End it and remove its temporary folder; safe to call twice."""
        self.kill()
        if self._is_temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def close_connections(self, reason: str = 'closed by an operator') -> None:
        """Close every connection, as an operator or a policy does."""
        self.control('close_all_connections', reason)

    def memory_alarm(self, *, is_on: bool) -> None:
        """Raise or clear the memory alarm: publishers are blocked while it is raised."""
        self.control('set_vm_memory_high_watermark', '0' if is_on else '0.4')

    def add_vhost(self, name: str) -> str:
        """Make a virtual host that guest may use; return its URI."""
        shown = f'<<{",".join(map(str, name.encode()))}>>'
        self.evaluate(
            f'ok = rabbit_vhost:add({shown}, <<"guest">>), '
            'ok = rabbit_auth_backend_internal:set_permissions('
            f'<<"guest">>, {shown}, <<".*">>, <<".*">>, <<".*">>, <<"guest">>).'
        )
        return self.uri_of(name)

    def add_user(self, name: str, password: str, *, may: str = '.*') -> str:
        """Make a user who may configure, write and read what matches `may`; return its URI."""
        self.control('add_user', name, password)
        self.control('set_permissions', name, may, may, may)
        return self.uri_of('/', user=name, password=password)

    def evaluate(self, code: str) -> None:
        """Let the server run `code`, Erlang whose value is `ok`.

        Costs nothing, while rabbitmqctl, taken where there is no erl_call, starts an Erlang first.
        """
        caller = next(_ERLANG.glob('erts-*/bin/erl_call'), None)
        if caller is None:
            self.control('eval', code)
            return
        cookie = (self.folder / '.erlang.cookie').read_text()
        done = subprocess.run(
            [str(caller), '-sname', 'rabbit@localhost', '-c', cookie, '-e'],
            input=f'{code}\n',
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=_CONTROL_SECONDS_MAX,
        )
        if done.stdout.strip() != '{ok, ok}':
            raise RabbitServerError(f'{code}: {done.stdout.strip()} {done.stderr.strip()}')

    def control(self, *arguments: str) -> str:
        """Run one command of rabbitmqctl; return what it says. Takes about a second."""
        if not self._children:
            # Without a name server rabbitmqctl starts one, a daemon that would outlive us.
            raise RabbitServerError(f'RabbitMQ in {self.folder} is down; start it first')
        done = subprocess.run(
            [str(_SCRIPTS / 'rabbitmqctl'), '--quiet', *arguments],
            env=self._environ,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_CONTROL_SECONDS_MAX,
        )
        if done.returncode != 0:
            raise RabbitServerError(f'rabbitmqctl {" ".join(arguments)}: {done.stderr.strip()}')
        return done.stdout

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variables with which rabbitmqctl finds this server."""
        return dict(self._environ)

    def _spawn(self, command: Sequence[str]) -> None:
        with (self.folder / 'output').open('ab') as output:
            self._children.append(
                subprocess.Popen(
                    # The kernel ends them when the process that started them dies.
                    ['setpriv', '--pdeathsig', 'KILL', *command],
                    env=self._environ,
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )

    def _await(self, is_so: Callable[[], bool]) -> None:
        """Wait until `is_so`; raise RabbitServerError when the newest child ends instead."""
        give_up_at = time.monotonic() + _START_SECONDS_MAX
        while not is_so():
            if self._children[-1].poll() is not None or time.monotonic() > give_up_at:
                words = self._last_words()
                self.kill()
                raise RabbitServerError(f'RabbitMQ in {self.folder} did not start:\n{words}')
            time.sleep(0.05)

    def _has_name_server(self) -> bool:
        address = ('127.0.0.1', int(self._environ['ERL_EPMD_PORT']))
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            return False
        return True

    def _is_answering(self) -> bool:
        """Tell whether it speaks AMQP: a bad greeting is answered with its own."""
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                connection.settimeout(5)
                connection.sendall(b'AMQP\x00\x00\x00\x00')
                return connection.recv(8).startswith(b'AMQP')
        except OSError:
            return False

    def _last_words(self) -> str:
        files = [self.folder / 'output', *sorted((self.folder / 'log').glob('*.log'))]
        texts = [file.read_text(errors='replace')[-1500:] for file in files if file.exists()]
        return '\n'.join(texts)


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody uses now.

    Below those that the kernel gives to outgoing connections: a client that knocks again and again
    while the server is down could be given the server's own port, and talk to itself.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(('127.0.0.1', port))
            if port not in found:
                found.append(port)
    return found
