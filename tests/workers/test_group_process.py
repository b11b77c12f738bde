"""A group of workers as a process: one interpreter for all, its log, and its commands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from synergy.core.exit_codes import ExitCode
from synergy.core.states import JobState
from tests.system_harness import SystemHarness

NAMES = ('NotingHourly', 'DyingHourly', 'MissingHourly')


def test_one_process_runs_all_and_a_run_that_dies_takes_its_own_child_alone(
    tmp_path: Path, pair: Mapping[str, str]
) -> None:
    # A lease that is not lost on a busy machine: each attempt counts.
    variables = {**pair, 'SYNERGY_UOW_LEASE_SECONDS': '15'}
    with SystemHarness(tmp_path / 'home', 'tests.pipelines.grouped', **variables) as system:
        system.start('Scheduler')
        worker = system.start('etl')
        ends = {name: system.wait_final(system.key(name, '2026110102')) for name in NAMES}
        assert ends == dict.fromkeys(NAMES[:2], JobState.PROCESSED) | {NAMES[2]: JobState.SKIPPED}
        # Started by its process's name, a free run of the group is run there, too.
        done = system.launch('freerun', 'run', 'Tick::one')
        assert done.returncode == ExitCode.OK, done.stderr
        system.wait_for(lambda: any('run Tick' in line for line in system.journal()), 'Tick')

        refused = system.launch('start', 'NotingHourly')
        assert refused.returncode == ExitCode.UNKNOWN
        assert 'those of the group etl run its units; name that instead, etl' in refused.stderr
        worker.terminate()
        assert worker.wait(20) == 0

        lines = [line.split() for line in system.journal()]
        pid = str(worker.pid)
        assert [line for line in lines if line[0] == 'setup'].count(['setup', NAMES[0], pid]) == 1
        setups = [line[1:] for line in lines if line[0] == 'setup']
        assert sorted(line[1:] for line in lines if line[0] == 'teardown') == sorted(
            [*setups, *[['MissingHourly', pid]] * 3]
        )
        pids = {name: {line[2] for line in lines if line[:2] == ['run', name]} for name in NAMES}
        assert pids[NAMES[0]] == {pid}
        assert len(pids[NAMES[1]] - {pid}) == 6, 'three attempts that died, and three that did not'
        key = system.key('DyingHourly', '2026110100')
        assert (system.unit(key).attempt, system.unit(key).lost_count) == (2, 0)
        log = (system.home / 'logs' / 'etl_group.log').read_text()
        assert '[NotingHourly] printed by 2026110100' in log
        assert '[DyingHourly] printed by 2026110100' in log, 'what a child prints, too'
        assert 'the process of the run ended with exit code 9 before the run did' in log
        [line] = [item.text for item in system.store.log(system.unit(system.key(NAMES[0])).id)]
        assert line == 'printed by 2026110100', 'the log of a run needs no name'
        error = system.unit(system.key('MissingHourly')).error or ''
        assert error == 'the code of its process cannot be set up: RuntimeError: no licence'
