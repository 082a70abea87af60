#!/usr/bin/env bash
# Copies the browser libraries of the join page from npm, as package-lock.json pins them. The copies
# are committed: neither a build nor a server needs npm.
set -euo pipefail
cd "$(dirname "$0")/.."
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
TARGET=conferences/console/static/vendor
cp package.json package-lock.json "$WORK/"
npm ci --prefix "$WORK" --ignore-scripts --no-audit --no-fund --silent
mkdir -p "$TARGET"
copy() { install -m 644 "$WORK/node_modules/$1" "$TARGET/$2"; }
copy janus-gateway/npm/dist/janus.es.js janus.es.js
copy webrtc-adapter/out/adapter.js adapter.js
copy webrtc-adapter/LICENSE.md adapter.LICENSE
ls -l "$TARGET"
