#!/usr/bin/env bash
# Make the virtual environment .ve, or complete it.
set -euo pipefail
exec "$(dirname "$0")/../launch.py" install
