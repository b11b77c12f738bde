#!/usr/bin/env python3
"""Drop the messages of the queues named on the command line: ./scripts/purge_queue.py QUEUE..."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LAUNCH = Path(__file__).resolve().parent.parent / 'launch.py'


def main(queues: list[str]) -> int:
    """Purge each queue; return the worst exit code."""
    if not queues or queues[0].startswith('-'):
        sys.stderr.write(f'{__doc__}\n')
        return 2
    commands = [[str(LAUNCH), 'mq', 'purge', '--yes', queue] for queue in queues]
    return max(subprocess.run(command, check=False).returncode for command in commands)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
