#!/usr/bin/env bash
# Writes requirements*.txt from requirements*.in: everything that the named packages bring in, with hashes.
# Versions that are locked already stay; `lock.sh --upgrade` looks for newer ones, `--upgrade-package NAME` for one.
set -euo pipefail
cd "$(dirname "$0")/.."
lock() {
  .venv/bin/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --custom-compile-command 'make lock' "$@"
}
lock requirements-dev.in -o requirements-dev.txt "$@"
# What runs is what was tested: both files below take their versions from the first one.
lock requirements.in -c requirements-dev.txt -o requirements.txt
lock requirements-s3.in -c requirements-dev.txt -o requirements-s3.txt
lock requirements-install.in -c requirements-dev.txt -o requirements-install.txt
