#!/usr/bin/env bash
# Runs libFuzzer targets.  What they find is kept in BUILD/corpus/NAME, from which the next run goes on; what crashes, in
# BUILD/crash/NAME-*.
#
#   fuzz.sh BUILD SECONDS NAME...          one after the other; they share the time
#   fuzz.sh --all BUILD SECONDS NAME...    each has the time, two run at once; then a table, and corpora without what others
#                                          have too.  KEEP=N in the environment: what they found goes into tests/fuzz/corpus,
#                                          the smallest first, until there are N files of a target
set -euo pipefail
cd "$(dirname "$0")/../.."
all=
[ "$1" != --all ] || { all=1; shift; }
build=$1 seconds=$2
shift 2
[ $# -gt 0 ] || { echo "fuzz: no targets in tests/fuzz" >&2; exit 1; }
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
kept_bytes_max=2048   # of a file of tests/fuzz/corpus: they are looked at by people, and run by every make test

# Run one for so many seconds.  Its words are in BUILD/NAME.log.
run_one() {   # NAME SECONDS
    local dict=()
    mkdir -p "$build/corpus/$1" "$build/crash"
    [ -d "tests/fuzz/corpus/$1" ] || { echo "fuzz: tests/fuzz/corpus/$1: no seeds" >&2; return 1; }
    [ ! -f "tests/fuzz/$1.dict" ] || dict=(-dict="tests/fuzz/$1.dict")
    # New finds go to the first directory; the seeds are only read.
    "$build/fuzzers/$1" -max_total_time="$2" -timeout=25 -rss_limit_mb=1024 -max_len=70000 -print_final_stats=1 \
        "${dict[@]}" -artifact_prefix="$build/crash/$1-" "$build/corpus/$1" "tests/fuzz/corpus/$1" >"$build/$1.log" 2>&1
}

executions() { sed -nE 's/^stat::number_of_executed_units: *//p' "$build/$1.log"; }
coverage()   { sed -nE 's/.* cov: ([0-9]+) .*/\1/p' "$build/$1.log" | tail -n 1; }
files_of()   { find "$1" -type f 2>/dev/null | wc -l; }

tell_crash() {   # NAME
    tail -n 40 "$build/$1.log"
    echo "fuzz: $1: CRASHED; the input is in $build/crash, replay it with: $build/fuzzers/$1 FILE"
}

# The local corpus without files that reach nothing that others do not.
minimise() {   # NAME
    local old=$build/corpus/$1 new=$build/corpus/$1.new
    rm -rf "$new" && mkdir -p "$new"
    if "$build/fuzzers/$1" -merge=1 -timeout=25 "$new" "$old" >"$build/$1.merge.log" 2>&1; then
        rm -rf "$old" && mv "$new" "$old"
    else
        rm -rf "$new"
    fi
}

# Those that reach more code than the seeds; how often they do so is not looked at.
keep() {   # NAME
    local seeds=tests/fuzz/corpus/$1 new=$build/kept/$1 room size file
    rm -rf "$new" && mkdir -p "$new" && cp "$seeds"/* "$new"
    "$build/fuzzers/$1" -merge=1 -use_counters=0 -timeout=25 "$new" "$build/corpus/$1" >>"$build/$1.merge.log" 2>&1 || return 0
    room=$((KEEP - $(files_of "$seeds")))
    find "$new" -type f -printf '%s %f\n' | sort -n | while read -r size file; do
        [ "$room" -gt 0 ] && [ "$size" -le $kept_bytes_max ] || break
        [ ! -e "$seeds/$file" ] || continue
        cp "$new/$file" "$seeds/$file"
        room=$((room - 1))
    done
}

table() {   # NAME...
    local name
    printf '\n%-14s %12s %9s %8s %8s\n' target executions coverage corpus crashes
    for name in "$@"; do
        printf '%-14s %12s %9s %8s %8s\n' "$name" "$(executions "$name")" "$(coverage "$name")" \
            "$(files_of "$build/corpus/$name")" "$(find "$build/crash" -name "$name-*" 2>/dev/null | wc -l)"
    done
}

failed=0
if [ -z "$all" ]; then
    each=$((seconds / $#))
    [ $each -gt 0 ] || each=1
    for name in "$@"; do
        if run_one "$name" $each; then
            echo "fuzz: $name: $(executions "$name") inputs in ${each} s, no crash"
        else
            tell_crash "$name"
            failed=1
        fi
    done
    exit $failed
fi

run_and_tell() {   # NUMBER OF NAME
    local status=0
    echo "fuzz: [$1/$2] $3 for $seconds s"
    run_one "$3" "$seconds" || status=1
    if [ $status = 0 ]; then
        minimise "$3"
        [ -z "${KEEP:-}" ] || keep "$3"
        echo "fuzz: [$1/$2] $3: $(executions "$3") inputs, no crash"
    else
        tell_crash "$3"
    fi
    return $status
}

number=0
for name in "$@"; do
    number=$((number + 1))
    [ $number -le 2 ] || wait -n || failed=1
    run_and_tell $number $# "$name" &
done
for _ in 1 2; do wait -n 2>/dev/null || [ $? = 127 ] || failed=1; done
table "$@"
exit $failed
