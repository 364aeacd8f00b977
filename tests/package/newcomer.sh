#!/usr/bin/env bash
# A newcomer with a clone of the last commit in a bare Debian, who does what the pages say and nothing else: README.md (`make run` and
# what it shows beside that), docs/install.md (`make deb`, and its package), docs/tutorial-flask.md; then a look at the page, and the
# Flask dashboard's queries.  `make package-test`
#
#   newcomer.sh DEB      DEB: where `make deb` put the packages here; whether those of the bare Debian are the same is told
#
# What was to be seen is left in DEB/newcomer/: page.png (where chromium is), and log.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
deb=$(realpath "$1")
# shellcheck source-path=SCRIPTDIR source=root.sh
. tests/package/root.sh

lacking=$(root_needs)
if [ -n "$lacking" ]; then root_skip newcomer "$lacking"; exit; fi
began=$SECONDS
work=$(mktemp -d -p build newcomer.XXXXXX)
root=$PWD/$work/root
trap 'root_halt; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
say() { printf 'newcomer: %3d s  %s\n' $((SECONDS - began)) "$*"; }
die() { say "FAILED: $*"; exit 1; }

say "making a bare root"
root_make "$root" --include=systemd-standalone-sysusers,git,make || die "mmdebstrap"
mkdir -p "$deb/newcomer"
git clone -q --no-hardlinks . "$root/srv/statsd" || die "git clone"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
# What the pages will install is fetched now: later there is no network but lo.
# shellcheck disable=SC2046
root_run "$root" bash -c 'apt-get update -qq && apt-get install -qq -y --download-only --no-install-recommends '"$(
    tests/package/newcomer.py packages)" >"$work/log" 2>&1 || { cat "$work/log"; die "apt-get"; }

root_hold "$root" || die "no namespaces"

say "what the pages say"
tests/package/newcomer.py walk "$root_init" "$deb/newcomer" || { cp "$root"/srv/statsd/build/deb/work/log "$deb/newcomer/build.log" 2>/dev/null; die "what the pages say"; }
same=0 all=0
for package in "$root"/srv/statsd/build/deb/*.deb; do
    all=$((all + 1))
    if cmp -s "$package" "$deb/${package##*/}"; then same=$((same + 1)); fi
done
say "of $all packages that \`make deb\` made there, $same are the same to the byte as here (where xz or a library may have another version)"

if command -v chromium >/dev/null; then
    # It goes on for ever, as the page is live: ended after what it needs to draw.
    nsenter --target "$root_init" --net chromium --headless=new --no-sandbox --disable-gpu --user-data-dir="$work/chromium" --window-size=1280,1700 \
        --timeout=8000 --screenshot="$deb/newcomer/page.png" http://127.0.0.1:9102/ >"$work/log" 2>&1
    [ -s "$deb/newcomer/page.png" ] || { tail -n 5 "$work/log"; die "no picture of the page"; }
    say "the page, looked at: $deb/newcomer/page.png, $(stat -c %s "$deb/newcomer/page.png") bytes"
else
    root_skip newcomer "no chromium here, so no picture of the page" || exit
fi

nsenter --target "$root_init" --net tests/package/newcomer.py dashboard || die "the dashboard"
say "all of it passed"
