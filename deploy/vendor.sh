#!/usr/bin/env bash
# Copies the browser libraries of the join page and the chat page from npm, as package-lock.json pins them. The copies
# are committed: neither a build nor a server needs npm.
set -euo pipefail
cd "$(dirname "$0")/.."
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
CALL=conferences/pages/static/vendor CHAT=im/pages/static/vendor
cp package.json package-lock.json "$WORK/"
npm ci --prefix "$WORK" --ignore-scripts --no-audit --no-fund --silent
mkdir -p "$CALL" "$CHAT"
copy() { install -m 644 "$WORK/node_modules/$1" "$2"; }
copy janus-gateway/npm/dist/janus.es.js "$CALL/janus.es.js"
copy webrtc-adapter/out/adapter.js "$CALL/adapter.js"
copy webrtc-adapter/LICENSE.md "$CALL/adapter.LICENSE"
copy @stomp/stompjs/bundles/stomp.umd.js "$CHAT/stomp.js"
sed -i '/^\/\/# sourceMappingURL=/d' "$CHAT/stomp.js" # the map is not among them
copy @stomp/stompjs/LICENSE "$CHAT/stomp.LICENSE"
# Yjs is many modules whose names a browser does not know; as one file it is loaded when notes or whiteboard are opened.
"$WORK/node_modules/.bin/esbuild" "$WORK/node_modules/yjs/dist/yjs.mjs" --bundle --minify --format=esm --target=es2022 \
  --legal-comments=none --log-level=warning --outfile="$CALL/yjs.js"
copy yjs/LICENSE "$CALL/yjs.LICENSE"
ls -l "$CALL" "$CHAT"
