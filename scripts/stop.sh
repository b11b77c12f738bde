#!/usr/bin/env bash
# Stop everything on this box in order: workers finish or hand back what they work on.
set -euo pipefail
exec "$(dirname "$0")/../launch.py" stop Supervisor
