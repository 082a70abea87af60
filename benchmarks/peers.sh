#!/bin/bash
# The peers that `python -m benchmarks im` measures beside us: ejabberd and Prosody, from Debian's packages.
# Installed only; no service of theirs is started, now or later: the benchmark runs private ones.
set -euo pipefail

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
grep -q 'exit 101' "$policy" || { echo "$policy lets services start; stop them from it first" >&2; exit 1; }

export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends --no-upgrade \
    ejabberd erlang-p1-mysql prosody lua-dbi-mysql
