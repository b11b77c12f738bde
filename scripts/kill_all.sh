#!/usr/bin/env bash
# End every process of this home at once, Supervisor first, and what they have started. Units in work are
# rescued at the next start.
set -uo pipefail
cd "$(dirname "$0")/.."
home="${SYNERGY_HOME:-$PWD/.synergy}"
for file in "$home/run/supervisor_daemon.pid" "$home"/run/*.pid; do
    [ -f "$file" ] || continue
    read -r pid _ < "$file" || continue
    # A pid is only trusted while its process is one of ours: pids are used again.
    if tr '\0' ' ' < "/proc/$pid/cmdline" 2> /dev/null | grep -q process_starter.py; then
        kill -KILL "$pid" && echo "killed $pid ($(basename "$file" .pid))"
    fi
    rm -f "$file"
done
# What workers have started, known by what it inherited from them.
mark="SYNERGY_INTERNAL_MARK=$(stat -c '%d %i' "$home" 2> /dev/null | xargs -r printf '%x:%x/')"
if [ "$mark" != SYNERGY_INTERNAL_MARK= ]; then
    for file in $(grep -lsF "$mark" /proc/[0-9]*/environ); do
        pid="${file#/proc/}" && pid="${pid%/environ}"
        [ "$pid" = $$ ] || kill -KILL "$pid" 2> /dev/null && echo "killed $pid (started by a run)"
    done
fi
