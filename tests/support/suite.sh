#!/usr/bin/env bash
# Runs tests, says what passed, and ends with one line: N passed, N failed.  Called by the Makefile.
#
#   suite.sh PART...      PART: layers | binaries FILE... | replay FILE... | e2e | interop
#
# Environment: CC, SAN, B (build directory), PYTHON; T: words for pytest (T='-k name'); SLOW=1: the long tests too;
# UNIT_JOBS, E2E_JOBS: so many test programs, so many runs of pytest at a time (3, 3).
# The counts are left in $B/suite.count as "passed failed skipped".
set -uo pipefail
cd "$(dirname "$0")/../.."

passed=0 failed=0 skipped=0
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
san=${SAN:-}

# The first mistake ends the program, loudly.
support=$PWD/tests/support
export ASAN_OPTIONS="halt_on_error=1:detect_leaks=1:detect_stack_use_after_return=1:check_initialization_order=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
[ -f tests/support/tsan.supp ] && TSAN_OPTIONS="$TSAN_OPTIONS:suppressions=$support/tsan.supp"
[ -f tests/support/lsan.supp ] && export LSAN_OPTIONS="suppressions=$support/lsan.supp${LSAN_OPTIONS:+:$LSAN_OPTIONS}"

# Older ThreadSanitizers do not start where the kernel randomizes addresses by more than 28 bits.
aslr_off=
case ,$san, in *,thread,*) setarch -R true 2>/dev/null && aslr_off='setarch -R' ;; esac

ok()  { printf 'ok      %s\n' "$*"; }
bad() { printf 'FAILED  %s\n' "$*"; }

run_layers() {
    if { tests/support/layers.sh --self-test && tests/support/layers.sh; } >"$log/out" 2>&1; then
        ok "layers"; passed=$((passed + 1))
    else
        cat "$log/out"; bad "layers"; failed=$((failed + 1))
    fi
}

# A cmocka program tells how many of its tests passed; one that died tells nothing, and is a failure.
judge_binary() {   # FILE OUTPUT STATUS
    local name=${1#"$B"/tests/} rc=$3 p f
    p=$(sed -nE 's/^\[  PASSED  \] ([0-9]+) test.*/\1/p' "$2" | awk '{ n += $1 } END { print n + 0 }')
    f=$(sed -nE 's/^\[  FAILED  \] .*: ([0-9]+) test.*/\1/p' "$2" | awk '{ n += $1 } END { print n + 0 }')
    [ "$rc" -ne 0 ] && [ "$f" = 0 ] && f=1
    # All of them skipped by their own word (what a sanitizer cannot run) is no failure, and no pass either.
    if [ "$rc" -eq 0 ] && [ "$p" = 0 ] && grep -q ' SKIPPED TEST' "$2"; then
        printf 'skipped %s\n' "$name"
        return
    fi
    [ "$rc" -eq 0 ] && [ "$p" = 0 ] && { echo "no test ran" >>"$2"; f=1; }
    passed=$((passed + p)) failed=$((failed + f))
    if [ "$f" = 0 ]; then ok "$name ($p)"; else cat "$2"; bad "$name (status $rc)"; fi
}

start_binary() {   # NUMBER FILE
    timeout "${TEST_TIMEOUT:-300}" $aslr_off "$2" >"$log/out.$1" 2>&1 </dev/null &
    number_of[$!]=$1
}

# UNIT_JOBS at a time, told in their order: many of them wait more than they work.
run_binaries() {
    local files=("$@") number_of=() rcs=() next=0 told=0 pid rc
    while [ $told -lt $# ]; do
        while [ $next -lt $# ] && [ "$(jobs -rp | wc -l)" -lt "${UNIT_JOBS:-3}" ]; do
            start_binary $next "${files[next]}"
            next=$((next + 1))
        done
        rc=0
        wait -n -p pid || rc=$?
        rcs[number_of[pid]]=$rc
        while [ -n "${rcs[told]:-}" ]; do
            judge_binary "${files[told]}" "$log/out.$told" "${rcs[told]}"
            rm -f "$log/out.$told"
            told=$((told + 1))
        done
    done
}

run_replay() {
    local name=${1##*/} rc=0 files
    files=$(find "tests/fuzz/corpus/$name" -type f 2>/dev/null | wc -l)
    timeout "${TEST_TIMEOUT:-300}" $aslr_off "$1" "tests/fuzz/corpus/$name" >"$log/out" 2>&1 </dev/null || rc=$?
    if [ $rc = 0 ] && [ "$files" -gt 0 ]; then
        ok "corpus $name ($files files)"; passed=$((passed + 1))
    else
        cat "$log/out"; bad "corpus $name ($files files, status $rc)"; failed=$((failed + 1))
    fi
}

count_of() { sed -nE "s/.*[ =]([0-9]+) $1.*/\1/p" <<<"$last" | head -n 1; }

start_pytest() {   # PART VARIABLE=VALUE...: all that it says on standard output, its exit status
    local part=$1 slow=${E2E_SLOW:-}
    shift
    # Sanitizers make everything slower; waits, not tests, get longer.
    [ -n "$slow" ] || case ,$san, in *,thread,*) slow=6 ;; *,address,*) slow=4 ;; *) slow=1 ;; esac
    # shellcheck disable=SC2086
    env "$@" E2E_SLOW="$slow" E2E_SAN="$san" STATSD_BIN="$(realpath -m "$B/statsd")" PYTHONDONTWRITEBYTECODE=1 \
        STATSD_ASLR_OFF="$aslr_off" \
        "$PYTHON" -m pytest -q -p no:cacheprovider --tb=short -rs --color=no --durations=10 --durations-min=5 "tests/$part" ${T:-} 2>&1 </dev/null
}

# Adds up what one run of pytest said.  That it had no test at all (status 5) is judged by run_pytest.
judge_pytest() {   # OUTPUT STATUS
    local n f=0 last
    last=" $(tail -n 1 "$1")"
    n=$(count_of passed); p=$((p + ${n:-0}))
    n=$(count_of skipped); skipped=$((skipped + ${n:-0}))
    n=$(count_of failed); f=$((f + ${n:-0}))
    n=$(count_of error); f=$((f + ${n:-0}))
    [ "$2" != 0 ] && [ "$2" != 5 ] && [ $f = 0 ] && f=1
    all_f=$((all_f + f))
}

# e2e: E2E_JOBS runs at a time, each of which takes the next file that no other has (tests/e2e/turns.py), then what has to be
# alone.  Many tests wait more than they work.
run_pytest() {
    local jobs=1 i turn=() pids=() rc p=0 all_f=0
    if [ "$1" = e2e ]; then
        jobs=${E2E_JOBS:-3} turn=(E2E_TURNS="$log/turns" E2E_ALONE=no)
        mkdir -p "$log/turns"
    fi
    for ((i = 2; i <= jobs; i++)); do
        start_pytest "$1" "${turn[@]}" >"$log/pytest.$i" &
        pids[i]=$!
    done
    start_pytest "$1" "${turn[@]}" | tee "$log/pytest.1"
    judge_pytest "$log/pytest.1" "${PIPESTATUS[0]}"
    for ((i = 2; i <= jobs; i++)); do
        rc=0
        wait "${pids[i]}" || rc=$?
        cat "$log/pytest.$i"
        judge_pytest "$log/pytest.$i" "$rc"
    done
    if [ "$1" = e2e ]; then
        start_pytest "$1" E2E_ALONE=only | tee "$log/pytest.alone"
        judge_pytest "$log/pytest.alone" "${PIPESTATUS[0]}"
    fi
    [ $((p + all_f + skipped)) = 0 ] && all_f=1
    passed=$((passed + p)) failed=$((failed + all_f))
    if [ $all_f = 0 ]; then ok "$1"; else bad "$1"; fi
}

mode= binaries=()
flush() {
    [ ${#binaries[@]} = 0 ] || run_binaries "${binaries[@]}"
    binaries=()
}
for word in "$@"; do
    case $word in
    layers) flush; run_layers; mode= ;;
    e2e | interop) flush; run_pytest "$word"; mode= ;;
    binaries | replay) flush; mode=$word ;;
    *) case $mode in
       binaries) binaries+=("$word") ;;
       replay) run_replay "$word" ;;
       *) echo "suite: $word: what is that?" >&2; exit 2 ;;
       esac ;;
    esac
done
flush

mkdir -p "$B" && echo "$passed $failed $skipped" >"$B/suite.count"
echo "== ${CC}${san:+ SAN=$san}$([ "$skipped" -gt 0 ] && echo ", $skipped skipped"): $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
