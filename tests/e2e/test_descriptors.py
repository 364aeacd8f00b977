"""Standard descriptors that are closed, full or broken, and a process that may not have what it needs."""
import os
import re
import resource
import signal
import socket
import subprocess
import tempfile

import pytest

import harness
from exposition import parse
from harness import ASLR_OFF, SLOW, STATSD, Server, wait_for

SETS = ["--set", "http.listen=127.0.0.1:0", "--set", "listen.socket=udp://127.0.0.1:0", "--set", "server.interval=200ms"]
BENCH = harness.BENCH


def close_all(*fds):
    def close():
        for fd in fds:
            os.close(fd)
    return close


def command(*words, closed=(), limit=None, stdout=subprocess.DEVNULL):
    """A process whose descriptors `closed` are closed; limit: (what, soft, hard)."""
    def prepare():
        if limit:
            resource.setrlimit(limit[0], limit[1:])
        close_all(*closed)()
    return subprocess.Popen([*ASLR_OFF, *words], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                            preexec_fn=prepare, env=harness.clean_env())


def end(p):
    """Its status after a TERM."""
    if p.poll() is None:
        p.send_signal(signal.SIGTERM)
    try:
        p.communicate(timeout=30 * SLOW)
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        raise
    return p.returncode


def port_of(pid, protocol):
    """The port of a process that cannot tell: /proc has its socket."""
    inodes = set()
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            inodes.update(re.findall(r"socket:\[(\d+)\]", os.readlink("/proc/%d/fd/%s" % (pid, fd))))
        except OSError:
            pass
    with open("/proc/net/" + protocol) as f:
        for line in list(f)[1:]:
            words = line.split()
            if words[9] in inodes and (protocol == "udp" or words[3] == "0A"):
                return int(words[1].split(":")[1], 16)
    return None


def page(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10 * SLOW) as c:
        c.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = b""
        while True:
            more = c.recv(65536)
            if not more:
                return parse(got.partition(b"\r\n\r\n")[2])
            got += more


@pytest.mark.parametrize("closed", [(1,), (0,), (2,), (0, 1), (0, 1, 2)], ids=str)
def test_a_server_started_with_closed_descriptors_serves_and_no_socket_takes_their_place(closed):
    p = command(STATSD, *SETS, closed=closed)
    try:
        wait_for(lambda: p.poll() is not None or port_of(p.pid, "tcp"), "a server that listens")
        for fd in range(3):
            assert os.readlink("/proc/%d/fd/%d" % (p.pid, fd)).startswith(("/dev/null", "pipe:"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"hello:3|c", ("127.0.0.1", port_of(p.pid, "udp")))
        http = port_of(p.pid, "tcp")
        wait_for(lambda: page(http).value("hello") == 3, "the sample")
        p.send_signal(signal.SIGUSR1)          # a log line to nowhere
        assert page(http).value("hello") == 3
    finally:
        status = end(p)
    assert status == 0


def test_a_log_file_that_may_not_grow_does_not_end_the_server():
    with tempfile.TemporaryFile() as log:
        p = command(STATSD, *SETS, limit=(resource.RLIMIT_FSIZE, 2048, 2048), stdout=log)
        try:
            http = wait_for(lambda: port_of(p.pid, "tcp"), "a server that listens")
            for _ in range(30):
                p.send_signal(signal.SIGUSR1)
                page(http)
            assert p.poll() is None
            assert os.fstat(log.fileno()).st_size == 2048
        finally:
            status = end(p)
    assert status == 0


@pytest.mark.parametrize("broken", ["stdout", "stderr"])
def test_a_log_whose_reader_has_left_does_not_end_the_server(broken):
    p = subprocess.Popen([*ASLR_OFF, STATSD, *SETS], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         env=harness.clean_env())
    try:
        http = wait_for(lambda: port_of(p.pid, "tcp"), "a server that listens")
        getattr(p, broken).close()
        for _ in range(10):
            p.send_signal(signal.SIGUSR1)
            page(http)
        assert p.poll() is None
    finally:
        p.send_signal(signal.SIGTERM)
        status = p.wait(30 * SLOW)
        for f in (p.stdout, p.stderr):
            f.close()
    assert status == 0


COMMANDS = [
    ("statsd check", [STATSD, "check"]),
    ("statsd explain", [STATSD, "explain", "a:1|c"]),
    ("statsd explain --json", [STATSD, "explain", "--json", "a:1|c"]),
    ("statsd describe", [STATSD, "describe", "options"]),
    ("statsd --help", [STATSD, "--help"]),
    ("statsd --version", [STATSD, "--version"]),
    ("statsd-bench --help", [BENCH, "--help"]),
    ("statsd-bench --version", [BENCH, "--version"]),
]


@pytest.mark.parametrize("words", [c[1] for c in COMMANDS], ids=[c[0] for c in COMMANDS])
def test_a_command_that_cannot_write_says_so(words):
    if not os.path.exists(words[0]):
        pytest.skip("statsd-bench is not built (make bench-build)")
    with open("/dev/full", "wb") as full, tempfile.TemporaryFile() as file:
        ways = [{"closed": (1,)}, {"stdout": full}]
        if SLOW == 1:            # a sanitizer makes files of its own before the program begins
            ways.append({"stdout": file, "limit": (resource.RLIMIT_FSIZE, 0, 0)})
        for what in ways:
            p = command(*words, **what)
            _, err = p.communicate(timeout=60 * SLOW)
            assert p.returncode == 1, (what, err)
            assert b"cannot write standard output" in err, what


def test_a_command_without_any_descriptor_ends_with_a_status(tmp_path):
    p = command(STATSD, "check", closed=(0, 1, 2))
    p.communicate(timeout=60 * SLOW)
    assert p.returncode == 1


# --- the limit on descriptors

def needed(s):
    (line,) = s.logged("the limit on open files is too low")
    return line


class Limited(Server):
    """A server whose limit on open files is (soft, hard)."""

    def __init__(self, soft, hard, *settings, **more):
        super().__init__(*settings, **more)
        self.command = ["prlimit", "--nofile=%d:%d" % (soft, hard), *self.command]


def test_the_soft_limit_is_raised_to_the_hard_one_without_a_word():
    with Limited(64, 4096) as s:
        assert not s.logged("the limit on open files is too low")
        assert resource.prlimit(s.pid, resource.RLIMIT_NOFILE) == (4096, 4096)


def test_a_low_limit_is_warned_of_with_the_number_that_is_needed():
    with Limited(200, 200) as s:
        line = needed(s)
        assert int(line["limit"]) == 200
        assert 1024 < int(line["needed"]) < 1200
        assert "ulimit -n" in line["remedy"]
        enough = int(line["needed"])
    with Limited(enough, enough) as s:
        assert not s.logged("the limit on open files is too low")
    with Limited(enough - 1, enough - 1) as s:
        assert int(needed(s)["needed"]) == enough


def test_what_is_needed_is_at_least_what_is_open():
    """With the most of everything: sockets of many workers, Redis, and all the connections that may be."""
    with harness.short_dir() as d, harness.Redis(d) as redis:
        with Limited(60, 60, redis.url, "server.workers=4", "http.max_connections=20", "http.max_per_ip=20",
                     sockets=["udp://127.0.0.1:0", "udp://127.0.0.1:0", "unixgram://%s/s" % d], wait=False, clean_exit=False) as s:
            wait_for(lambda: s.logged("the limit on open files is too low"), "the warning")
            most = int(needed(s)["needed"])
        with Limited(most, most, redis.url, "server.workers=4", "http.max_connections=20", "http.max_per_ip=20",
                     sockets=["udp://127.0.0.1:0", "udp://127.0.0.1:0", "unixgram://%s/s" % d]) as s:
            assert not s.logged("the limit on open files is too low")
            host, _, port = s.http_addr().rpartition(":")
            crowd = [socket.create_connection((host, int(port)), timeout=10) for _ in range(19)]
            assert s.scrape().value("process_open_fds") <= most
            for c in crowd:
                c.close()


def test_what_is_needed_has_a_connection_for_each_node_of_a_cluster_twice():
    """For the ledger and for /cluster/metrics."""
    def wanted(hosts):
        url = "redis.url=redis://" + ",".join("127.0.0.1:%d" % (i + 1) for i in range(hosts))
        with Limited(60, 60, url, "http.max_connections=20", wait=False, clean_exit=False) as s:
            wait_for(lambda: s.logged("the limit on open files is too low"), "the warning")
            return int(needed(s)["needed"])
    assert wanted(16) - wanted(1) == 2 * (2 * 16 - 3)


def test_under_a_low_limit_connections_are_refused_and_the_server_serves_on():
    with Limited(64, 64) as s:
        host, _, port = s.http_addr().rpartition(":")
        crowd = []
        for i in range(60):
            crowd.append(socket.create_connection((host, int(port)), timeout=10, source_address=("127.0.1.%d" % (i + 1), 0)))
        s.send("hello:1|c")

        def served():
            try:
                return s.scrape()
            except OSError:
                return None
        page = wait_for(served, "a scrape in spite of the crowd")
        assert page.value("hello") == 1
        assert page.sum("statsd_http_connections_refused_total") + page.value("statsd_http_connections_replaced_total") > 0
        for c in crowd:
            c.close()


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer needs the addresses that such a stack takes")
def test_a_worker_that_cannot_be_started_is_told():
    """No thread can be made: its stack would be larger than the address space."""
    p = command(STATSD, *SETS, limit=(resource.RLIMIT_STACK, 1 << 46, resource.RLIM_INFINITY), stdout=subprocess.PIPE)
    out, _ = p.communicate(timeout=30 * SLOW)
    assert p.returncode == 1
    assert b"level=error" in out and b"worker" in out


@pytest.mark.parametrize("limit", (6, 8, 10, 12))
def test_a_limit_that_leaves_nothing_to_start_with_is_an_error(limit):
    p = command(STATSD, *SETS, limit=(resource.RLIMIT_NOFILE, limit, limit), stdout=subprocess.PIPE)
    out, _ = p.communicate(timeout=30 * SLOW)
    assert p.returncode == 1 and b"level=error" in out, out
