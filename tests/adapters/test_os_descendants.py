"""Descendants: found and ended, however they detach themselves; tried in a process of their own."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from typing import Any

import psutil
import pytest

from synergy.bootstrap import PROJECT

PRELUDE = """
import json, os, signal, subprocess, sys, time
from datetime import timedelta
from synergy.adapters.os.descendants import OsDescendants
from synergy.adapters.os.processes import OsProcesses

found = OsDescendants()
found.adopt()

def forked(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid

def wait(is_so):
    until = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)
"""


@pytest.fixture
def mark() -> str:
    return secrets.token_hex(8)


def run(code: str, mark: str) -> Any:
    """Run code in a fresh process; fail when it, or anything that it has started, is left."""
    done = subprocess.run(
        [sys.executable, '-c', f'{PRELUDE}\n{code}'],
        env={**os.environ, 'PYTHONPATH': str(PROJECT), 'TEST_MARK': mark},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    left = marked(mark)
    for process in left:
        process.kill()
    assert done.returncode == 0, done.stderr
    assert left == []
    return json.loads(done.stdout)


def marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get('TEST_MARK') == mark:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def test_none_is_told_without_looking(mark: str) -> None:
    code = """
before = found.are_none()
child = subprocess.Popen(['sleep', '444'])
during = found.are_none()
child.kill()
wait(lambda: not found.find())
zombie = found.are_none(), list(found.children()) == [child.pid]
found.reap()
print(json.dumps([before, during, zombie, found.are_none(), list(found.children())]))
"""
    assert run(code, mark) == [True, False, [False, True], True, []]


def test_sessions_and_double_forks_do_not_lead_away(mark: str) -> None:
    code = """
def detach():
    os.setsid()
    forked(lambda: (signal.signal(signal.SIGTERM, signal.SIG_IGN), time.sleep(444)))

os.waitpid(forked(detach), 0)
subprocess.run(['sh', '-c', 'setsid nohup sleep 444 >/dev/null 2>&1 &'])
wait(lambda: len(found.find()) == 2)
names = found.end(grace=timedelta(seconds=0.2))
found.reap()
print(json.dumps([len(names), found.are_none()]))
"""
    assert run(code, mark) == [2, True]


def test_a_stopped_process_ends_in_its_grace(mark: str) -> None:
    code = """
child = subprocess.Popen(['sleep', '444'])
child.send_signal(signal.SIGSTOP)
began = time.monotonic()
found.end(grace=timedelta(seconds=20))
print(json.dumps([child.wait(), time.monotonic() - began < 10]))
"""
    assert run(code, mark) == [-15, True]


def test_what_is_kept_stays_and_what_it_starts_does_not(mark: str) -> None:
    code = """
kept = subprocess.Popen(['sh', '-c', 'sleep 444 & sleep 443'])
wait(lambda: len(found.find()) == 3)
(identity,) = [item for item in found.find() if item.pid == kept.pid]
names = found.end(kept=[identity], grace=timedelta(seconds=1))
left = found.find()
other = subprocess.Popen(['sleep', '444'])
ended = found.end(without=[other.pid])
found.reap([other.pid])
print(json.dumps([len(names), sorted(ended), other.poll()]))
other.kill()
"""
    count, ended, alive = run(code, mark)
    # The shell ends by itself once what it waits for has ended.
    assert (count, alive) == (2, None)
    assert len(ended) <= 1


def test_a_process_that_flees_by_forking_is_caught(mark: str) -> None:
    code = """
def flee():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        if os.fork():
            os._exit(0)
        time.sleep(0.005)

forked(flee)
wait(found.find)
found.end(grace=timedelta(seconds=0.1))
found.reap()
print(json.dumps(found.are_none()))
"""
    assert run(code, mark) is True


def test_what_belongs_to_nobody_is_known_by_its_mark(mark: str) -> None:
    code = f"""
environ = {{**os.environ, 'M': '{mark}/a/'}}
other = {{**os.environ, 'M': '{mark}/ab/'}}
script = ['sh', '-c', 'setsid sleep 444 >/dev/null 2>&1 & sleep 444']
spared = subprocess.Popen(script, env=environ)
first = subprocess.Popen(script, env=environ)
second = subprocess.Popen(script, env=other)
sleeps = lambda names: sum('sleep' in name for name in names)
wait(lambda: sleeps(found.find().values()) == 6)
but = [OsProcesses().identify(spared.pid)]
one = found.end_marked('M={mark}/a/', but=but, grace=timedelta(seconds=1))
poll = [child.poll() for child in (spared, first, second)]
all = found.end_marked('M={mark}/', but=but, grace=timedelta(seconds=1))
rest = found.end_marked('M={mark}/', but=[], grace=timedelta(seconds=0))
print(json.dumps([sleeps(one), poll, sleeps(all), sleeps(rest)]))
"""
    one, poll, rest, last = run(code, mark)
    assert (one, poll[0], poll[2]) == (2, None, None)
    assert (rest, last) == (2, 2)
