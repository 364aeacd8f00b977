"""server.state_dir or capture.dir on a disk that is full: what was there stays whole, and the server says so.

The disk is a small tmpfs in a mount namespace of its own, which a process holds; files there are seen through /proc."""
import contextlib
import json
import os
import shutil
import signal
import subprocess

import pytest

import harness
from harness import Server, stop, wait_for

NAME = "statsd.state"
FAILED = "cannot save the state: the next start begins at 0"
LOST = "stopped before redis had everything: lost"
UNPLANNED = "the last process did not stop by itself: counters and timers begin at 0"
GAUGES = 2000


def may_mount():
    tried = subprocess.run(["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt && exec nsenter --version"], capture_output=True)
    return tried.returncode == 0


pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nsenter") or not may_mount(), reason="mounting needs root")


class Disk:
    """`folder` is the server's name of it, `seen` the test's; `lacks` is what fill() leaves none of."""

    def __init__(self, folder, lacks):
        self.folder, self.lacks = folder, lacks
        self.holder = subprocess.Popen(["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=1m,nr_inodes=20 none "$0" && echo && exec cat',
                                        folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"\n"
        self.seen = "/proc/%d/root%s" % (self.holder.pid, folder)

    def server(self, *settings, **kwargs):
        s = Server("server.state_dir=" + self.folder, *settings, **kwargs)
        s.command = ["nsenter", "--mount=/proc/%d/ns/mnt" % self.holder.pid, "--", *s.command]
        return s

    def fill(self):
        """Again, when a file that was being written has taken the place of another one, whose room is free then."""
        first = len(os.listdir(self.seen))
        with contextlib.suppress(OSError):
            for n in range(first, first + 100):
                with open("%s/other.%d" % (self.seen, n), "wb", buffering=0) as f:
                    while self.lacks != "files":
                        f.write(b"x" * 4096)
        if self.lacks == "room for all of it":
            largest = max((os.stat(path).st_size, path) for path in self.others())
            os.truncate(largest[1], largest[0] - 16384)

    def others(self):
        return [os.path.join(self.seen, name) for name in os.listdir(self.seen) if name.startswith("other.")]

    def free(self):
        for path in self.others():
            os.unlink(path)

    def state(self):
        with open(self.seen + "/" + NAME, "rb") as f:
            return f.read()


@pytest.fixture(params=["room", "room for all of it", "files"])
def disk(dir, request):
    os.mkdir(os.path.join(dir, "disk"))
    d = Disk(os.path.join(dir, "disk"), request.param)
    try:
        yield d
    finally:
        d.holder.stdin.close()
        d.holder.wait(10)
        d.holder.stdout.close()


def gauges_to(s, value):
    """Far more of them than a write that goes through would hold, and a counter."""
    before = s.scrape().sum("statsd_samples_read_total")
    for at in range(0, GAUGES, 100):
        s.send("\n".join("n.%d:%d|g" % (i, value) for i in range(at, at + 100)))
    s.send("hits:1|c")
    s.wait_self("statsd_samples_read_total", before + GAUGES + 1)


def snapshots(s, result="", more=2):
    name = "statsd_state_snapshots%s_total" % result
    s.wait_self(name, s.scrape().value(name) + more)


def killed(s):
    s.clean_exit = False
    os.kill(s.pid, signal.SIGKILL)
    s.process.wait()


def values(s):
    """Of the gauges: all the same."""
    page = s.scrape()
    (value,) = {page.value("n_%d" % i) for i in range(GAUGES)}
    return value


def test_a_stop_on_a_full_disk_leaves_the_file_that_was_there_and_the_next_start_reads_it(disk):
    with disk.server("server.state_interval=50ms") as s:
        gauges_to(s, 7)
        snapshots(s)
        killed(s)
    with disk.server("server.state_interval=1h", clean_exit=False) as s:
        assert s.logged(UNPLANNED) and values(s) == 7
        s.wait_self("statsd_state_snapshots_total", 1)     # one comes at the start
        old = disk.state()
        gauges_to(s, 8)
        disk.fill()
        assert stop(s.process) == 1
        s.reader.join(5)
        (line,) = s.logged(FAILED)
        assert "space" in line["error"].lower(), line
    assert disk.state() == old
    disk.free()
    assert os.listdir(disk.seen) == [NAME]
    with disk.server() as s:
        assert s.logged(UNPLANNED)
        assert values(s) == 7 and s.scrape().value("hits") is None


def test_gauges_that_find_no_room_are_told_once_and_written_when_there_is_some(disk):
    with disk.server("server.state_interval=50ms") as s:
        gauges_to(s, 1)
        snapshots(s)
        wait_for(lambda: disk.fill() or s.scrape().value("statsd_state_snapshots_failed_total") > 1, "writing to fail", every=0.1)
        old = disk.state()
        gauges_to(s, 2)
        snapshots(s, "_failed")
        assert disk.state() == old and len(s.logged("cannot write the gauges to server.state_dir")) == 1
        disk.free()
        wait_for(lambda: s.logged("the gauges are written to server.state_dir again"), "a snapshot")
        snapshots(s)
        killed(s)
    with disk.server("server.state_interval=50ms") as s:
        assert values(s) == 2


def test_redis_gets_what_it_takes_though_the_disk_is_full_and_what_is_lost_is_told(disk, redis):
    with disk.server("server.state_interval=0", redis.url, clean_exit=False, interval="1m") as s:
        gauges_to(s, 1)
        disk.fill()
        assert stop(s.process) == 1
        s.reader.join(5)
        assert s.logged(FAILED) and not s.logged(LOST)
    assert redis.total("c", "hits") == 1
    disk.free()
    with disk.server("server.state_interval=0", redis.url, "server.drain_timeout=1s", clean_exit=False) as s:
        wait_for(lambda: s.logged("redis connected"), "Redis")
        redis.pause()
        try:
            gauges_to(s, 1)
            disk.fill()
            assert stop(s.process) == 1
        finally:
            redis.go_on()
        s.reader.join(5)
        assert s.logged(FAILED) and s.logged(LOST)[0]["counters_sum"] == "1"


def capturing(disk):
    return disk.server("capture.dir=" + disk.folder, "http.lifecycle=on", "server.state_dir=",
                       sockets=["unixgram://%s.sock" % disk.folder])


def asked(s, query="", method="POST"):
    return s.get("/api/v1/capture" + query, method=method)


def stopped(s):
    return wait_for(lambda: (v := json.loads(asked(s, method="GET")[2]))["state"] == "stopped" and v, "the capture's end")


@pytest.mark.plain
@pytest.mark.parametrize("disk", ["room"], indirect=True)
def test_a_capture_ends_when_the_disk_takes_no_more_and_its_file_has_whole_packets(disk):
    with capturing(disk) as s:
        assert asked(s, "?state=on")[0] == 200
        s.send(*["n%d:1|c\n" % i + "x" * 8000 for i in range(300)], unix=True)        # 2.4 MB, on a disk of 1 MiB
        v = stopped(s)
        assert "No space" in v["why"] and v["packets"] + v["dropped"] == 300 and v["dropped"] > 0
        assert len(s.logged("capture ended")) == 1
        assert s.scrape().value("statsd_capture_dropped_total", reason="disk") == v["dropped"]
        with open(disk.seen + "/" + v["file"], "rb") as f:
            p = subprocess.run(["tcpdump", "-nn", "-r", "-", "not", "port", "9"], stdin=f, capture_output=True, text=True)
        assert p.returncode == 0 and len(p.stdout.splitlines()) == v["packets"], p.stderr


@pytest.mark.plain
@pytest.mark.parametrize("disk", ["room for all of it"], indirect=True)
def test_a_capture_leaves_a_twentieth_of_the_disk(disk):
    with capturing(disk) as s:
        disk.fill()
        assert asked(s, "?state=on")[0] == 200
        assert "5 %" in stopped(s)["why"]
        assert s.scrape().value("statsd_capture_ends_total", reason="disk_full") == 1


@pytest.mark.plain
@pytest.mark.parametrize("disk", ["files"], indirect=True)
def test_a_capture_that_gets_no_file_says_so(disk):
    with capturing(disk) as s:
        disk.fill()
        status, _, body = asked(s, "?state=on")
        assert status >= 400 and b"No space" in body
        assert json.loads(asked(s, method="GET")[2])["state"] == "off"
