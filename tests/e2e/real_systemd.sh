#!/bin/bash
# A user manager of systemd in namespaces of its own, and in it the units of a directory: for test_systemd.py.
#
#   real_systemd.sh DIR COMMAND...     DIR/units has the units; COMMAND runs where `systemctl --user` reaches the manager
#
# Exit status 77: this machine does not let us.
set -u
if [ -z "${INSIDE:-}" ]; then
    unshare --mount --pid --fork --mount-proc --kill-child --cgroup --net true 2>/dev/null || exit 77
    INSIDE=1 exec unshare --mount --pid --fork --mount-proc --kill-child --cgroup --net "$0" "$@"
fi
dir=$1 group=statsd-test-$(basename "$1")
shift
ip link set lo up || exit 77
umount -l /sys/fs/cgroup 2>/dev/null
mount -t tmpfs none /sys/fs/cgroup && mount -t tmpfs none /run || exit 77
trees="/sys/fs/cgroup/systemd /sys/fs/cgroup/unified"
mkdir -p $trees /run/user/0 /run/systemd/system "$dir/home/.config/systemd"
mount -t cgroup -o none,name=systemd none /sys/fs/cgroup/systemd && mount -t cgroup2 none /sys/fs/cgroup/unified || exit 77
for tree in $trees; do
    mkdir -p "$tree/$group" && echo 0 > "$tree/$group/cgroup.procs" || exit 77
done
cp -r "$dir/units" "$dir/home/.config/systemd/user"
export HOME=$dir/home XDG_RUNTIME_DIR=/run/user/0
/usr/lib/systemd/systemd --user --unit=basic.target > "$dir/systemd.log" 2>&1 &
manager=$!
for _ in $(seq 100); do
    [ -S /run/user/0/systemd/private ] && break
    kill -0 $manager 2>/dev/null || exit 77
    sleep 0.1
done
"$@"
status=$?
kill $manager
wait $manager
for tree in $trees; do
    echo 0 > "$tree/cgroup.procs"
    find "$tree/$group" -depth -type d -exec rmdir {} \; 2>/dev/null
done
exit $status
