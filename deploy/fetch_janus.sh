#!/usr/bin/env bash
# Unpacks Debian 12's Janus with the libraries that it needs: fetch_janus.sh FOLDER
# For Debian 13, which has no package `janus`. Nothing of the system is changed; FOLDER/usr/bin/janus starts it.
set -euo pipefail
TARGET=$1
SUITE=bookworm
# These are taken from the system: a program cannot load a second C library.
OF_THE_SYSTEM='^(libc6|libgcc-s1|libstdc\+\+6|gcc-12-base|libcrypt1|init-system-helpers|.*-data|.*-common)$'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists,archives,new}/partial
: > "$work/status"
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/\?$') \
  || { echo "no mirror of Debian in the sources of apt" >&2; exit 1; }
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] $mirror $SUITE main" > "$work/sources.list"
apt=(-q -o "Dir::State::Lists=$work/lists" -o "Dir::State::Status=$work/status" -o "Dir::Cache::Archives=$work/archives"
  -o "Dir::Cache::PkgCache=" -o "Dir::Cache::SrcPkgCache=" -o "Dir::Etc::SourceList=$work/sources.list"
  -o "Dir::Etc::SourceParts=/dev/null" -o "Dir::Etc::PreferencesParts=/dev/null" -o "APT::Sandbox::User=root")

apt-get "${apt[@]}" update
needed=$(apt-cache "${apt[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
  --no-replaces --no-enhances --no-pre-depends janus | grep '^[a-z0-9]' | sort -u)
chosen=$(grep -E '^(lib|janus$)' <<< "$needed" | grep -vE "$OF_THE_SYSTEM")
(cd "$work/archives" && apt-get "${apt[@]}" download $chosen)
for archive in "$work"/archives/*.deb; do dpkg-deb -x "$archive" "$work/new"; done
rm -rf "$work"/new/{partial,etc,usr/share,var}

libraries=$(cd "$work/new/usr/lib" && echo *-linux-gnu)
[ -d "$work/new/lib" ] && cp -a "$work/new/lib/." "$work/new/usr/lib/" && rm -rf "$work/new/lib"
mv "$work/new/usr/bin/janus" "$work/new/usr/bin/janus.program"
cat > "$work/new/usr/bin/janus" <<WRAPPER
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")
LD_LIBRARY_PATH="\$here/../lib/$libraries" exec "\$here/janus.program" "\$@"
WRAPPER
chmod 755 "$work/new/usr/bin/janus"
rm -rf "$TARGET"
mkdir -p "$(dirname "$TARGET")"
mv "$work/new" "$TARGET"
"$TARGET/usr/bin/janus" --help > /dev/null # does it start?
