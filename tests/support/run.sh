#!/usr/bin/env bash
# `make run`: a private Redis on a Unix socket below build/run, the server with the example configuration in front of it, and
# two lines to try.  Ctrl-C ends both.  Words after the script go to the server (--set listen.socket=udp://127.0.0.1:8126).
set -uo pipefail
cd "$(dirname "$0")/../.."
statsd=${STATSD_BIN:-build/statsd}
redis_pid='' statsd_pid=''

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
            printf '\n    %s\n    %s\n\n' "bash -c \"printf 'hello:1|c' > /dev/udp/$udp\"" "curl -s http://$http/metrics | grep ^hello"
            udp='' http=''
        fi
    done
}

# The server first: it hands its last interval to Redis while it stops.
end() {
    trap '' INT TERM
    trap - EXIT
    [ -n "$statsd_pid" ] && kill -TERM "$statsd_pid" 2>/dev/null && wait "$statsd_pid"
    exec 3>&-
    wait "$log_pid"
    [ -n "$redis_pid" ] && kill -TERM "$redis_pid" 2>/dev/null && wait "$redis_pid"
    rm -rf "$dir"
    exit "$1"
}

dir=$PWD/build/run/$$
# The path of a Unix socket is short by nature (unix(7)).
if [ ${#dir} -gt 90 ]; then dir=$(mktemp -d); fi
mkdir -p "$dir"
mkfifo "$dir/log"

# Whatever hears Ctrl-C of the terminal too is started deaf to it, before this script listens: all stop in order.
(trap '' INT TERM; show_log) <"$dir/log" &
log_pid=$!
exec 3>"$dir/log"
trap 'end 0' INT TERM
trap 'end $?' EXIT

socket=$dir/redis.sock
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
