#!/usr/bin/env bash
# `make run`: a private Redis on a Unix socket below build/run, the server with the example configuration in front of it, and
# three lines to try.  Ctrl-C ends both, as INT and TERM do.  Words after the script go to the server (--set
# listen.socket=udp://127.0.0.1:8126).  build/run/redis.sock is the Redis of the run that was started last.
set -uo pipefail

# A shell cannot trap a signal that was ignored when it began, and what a script starts in the background begins so.
if [ "$(trap -p INT)" = "trap -- '' SIGINT" ]; then exec env --default-signal=INT,QUIT "$0" "$@"; fi
cd "$(dirname "$0")/../.."
statsd=${STATSD_BIN:-build/statsd}
redis_pid='' statsd_pid='' watch_pid=''

say() { printf '%s\n' "$*" >&2; }

# The log goes to the terminal as it comes; the lines to try come once the server listens.
show_log() {
    local line udp='' http=''
    while IFS= read -r line; do
        printf '%s\n' "$line"
        [[ $line == *msg=listening* ]] || continue
        [[ -z $udp && $line =~ proto=udp\ addr=([0-9.]+):([0-9]+) ]] && udp=${BASH_REMATCH[1]}/${BASH_REMATCH[2]}
        [[ $line =~ proto=http\ addr=([^ ]+) ]] && http=${BASH_REMATCH[1]}
        if [ -n "$udp" ] && [ -n "$http" ]; then
            printf '\n    %s\n    %s\n    %s\n\n' "bash -c \"printf 'hello:1|c' > /dev/udp/$udp\"" \
                "curl -s http://$http/metrics | grep ^hello" \
                "redis-cli -s $socket HGET '{sd:34}:tot' 'c|hello'     # when the interval has ended: 10 s"
            udp='' http=''
        fi
    done
}

# Does process $1 catch INT?
catches_int() {
    local key value
    while read -r key value; do
        [ "$key" = SigCgt: ] && return $((!(0x$value & 2)))
    done 2>/dev/null <"/proc/$1/status"
    return 1
}

# Ctrl-C reaches this script and the make that runs it.  A make that gets INT alone drops its handler and waits for us without
# a word (TERM it passes on), so its handler is watched.
watch_make() {
    local nap
    exec {nap}<> <(:)
    while catches_int "$PPID"; do read -rt 0.5 -u "$nap"; done
    kill -INT $$
}

# The server first: it hands its last interval to Redis while it stops.
end() {
    trap '' INT TERM
    trap - EXIT
    [ -n "$statsd_pid" ] && kill -TERM "$statsd_pid" 2>/dev/null && wait "$statsd_pid"
    [ -n "$watch_pid" ] && kill -KILL "$watch_pid" 2>/dev/null
    exec 3>&-
    wait "$log_pid"
    [ -n "$redis_pid" ] && kill -TERM "$redis_pid" 2>/dev/null && wait "$redis_pid"
    [ "$(readlink build/run/redis.sock)" = "$socket" ] && rm -f build/run/redis.sock
    rm -rf "$dir"
    exit "$1"
}

dir=$PWD/build/run/$$
# The path of a Unix socket is short by nature (unix(7)).
if [ ${#dir} -gt 90 ]; then dir=$(mktemp -d); fi
mkdir -p "$dir" build/run
mkfifo "$dir/log"
socket=$dir/redis.sock
ln -sfn "$socket" build/run/redis.sock

# Whatever hears Ctrl-C of the terminal too is started deaf to it, before this script listens: all stop in order.
(trap '' INT TERM; show_log) <"$dir/log" &
log_pid=$!
exec 3>"$dir/log"
trap 'end 0' INT TERM
trap 'end $?' EXIT

if [ "$(cat "/proc/$PPID/comm" 2>/dev/null)" = make ]; then
    if catches_int "$PPID"; then
        (trap '' INT TERM; exec 3>&-; watch_make) &
        watch_pid=$!
        disown "$watch_pid"
    else
        say "run: make does not hear INT here (a script started it in the background): end it by TERM, or by kill -INT $$"
    fi
fi

setsid redis-server --port 0 --unixsocket "$socket" --dir "$dir" --save '' --appendonly no --daemonize no >"$dir/redis.log" 2>&1 3>&- &
redis_pid=$!
for _ in $(seq 100); do
    [ -S "$socket" ] && break
    kill -0 "$redis_pid" 2>/dev/null || { tail -n 5 "$dir/redis.log" >&2; say "run: redis-server did not start (above)"; exit 1; }
    sleep 0.05
done

setsid "$statsd" -c statsd.conf.example --set "redis.url=unix://$socket" "$@" >&3 3>&- &
statsd_pid=$!
wait "$statsd_pid"
status=$?
statsd_pid=''
exit $status
