#!/usr/bin/env bash
# Runs libFuzzer targets one after the other and shares the time between them.  What crashes stays in BUILD/crash-*.
#
#   fuzz.sh BUILD SECONDS NAME...
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1 total=$2
shift 2
[ $# -gt 0 ] || { echo "fuzz: no targets in tests/fuzz" >&2; exit 1; }
each=$((total / $#))
[ $each -gt 0 ] || each=1
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
failed=0
for name in "$@"; do
    mkdir -p "$build/corpus/$name" "$build/crash"
    seeds=tests/fuzz/corpus/$name
    [ -d "$seeds" ] || { echo "fuzz: $seeds: no seeds" >&2; exit 1; }
    dict=()
    [ ! -f "tests/fuzz/$name.dict" ] || dict=(-dict="tests/fuzz/$name.dict")
    # New finds go to the first directory; the seeds are only read.
    if "$build/fuzzers/$name" -max_total_time=$each -timeout=10 -rss_limit_mb=1024 -max_len=70000 -verbosity=0 -print_final_stats=1 \
        "${dict[@]}" -artifact_prefix="$build/crash/$name-" "$build/corpus/$name" "$seeds" >"$build/$name.log" 2>&1; then
        echo "fuzz: $name: $(sed -nE 's/^stat::number_of_executed_units: *//p' "$build/$name.log") inputs in ${each} s, no crash"
    else
        tail -n 40 "$build/$name.log"
        echo "fuzz: $name: CRASHED; the input is in $build/crash, replay it with: $build/fuzzers/$name FILE"
        failed=1
    fi
done
exit $failed
