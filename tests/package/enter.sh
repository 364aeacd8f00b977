#!/bin/bash
# The first process of the namespaces that root.sh makes.
#
#   enter.sh chroot DIR COMMAND...     COMMAND in the root DIR
#   enter.sh boot DIR                  systemd in it
set -eu
how=$1 dir=$(realpath "$2")
shift 2
ip link set lo up 2>/dev/null || true
mount --make-rprivate /
mount --bind "$dir" "$dir"
mount -t proc proc "$dir/proc"
mount -t sysfs sysfs "$dir/sys"
mount -t tmpfs -o mode=755 tmpfs "$dir/dev"
mkdir "$dir/dev/pts" "$dir/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$dir/dev/pts"
mount -t tmpfs tmpfs "$dir/dev/shm"
ln -s pts/ptmx "$dir/dev/ptmx"
ln -s /proc/self/fd "$dir/dev/fd"
while read -r device minor; do mknod -m 666 "$dir/dev/$device" c 1 "$minor"; done <<'LIST'
null 3
zero 5
full 7
random 8
urandom 9
LIST
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/srv LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
if [ "$how" = chroot ]; then
    # Not exec: the first process of a pid namespace gets no signal that it does not ask for.
    chroot "$dir" "$@"
    exit
fi
mount -t cgroup2 cgroup2 "$dir/sys/fs/cgroup"
cd "$dir"
pivot_root . mnt
umount -l /mnt
export container=statsd-test
exec /lib/systemd/systemd --system --log-target=console --show-status=no
