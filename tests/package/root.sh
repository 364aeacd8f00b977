# For the scripts beside this one: a bare Debian, and commands in it.
# shellcheck shell=bash
#
#   root_needs          what is missing here for that, in words; nothing when all is there
#   root_skip WHO WHY   says so; a failure where PACKAGE_TEST=all (make nightly)
#   root_make DIR WORDS...        a root in DIR, with the sources of this machine; WORDS for mmdebstrap, such as --include=curl
#   root_run DIR COMMAND...       in it, with the network of this machine
#   root_alone DIR COMMAND...     in it, with a network of its own, of which only lo is there: every port is free
#   root_hold DIR       the same without a command, until root_halt; sets root_init to the process id of one in it
#   root_boot DIR       systemd as its process 1, with a network of its own; sets root_init to the process id out here
#   root_in COMMAND...  in what root_hold or root_boot started
#   root_halt           ends it
#
# What runs in a root has its own process ids and mounts: when the first process ends, the kernel ends the others and takes the mounts back.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root_init=''

root_needs() {
    local tool
    [ "$(id -u)" = 0 ] || { echo "not root"; return; }
    for tool in mmdebstrap unshare nsenter ip pivot_root; do
        command -v "$tool" >/dev/null || { echo "no $tool"; return; }
    done
    unshare --mount --pid --net --fork true 2>/dev/null || { echo "no namespaces"; return; }
    # shellcheck disable=SC1091
    [ "$(. /etc/os-release && echo "$ID")" = debian ] || echo "not Debian"
}

root_skip() {
    echo "$1: skipped: $2"
    if [ "${PACKAGE_TEST:-}" = all ]; then echo "$1: FAILED: PACKAGE_TEST=all lets nothing be skipped"; return 1; fi
}

root_sources() {
    local file
    for file in "${APT_SOURCES:-}" /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
        if [ -s "$file" ]; then echo "$file"; return; fi
    done
}

root_make() {
    local dir=$1 suite options
    shift
    # shellcheck disable=SC1091
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    options=$(mktemp)
    # Old archives, a proxy: whatever this machine's apt needs to be told.
    apt-config dump | grep -E '^Acquire::(Check-|https?::Proxy)' >"$options" || true
    mmdebstrap --quiet --variant=apt --aptopt="$options" "$@" "$suite" "$dir" "$(root_sources)"
    rm -f "$options"
}

root_run() { unshare --mount --pid --ipc --uts --fork --kill-child "$here/enter.sh" chroot "$@"; }
root_alone() { unshare --mount --pid --ipc --uts --net --fork --kill-child "$here/enter.sh" chroot "$@"; }

root_hold() {
    (exec unshare --mount --pid --ipc --uts --net --fork --kill-child "$here/enter.sh" chroot "$1" sleep infinity) &
    root_outer=$!
    for _ in $(seq 50); do
        root_init=$(pgrep -P "$(pgrep -P "$root_outer")" -x sleep) && return 0
        sleep 0.1
    done 2>/dev/null
    return 1
}

root_boot() {   # DIR
    local tree
    tree=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
    [ -n "$tree" ] || return 1
    root_group=$tree/statsd-package-$$
    mkdir -p "$root_group" || return 1
    (echo 0 >"$root_group/cgroup.procs" &&
        exec unshare --mount --pid --ipc --uts --net --cgroup --fork --kill-child "$here/enter.sh" boot "$1") >"$1.console" 2>&1 </dev/null &
    root_outer=$!
    for _ in $(seq 150); do
        root_init=$(pgrep -P "$root_outer" | head -n 1)
        if [ -n "$root_init" ] && root_in systemctl is-system-running 2>/dev/null | grep -qE '^(running|degraded)$'; then return 0; fi
        kill -0 "$root_outer" 2>/dev/null || return 1
        sleep 0.2
    done
    return 1
}

root_in() { nsenter --target "$root_init" --mount --pid --ipc --uts --net --root --wd "$@"; }

root_halt() {
    [ -n "${root_outer:-}" ] || return 0
    kill -KILL "$root_outer" 2>/dev/null
    wait "$root_outer" 2>/dev/null
    for _ in $(seq 50); do
        [ -n "${root_group:-}" ] || break
        find "$root_group" -depth -type d -exec rmdir {} \; 2>/dev/null
        [ -d "$root_group" ] || break
        sleep 0.1
    done
    root_outer='' root_init=''
}
