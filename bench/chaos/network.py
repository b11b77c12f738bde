"""A network of its own: each box in a namespace with an address, the servers beside them.

    bridge 10.x.y.1 (servers, the round) -- veth -- box one 10.x.y.2
                                         \\- veth -- box two 10.x.y.3

A cut takes the link of one box down: nothing is answered and nothing refused any more, as when
somebody pulls its cable. Needs root and `ip` of iproute2.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from types import TracebackType


class NetworkUnavailable(Exception):
    """No network can be made here; the message says why."""


class Network:
    """A bridge and a namespace for each box; all are removed when the block ends."""

    def __init__(self, box_ids: list[str]) -> None:
        """Choose names and addresses by the pid of this process; nothing is made yet."""
        number = os.getpid() % 60_000
        self._bridge = f'sych{number}'
        self._prefix = f'10.{100 + number // 250 % 100}.{number % 250}'
        self._number_by_box = {box_id: place for place, box_id in enumerate(box_ids, 2)}
        self.host = f'{self._prefix}.1'

    def __enter__(self) -> Network:
        """Make it; raise NetworkUnavailable when that is not possible."""
        if os.geteuid() != 0:
            raise NetworkUnavailable('network namespaces need root')
        if shutil.which('ip') is None or shutil.which('nsenter') is None:
            raise NetworkUnavailable('ip (package iproute2) or nsenter is not installed')
        try:
            self._make()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove it."""
        self._remove()

    def prefix_of(self, box_id: str) -> tuple[str, ...]:
        """Return what to write before a command so that it runs in the namespace of a box."""
        return ('nsenter', f'--net=/run/netns/{self._namespace(box_id)}', '--')

    def cut(self, box_id: str) -> None:
        """Pull the cable of a box."""
        _ip('link', 'set', self._link(box_id), 'down')

    def reconnect(self, box_id: str) -> None:
        """Plug it in again."""
        _ip('link', 'set', self._link(box_id), 'up')

    def _make(self) -> None:
        _ip('link', 'add', self._bridge, 'type', 'bridge')
        _ip('addr', 'add', f'{self.host}/24', 'dev', self._bridge)
        _ip('link', 'set', self._bridge, 'up')
        for box_id, number in self._number_by_box.items():
            space, link = self._namespace(box_id), self._link(box_id)
            _ip('netns', 'add', space)
            _ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space)
            _ip('link', 'set', link, 'master', self._bridge, 'up')
            _ip('-n', space, 'addr', 'add', f'{self._prefix}.{number}/24', 'dev', 'eth0')
            _ip('-n', space, 'link', 'set', 'eth0', 'up')
            _ip('-n', space, 'link', 'set', 'lo', 'up')

    def _remove(self) -> None:
        for box_id in self._number_by_box:
            # Its end of the link goes with the namespace, and the other end with it.
            _ip('netns', 'del', self._namespace(box_id), is_checked=False)
            _ip('link', 'del', self._link(box_id), is_checked=False)
        _ip('link', 'del', self._bridge, is_checked=False)

    def _namespace(self, box_id: str) -> str:
        return f'{self._bridge}-{box_id}'

    def _link(self, box_id: str) -> str:
        # Names of interfaces have at most 15 characters.
        return f'{self._bridge}b{self._number_by_box[box_id]}'


def _ip(*arguments: str, is_checked: bool = True) -> None:
    done = subprocess.run(['ip', *arguments], capture_output=True, text=True, check=False)
    if is_checked and done.returncode != 0:
        raise NetworkUnavailable(f'ip {" ".join(arguments)}: {done.stderr.strip()}')
