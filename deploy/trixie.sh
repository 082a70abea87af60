#!/usr/bin/env bash
# Runs a command on a fresh Debian 13 in a folder: trixie.sh [COMMAND ...]   (default: .ci/run)
# Needs root and debootstrap. The folder FOLDER is kept, so that the next run begins with its packages; the last
# commit of this clone is checked out there anew each time.
set -euo pipefail
cd "$(dirname "$0")/.."
FOLDER=${FOLDER:-/var/tmp/confplatform-trixie}
[ "$(id -u)" = 0 ] || { echo "trixie.sh: needs root, for chroot" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "trixie.sh: first: apt-get install debootstrap" >&2; exit 1; }
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/\?$')

if [ ! -e "$FOLDER/.complete" ]; then
  debootstrap --variant=minbase --include=ca-certificates,git,make,procps trixie "$FOLDER" "$mirror"
  touch "$FOLDER/.complete"
fi
rm -rf "$FOLDER/platform.new"
git clone --quiet . "$FOLDER/platform.new"
for kept in .venv var/lib; do # what bootstrap.sh has installed there before
  [ -e "$FOLDER/platform/$kept" ] || continue
  mkdir -p "$(dirname "$FOLDER/platform.new/$kept")"
  mv "$FOLDER/platform/$kept" "$FOLDER/platform.new/$kept"
done
rm -rf "$FOLDER/platform"
mv "$FOLDER/platform.new" "$FOLDER/platform"

# Namespaces of its own: the mounts and every process end with it.
export FOLDER
exec unshare --mount --pid --fork --kill-child -- bash -c '
  mount -t proc proc "$FOLDER/proc"
  # /tmp too: by files in it, test runs on one machine share out their ports.
  for bind in dev sys tmp; do mount --rbind /$bind "$FOLDER/$bind"; done
  # It reaches the network as this machine does: its name servers, and a company of its own may have signed.
  cp -L /etc/resolv.conf "$FOLDER/etc/"
  cp -L /etc/ssl/certs/ca-certificates.crt "$FOLDER/etc/ssl/certs/"
  exec chroot "$FOLDER" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 bash -c "cd /platform && \"\$@\"" - "$@"
' - "${@:-.ci/run}"
