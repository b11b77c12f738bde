#!/usr/bin/env bash
# Drop the messages of all queues of the context. The Scheduler rings again for what nobody claimed.
set -euo pipefail
exec "$(dirname "$0")/../launch.py" mq purge --all --yes
