#!/usr/bin/env bash
# `make run`: a private Redis on a Unix socket below build/run, the server with the example configuration in front of it, and
# two lines to try.  Ctrl-C ends both.  Words after the script go to the server (--set listen.socket=udp://127.0.0.1:8126).
set -uo pipefail
cd "$(dirname "$0")/../.."
statsd=${STATSD_BIN:-build/statsd}
dir=$PWD/build/run
redis_pid= statsd_pid=
mkdir -p "$dir"

say() { printf '%s\n' "$*" >&2; }

# A Unix socket's path is short by nature (unix(7)): a deep checkout gets a directory in /tmp.
socket=$dir/redis.sock
if [ ${#socket} -gt 100 ]; then
    short=$(mktemp -d)
    socket=$short/redis.sock
fi

end() {
    trap - INT TERM EXIT
    [ -n "$statsd_pid" ] && kill -TERM "$statsd_pid" 2>/dev/null && wait "$statsd_pid"
    [ -n "$redis_pid" ] && kill -TERM "$redis_pid" 2>/dev/null && wait "$redis_pid"
    [ -n "${short:-}" ] && rm -rf "$short"
    exit "${1:-0}"
}
trap 'end 0' INT TERM
trap 'end $?' EXIT

rm -f "$socket"
# In a session of its own, so that Ctrl-C reaches this script alone and Redis outlives the server's last flush.
setsid redis-server --port 0 --unixsocket "$socket" --dir "$dir" --save '' --appendonly no --daemonize no >"$dir/redis.log" 2>&1 &
redis_pid=$!
for _ in $(seq 100); do
    [ -S "$socket" ] && break
    kill -0 "$redis_pid" 2>/dev/null || { tail -n 5 "$dir/redis.log" >&2; say "run: redis-server did not start (above)"; exit 1; }
    sleep 0.05
done

mkfifo "$dir/log.$$"
setsid "$statsd" -c statsd.conf.example --set "redis.url=unix://$socket" "$@" >"$dir/log.$$" &
statsd_pid=$!
# The log goes to the terminal as it comes; the lines to try are printed once the server says that it listens.
hint() {
    local line udp= http=
    while IFS= read -r line; do
        printf '%s\n' "$line"
        case $line in
        *msg=listening*)
            [[ $line =~ proto=udp.*addr=\"?(udp://)?([0-9.]+):([0-9]+) && -z $udp ]] && udp=${BASH_REMATCH[2]}/${BASH_REMATCH[3]}
            [[ $line =~ proto=http.*addr=\"?(http://)?([^\" ]+) ]] && http=${BASH_REMATCH[2]}
            if [ -n "$udp" ] && [ -n "$http" ]; then
                printf '\n    %s\n    %s\n\n' "bash -c \"printf 'hello:1|c' > /dev/udp/$udp\"" "curl -s http://$http/metrics | grep ^hello"
                udp= http=
            fi ;;
        esac
    done
}
hint <"$dir/log.$$" &
hint_pid=$!
rm -f "$dir/log.$$"
wait "$statsd_pid"
status=$?
statsd_pid=
wait "$hint_pid"
exit $status
