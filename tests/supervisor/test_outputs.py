"""Files for what is printed past the logs: bounded while somebody writes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from synergy.supervisor.outputs import bound


def test_a_long_file_is_emptied_and_its_writer_goes_on(tmp_path: Path) -> None:
    file = tmp_path / 'feed_daemon.out'
    with file.open('ab') as output:
        subprocess.run(
            ['sh', '-c', 'yes noise | head -c 300000; echo last'], stdout=output, check=True
        )
        bound(file, 200_000)
        subprocess.run(['echo', 'next'], stdout=output, check=True)

    aside = tmp_path / 'feed_daemon.out.1'
    assert file.read_text() == 'next\n'
    assert aside.read_text().endswith('noise\nlast\n')
    assert aside.stat().st_size == 100_000


def test_a_short_one_is_left_alone_and_none_is_nothing(tmp_path: Path) -> None:
    file = tmp_path / 'feed_daemon.out'
    bound(file, 10)
    file.write_text('short\n')

    bound(file, 10)

    assert file.read_text() == 'short\n'
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_just_above_a_small_bound_is_kept_whole(tmp_path: Path) -> None:
    file = tmp_path / 'feed_daemon.out'
    file.write_text('twelve bytes')

    bound(file, 10)

    assert (file.read_text(), (tmp_path / 'feed_daemon.out.1').read_text()) == ('', 'twelve bytes')
