#!/usr/bin/env bash
# Start the Supervisor, and with it everything that belongs on this box, in the background.
set -euo pipefail
exec "$(dirname "$0")/../launch.py" start Supervisor
