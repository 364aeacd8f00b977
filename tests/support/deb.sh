#!/usr/bin/env bash
# `make deb` and `make deb-check`: the packages of debian/, built in a copy, so that the tree is left as it is.
#
#   deb.sh build OUT           builds into OUT what the working tree has (what git ignores is left out), and tells what lintian says
#   deb.sh check OUT           the same twice, from two folders: the packages have to be the same to the byte
#   deb.sh older OUT           after `build`: packages of a version before, in OUT/older, for the test of an upgrade
#
# Environment: DEB_BUILD_OPTIONS=nocheck leaves the tests in C out.
set -euo pipefail
cd "$(dirname "$0")/../.."
what=$1 out=$(realpath -m "$2")

say() { printf 'deb: %s\n' "$*"; }

files() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
            if [ -e "$file" ]; then printf '%s\0' "$file"; fi
        done
    else
        find . -path ./build -prune -o -type f -print0
    fi
}

# All files have the changelog's time: a package keeps the time of a file that is older than that.  A commit that no release's tag is at has
# a version behind that release, by its time, so that apt upgrades from one commit to a later one.
copy() {   # DIR
    local epoch version commit
    epoch=$(dpkg-parsechangelog -S Timestamp)
    version=$(dpkg-parsechangelog -S Version)
    mkdir -p "$1"
    files | tar -c --null --files-from=- --mtime="@$epoch" --mode='u=rwX,go=rX' | tar -x -C "$1"
    commit=$(git describe --always --dirty --exclude '*' --abbrev=12 2>/dev/null) || return 0
    echo "$commit" >"$1/debian/commit"
    if [ "$(git describe --exact-match --match "v$version" 2>/dev/null)" = "v$version" ] && [[ $commit != *-dirty ]]; then return; fi
    version=$version+git$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y%m%d.%H%M%S).$(git rev-list --count HEAD).${commit/-/.}
    sed -i "1s/([^)]*)/($version)/" "$1/debian/changelog"
    touch -d "@$epoch" "$1/debian/changelog"
}

build() {   # DIR OUT WORDS...: of DIR/source the packages in OUT, by dpkg-buildpackage with WORDS
    local began=$SECONDS
    mkdir -p "$2"
    say "building statsd $(dpkg-parsechangelog -l "$1/source/debian/changelog" -S Version) (what it says: $1/log)"
    if ! (cd "$1/source" && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS dpkg-buildpackage -us -uc -b "${@:3}") >"$1/log" 2>&1 </dev/null; then
        tail -n 30 "$1/log" >&2
        say "dpkg-buildpackage failed (above)" >&2
        exit 1
    fi
    mv "$1"/*.deb "$1"/*.changes "$1"/*.buildinfo "$2/"
    say "built in $((SECONDS - began)) s"
}

case $what in
build)
    rm -rf "$out"
    copy "$out/work/source"
    build "$out/work" "$out"
    for package in "$out"/*.deb; do say "$(stat -c %s "$package") bytes  ${package##*/}"; done
    if command -v lintian >/dev/null; then
        say "lintian, from information on:"
        lintian --allow-root --display-info --fail-on error,warning "$out"/*.changes
        say "lintian: no error, no warning"
    else
        say "no lintian here: the packages are not checked"
        [ "${PACKAGE_TEST:-}" != all ] || exit 1
    fi
    ;;
check)
    rm -rf "$out"
    # Two lengths, so that a path that slipped in changes more than its letters; without tests, which do not change what is built.
    export DEB_BUILD_OPTIONS="nocheck ${DEB_BUILD_OPTIONS:-}"
    other=$out/another/folder/further/down
    # Both first: what is changed meanwhile is in neither.
    copy "$out/a/source"
    copy "$other/source"
    build "$out/a" "$out/1"
    (umask 077 && TZ=Pacific/Auckland LC_ALL=C HOME=/nonexistent build "$other" "$out/2")
    status=0
    for package in "$out"/1/*.deb; do
        name=${package##*/}
        if cmp -s "$package" "$out/2/$name"; then
            say "the same: $(sha256sum "$package" | cut -c 1-16) $name"
        else
            say "not the same: $name"
            status=1
        fi
    done
    [ $status = 0 ] && rm -rf "$out/a" "$out/another"
    exit $status
    ;;
older)
    # What was compiled stays, but for the files that hold the version.
    [ -d "$out/work/source" ] || { say "nothing was built in $out" >&2; exit 2; }
    sed -i '1s/(\([^)~]*\)[^)]*)/(\1~before)/' "$out/work/source/debian/changelog"
    # Another config too: an upgrade has to cope with one that both sides have changed.
    grep -q '^# As it was\.$' "$out/work/source/debian/statsd.conf" || echo '# As it was.' >>"$out/work/source/debian/statsd.conf"
    rm -rf "$out/older" "$out/work/source/debian/debhelper-build-stamp"
    DEB_BUILD_OPTIONS="nocheck ${DEB_BUILD_OPTIONS:-}" build "$out/work" "$out/older" -nc
    ;;
*) say "$what: what is that?" >&2; exit 2 ;;
esac
