#!/usr/bin/env bash
# Installs what is missing, so that the stand and the tests can run: bootstrap.sh run|dev|packages
#   run        system packages, the loopback shim, .venv with requirements.txt
#   dev        the same with requirements-dev.txt (and Chromium, unless BROWSER=0, ejabberd, and Kamailio, rtpengine
#              and baresip, unless SIP=0)
#   packages   the system packages alone (what root is asked to run when you are not root)
set -euo pipefail
cd "$(dirname "$0")/.."
MODE=${1:-run}
PATH=$PATH:/usr/sbin:/sbin
LOG=var/log/bootstrap.log
SHIM=var/lib/lo_ifaddrs.so
JANUS=var/lib/janus # where no package `janus` exists
TOOK=var/lib/bootstrap.took
PACKAGES="mariadb-server-core mariadb-client age redis-server rabbitmq-server nginx coturn"
PACKAGES+=" libmariadb-dev pkg-config gcc libc6-dev python3 python3-dev python3-venv"
[ "$MODE" = dev ] && BROWSER=${BROWSER:-1}
[ "${BROWSER:-0}" = 1 ] && PACKAGES+=" chromium"
[ "$MODE" = dev ] && XMPP=${XMPP:-1}
[ "${XMPP:-0}" = 1 ] && PACKAGES+=" ejabberd"
[ "$MODE" = dev ] && SIP=${SIP:-1}
SIP=${SIP:-0}
[ "$MODE" = dev ] && PACKAGES+=" faketime gettext" # wanted, not demanded: one test is skipped, `make translations` says so

step() { printf '  %-44s' "$1"; STEP=$1 BEGAN=$EPOCHREALTIME; }
took() { # `make test` shows the steps again at its end
  local seconds
  seconds=$(awk -v a="$BEGAN" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
  printf '%6s s\n' "$seconds"
  printf '%s\t%s\n' "$seconds" "$STEP" >> "$TOOK"
}
give_up() { printf '\nbootstrap: %s\n' "$1" >&2; exit 1; }

# Binaries are looked for, not packages: servers from elsewhere are as good.
missing_programs() {
  local program
  for program in mariadbd mariadb-install-db mariadb mariadb-dump age redis-server epmd nginx turnserver gcc pkg-config; do
    command -v "$program" >/dev/null || echo "$program"
  done
  command -v janus >/dev/null || [ -x $JANUS/usr/bin/janus ] || echo janus
  [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || echo rabbitmq-server
  pkg-config --exists libmariadb 2>/dev/null || echo libmariadb-dev
  [ -n "$(find_python)" ] || echo python3-venv
  if [ "${BROWSER:-0}" = 1 ]; then command -v chromium >/dev/null || echo chromium; fi
  if [ "${XMPP:-0}" = 1 ]; then command -v ejabberdctl >/dev/null || echo ejabberd; fi
}

# The servers by which telephones call in, and a telephone for tests.
missing_telephone_programs() {
  command -v kamailio >/dev/null || echo kamailio
  command -v rtpengine >/dev/null || echo rtpengine-daemon
  [ "$MODE" = run ] || command -v baresip >/dev/null || echo baresip-core
}

# The first interpreter that is new enough, can make a venv, and has the headers mysqlclient is built with.
find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3.11 python3 /usr/bin/python3 python3.12 python3.13; do
    command -v "$candidate" >/dev/null || continue
    "$candidate" - 2>/dev/null <<'PY' && return
import ensurepip, os, sys, sysconfig, venv
good = sys.version_info >= (3, 11) and os.path.exists(sysconfig.get_path("include") + "/Python.h")
print(sys.executable) if good else sys.exit(1)
PY
  done
}

install_packages() {
  local missing
  missing=$(missing_programs | tr '\n' ' ')
  [ -n "$missing" ] || return 0
  if [ "$missing" = "janus " ] && ! has_package janus; then fetch_janus; return; fi # needs no root
  command -v apt-get >/dev/null || give_up "not found: ${missing% }; install them (this is no Debian or Ubuntu) and run again"
  if [ "$(id -u)" != 0 ]; then
    give_up "not found: ${missing% }; run this once: sudo env BROWSER=${BROWSER:-0} XMPP=${XMPP:-0} SIP=$SIP $PWD/deploy/bootstrap.sh packages"
  fi
  step "system packages (apt)"
  forbid_services
  apt_get update || give_up "apt failed; see $LOG, mend it and run again"
  if has_package janus; then PACKAGES+=" janus"; fi
  apt_get install -y --no-install-recommends $PACKAGES \
    || give_up "apt failed; see $LOG, mend it and run again"
  allow_services
  took
  fetch_janus
  missing=$(missing_programs | tr '\n' ' ')
  [ -z "$missing" ] || give_up "still not found after apt: ${missing% }; see $LOG"
}

# `SIP=1 make up` demands them. Tests want them: where they cannot be installed, those of telephones are skipped.
install_telephone_programs() {
  local missing why=""
  [ "$SIP" = 1 ] || return 0
  missing=$(missing_telephone_programs | tr '\n' ' ')
  [ -n "$missing" ] || return 0
  if ! command -v apt-get >/dev/null; then
    why="this is no Debian or Ubuntu"
  elif [ "$(id -u)" != 0 ]; then
    why="run this once: sudo env SIP=1 $PWD/deploy/bootstrap.sh packages"
  else
    step "servers for telephones (apt)"
    forbid_services
    { apt_get update && apt_get install -y --no-install-recommends $missing; } || why="apt failed; see $LOG"
    allow_services
    took
    missing=$(missing_telephone_programs | tr '\n' ' ')
    [ -n "$missing" ] || return 0
  fi
  [ "$MODE" != run ] || give_up "SIP=1 needs ${missing% }: ${why:-still not found after apt}"
  printf 'bootstrap: no tests of telephones; not found: %s (%s)\n' "${missing% }" "${why:-also after apt}" >&2
}

has_package() { [ -n "$(apt-cache madison "$1" 2>/dev/null)" ]; }

# Debian 13 has no package `janus`: Debian 12's is unpacked into a folder of ours, with its libraries.
fetch_janus() {
  if command -v janus >/dev/null || [ -x $JANUS/usr/bin/janus ]; then return; fi
  step "Janus of Debian 12"
  deploy/fetch_janus.sh "$JANUS" >>"$LOG" 2>&1 || give_up "Janus could not be fetched; see $LOG"
  took
}

# Debian starts services on installation unless policy-rc.d forbids it: the stand touches no system service.
forbid_services() {
  [ -e /usr/sbin/policy-rc.d ] && return
  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  trap allow_services EXIT
  OUR_POLICY=1
}
allow_services() { [ -z "${OUR_POLICY:-}" ] || rm -f /usr/sbin/policy-rc.d; OUR_POLICY=; }

# dpkg's lock is waited for by apt itself; that of the package lists is not, hence the tries.
apt_get() {
  local try
  for try in 1 2 3 4 5 6; do
    DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" >>"$LOG" 2>&1 </dev/null && return
    tail -n 5 "$LOG" | grep -qi 'lock' || return 1
    sleep 10
  done
  return 1
}

build_shim() {
  [ "$SHIM" -nt deploy/stand/lo_ifaddrs.c ] && return
  step "loopback shim for Janus (gcc)"
  gcc -shared -fPIC -O2 -o "$SHIM.new" deploy/stand/lo_ifaddrs.c -ldl >>"$LOG" 2>&1 \
    || give_up "gcc failed; see $LOG"
  mv "$SHIM.new" "$SHIM"
  took
}

make_venv() {
  local python requirements=requirements.txt stamp want
  [ "$MODE" = dev ] && requirements=requirements-dev.txt
  stamp=.venv/.stamp-$MODE
  want=$(cat requirements.txt "$requirements" | sha256sum)
  [ "$want" = "$(cat "$stamp" 2>/dev/null)" ] && [ -x .venv/bin/python ] && return
  if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    step "virtual environment"
    python=$(find_python)
    rm -rf .venv
    "$python" -m venv .venv >>"$LOG" 2>&1 || give_up "$python could not make .venv; see $LOG"
    took
  fi
  step "python packages ($requirements)"
  .venv/bin/python -m pip install --no-input --require-hashes -r "$requirements" >>"$LOG" 2>&1 || {
    grep -m1 '^ERROR' "$LOG" >&2 || true
    give_up "pip failed; see $LOG, mend it (network? disk?) and run again"
  }
  .venv/bin/python -c 'import MySQLdb, django, celery' 2>>"$LOG" || give_up "installed, but not importable; see $LOG"
  echo "$want" > "$stamp"
  took
}

mkdir -p var/lib var/log
exec 9>var/lib/bootstrap.lock
flock -w 900 9 || give_up "another bootstrap is at work for 15 minutes; end it and run again"
rm -f "$TOOK"
[ -s "$LOG" ] && [ "$(stat -c %s "$LOG")" -gt 1000000 ] && : > "$LOG"
printf '\n=== %s %s\n' "$(date -u +%FT%TZ)" "$MODE" >> "$LOG"
install_packages
install_telephone_programs
[ "$MODE" = packages ] && exit 0
build_shim
make_venv
