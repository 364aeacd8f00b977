#!/usr/bin/env bash
# The package in a bare Debian that runs on a kernel of its own, in a virtual machine: there AppArmor holds the service, which namespaces
# cannot show where this machine's kernel has none.  `make vm-test`
#
#   vm.sh DEB       DEB: where `make deb` put the packages, with those of a version before in DEB/older
#
# The machine is emulated, as /dev/kvm is not everywhere: its minutes are few.  Its console is left in DEB/vm.log.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
deb=$(realpath "$1")
# shellcheck source-path=SCRIPTDIR source=root.sh
. tests/package/root.sh

lacking=$(root_needs)
command -v qemu-system-x86_64 >/dev/null || lacking="no qemu-system-x86_64"
[ "$(dpkg --print-architecture)" = amd64 ] || lacking="not amd64"
if [ -n "$lacking" ]; then root_skip vm "$lacking"; exit; fi

began=$SECONDS
work=$(mktemp -d -p build vm.XXXXXX)
root=$PWD/$work/root
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
say() { printf 'vm: %3d s  %s\n' $((SECONDS - began)) "$*"; }
die() { say "FAILED: $*"; exit 1; }

say "making a bare root with a kernel"
root_make "$root" --include=systemd,systemd-sysv,udev,linux-image-cloud-amd64,apparmor,curl,procps,redis-server || die "mmdebstrap"
mkdir -p "$root/srv/older" "$root/srv/newer"
cp "$deb"/older/statsd{,-bench}_*.deb "$root/srv/older/"
cp "$deb"/statsd{,-bench}_*.deb "$root/srv/newer/"
cp -r debian/tests "$root/srv/tests"
cp tests/package/inside.sh "$root/srv/"
# What install.md says of a folder elsewhere is done there to the letter.
sed -n '/^\*\*A folder elsewhere\*\*/,/^\*\*/s/^    //p' docs/install.md >"$root/srv/elsewhere"
root_run "$root" bash -c 'apt-get update -qq &&
    apt-get install -qq -y --no-install-recommends --download-only /srv/newer/*.deb' >"$work/log" 2>&1 || { cat "$work/log"; die "apt-get"; }
# It begins with the machine and ends it.
cat >"$root/etc/systemd/system/trial.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
ExecStart=/srv/inside.sh apparmor
ExecStopPost=/bin/systemctl poweroff --no-block
[Install]
WantedBy=graphical.target
UNIT
root_run "$root" bash -c 'systemctl enable -q trial.service && systemctl set-default -q graphical.target && systemctl disable -q redis-server' || die "systemctl"

say "starting it"
{ cp "$root"/boot/vmlinuz-* "$work/kernel" && cp "$root"/boot/initrd.img-* "$work/initrd"; } || die "no kernel"
mke2fs -q -t ext4 -d "$root" "$work/disk" 3G >"$work/log" 2>&1 || { cat "$work/log"; die "mke2fs"; }
timeout 1200 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 1024 -display none -no-reboot -nic none \
    -kernel "$work/kernel" -initrd "$work/initrd" -drive "file=$work/disk,if=virtio,format=raw,cache=unsafe" \
    -append "root=/dev/vda rw console=ttyS0 quiet apparmor=1 security=apparmor systemd.mask=serial-getty@ttyS0.service" -serial stdio </dev/null >"$deb/vm.log" 2>"$work/log"
tr -d '\r' <"$deb/vm.log" | grep -aE '^(ok|FAILED)  '
if ! grep -aq '^all steps of apparmor' "$deb/vm.log"; then
    tail -n 3 "$work/log"
    tail -n 40 "$deb/vm.log"
    die "the whole of its console: $deb/vm.log"
fi
say "all of it passed"
