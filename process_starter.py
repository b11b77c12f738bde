#!/usr/bin/env python3
"""Start one process of this project by its name; the Supervisor and `launch.py start` call this."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from synergy.cli.starter import main

if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
