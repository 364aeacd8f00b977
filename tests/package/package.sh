#!/usr/bin/env bash
# `make package-test`: the packages in a bare Debian of this machine's suite: installed, used, upgraded from a version before, removed,
# purged; first without systemd, then with a systemd as process 1.
#
#   package.sh DEB       DEB: where `make deb` put the packages
#
# Environment: APT_SOURCES: a file of apt's sources, in place of this machine's.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
deb=$(realpath "$1")
# shellcheck source-path=SCRIPTDIR source=root.sh
. tests/package/root.sh

lacking=$(root_needs)
if [ -n "$lacking" ]; then root_skip package "$lacking"; exit; fi
tests/support/deb.sh older "$deb" || exit 1

began=$SECONDS
work=$(mktemp -d -p build package.XXXXXX)
root=$PWD/$work/root
trap 'root_halt; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
say() { printf 'package: %3d s  %s\n' $((SECONDS - began)) "$*"; }
die() { say "FAILED: $*"; exit 1; }

say "making a bare root"
root_make "$root" --include=systemd-standalone-sysusers,curl,procps || die "mmdebstrap"
mkdir -p "$root/srv/older" "$root/srv/newer"
cp "$deb"/older/statsd{,-bench}_*.deb "$root/srv/older/"
cp "$deb"/statsd{,-bench}_*.deb "$root/srv/newer/"
cp -r debian/tests "$root/srv/tests"
cp tests/package/inside.sh "$root/srv/"
# What systemd.md says of a service that runs is done there to the letter.
sed -n '/^Where the service runs already/,/^|/s/^    //p' docs/systemd.md >"$root/srv/sockets"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
# What the packages depend on, and systemd for the second part; from here on no network is needed, and none is there.
root_run "$root" bash -c 'apt-get update -qq && apt-get install -qq -y --no-install-recommends --download-only /srv/newer/*.deb &&
    apt-get install -qq -y --no-install-recommends --download-only systemd systemd-sysv' >"$work/log" 2>&1 || { cat "$work/log"; die "apt-get"; }

say "without systemd"
root_alone "$root" /srv/inside.sh bare || die "without systemd"

say "with systemd"
root_alone "$root" apt-get install -qq -y --no-install-recommends systemd systemd-sysv >"$work/log" 2>&1 || { cat "$work/log"; die "apt-get"; }
rm "$root/usr/sbin/policy-rc.d"
if root_boot "$root"; then
    root_in /srv/inside.sh systemd || die "with systemd"
    say "all of it passed"
else
    root_skip package "no systemd starts here as process 1 of namespaces ($(tail -n 1 "$root.console"))" || exit
    say "passed, without systemd alone"
fi
