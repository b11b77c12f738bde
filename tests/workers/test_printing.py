"""What user code prints and logs, in a real worker: in the log of its run, all of it, bounded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from synergy.core.records import LogLine
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey
from tests.pipelines.printers import FLOOD, HOURS, LONG, PROGRESS_COUNT
from tests.system_harness import SystemHarness

#: Long enough for lines of 60 MB on a busy machine: each hour has one attempt.
LEASE = {'SYNERGY_UOW_LEASE_SECONDS': '30'}
NAMES = [work.__name__ for work in HOURS]


class Site(SystemHarness):
    """A system in which every hour was run, and what can be read of it."""

    def run_all(self) -> None:
        """Run every hour to its end, in one worker."""
        self.start('Scheduler')
        self.worker = self.start('PrintingHourly')
        for name in NAMES:
            self.wait_final(self.key_of(name))

    def key_of(self, name: str) -> JobKey:
        return self.key('PrintingHourly', f'20261101{NAMES.index(name):02}')

    def lines(self, name: str) -> list[LogLine]:
        return list(self.store.log(self.unit(self.key_of(name)).id))

    def texts(self, name: str) -> list[str]:
        return [line.text for line in self.lines(name)]

    def own(self, name: str) -> list[str]:
        """Return what the run says of itself, without its name."""
        begin = f'{name} '
        return [text.removeprefix(begin) for text in self.texts(name) if text.startswith(begin)]

    def noted(self, word: str) -> str:
        (found,) = [line for line in self.journal() if line.startswith(f'{word} ')]
        return found.removeprefix(f'{word} ')

    def log_files(self) -> str:
        files = self.home.glob('logs/printing_hourly.log*')
        return ''.join(file.read_text(errors='strict') for file in files)


@pytest.fixture(scope='module')
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp('printing') / 'home'
    with Site(home, 'tests.pipelines.printing', **LEASE) as running:
        running.run_all()
        yield running


def test_everything_is_in_the_log_of_its_run_in_order(site: Site) -> None:
    shown = site.own('in_every_way')
    # The C library may keep what is printed until the end of the run.
    assert sorted(shown) == sorted({*shown, 'by C'})
    assert [text for text in shown if text != 'by C'] == [
        'by print',
        'by number',
        'by process',
        'err',
        'by logging',
        'by buffer',
        'without an end',
    ]
    levels = {line.text: line.level for line in site.lines('in_every_way')}
    assert levels['in_every_way by process'] == 'INFO'
    assert levels['in_every_way err'] == 'WARNING'


def test_no_line_is_in_another_run(site: Site) -> None:
    for name in NAMES:
        others = [other for other in NAMES if other != name]
        strays = [
            text[:200]
            for text in site.texts(name)
            if any(f'{other} ' in text for other in others) or 'nobody' in text
        ]
        assert strays == [], name
        assert not any('LATE' in text or 'setup by' in text for text in site.texts(name))
    for how in ('print', 'number'):
        assert f'setup by {how}' in site.log_files()


def test_all_runs_were_made_by_one_process_with_as_many_threads_and_pipes_as_at_first(
    site: Site,
) -> None:
    runs = [line.split()[2:4] for line in site.journal() if line.startswith('run ')]

    assert len(runs) == len(NAMES)
    assert site.worker.poll() is None
    assert len({tuple(held) for held in runs}) == 1


def test_a_child_left_behind_costs_no_time(site: Site) -> None:
    began = [float(line.split()[-1]) for line in site.journal() if line.startswith('run ')]
    number = NAMES.index('leaves_a_child')

    assert began[number + 1] - began[number] < 3


def test_what_a_run_closes_is_there_again_in_the_next(site: Site) -> None:
    assert site.own('goes_on') == ['by print', 'err', 'by process']
    assert site.noted('stdin') == "''"


def test_progress_is_shown_newest_line_included_at_next_to_no_cost(site: Site) -> None:
    shown = site.own('shows_progress')

    assert f'{PROGRESS_COUNT} of {PROGRESS_COUNT}' in shown
    assert f'process {PROGRESS_COUNT}' in shown
    assert 'by print' in shown
    assert 10 < len(shown) < 100
    assert float(site.noted('progress')) < 3


def test_a_line_beyond_measure_is_cut_in_the_store_and_in_the_file(site: Site) -> None:
    shown = site.own('prints_at_length')

    assert len(shown) == 3
    assert [text[-30:].partition('(')[2] for text in shown] == [
        f'{LONG + 18} bytes, cut)',
        f'{LONG + 17} characters, cut)',
        f'{LONG + 18} bytes, cut)',
    ]
    assert all(len(text) <= 8000 and text.endswith('cut)') for text in shown)
    assert all(len(line) < 10_000 for line in site.log_files().splitlines())
    assert float(site.noted('length')) < 10


def test_noise_is_kept_as_text(site: Site) -> None:
    assert site.own('makes_noise') == [
        '\x00 nul \x1b[31mred\x1b[0m \\udce9 \\ud800 ünï \U0001f600',
        '\\xff\\xfe\x00 bytes \\xc3',
        '\\xe9 number',
        'caf\\udce9',
        '\\xff',
    ]


def test_of_a_flood_the_beginning_and_the_end_are_kept(site: Site) -> None:
    texts = site.texts('floods')

    assert texts[:2000] == ['floods'] * 2000
    assert texts[2000].startswith(f'... {FLOOD + 1 - 10_000:,} lines left out')
    assert texts[2001:-1] == ['floods'] * 7999
    assert texts[-1] == 'floods no more'
    assert float(site.noted('flood')) < 10


def test_a_wrong_log_call_is_told_and_the_run_goes_on(site: Site) -> None:
    texts = site.texts('logs_wrongly')

    assert texts.count('--- Logging error ---') == 2
    assert 'logs_wrongly right' in texts
    assert any('not str' in text or 'number is required' in text for text in texts)


def test_a_failure_is_told_whatever_became_of_logging(site: Site) -> None:
    assert site.texts('logs_wrongly')[-1] == 'LookupError: logs_wrongly failed'
    assert 'LookupError: logs_wrongly failed' in site.log_files()


def test_the_next_run_logs_again(site: Site) -> None:
    texts = site.texts('logs_again')

    assert texts[0] == 'logs_again right'
    assert any('UserWarning: logs_again warned' in text for text in texts)
    assert texts[-1] == 'logs_again formatted by basicConfig'
    assert site.texts('exits_well')[0] == 'exits_well'


@pytest.mark.parametrize('name', ['exits_well', 'quits'])
def test_exit_zero_is_a_success_said_loudly(site: Site, name: str) -> None:
    *_, last = site.lines(name)

    assert site.state(site.key_of(name)) is JobState.PROCESSED
    assert last.level == 'WARNING'
    assert 'sys.exit(0)' in last.text


def test_an_exit_with_a_text_is_a_failure_with_that_text(site: Site) -> None:
    unit = site.unit(site.key_of('exits_badly'))

    assert unit.state is UnitState.DEAD
    assert unit.error == 'SystemExit: exits_badly: no disk'


def test_standard_output_is_a_full_text_stream(site: Site) -> None:
    shown = site.own('uses_streams')

    assert json.loads(site.noted('streams')) == {
        'fileno': 1,
        'err': 2,
        'isatty': False,
        'encoding': 'utf-8',
        'errors': 'backslashreplace',
        'writable': True,
        'readable': False,
        'line_buffering': True,
        'name': '<stdout>',
        'mode': 'w',
        'dunder': True,
        'closed': False,
    }
    assert shown == ['stdout', 'stderr', 'redirected', '\\xe9', 'a', 'b']
    assert 'uses_streams-1-2' in site.texts('uses_streams')
    assert any('most recent call first' in text for text in site.texts('uses_streams'))


def test_forked_children_and_threads_print_and_log_for_the_run(site: Site) -> None:
    levels = {line.text: line.level for line in site.lines('forks')}

    assert levels['forks parent'] == levels['forks child print'] == 'INFO'
    assert levels['forks child logs'] == levels['forks thread'] == 'INFO'
    assert levels['ERROR: forks child fails'] == 'WARNING'
    assert site.log_files().count('forks child logs') == 1


def test_nothing_is_printed_past_the_log(site: Site) -> None:
    printed = (site.home / 'PrintingHourly.out').read_text()

    assert printed == ''


def test_both_stores_keep_the_noise(tmp_path: Path, pair: Mapping[str, str]) -> None:
    with Site(tmp_path / 'home', 'tests.pipelines.printing', **pair, **LEASE) as running:
        running.run_all()

        test_noise_is_kept_as_text(running)
        test_no_line_is_in_another_run(running)
        test_of_a_flood_the_beginning_and_the_end_are_kept(running)
