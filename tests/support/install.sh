#!/usr/bin/env bash
# `make install` and `make uninstall`: one list of what goes where, so that the two agree.
#
#   install.sh install|uninstall BUILD DESTDIR PREFIX
set -euo pipefail
cd "$(dirname "$0")/../.."
what=$1 build=$2 dest=$3 prefix=$4

# mode, file, place
files() {
    echo "755 $build/statsd $prefix/bin/statsd"
    [ -e "$build/statsd-bench" ] && echo "755 $build/statsd-bench $prefix/bin/statsd-bench"
    echo "644 statsd.conf.example $prefix/share/doc/statsd/statsd.conf.example"
    local page
    for page in README.md CHANGELOG.md LICENSE; do
        echo "644 $page $prefix/share/doc/statsd/$page"
    done
    for page in docs/*.md; do
        [ -e "$page" ] && echo "644 $page $prefix/share/doc/statsd/docs/${page##*/}"
    done
    for page in docs/*.[1-8]; do
        [ -e "$page" ] && echo "644 $page $prefix/share/man/man${page##*.}/${page##*/}"
    done
    return 0
}

files | while read -r mode file place; do
    case $what in
    install) install -D -m "$mode" "$file" "$dest$place" ;;
    uninstall) rm -f "$dest$place" ;;
    esac
    echo "$what $dest$place"
done
[ "$what" = install ] || rmdir "$dest$prefix/share/doc/statsd/docs" "$dest$prefix/share/doc/statsd" 2>/dev/null || true
