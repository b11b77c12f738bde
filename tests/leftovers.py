"""What still runs of a test's home, found by what it was started with."""

from __future__ import annotations

from pathlib import Path

import psutil


def left_running(home: Path) -> dict[int, str]:
    """Return the processes that user code in a home has started and that run, by pid.

    Known by SYNERGY_HOME in their environment, which the processes of the product have as well:
    those have pid files. `sleep 443`, which tests start with an empty one, by its arguments.
    """
    recorded = {int(file.read_text().split()[0]) for file in home.glob('run/*.pid')}
    found = {}
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            is_own = process.environ().get('SYNERGY_HOME') == str(home)
            is_running = process.status() != psutil.STATUS_ZOMBIE
            is_own = is_own and 'synergy.cli' not in command  # The test's own commands.
            if is_running and (is_own or command == ['sleep', '443']):
                found[process.pid] = ' '.join(command)
        except (psutil.Error, OSError):
            continue
    return {pid: text for pid, text in found.items() if pid not in recorded}
