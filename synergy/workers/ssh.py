"""A command on another host, over SSH, that never outlives what it was started for.

The command line over there is a constant; everything else goes through the standard input of the
SSH client: a watch script, then the environment and the command, then a sign of life every two
seconds. What the command prints is output and nothing else: nothing is read from it.

The script runs the command in a session of its own, with a mark in its environment. When the
command has ended, when the input ends (the client or the worker was killed, the connection broke),
or when there was no sign of life for ten seconds (the network is cut, the worker's machine is
gone), it ends the session and whatever carries the mark: SIGTERM, two seconds, SIGKILL. It needs a
POSIX shell, `setsid` and Linux's /proc. Values are never on a command line, where `ps` shows them.
"""

from __future__ import annotations

import os
import secrets
import shlex
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, Final

#: Without a password prompt. Not by way of a connection that is kept for others: to end the run
#: that began it would end theirs.
_CLIENT: Final = (
    'ssh', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10', '-o', 'ControlMaster=no',
    '-o', 'ServerAliveInterval=5', '-o', 'ServerAliveCountMax=3', '-T',
)  # fmt: skip
_BEAT_SECONDS: Final = 2.0
#: Well under the lease of a unit (15 s): the next attempt must not meet this one.
_SILENCE_SECONDS: Final = 10
_GRACE_SECONDS: Final = 2
_BEAT: Final = b'.\n'
_AT_ONCE: Final = b'k\n'

#: Reads as many lines as the first one says, and runs them. One line, for any login shell.
_DOOR: Final = 'exec /bin/sh -c ' + shlex.quote(
    'IFS= read -r n || exit 255; nl=$(printf "\\n_"); nl=${nl%_}; s=; '
    'while [ "$n" -gt 0 ]; do IFS= read -r l || exit 255; s="$s$l$nl"; n=$((n-1)); done; '
    'eval "$s"'
)
#: Run after `mark`, `silence`, `grace`, `setsid` and the function `work` are set.
_WATCH: Final = r"""
exec 3<&0 </dev/null
found() {
    {
        grep -lsF "SYNERGY_SSH_RUN=$mark" /proc/[0-9]*/environ
        grep -lsE "\) [^ZX] [0-9]+ [0-9]+ $sid " /proc/[0-9]*/stat
    } | sed 's,^/proc/,,;s,/.*,,'
}
end_all() {
    left=$(found)
    if [ -n "$left" ] && [ "$1" != k ]; then
        kill -TERM $left; kill -CONT $left
        i=0
        while [ -n "$left" ] && [ "$i" -lt $((grace * 5)) ]; do
            sleep 0.2 || { sleep 1; i=$((i + 4)); }
            i=$((i + 1)); left=$(found)
        done
    fi
    i=0
    while [ -n "$left" ] && [ "$i" -lt 50 ]; do
        kill -KILL $left
        i=$((i + 1)); left=$(found)
    done
}
wait_in_vain() {
    trap 'kill "$nap"; exit' TERM
    sleep "$silence" & nap=$!
    wait "$nap"
    trap '' TERM
    end_all
}
watch() {
    how=
    while :; do
        wait_in_vain 3<&- & timer=$!
        IFS= read -r sign <&3 || break
        kill "$timer"
        [ "$sign" = k ] && how=k && break
    done
    kill "$timer"
    end_all "$how"
}
work 3<&- &
sid=$!
watch >/dev/null 2>&1 &
exec 3<&-
wait "$sid"
code=$?
left=$(found)
if [ -n "$left" ]; then
    names=
    for pid in $left; do
        { IFS= read -r name <"/proc/$pid/comm"; } 2>/dev/null && names="$names $name (pid $pid)"
    done
    end_all 2>/dev/null
    echo "the command has left processes, which were ended:$names" >&2
fi
# ksh counts signals from 256 on.
[ "$code" -le 256 ] || code=$((code - 128))
exit "$code"
"""


def client_words(host: str, port: int | None) -> tuple[str, ...]:
    """Return the command that opens the way to a host; its input is for a `Lifeline`."""
    where = () if port is None else ('-p', str(port))
    return (*_CLIENT, *where, '--', host, _DOOR)


def script_of(words: Sequence[str], folder: str | None, variables: Mapping[str, str]) -> str:
    """Return what runs a command there, quoted word by word for the shell."""
    mark = secrets.token_hex(16)
    given = {**variables, 'SYNERGY_SSH_RUN': mark}
    return '\n'.join(
        [
            f'mark={mark} silence={_SILENCE_SECONDS} grace={_GRACE_SECONDS}',
            'setsid=$(command -v setsid) || { echo "setsid is not installed here" >&2; exit 127; }',
            'work() {',
            *(f'export {name}={shlex.quote(value)}' for name, value in given.items()),
            *(() if folder is None else (f'cd {shlex.quote(folder)} || exit 1',)),
            f'exec "$setsid" {shlex.join(words)}',
            '}',
            _WATCH,
        ]
    )


class Lifeline:
    """Feeds an SSH client with a script, then with signs of life until `let_go`."""

    def __init__(self, stream: IO[Any], script: str) -> None:
        """Begin. stream: the input of the client, which is closed at the end."""
        self._stream = stream
        self._script = script
        self._is_over = threading.Event()
        self._last = b''
        self._thread = threading.Thread(target=self._feed, name='ssh', daemon=True)
        self._thread.start()

    def let_go(self, *, at_once: bool = False) -> None:
        """Have the command ended there, if it still runs; at_once: without a grace."""
        self._last = _AT_ONCE if at_once else b''
        self._is_over.set()

    def close(self) -> None:
        """Let go, and wait for the thread; call it when the client has ended."""
        self._is_over.set()
        self._thread.join(_GRACE_SECONDS)

    def _feed(self) -> None:
        script = self._script.encode(errors='surrogateescape')
        # The client ends when it likes; its exit code and its words say why.
        with suppress(OSError), self._stream:
            self._write(b'%d\n%s\n' % (script.count(b'\n') + 1, script))
            while not self._is_over.wait(_BEAT_SECONDS):
                self._write(_BEAT)
            self._write(self._last)

    def _write(self, data: bytes) -> None:
        """Write past any buffer, whether the stream takes bytes or text."""
        while data:
            data = data[os.write(self._stream.fileno(), data) :]
