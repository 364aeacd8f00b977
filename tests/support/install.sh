#!/usr/bin/env bash
# `make install` and `make uninstall`: one list of what goes where, so that the two agree.
#
#   install.sh install|uninstall BUILD DESTDIR PREFIX
set -euo pipefail
cd "$(dirname "$0")/../.."
what=$1 build=$2 dest=$3 prefix=$4

# Where zsh looks: below /usr it tells apart what comes from packages.
zsh=site-functions
[ "$prefix" != /usr ] || zsh=vendor-completions

# mode, file, place
files() {
    local page program
    for program in statsd statsd-bench; do
        # The load generator where it was built.
        [ -e "$build/$program" ] || continue
        echo "755 $build/$program $prefix/bin/$program"
        echo "644 docs/man/$program.1 $prefix/share/man/man1/$program.1"
        echo "644 contrib/completions/$program.bash $prefix/share/bash-completion/completions/$program"
        echo "644 contrib/completions/_$program $prefix/share/zsh/$zsh/_$program"
        echo "644 contrib/completions/$program.fish $prefix/share/fish/vendor_completions.d/$program.fish"
    done
    echo "644 docs/man/statsd.conf.5 $prefix/share/man/man5/statsd.conf.5"
    echo "644 statsd.conf.example $prefix/share/doc/statsd/statsd.conf.example"
    for page in README.md CHANGELOG.md LICENSE; do
        echo "644 $page $prefix/share/doc/statsd/$page"
    done
    for page in docs/*.md; do
        [ -e "$page" ] && echo "644 $page $prefix/share/doc/statsd/docs/${page##*/}"
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
