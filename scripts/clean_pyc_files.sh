#!/usr/bin/env bash
# Remove compiled Python files of this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
find . -name .ve -prune -o -name '*.pyc' -print0 | xargs -0 --no-run-if-empty rm --
find . -name .ve -prune -o -type d -name __pycache__ -empty -print0 | xargs -0 --no-run-if-empty rmdir --
