#!/usr/bin/env bash
# Has spin check the models, as they are and broken.  Called by `make model`.
#
#   run.sh BUILD-DIRECTORY [NAME...]     NAME: rows whose model or macros have it (all of them)
#
# A line for each: states and errors.  The exit status is 1 if a model as designed has an error, or
# a broken one has none, or another than the one that it has to show.  Ends with one line:
# N passed, N failed.  Two at a time.
set -uo pipefail
cd "$(dirname "$0")"

# model | what has to be found: "-" nothing, "~" the same with fairness and endless runs, else a
# word of the assertion that is violated | macros | what it is
ROWS='
takeover | -       | SAMPLES=3                             | a manager that keeps the sockets: a takeover, a restart, a crash, a refusal to start
takeover | -       | SAMPLES=3 CRASHES=2 TERMS=0           | two crashes in a takeover
takeover | -       | SAMPLES=2 KEEPS=0 TAKEOVERS=2         | no manager: two takeovers, a crash
takeover | ~       | SAMPLES=1 LIVENESS                    | always again somebody reads
takeover | readers | SAMPLES=2 NO_TAKE_BACK                | the old one goes on at its deadline and leaves the byte in the pipe
takeover | readers | SAMPLES=2 READ_EARLY                  | the new one reads before it has the byte
takeover | readers | SAMPLES=2 BYTE_UNREAD                 | the new one takes the message for the byte
takeover | readers | SAMPLES=2 COMES_BACK                  | the old one comes back after the byte is gone, because the link is closed
takeover | readers | SAMPLES=2 LEFT_ALIVE                  | the manager starts another beside what is left of the service
takeover | readers | SAMPLES=2 NO_DEADLINE                 | the old one waits for ever for the byte to be taken
takeover | sent    | SAMPLES=2 LEAVES_BYTE                 | the old one exits without a look into the pipe
takeover | sent    | SAMPLES=2 STATE_EARLY                 | the state is written before the last read
takeover | sent    | SAMPLES=2 NOT_EMPTIED                 | the memfd of a state is not emptied
takeover | sent    | SAMPLES=2 USED_FIRST                  | a state is used before it is consumed
takeover | seen    | SAMPLES=2 SERVE_ON                    | the old one answers scrapes when it has given its state away
page     | -       | SAMPLES=5 TURNS=4                     | asked for by turn.c: one turn at a time
page     | -       | SAMPLES=4 TURNS=3 ANY_TIME=1          | asked for at any time
page     | ~       | SAMPLES=3 TURNS=3 LIVENESS            | a turn that was asked for comes to its end
page     | -       | SAMPLES=3 TURNS=2 PAUSES=2            | the worker pauses and goes on, twice
page     | ~       | SAMPLES=2 TURNS=1 PAUSES=2 LIVENESS   | a turn that was asked for comes to its end, with pauses
page     | -       | SAMPLES=4 TURNS=3 LAST=1              | one of the turns is the last
page     | final   | SAMPLES=3 LAST=1 LAST_READS_ON        | a turn after the last one reads
page     | kept    | SAMPLES=3 PAUSES=1 READS_ON           | the worker reads on in a pause
page     | kept    | SAMPLES=3 PAUSES=1 TURN_IN_PAUSE      | a turn begins in a pause
page     | kept    | SAMPLES=3 PAUSES=2 AGAIN_LATE         | going on is looked for after the turn that pauses again
page     | touched | SAMPLES=3 ANY_TIME=1 GIVEN_EARLY      | the page is given back before its marks are cleared
page     | touched | SAMPLES=3 ANY_TIME=1 TWO_IN_FLIGHT    | the worker seals a page while control has the other
page     | stats   | SAMPLES=3 NOT_CLEARED                 | marks are not cleared
page     | fresh   | SAMPLES=3 ANY_TIME=1 EMPTY_KEPT       | the empty page is looked at, not exchanged out
page     | ready   | SAMPLES=3 READY_KEPT                  | the sealed page is looked at, not exchanged out
page     | adopted | SAMPLES=3 FREED_AT_ONCE               | an idle cell is freed before control has let go of it
page     | stats   | SAMPLES=3 ANY_TIME=1 SEALED_LATE      | counters are written to a page that was handed over
page     | due     | SAMPLES=3 DRAINED_LATE                | the page is sealed before the sockets are read empty
page     | turns   | SAMPLES=3 ASKED_EARLY                 | the next turn is asked for before the page is given back
'

row() {   # DIRECTORY MODEL WANTED MACROS WHAT: prints its line, and leaves the exit status
    local dir=$1 model=$2 want=$3 what=$5 macro got states text rc flags=() cc=(-DSAFETY -O2) run=()
    for macro in $4; do flags+=("-D$macro"); done
    case $want in
    -) ;;
    '~') cc=(-DNFAIR=3 -O2) run=(-a -f) ;;
    *) cc=(-DSAFETY -O0) ;;   # it ends soon
    esac
    mkdir -p "$dir" && cp "$model.pml" "$dir" && cd "$dir" || return 1
    spin -a "${flags[@]}" "$model.pml" >log 2>&1 &&
        ${CC:-cc} -w "${cc[@]}" -DVECTORSZ=512 -DCOLLAPSE -o pan pan.c >>log 2>&1 &&
        timeout "${MODEL_TIMEOUT:-200}" ./pan -m10000 -w22 "${run[@]}" >out 2>&1
    rc=$?
    states=$(sed -nE 's/^ *([0-9]+) states, stored.*/\1/p' out 2>/dev/null)
    got=$(sed -nE 's/^State-vector.*errors: ([0-9]+)$/\1/p' out 2>/dev/null)
    text=$(sed -nE 's/^pan:1: (assertion violated )?(.*) \(at depth [0-9]+\)$/\2/p' out 2>/dev/null)
    # No end means that not all was looked at: too deep, out of time or of memory.
    if grep -qE 'max search depth too small|Search not completed|out of memory' out 2>/dev/null && [ "$got" = 0 ]; then
        text='the search was not completed'
        got=
    fi
    case $want in
    - | '~') [ "$rc $got" = "0 0" ] ;;
    *) [ "${got:-0}" -gt 0 ] && [[ $text == *"$want"* ]] ;;
    esac
    rc=$?
    [ $rc = 0 ] && printf 'ok      ' || printf 'FAILED  '
    printf '%-8s %8s states, errors: %s  %s%s\n' "$model" "${states:-?}" "${got:-?}" \
        "$([ "$want" = - ] || [ "$want" = '~' ] || echo 'broken: ')" "$what${text:+ ($text)}"
    [ $rc = 0 ] || tail -n 20 log out 2>/dev/null
    return $rc
}

[ $# -gt 0 ] || { sed -nE '2,/^set/{/^set/!s/^# ?//p}' "$0"; exit 2; }
command -v spin >/dev/null || { echo "model: no spin here: make deps" >&2; exit 1; }
B=$1
shift
mkdir -p "$B" && B=$(cd "$B" && pwd) && rm -rf "${B:?}"/model || exit 1

n=0 running=()
while IFS='|' read -r model want macros what; do
    [ -n "${model// /}" ] || continue
    for name in "$@"; do [[ "$model $macros" == *"$name"* ]] || continue 2; done
    n=$((n + 1))
    dir=$B/model/$(printf '%02d' $n)
    read -r model <<<"$model" && read -r want <<<"$want" && read -r what <<<"$what"
    mkdir -p "$dir"
    { (row "$dir" "$model" "$want" "$macros" "$what") >"$dir/said"; echo $? >"$dir/rc"; } &
    running+=("$dir")
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
done <<<"$ROWS"
wait

passed=0 failed=0
for dir in "${running[@]}"; do
    cat "$dir/said"
    if [ "$(cat "$dir/rc")" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
printf 'model: %s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
