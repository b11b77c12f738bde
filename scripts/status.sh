#!/usr/bin/env bash
# Show what runs on this box and how the system stands; exit 1 when no Scheduler leads.
set -uo pipefail
launch="$(dirname "$0")/../launch.py"
"$launch" query
echo
exec "$launch" status
