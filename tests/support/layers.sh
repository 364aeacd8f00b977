#!/usr/bin/env bash
# Checks that includes follow the arrows between rooms, that a room's private headers stay in the
# room (those of a folder in a room, src/sinks/redis/, in the folder), that the files of the rooms
# in ONE_WAY and of the load generator include each other without a circle, and that headers of one
# kind of CPU are asked for where that is the CPU.
#
#   layers.sh               check include/, src/ and bench/loadgen/
#   layers.sh --self-test   does the check itself see a violation of each kind?
set -euo pipefail

allowed_of() {
    case $1 in
    base) echo "base" ;;
    protocol) echo "protocol base" ;;
    aggregate) echo "aggregate base protocol" ;;
    tls) echo "tls base" ;;
    listen) echo "listen base protocol aggregate tls" ;;
    sinks) echo "sinks base aggregate tls" ;;
    http) echo "http base tls" ;;
    expose) echo "expose base aggregate http" ;;
    api) echo "api base aggregate http" ;;
    web) echo "web base http" ;;
    send) echo "send base" ;;
    mirror) echo "mirror base protocol aggregate send" ;;
    takeover) echo "takeover base" ;;
    sandbox) echo "sandbox base" ;;
    capture) echo "capture base" ;;
    config) echo "config base" ;;
    core) echo "core base protocol aggregate tls listen sinks expose api http capture mirror config" ;;
    explain) echo "explain base protocol aggregate expose config core" ;;
    state) echo "state base aggregate listen sinks core" ;;
    cluster) echo "cluster base protocol aggregate sinks expose http config core" ;;
    app) echo "app base protocol aggregate tls listen sinks expose api http web send mirror takeover sandbox capture config core explain state cluster" ;;
    cmd) echo "cmd base protocol aggregate tls listen sinks expose api http web send mirror takeover sandbox capture config core explain state cluster app" ;;
    *) return 1 ;;
    esac
}

ONE_WAY="base protocol aggregate tls listen sinks http expose api web send mirror takeover sandbox capture config core explain state cluster cmd app"

# The includes of a room, file to file: NAME NAME a line.  x.h, x_priv.h and x.c are one file.
includes_in() {
    { grep -rE --include='*.[ch]' "^#include \"$1/" "include/$1" "src/$1" 2>/dev/null || true; } |
        sed -E "s#^(include|src)/$1/([^:]*)\\.[ch]:.*\"$1/([^\"]*)\\.h\"#\\2 \\3#; s/_priv( |\$)/\\1/g" |
        sort -u | awk '$1 != $2'
}

# The same of the load generator, which is no room: its files include each other by the bare name.  Those of live/ know the
# others, but of these only main.c knows them.
includes_in_loadgen() {
    { grep -HE '^#include "(live/)?[a-z_]+\.h"' bench/loadgen/*.[ch] bench/loadgen/live/*.[ch] 2>/dev/null || true; } |
        sed -E 's#^bench/loadgen/(.*)\.[ch]:.*"(.*)\.h"#\1 \2#' | sort -u |
        while read -r from to; do
            case $from in live/*) [ ! -e "bench/loadgen/live/$to.h" ] || to=live/$to ;; esac
            [ "$from" = "$to" ] || echo "$from $to"
            case $from:$to in live/*:*) ;; main:*) ;; *:live/*) echo "$to $from" ;; esac
        done
}

check_circles() {
    local room bad=0 loop
    cd "$1"
    for room in $ONE_WAY loadgen; do
        loop=$({ [ "$room" = loadgen ] && includes_in_loadgen || includes_in "$room"; } | tsort 2>&1 >/dev/null) && continue
        echo "layers: files of $room include each other in a circle:" \
            "$(sed -nE 's#^tsort: ([a-z0-9_/]+)$#\1#p' <<<"$loop" | sort -u | xargs)"
        bad=1
    done
    return $bad
}

# <immintrin.h> and its like, outside of #if defined(__x86_64__) or in the #else of one.
check_cpu() {
    cd "$1"
    find include src -name '*.[ch]' -exec awk '
        FNR == 1 { depth = 0 }
        /^#[ \t]*if/ { x86[++depth] = /^#[ \t]*if defined\(__x86_64__\)$/ }
        /^#[ \t]*el/ { x86[depth] = 0 }
        /^#[ \t]*endif/ { depth-- }
        /^#[ \t]*include <[a-z0-9]*intrin\.h>/ {
            for (i = depth; i > 0 && !x86[i]; i--)
                ;
            if (i <= 0) {
                printf "layers: %s:%d: other CPUs have no such header\n", FILENAME, FNR
                bad = 1
            }
        }
        END { exit bad }' {} +
}

check_tree() {
    local top=$1 bad=0 from room allowed file line header target
    cd "$top"
    for from in include/* src/*; do
        [ -d "$from" ] || continue
        room=${from#*/}
        if ! allowed=$(allowed_of "$room"); then
            echo "layers: $from: no such room"
            bad=1
            continue
        fi
        while IFS=: read -r file line header; do
            target=${header%%/*}
            case $header in
            */*) ;;
            *)
                echo "layers: $file:$line: \"$header\": name the room, as in \"$room/$header\""
                bad=1
                continue
                ;;
            esac
            # A header with a slash that is no room's (uv/version.h) comes from outside.
            allowed_of "$target" >/dev/null || continue
            case " $allowed " in
            *" $target "*) ;;
            *)
                echo "layers: $file:$line: $room must not know $target (\"$header\")"
                bad=1
                ;;
            esac
            if [ "$target" != "$room" ] && [ ! -e "include/$header" ]; then
                echo "layers: $file:$line: \"$header\" is private to $target"
                bad=1
            fi
            case $header in
            */*/*)
                if [ "${file%/*}" != "src/${header%/*}" ] && [ ! -e "include/$header" ]; then
                    echo "layers: $file:$line: \"$header\" is private to src/${header%/*}"
                    bad=1
                fi
                ;;
            esac
            if [ "${file%%/*}" = include ] && [ ! -e "include/$header" ]; then
                echo "layers: $file:$line: a contract must not need \"$header\" of src/"
                bad=1
            fi
        done < <(grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' "$from" |
                 sed -E 's/^([^:]*):([0-9]+):[^"]*"([^"]*)".*/\1:\2:\3/')
    done
    return $bad
}

self_test() {
    local failed=0
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
    expect() {   # WHAT WANTED-STATUS FILE INCLUDE
        rm -rf "${dir:?}"/*
        mkdir -p "$dir"/{include,src}/{base,aggregate,listen,sinks,config,core,state,app,cmd} "$dir"/src/sinks/redis
        touch "$dir"/include/{base/buf,aggregate/snapshot,listen/dgram,sinks/sink,app/server}.h
        touch "$dir"/src/{aggregate/cell,sinks/redis/link,app/turn,cmd/cli}.h
        printf '#include <stdio.h>\n#include "%s"\n' "$4" >"$dir/$3"
        judge "$1" "$2"
    }
    judge() {   # WHAT WANTED-STATUS: of the tree as it stands
        local got=0
        { (check_tree "$dir") && (check_circles "$dir") && (check_cpu "$dir"); } >/dev/null || got=1
        [ $got = "$2" ] || { echo "layers: self-test: $1: wanted $2, got $got"; failed=1; }
    }
    expect "an arrow that is allowed"           0 src/sinks/sink.c      aggregate/snapshot.h
    expect "a room's own private header"        0 src/aggregate/table.c aggregate/cell.h
    expect "a header from outside"              0 src/base/buf.c        uv/version.h
    expect "a folder's own private header"      0 src/sinks/redis/sink.c sinks/redis/link.h
    expect "an arrow that goes backwards"       1 src/base/buf.c        aggregate/snapshot.h
    expect "two rooms that must not see each other" 1 src/sinks/redis/sink.c listen/dgram.h
    expect "a contract against the arrows"      1 include/base/mem.h    sinks/sink.h
    expect "a private header of another room"   1 src/listen/worker.c   aggregate/cell.h
    expect "a private header of a folder in the room" 1 src/sinks/sink.c sinks/redis/link.h
    expect "a contract that needs a private header" 1 include/aggregate/x.h aggregate/cell.h
    expect "a command that asks the daemon"     0 src/cmd/check.c       app/server.h
    expect "a command that reaches into the daemon" 1 src/cmd/check.c   app/turn.h
    expect "a daemon that knows its commands"   1 src/app/server.c      cmd/cli.h
    expect "a core that knows the daemon"       1 src/core/core_opts.c  app/server.h
    expect "a state that knows the daemon"      1 src/state/state.c     app/server.h
    expect "a config that knows what it is for" 1 src/config/config.c   sinks/sink.h
    expect "a file's own header"                0 src/aggregate/cell.c  aggregate/cell.h
    expect "a header without its room"          1 src/aggregate/table.c cell.h
    printf '#include "aggregate/a.h"\n' >"$dir/src/aggregate/b_priv.h"
    printf '#include "aggregate/b_priv.h"\n' >"$dir/src/aggregate/a.c"
    if (check_circles "$dir") >/dev/null; then
        echo "layers: self-test: a circle of two files: not seen"
        failed=1
    fi
    rm "$dir"/src/aggregate/*
    mkdir -p "$dir/bench/loadgen/live"
    touch "$dir"/bench/loadgen/{run,live/wire,live/fleet}.h
    generator() {   # WHAT WANTED-STATUS FILE INCLUDE, in bench/loadgen
        printf '#include "%s"\n' "$4" >"$dir/bench/loadgen/$3"
        judge "$1" "$2"
        : >"$dir/bench/loadgen/$3"
    }
    generator "live/ that knows the generator"       0 live/fleet.c run.h
    generator "main.c that knows live/"              0 main.c       live/fleet.h
    generator "a generator that knows live/"         1 run.c        live/fleet.h
    printf '#include "wire.h"\n' >"$dir/bench/loadgen/live/fleet.c"
    generator "a circle of two files of live/"       1 live/wire.c  fleet.h
    printf '#if defined(__x86_64__)\n#if X\n#endif\n#include <immintrin.h>\n#endif\n' >"$dir/src/base/cpu.h"
    judge "a header of one CPU, for that CPU" 0
    printf '#if defined(__x86_64__)\n#else\n#include <immintrin.h>\n#endif\n' >"$dir/src/base/cpu.h"
    judge "a header of one CPU, for the others" 1
    printf '#ifndef A\n#include <emmintrin.h>\n#endif\n' >"$dir/src/base/cpu.h"
    judge "a header of one CPU, for all" 1
    return $failed
}

case ${1:-} in
--self-test) self_test ;;
*)
    top=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
    (check_tree "$top") && (check_circles "$top") && (check_cpu "$top") || exit 1
    ;;
esac
