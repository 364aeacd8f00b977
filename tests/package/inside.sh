#!/bin/bash
# What package.sh and vm.sh do in their bare root, where the packages lie in /srv: older/, newer/, tests/ (those of debian/).
#
#   inside.sh PART
#
# Each step is a sentence; the first that fails ends the part.
set -euo pipefail
cd /srv
CONF=/etc/statsd/statsd.conf

step() {   # SENTENCE COMMAND...
    local sentence=$1
    shift
    if "$@" >/srv/step.log 2>&1; then
        printf 'ok      %s\n' "$sentence"
    else
        cat /srv/step.log
        printf 'FAILED  %s\n' "$sentence"
        exit 1
    fi
}

# bash runs a function that is the condition of an `if` without -e: so each line ends in || return.
installed() {   # FOLDER: by apt, without a network; a config that somebody changed stays
    apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold "/srv/$1/"statsd_*.deb "/srv/$1/"statsd-bench_*.deb
}

version_is() { [ "$(dpkg-query -W -f '${Version}' statsd)" = "$(dpkg-deb -f "/srv/$1/"statsd_*.deb Version)" ] && statsd --version; }

within() {   # SECONDS COMMAND...: it becomes true
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

sent() { printf '%s' "$1" >/dev/udp/127.0.0.1/8125; }
page() { curl -sSf http://127.0.0.1:9102/metrics; }
shows() { page | grep -Fx -- "$1"; }

# All but what users and the package manager's own records are.
files() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /srv -o -path /var/lib/dpkg -o -path /var/cache \
        -o -path /var/lib/apt -o -path /var/lib/redis -o -path /var/log -o -path /var/tmp \) -prune -o -print | LC_ALL=C sort |
        grep -vE '^/etc/(passwd|group|shadow|gshadow|subuid|subgid|ld\.so\.cache|\.pwd\.lock)-?$'
}

nothing_is_left() {   # BEFORE
    files >/srv/after
    diff "$1" /srv/after || return
    getent passwd _statsd
}

user_is_made() { getent passwd _statsd | grep -F ':/var/lib/statsd:' && [ "$(stat -c '%U %a' $CONF)" = "root 644" ]; }

change_conf() { sed -i 's/^\[server\]$/&\n# Ours.\ninterval = 2s/' $CONF && statsd check -c $CONF | grep -F 'server.interval = 2s'; }
change_is_kept() { grep -Fx 'interval = 2s' $CONF && [ -e $CONF.dpkg-dist ]; }

complete_in_bash() {
    bash -n /usr/share/bash-completion/completions/statsd && bash -n /usr/share/bash-completion/completions/statsd-bench
}

removed() { apt-get remove -y statsd statsd-bench && [ ! -e /usr/bin/statsd ] && [ ! -e /usr/bin/statsd-bench ]; }
purged() { apt-get purge -y --auto-remove statsd statsd-bench; }

# As the unit does: the user, its folders.
start_by_hand() {
    install -d -o _statsd -g _statsd /var/lib/statsd /run/statsd || return
    STATE_DIRECTORY=/var/lib/statsd setpriv --reuid=_statsd --regid=_statsd --init-groups --no-new-privs --bounding-set=-all \
        /usr/bin/statsd -c $CONF >/srv/server.log 2>&1 &
    server=$!
    within 10 grep 'msg=ready' /srv/server.log
}

stop_by_hand() { kill "$server" && wait "$server" && grep 'msg="state saved"' /srv/server.log; }

part_bare() {
    files >/srv/before
    step "a version before is installed" installed older
    step "it says so" version_is older
    step "its user and its config are there" user_is_made
    step "bash reads the completions" complete_in_bash
    step "it starts as its user, without systemd" start_by_hand
    sent 'orders:3|c|#region:eu'
    step "a line is on the page" shows 'orders{region="eu"} 3'
    step "the page for browsers is there" curl -sSf -o /dev/null http://127.0.0.1:9102/
    step "it stops, and keeps its state" stop_by_hand
    step "the packaged test passes (debian/tests/smoke)" tests/smoke
    step "the config is changed" change_conf
    step "the new version is installed over it" installed newer
    step "it says so" version_is newer
    step "the change is kept, and what the package has lies beside it" change_is_kept
    step "it starts with the changed config" start_by_hand
    step "what was sent before the upgrade is on the page" shows 'orders{region="eu"} 3'
    step "it stops" stop_by_hand
    step "it is removed" removed
    step "the config is still there" change_is_kept
    step "it is purged" purged
    step "nothing is left of it but its user" nothing_is_left /srv/before
}

active() { systemctl is-active statsd && [ "$(systemctl show -p User --value statsd)" = _statsd ] && systemctl is-enabled statsd; }
sockets_are_opt_in() { [ "$(systemctl is-enabled statsd.socket)" = disabled ] && [ "$(systemctl is-active statsd.socket)" = inactive ]; }
units_are_understood() {
    # It answers with 1 for what is wrong elsewhere, too; so its words count, and that it ran.
    command -v systemd-analyze || return
    local status=0
    systemd-analyze --man=no verify statsd.service statsd.socket >/srv/verify 2>&1 || status=$?
    cat /srv/verify
    [ $status -le 1 ] && ! grep -F 'statsd.s' /srv/verify && ! grep -iE 'failed|error' /srv/verify
}
units_are_safe() { systemd-analyze security --threshold=15 statsd.service | tail -n 1; }

# Lines at a pace while the command runs; how many they were is in /srv/sent.
under_load() {
    local sender status=0
    (
        n=0
        trap 'echo $n >/srv/sent; exit' TERM
        while sent 'load:1|c'; do
            n=$((n + 1))
            sleep 0.002
        done
    ) &
    sender=$!
    "$@" || status=$?
    kill $sender && wait $sender
    return $status
}

all_came() { cat /srv/sent && [ "$(cat /srv/sent)" -gt 100 ] && shows "load $(cat /srv/sent)"; }

# As systemd.md says it of a service that runs.
sockets_by_systemd() {
    bash -e /srv/sockets && within 10 active && [ "$(systemctl is-active statsd.socket)" = active ] || return
    systemctl stop statsd && sent 'waits:2|c' && systemctl start statsd && within 10 shows 'waits 2'
}

part_systemd() {
    files >/srv/before
    step "a version before is installed" installed older
    step "it runs at once, enabled, as its user" within 10 active
    step "the socket unit is there for who wants it, disabled" sockets_are_opt_in
    step "systemd understands the units" units_are_understood
    step "systemd counts the service among the safe ones" units_are_safe
    sent 'orders:3|c|#region:eu'
    step "a line is on the page" within 5 shows 'orders{region="eu"} 3'
    step "the config is changed" change_conf
    step "the new version is installed over it, under load" under_load installed newer
    step "it says so" version_is newer
    step "it runs" within 10 active
    step "not one line was lost by the upgrade" all_came
    step "what was sent before is on the page" shows 'orders{region="eu"} 3'
    step "the change is kept, and what the package has lies beside it" change_is_kept
    step "a line waits in the socket unit while the service is stopped" sockets_by_systemd
    step "it is removed, though the socket unit is enabled" removed
    step "nothing of it runs" bash -c '! systemctl is-active statsd.service statsd.socket && ! pgrep -x statsd'
    step "it is installed again, with the config that was kept" installed newer
    step "it runs" within 10 active
    step "it is purged" purged
    step "nothing is left of it but its user" nothing_is_left /srv/before
    step "it is installed as new" installed newer
    step "the packaged tests pass (debian/tests/service)" bash -c 'tests/smoke && tests/service'
    step "it is purged" purged
}

apparmor_is_there() { [ "$(cat /sys/module/apparmor/parameters/enabled)" = Y ]; }
is_held() { grep -Fx 'statsd (enforce)' "/proc/$(systemctl show -p MainPID --value statsd)/attr/current"; }
# Only what concerns the service: other programs of the machine have profiles, too.
denied() { journalctl -k --no-pager | grep -F 'apparmor="DENIED"' | grep -F 'profile="statsd"' | grep -vF /srv/forbidden; }
nothing_is_denied() { ! denied; }
# Under the same profile: so it is seen that something would be seen.
denials_are_seen() {
    touch /srv/forbidden
    ! aa-exec -p statsd -- /usr/bin/statsd check -c /srv/forbidden || return
    journalctl -k --no-pager | grep -F 'apparmor="DENIED"' | grep -F /srv/forbidden
}
restarted() { systemctl restart statsd && within 30 active && within 30 page; }

# All that the service opens beside its usual sockets, where the pages say it lies.
much_is_set() {
    cp /usr/share/doc/statsd/examples/mapping/airflow.yml /etc/statsd/mapping.yml
    sed -i -e 's,^#mapping = .*,mapping = /etc/statsd/mapping.yml,' -e 's,^socket = udp.*,&\nsocket = unixgram:///run/statsd/dsd.sock,' \
        -e 's,^#url = .*,url = redis://127.0.0.1:6379,' -e 's,^listen = 127.*,&\nlifecycle = on,' $CONF || return
    printf '[capture]\ndir = /var/lib/statsd/captures\nstart = on\n[server]\ncontrol_socket = /run/statsd/control\n[redis]\nspool_max_bytes = 1MiB\n' >>$CONF
    install -d -o _statsd -g _statsd -m 700 /var/lib/statsd/captures
    statsd check -c $CONF
}
by_socket() {
    perl -e 'use Socket; socket(S, PF_UNIX, SOCK_DGRAM, 0); send(S, "by.socket:2|c", 0, sockaddr_un("/run/statsd/dsd.sock")) or die "$!"'
}
is_captured() { ls /var/lib/statsd/captures/*.pcap.part; }
in_redis() { STATSD_REDIS_URL=redis://127.0.0.1:6379 statsd redis get orders --json | grep '"value":3'; }
# More than has room in memory.
what_waits_is_kept() {
    systemctl stop redis-server && statsd-bench --to udp://127.0.0.1:8125 --series 50000 --rate 20k --duration 5s &&
        within 60 compgen -G '/var/lib/statsd/redis-spool-*' && restarted
}
# The second lies where no option named a folder at the start, which the server's own sandbox would not let it read in a reload.
mapping_is_changed() { cp /usr/share/doc/statsd/examples/mapping/envoy.yml /etc/statsd/mapping.yml && systemctl reload statsd && within 10 reloaded; }
mapping_of_the_examples() { sed -i 's,^mapping = .*,mapping = /usr/share/doc/statsd/examples/mapping/vault.yml,' $CONF && restarted; }
reloaded() { journalctl -u statsd --no-pager | grep 'msg=reloaded'; }
folder_elsewhere() {
    sed -i 's,^dir = .*,dir = /srv/captures,' $CONF
    bash -e /srv/elsewhere && within 30 active && within 10 ls /srv/captures/*.pcap.part
}

part_apparmor() {
    # An empty folder of AppArmor's own; what debhelper adds to a purge takes it along.
    rmdir /etc/apparmor.d/disable 2>/dev/null || true
    files >/srv/before
    step "the kernel has AppArmor" apparmor_is_there
    step "a version before is installed" installed older
    step "it runs at once, enabled, as its user" within 30 active
    step "AppArmor holds it" is_held
    sent 'orders:3|c|#region:eu'
    step "a line is on the page" within 10 shows 'orders{region="eu"} 3'
    step "the new version is installed over it, under load" under_load installed newer
    step "it runs" within 30 active
    step "AppArmor holds it" is_held
    step "not one line was lost by the upgrade" all_came
    step "what was sent before is on the page" shows 'orders{region="eu"} 3'
    step "what AppArmor denies is seen" denials_are_seen
    step "nothing was denied" nothing_is_denied
    step "much is set: a mapping, a Unix socket, Redis, captures, a control socket" much_is_set
    step "Redis runs" systemctl start redis-server
    step "it restarts with that" restarted
    step "a line comes by the Unix socket" by_socket
    step "it is on the page" within 10 shows 'by_socket 2'
    step "a capture runs" within 10 is_captured
    sent 'orders:3|c'
    step "the interval is in Redis" within 30 in_redis
    step "while Redis is away it writes to its disk, and restarts" what_waits_is_kept
    step "it reloads with another mapping" mapping_is_changed
    step "it restarts with a mapping where the examples lie" mapping_of_the_examples
    step "a folder elsewhere, as install.md says" folder_elsewhere
    step "nothing was denied" nothing_is_denied
    step "it is removed" removed
    step "it is purged" purged
    # Ours.
    rm -r /etc/systemd/system/statsd.service.d /etc/statsd/mapping.yml && rmdir /etc/statsd
    step "nothing is left of it but its user" nothing_is_left /srv/before
    echo "all steps of apparmor"
}

"part_$1"
