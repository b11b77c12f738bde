"""The log that was written to last is the one that opens."""

from __future__ import annotations

import os

from tests.mx.dashboard_harness import DashboardHarness


def test_the_log_with_the_newest_lines_opens(pages: DashboardHarness) -> None:
    folder = pages.runtime.settings.log_directory
    (folder / 'a_first.log').write_text('old line\n')
    (folder / 'z_last.log').write_text('new line\n')
    os.utime(folder / 'a_first.log', (1, 1))
    os.utime(folder / 'mx.log', (1, 1))

    assert 'new line' in pages.get('/logs').text
    assert 'old line' in pages.get('/logs?file=a_first.log').text
