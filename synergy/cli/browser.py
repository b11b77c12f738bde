"""Show the dashboard where there is a screen to show it on; as a program: once it answers.

`python -m synergy.cli.browser HOST PORT URL` is a process of its own beside `launch.py up`, which
has no hand free to wait.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import webbrowser
from typing import Final

from synergy.conf.dashboard import address_of
from synergy.conf.model import Settings
from synergy.doors import PYTHON

#: A dashboard that takes longer was not started, or has failed; then nothing is shown.
PATIENCE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.3


def open_browser(settings: Settings) -> None:
    """Show the dashboard, which answers already."""
    if has_screen():
        webbrowser.open(address_of(settings))


def open_browser_soon(settings: Settings) -> None:
    """Show the dashboard as soon as it answers; return at once."""
    if not has_screen() or not settings.mx_port:
        return
    url = address_of(settings)
    host = 'localhost' if settings.mx_host in ('0.0.0.0', '::', '') else settings.mx_host
    subprocess.Popen(
        [*PYTHON, '-m', 'synergy.cli.browser', host, str(settings.mx_port), url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def has_screen() -> bool:
    """Tell whether there is a desktop to open a browser on."""
    return bool(os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'))


def main(host: str, port: int, url: str) -> int:
    """Wait until the port answers, then show the page; return 1 when it never did."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(_LOOK_SECONDS)  # noqa: TID251 - no Runtime: a program of its own
            continue
        webbrowser.open(url)
        return 0
    return 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
