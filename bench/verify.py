"""`verify` of a million jobs with a unit each: its processor time, and its memory at the peak."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from bench.result import Result
from synergy import bootstrap
from synergy.bootstrap import PROJECT
from synergy.conf.model import Context
from synergy.core.effects import InsertUnit, SaveJob
from synergy.core.records import Job, Unit, uow_id_of
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey

_BATCH: Final = 2_500
#: Trees before this one, in the order of the context, have ten years; those behind it have one.
_SHORT_FROM: Final = 'P10'


def run(*, is_quick: bool) -> Sequence[Result]:
    """Fill a store in a new home; then verify it. is_quick: the trees of one year alone."""
    with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
        environ = {
            **os.environ,
            'SYNERGY_HOME': folder,
            'SYNERGY_CONTEXT_MODULE': 'bench.mx_context',
            'SYNERGY_LOG_LEVEL': 'WARNING',
        }
        count = _fill(environ, is_quick=is_quick)
        size = sum(file.stat().st_size for file in Path(folder).glob('store.db*'))
        command = [sys.executable, '-m', 'synergy.cli', 'verify']
        child = subprocess.Popen(command, cwd=PROJECT, env=environ, stdout=subprocess.PIPE)
        assert child.stdout is not None
        said = child.stdout.read().decode()
        child.stdout.close()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0 or 'no violation' not in said:
        raise RuntimeError(f'verify found something (exit code {child.returncode}): {said[:500]}')
    seconds, mebibytes = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    is_whole = not is_quick
    return [
        _result('jobs, with a unit each', count, 'jobs'),
        _result('on disk, a job with its unit', size / count, 'bytes', 'under 300'),
        _result('processor time', seconds, 's', 'under 15' if is_whole else None),
        _result('memory at its peak', mebibytes, 'MiB', 'under 150'),
    ]


def _result(what: str, value: float, unit: str, aim: str | None = None) -> Result:
    return Result(benchmark='verify', what=what, value=value, unit=unit, aim=aim)


def _fill(environ: dict[str, str], *, is_quick: bool) -> int:
    """Write a finished job and its unit for every interval; return how many."""
    settings, context = bootstrap.load(environ)
    count = 0
    with bootstrap.open_runtime(settings, context) as runtime:
        store = runtime.open_store()
        leadership = store.lead('bench', timedelta(days=9999))
        assert leadership is not None
        ended = _ended(context, is_quick=is_quick)
        while chosen := list(islice(ended, _BATCH)):
            count += len(chosen)
            units = [InsertUnit(unit) for _, unit in chosen]
            store.commit(leadership, [*units, *(SaveJob(job, 'processed') for job, _ in chosen)])
        store.resign(leadership)
    return count


def _ended(context: Context, *, is_quick: bool) -> Iterator[tuple[Job, Unit]]:
    for node in context.hierarchy:
        name = node.process.name
        if is_quick and name < _SHORT_FROM:
            continue
        assert node.until is not None, 'all trees have ended'
        for ordinal in range(node.first, node.until):
            key = JobKey(name, context.hierarchy.timeperiod(node, ordinal))
            at = node.calendar.end(key.timeperiod)
            unit = Unit(
                id=uow_id_of(key, 1),
                process=name,
                timeperiod=key.timeperiod,
                start=key.timeperiod,
                end=key.timeperiod.shift(1),
                run=1,
                state=UnitState.PROCESSED,
                fence=1,
                owner='bench:worker:0:1',
                created_at=at,
                started_at=at,
                finished_at=at + timedelta(seconds=1),
            )
            yield (
                Job(
                    process=name,
                    timeperiod=key.timeperiod,
                    state=JobState.PROCESSED,
                    rev=1,
                    run=1,
                    uow_id=unit.id,
                    changed_at=at,
                ),
                unit,
            )
