"""A real system for tests: processes of the operating system in a home of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Self

from synergy import bootstrap
from synergy.cli.main import main
from synergy.cli.patience import Patience
from synergy.core.records import Unit
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, ProcessName, parse
from synergy.ports.broker import REPORT_ROUTE
from synergy.ports.store import Store

PATIENCE_SECONDS = 40.0

#: Short leases and sweeps, so that a test of a rescue does not take long.
QUICK = {
    'SYNERGY_UOW_LEASE_SECONDS': '2',
    'SYNERGY_SWEEP_SECONDS': '0.5',
    'SYNERGY_LEADER_LEASE_SECONDS': '2',
    'SYNERGY_STOP_GRACE_SECONDS': '1',
    'SYNERGY_RESTART_DELAY_SECONDS': '0.1',
    # A free port, whichever: tests run beside each other.
    'SYNERGY_MX_PORT': '0',
    # A process that hangs says where, when it is aborted.
    'PYTHONFAULTHANDLER': '1',
}

#: Commands that ask the store, or for something in it, and neither start processes nor read them.
IN_PROCESS = frozenset(
    {'dead', 'freerun', 'job', 'jobs', 'log', 'reprocess', 'requests', 'skip', 'why', 'cancel'}
)


class SystemHarness:
    """Processes of one home; all are gone when the block ends."""

    def __init__(
        self, home: Path, context_module: str, *, store_uri: str | None = None, **variables: str
    ) -> None:
        """Name the home; start nothing. store_uri: None: a file in the home."""
        self.home = home
        self.environ = {
            **os.environ,
            **QUICK,
            'SYNERGY_HOME': str(home),
            'SYNERGY_CONTEXT_MODULE': context_module,
            **({} if store_uri is None else {'SYNERGY_STORE_URI': store_uri}),
            **variables,
        }
        home.mkdir(parents=True, exist_ok=True)
        self._children: list[subprocess.Popen[bytes]] = []
        self._resources = ExitStack()
        settings, self.context = bootstrap.load(self.environ)
        self.runtime = self._resources.enter_context(bootstrap.open_runtime(settings, self.context))
        self.store: Store = self.runtime.open_store()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in self._children:
            if child.poll() is None:
                child.terminate()
        for child in self._children:
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if self.environ.get('SYNERGY_BROKER_URI', '').startswith('amqp'):
            self._remove_queues()
        self._resources.close()

    def _remove_queues(self) -> None:
        """Leave nothing behind on a server that other tests use."""
        broker = self.runtime.open_broker()
        managed, freeruns = self.context.managed.values(), self.context.freeruns.values()
        routes = {entry.route for entry in managed} | {entry.route for entry in freeruns}
        for route in {REPORT_ROUTE, *routes}:
            broker.delete(route.queue)
            broker.delete(f'{route.queue}.dead')

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start a process in the foreground of this test."""
        output = (self.home / f'{name}.out').open('ab')
        with output:
            child = subprocess.Popen(
                [sys.executable, str(bootstrap.PROJECT / 'process_starter.py'), name],
                env=self.environ,
                cwd=self.home,
                stdout=output,
                stderr=output,
            )
        self._children.append(child)
        return child

    def launch(self, *arguments: str, stdin: str = '') -> subprocess.CompletedProcess[str]:
        """Run one command of launch.py to its end: in this process, but for what is about any."""
        if arguments[0] in IN_PROCESS and not stdin:
            return self._called(arguments)
        return self._run(arguments, stdin)

    def _called(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        """Call a command; a process of its own would be busy starting for most of its time."""
        streams = [TextIOWrapper(BytesIO(), 'utf-8', newline='\n') for _ in range(2)]
        before = Path.cwd(), dict(os.environ)
        os.environ.clear()
        os.environ.update(self.environ)
        os.chdir(bootstrap.PROJECT)
        try:
            with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
                try:
                    code = main(list(arguments))
                except SystemExit as end:
                    code = end.code if isinstance(end.code, int) else 1
        finally:
            os.chdir(before[0])
            os.environ.clear()
            os.environ.update(before[1])
        said = []
        for stream in streams:
            stream.seek(0)
            said.append(stream.read())
        return subprocess.CompletedProcess(arguments, code, *said)

    def _run(self, arguments: tuple[str, ...], stdin: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, '-m', 'synergy.cli', *arguments],
            env=self.environ,
            cwd=bootstrap.PROJECT,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def key(self, process: str, timeperiod: str = '2026110100') -> JobKey:
        name = ProcessName(process)
        qualifier = self.context.hierarchy.nodes[name].process.qualifier
        return JobKey(name, parse(qualifier, timeperiod))

    def state(self, key: JobKey) -> JobState:
        job = self.store.jobs([key]).get(key)
        return JobState.EMBRYO if job is None else job.state

    def unit(self, key: JobKey) -> Unit:
        """Return the newest unit of a job, waiting until there is one."""
        self.wait_for(lambda: bool(self.store.runs(key)), f'a unit of {key}')
        return self.store.runs(key)[-1]

    def journal(self) -> list[str]:
        path = self.home / 'journal'
        return path.read_text().splitlines() if path.exists() else []

    def tell(self, word: str) -> None:
        """Say a word to the workers of tests.pipelines.journal."""
        (self.home / word).touch()

    def wait_for(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait until `is_so`; fail with `what` and the logs once nothing moves for too long."""
        patience = Patience(PATIENCE_SECONDS, time.monotonic)
        while not is_so():
            is_over = patience.has_run_out(len(self.journal()))
            if is_over:
                self._dump_stacks()
            assert not is_over, f'{what} did not come about\n{self.logs()}'
            time.sleep(0.02)

    def _dump_stacks(self) -> None:
        """Abort whatever runs still: each writes to its output what its threads were doing."""
        for child in self._children:
            if child.poll() is None:
                child.send_signal(signal.SIGABRT)
                child.wait(15)

    def wait_final(self, key: JobKey) -> JobState:
        """Wait until a job is final; return its state."""
        self.wait_for(lambda: self.state(key).is_final, f'the end of {key}')
        return self.state(key)

    def logs(self) -> str:
        """Return the ends of all log files."""
        files = sorted([*self.home.glob('logs/*'), *self.home.glob('*.out')])
        return '\n'.join(f'--- {file.name}\n{file.read_text()[-4000:]}' for file in files)


def kill(child: subprocess.Popen[bytes]) -> None:
    """End a process without a word, and wait until it is gone."""
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
