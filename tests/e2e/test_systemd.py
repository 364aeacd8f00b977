"""Under a service manager: the sockets outlive the server, so that a restart loses nothing; and what the manager is told."""
import contextlib
import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request

import pytest

import harness
import manager
from harness import Redis, Server, wait_for
from manager import Manager

RESTARTS = 25


class Load(threading.Thread):
    """Senders of known sums at a pace that no receive buffer overruns in a pause; each datagram is load.N:1|c.

    `send` is given the number of the datagram; what it raises ends the load and the test.
    """

    def __init__(self, send, a_second=10000):
        super().__init__(daemon=True)
        self.do, self.a_second, self.sent, self.over, self.error = send, a_second, 0, False, None

    def run(self):
        begun = time.monotonic()
        try:
            while not self.over:
                due = int((time.monotonic() - begun) * self.a_second)
                # Not all that a sleep has left behind at once: a Unix queue is short, a buffer is not endless.
                for _ in range(min(due - self.sent, 100)):
                    self.do(self.sent)
                    self.sent += 1
                if due - self.sent > 1000:
                    begun = time.monotonic() - self.sent / self.a_second
                time.sleep(0.001)
        except Exception as e:                                             # noqa: BLE001: told by finish
            self.error = e

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.join(20)
        if self.error:
            raise self.error


def sender(address, n=8):
    """Datagrams from n sockets in turn: a group spreads by them."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    sockets = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(n)]
    for s in sockets:
        s.connect(address)

    def send(i):
        sockets[i % n].send(b"load.%d:1|c" % (i % 10))
    send.sockets = sockets
    return send


def of_tcp(address):
    def send(i):
        with socket.create_connection(address, timeout=10) as s:
            s.sendall(b"load.%d:1|c\n" % (i % 10))
    return send


def of_http(address):
    """A connection of its own for each scrape: any that fails ends the load."""
    def send(_):
        c = http.client.HTTPConnection(*address, timeout=10)
        c.request("GET", "/-/healthy")
        r = c.getresponse()
        assert r.status == 200 and r.read() == b"statsd is healthy\n"
        c.close()
    return send


def settle(m, sent):
    """The last run reads what is left, and ends."""
    m.stop()
    for _ in range(3):
        if m.sum_of_runs("samples_aggregated") >= sent:
            break
        m.start()                       # what came after the last turn is still in the sockets
        m.stop()
    return m.sum_of_runs("samples_aggregated")


def settings(*more, http=None):
    return ["http.listen=" + ("%s:%d" % http.getsockname() if http else "127.0.0.1:0"), "server.interval=200ms", *more]


# Of each kind: (sockets, [listen] socket, what sends, how many a second).
def kind_udp(dir, workers):
    group = manager.udp(n=workers)
    return group, manager.url(group[0]), sender(group[0].getsockname()), 10000


def kind_unixgram(dir, workers):
    path = os.path.join(dir, "s.sock")
    return [manager.unix(path)], "unixgram://" + path, sender(path, n=1), 10000


def kind_tcp(dir, workers):
    s = manager.tcp()
    return [s], manager.url(s, "tcp"), of_tcp(s.getsockname()), 300


def kind_stream(dir, workers):
    path = os.path.join(dir, "s.sock")
    s = manager.unix(path, socket.SOCK_STREAM)

    def send(i):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as c:
            c.connect(path)
            c.sendall(b"load.%d:1|c\n" % (i % 10))
    return [s], "unix://" + path, send, 300


@pytest.mark.parametrize("kind, workers", [(kind_udp, 1), (kind_udp, 2), (kind_unixgram, 2), (kind_tcp, 2), (kind_stream, 1)])
def test_restarts_under_load_lose_nothing_of_what_came_to_sockets_that_the_manager_has(dir, kind, workers):
    sockets, listen, send, a_second = kind(dir, workers)
    with Redis(dir) as redis:
        with Manager(dir, *settings("listen.socket=" + listen, "server.workers=%d" % workers, redis.url), sockets=sockets) as m:
            m.start()
            with Load(send, a_second) as load:
                for i in range(RESTARTS):
                    wait_for(lambda: load.sent > (i + 1) * a_second // 50 or load.error, "some load")
                    m.restart()
            assert settle(m, load.sent) == load.sent > a_second // 4
            assert m.sum_of_runs("kernel_drops") == m.sum_of_runs("samples_rejected") == 0
            assert sum(v for k, v in redis.totals().items() if k.startswith("load.")) == load.sent


def listens(m, proto, nth=0, run=-1):
    """The nth address of that transport which a run listens on, as sockets want it."""
    at = [l["addr"] for l in m.logged("listening", run) if l["proto"] == proto][nth]
    return at if at.startswith("/") else (at.rsplit(":", 1)[0].strip("[]"), int(at.rsplit(":", 1)[1]))


@pytest.mark.parametrize("workers", [1, 2])
def test_restarts_lose_nothing_of_what_came_to_sockets_that_the_server_opened_itself(dir, workers):
    path = os.path.join(dir, "own.sock")
    sockets = ["udp://localhost:0", "unixgram://" + path, "tcp://127.0.0.1:0"]
    with Manager(dir, *settings(*["listen.socket=" + s for s in sockets], "server.workers=%d" % workers), abstract=True) as m:
        m.start()
        inode = os.stat(path).st_ino
        v4, v6, tcp = listens(m, "udp"), listens(m, "udp", 1), listens(m, "tcp")
        with Load(sender(v4)) as load, Load(sender(path, n=1), 3000) as unix, Load(of_tcp(tcp), 200) as streams:
            for i in range(RESTARTS):
                wait_for(lambda: load.sent > (i + 1) * 200, "some load")
                m.restart()
                assert len(m.store) == 2 * workers + 3         # two of UDP, Unix, TCP, HTTP: nothing is stored twice
        for i in range(len(m.runs)):
            assert (listens(m, "udp", 0, i), listens(m, "udp", 1, i), listens(m, "tcp", 0, i)) == (v4, v6, tcp)
        assert os.stat(path).st_ino == inode
        sent = load.sent + unix.sent + streams.sent
        assert settle(m, sent) == sent > 5000


def test_a_localhost_of_which_the_manager_has_one_half_gets_the_other_one(dir):
    (u,) = manager.udp()
    host, port = u.getsockname()
    with Manager(dir, *settings("listen.socket=udp://localhost:%d" % port), sockets=[u]) as m:
        for _ in range(2):
            m.start()
            assert (listens(m, "udp"), listens(m, "udp", 1)) == ((host, port), ("::1", port))
            sender((host, port), n=1)(0)
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
                s.sendto(b"load.1:1|c", ("::1", port))
            m.stop()
        assert m.sum_of_runs("samples_aggregated") == 4


def test_http_connections_wait_for_the_next_server_and_none_fails(dir):
    h = manager.tcp()
    with Manager(dir, *settings("listen.socket=udp://127.0.0.1:0", http=h), sockets=[h]) as m:
        m.start()
        keeps = http.client.HTTPConnection(*h.getsockname(), timeout=10)

        answered = time.monotonic()

        def scrape():
            nonlocal answered
            keeps.request("GET", "/metrics")
            r = keeps.getresponse()
            assert r.status == 200 and b"statsd_build_info" in r.read()
            answered = time.monotonic()

        def keep_alive(_):
            # What Prometheus does: the same connection, until the server says that it is the last answer; and once more
            # if that was idle for long.
            idle = time.monotonic() - answered
            try:
                scrape()
            except ConnectionError:
                if idle < 0.2:
                    raise
                keeps.close()
                scrape()
        with Load(of_http(h.getsockname()), 300) as load, Load(keep_alive, 200) as kept:
            for i in range(RESTARTS):
                wait_for(lambda: (load.sent > i * 20 and kept.sent > i * 10) or load.error or kept.error, "some requests")
                m.restart()
        assert load.sent > 400 and kept.sent > 200


@pytest.mark.parametrize("before, after", [(1, 3), (3, 1), (2, 3), (3, 2)])
def test_another_number_of_workers_reads_the_same_sockets(dir, before, after):
    with Manager(dir, *settings("listen.socket=udp://127.0.0.1:0", "server.workers=%d" % before)) as m:
        m.start()
        port = listens(m, "udp")[1]
        send = sender(("127.0.0.1", port), n=32)
        for i in range(100):
            send(i)
        m.stop()
        for i in range(100):
            send(i)                                   # into queues that nobody reads
        m.settings[-1] = "server.workers=%d" % after
        m.start()
        assert len(m.store) == max(before, after) + 1
        assert int(m.logged("listening")[1]["sockets"]) == max(before, after)
        for i in range(100):
            send(i)
        assert settle(m, 300) == 300


def test_listeners_of_port_0_that_the_config_has_twice_keep_their_ports(dir):
    """They have one name in the store: each takes the sockets of one port."""
    twice = [u for u in ("udp://localhost:0", "tcp://127.0.0.1:0") for _ in range(2)]
    with Manager(dir, *settings(*["listen.socket=" + u for u in twice], "server.workers=2")) as m:
        for i in range(3):
            m.start()
            assert len(m.store) == 4 * 2 + 2 + 1                # UDP twice for IPv4 and IPv6, TCP, HTTP
            for proto in ("udp", "tcp"):
                at = [sorted(l["addr"] for l in m.logged("listening", run) if l["proto"] == proto) for run in (0, i)]
                assert at[0] == at[1]
            m.stop()


@pytest.mark.parametrize("goes", [False, True])
def test_one_worker_reads_what_many_left_of_several_listeners(dir, goes):
    """As listeners of its own, or as sockets that the config has dropped."""
    listen = ["listen.socket=udp://127.0.0.1:0"] * 2
    with Manager(dir, *settings(*listen, "server.workers=40")) as m:
        m.start()
        ports = [int(l["addr"].rsplit(":", 1)[1]) for l in m.logged("listening") if l["proto"] == "udp"]
        m.stop()
        for port in ports:
            send = sender(("127.0.0.1", port), n=100)
            for i in range(400):
                send(i)
        m.settings[:] = settings(*(["listen.socket=unixgram://@" + dir] if goes else listen), "server.workers=1")
        m.start()
        m.stop()
        if goes:
            assert m.logged("read what sockets of the config before held")[0]["datagrams"] == "800"
        else:
            assert m.sum_of_runs("samples_aggregated") == 800


def test_a_unit_with_fewer_sockets_than_workers_is_told_what_to_write(dir):
    (u,) = manager.udp()
    with Manager(dir, *settings("listen.socket=" + manager.url(u), "server.workers=2"), sockets=[u]) as m:
        m.start()
        (warning,) = m.logged("fewer sockets than workers: some have nothing to do")
        assert "ListenDatagram=" in warning["remedy"]
        sender(u.getsockname())(0)
        assert settle(m, 1) == 1


def test_a_kill_loses_what_was_read_and_not_what_waits(dir):
    """Read at once are 64 datagrams of a socket; what was merged since the last interval is gone with the process, too."""
    group = manager.udp(n=2)
    with Redis(dir) as redis:
        with Manager(dir, *settings("listen.socket=" + manager.url(group[0]), "server.workers=2", redis.url), sockets=group) as m:
            m.start()
            with Load(sender(group[0].getsockname()), 5000) as load:
                for i in range(5):
                    wait_for(lambda: load.sent > (i + 1) * 1500, "some load")
                    m.stop(signal.SIGKILL)
                    m.start()
            settle(m, load.sent)
            total = sum(redis.totals().values())
            # Each kill costs at most the open interval (0.2 s) and what was on its way to Redis: far less than a second's load.
            assert load.sent - 5 * 5000 < total <= load.sent
            m.start()
            m.stop(signal.SIGKILL)                    # idle: nothing to lose
            for i in range(500):
                load.do(i)
            m.start()
            wait_for(lambda: sum(redis.totals().values()) == total + 500 or None, "what waited in the sockets")


def test_what_is_given_and_not_configured_is_an_error_that_names_it(dir):
    (u,), (other,), t = manager.udp(), manager.udp(), manager.tcp()
    with Manager(dir, *settings("listen.socket=" + manager.url(u)), sockets=[u, other, t]) as m:
        m.start(wait=False)
        wait_for(m.ended, "the end")
        assert os.waitstatus_to_exitcode(m.status) == 1
        said = m.logged("given a descriptor that the config has no use for")
        assert [l["is"] for l in said] == ["udp %s:%d" % other.getsockname(), "tcp %s:%d" % t.getsockname()]
        assert all("http.listen" in l["remedy"] and l["name"] == "statsd" for l in said)


def test_a_start_that_fails_leaves_everything_to_the_next_one(dir):
    path = os.path.join(dir, "own.sock")
    (taken,), http_taken = manager.udp(), manager.tcp()
    good = settings("listen.socket=udp://127.0.0.1:0", "listen.socket=unixgram://" + path)
    with Manager(dir, *good) as m:
        m.start()
        port = listens(m, "udp")[1]
        m.stop()
        for i in range(5):
            sender(("127.0.0.1", port), n=1)(i)
            sender(path, n=1)(i)
        store = list(m.store)
        # The first of these has dropped a listener, but fails before it may forget its sockets.
        for bad in (settings("listen.socket=unixgram://" + path, "listen.socket=" + manager.url(taken)),
                    [*good, "listen.socket=" + manager.url(taken)], [*good, "redis.url=nonsense"],
                    [*good, "http.listen=%s:%d" % http_taken.getsockname()]):
            m.settings[:] = bad
            m.start(wait=False)
            wait_for(m.ended, "the end")
            assert os.waitstatus_to_exitcode(m.status) != 0 and m.store == store and os.path.exists(path)
        m.settings[:] = good
        m.start()
        assert settle(m, 10) == 10
    taken.close()
    http_taken.close()


def test_a_listener_that_the_config_dropped_is_read_to_its_end_and_forgotten(dir):
    paths = [os.path.join(dir, "a.sock"), os.path.join(dir, "b.sock")]
    with Manager(dir, *settings("listen.socket=unixgram://" + paths[0], "listen.socket=unixgram://" + paths[1],
                                "listen.socket=udp://127.0.0.1:0", "listen.socket=tcp://127.0.0.1:0")) as m:
        m.start()
        port = listens(m, "udp")[1]
        m.stop()
        for send in [sender(("127.0.0.1", port)), sender(paths[0], n=1), sender(paths[1], n=1)]:
            for i in range(5):
                send(i)
        m.settings[:] = settings("listen.socket=unixgram://" + paths[0])
        m.start()
        wait_for(lambda: len(m.store) == 2, "the store")                   # the Unix socket and HTTP
        (read,) = m.logged("read what sockets of the config before held")
        assert int(read["datagrams"]) == 10
        assert len(m.logged("closed a socket that the config has no more")) == 3
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", port))                                   # nobody has it
        m.stop()
        # The self-metrics count what the listeners read; the series have all of it.
        assert int(m.logged("stopped")[0]["series"]) == 5


def test_series_that_a_dropped_listener_brought_move_and_expire_as_others_do(dir):
    path = os.path.join(dir, "own.sock")
    with Manager(dir, *settings("listen.socket=unixgram://" + path)) as m:
        m.start()
        m.stop()
        sender(path, n=1)(0)
        m.settings[:] = settings("listen.socket=udp://127.0.0.1:0", "aggregate.ttl=1s")
        m.start()
        assert m.logged("read what sockets of the config before held")[0]["datagrams"] == "1"
        os.kill(m.pid, signal.SIGHUP)
        wait_for(lambda: m.ended() or m.logged("reloaded"), "the reload")
        assert m.pid is not None, m.log
        where = [l["addr"] for l in m.logged("listening") if l["proto"] == "http"][0]

        def gone():
            with urllib.request.urlopen(f"http://{where}/metrics", timeout=10) as answer:
                return b'\nstatsd_series{kind="counter"} 0\n' in answer.read()
        wait_for(gone, "the series to expire")
        assert m.stop() == 0


def test_events_and_checks_that_a_dropped_listener_holds_are_shown(dir):
    path = os.path.join(dir, "own.sock")
    with Manager(dir, *settings("listen.socket=unixgram://" + path)) as m:
        m.start()
        m.stop()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"_e{3,4}:one|text\n_sc|disk|1", path)
        m.settings[:] = settings("listen.socket=udp://127.0.0.1:0")
        m.start()
        assert m.logged("read what sockets of the config before held")[0]["datagrams"] == "1"
        where = [l["addr"] for l in m.logged("listening") if l["proto"] == "http"][0]
        for page, member, value in (("events", "title", "one"), ("checks", "check", "disk")):
            with urllib.request.urlopen(f"http://{where}/api/v1/{page}", timeout=10) as answer:
                assert [e[member] for e in json.load(answer)[page]] == [value]


def test_without_room_in_the_store_the_server_says_so_and_drains_to_the_end(dir):
    with Manager(dir, *settings("listen.socket=udp://127.0.0.1:0", "server.workers=2"), store_max=2) as m:
        m.start()
        assert m.store == []
        (warning,) = m.logged("the manager does not keep our sockets: a restart loses what they hold")
        assert "FileDescriptorStoreMax=" in warning["remedy"] and int(warning["sockets"]) == 3
        port = listens(m, "udp")[1]
        send = sender(("127.0.0.1", port))
        for i in range(300):
            send(i)
        m.stop()
        assert m.sum_of_runs("samples_aggregated") == 300


@pytest.mark.parametrize("type, scheme", [(socket.SOCK_DGRAM, "unixgram"), (socket.SOCK_STREAM, "unix")])
def test_a_unix_socket_whose_file_was_lost_is_bound_again_and_kept_by_the_manager(dir, type, scheme):
    path = os.path.join(dir, "s.sock")

    def send(i):
        with socket.socket(socket.AF_UNIX, type) as s:
            s.connect(path)
            s.sendall(b"load.%d:1|c\n" % i)
    with Manager(dir, *settings("listen.socket=%s://%s" % (scheme, path)), sockets=[manager.unix(path, type)]) as m:
        m.start()
        send(0)
        os.unlink(path)
        wait_for(lambda: m.logged("unix socket bound again"), "the new socket")
        wait_for(lambda: len(m.store) == 2, "the new socket in the store")
        for i in range(1, 4):
            send(i)
            m.restart()
        assert os.path.exists(path)
        assert settle(m, 4) == 4


def test_a_unix_socket_whose_directory_the_manager_emptied_is_there_again_when_the_server_is(dir):
    """As RuntimeDirectory= does between two runs."""
    path = os.path.join(dir, "own.sock")
    with Manager(dir, *settings("listen.socket=unixgram://" + path)) as m:
        m.start()
        send = sender(path, n=1)
        for i in range(3):
            send(i)
            m.stop()
            send(i)                     # connected before: it is in the socket that the manager has
            os.unlink(path)
            m.start()
            assert len(m.store) == 2    # the new socket, and HTTP
            send = sender(path, n=1)
        send(0)
        m.stop()
        assert sum(int(l["datagrams"]) for i in range(4) for l in m.logged("read what sockets of the config before held", i)) == 3
        assert m.sum_of_runs("samples_aggregated") == 4


# --- what it is told

def test_it_is_told_what_goes_on(dir):
    with Manager(dir, *settings("listen.socket=udp://127.0.0.1:0", "server.workers=2")) as m:
        m.start()
        assert "udp://127.0.0.1:" in m.heard("STATUS")[0] and "/metrics" in m.heard("STATUS")[0]
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        os.kill(m.pid, signal.SIGHUP)
        wait_for(lambda: len(m.heard("READY")) == 2, "the second READY=1")
        assert m.heard("RELOADING") == ["1"]
        assert before <= int(m.heard("MONOTONIC_USEC")[0]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        pid = m.pid
        m.stop()
        assert m.heard("STOPPING", run=pid) == ["1"]
        said = [s for p, s in m.told if p == pid]
        assert said[-1] == {"BARRIER": "1"} and not m.heard("WATCHDOG", run=pid)


def test_a_reload_that_is_refused_ends_too(dir):
    mapping = os.path.join(dir, "m.yml")
    with open(mapping, "w") as f:
        f.write("mappings: []\n")
    with Manager(dir, *settings("listen.socket=udp://127.0.0.1:0", "prometheus.mapping=" + mapping)) as m:
        m.start()
        with open(mapping, "w") as f:
            f.write("mappings: {\n")
        os.kill(m.pid, signal.SIGHUP)
        wait_for(lambda: len(m.heard("READY")) == 2, "the second READY=1")
        assert "refused" in m.heard("STATUS")[-1]


def test_a_long_stop_asks_for_more_time(dir):
    with Redis(dir) as redis:
        with Manager(dir, *settings("listen.socket=udp://127.0.0.1:0", redis.url, "server.drain_timeout=3s"), watchdog_ms=400) as m:
            m.start()
            port = listens(m, "udp")[1]
            sender(("127.0.0.1", port))(0)
            wait_for(lambda: redis.totals(), "Redis to be in use")
            redis.pause()
            sender(("127.0.0.1", port))(0)
            pid = m.pid
            os.kill(m.pid, signal.SIGTERM)
            wait_for(lambda: m.heard("EXTEND_TIMEOUT_USEC", run=pid), "EXTEND_TIMEOUT_USEC")
            beats = len(m.heard("WATCHDOG"))
            wait_for(lambda: len(m.heard("WATCHDOG")) > beats + 1, "heartbeats while it waits for Redis")
            redis.go_on()
            wait_for(m.ended, "the end")


def test_a_stop_that_saves_much_asks_for_the_time_that_it_takes(dir):
    """Nobody can ask while it is written, and who is killed then has lost all of it."""
    os.mkdir(os.path.join(dir, "state"))
    with Manager(dir, *settings("listen.socket=udp://127.0.0.1:0", "server.state_dir=" + os.path.join(dir, "state"))) as m:
        m.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for i in range(100):
                s.sendto(b"\n".join(b"s.%d:1|c" % n for n in range(i * 100, i * 100 + 100)), ("127.0.0.1", listens(m, "udp")[1]))
        pid = m.pid
        m.stop()
        assert m.logged("stopped")[0]["series"] == "10000"
        assert max(map(int, m.heard("EXTEND_TIMEOUT_USEC", run=pid))) >= 5000000 + 10000 * 10


def tids(pid, name):
    return [int(t) for t in os.listdir("/proc/%d/task" % pid) if open("/proc/%d/task/%s/comm" % (pid, t)).read().strip() == name]


def test_the_watchdog_is_fed_for_idle_workers_and_not_when_one_hangs(dir):
    """ptrace stops one thread alone, which no signal does."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    seize, interrupt, detach = 0x4206, 0x4207, 17
    with Manager(dir, *settings("listen.socket=udp://127.0.0.1:0", "server.workers=2"), watchdog_ms=200) as m:
        m.start()
        wait_for(lambda: len(m.heard("WATCHDOG")) >= 5, "heartbeats of a server without traffic")
        (tid,) = tids(m.pid, "worker-1")
        if libc.ptrace(seize, tid, None, None) != 0:
            pytest.skip("ptrace is not permitted here")
        assert libc.ptrace(interrupt, tid, None, None) == 0
        os.waitpid(tid, 0x40000000)                                       # __WALL: it has stopped

        def silent():                                                     # a turn that was over already may still be told
            before = len(m.heard("WATCHDOG"))
            time.sleep(0.5)
            return len(m.heard("WATCHDOG")) == before
        wait_for(silent, "no more heartbeats")
        beats = len(m.heard("WATCHDOG"))
        begun = time.monotonic()
        while time.monotonic() - begun < 1:
            assert len(m.heard("WATCHDOG")) == beats
            time.sleep(0.05)
        assert libc.ptrace(detach, tid, None, None) == 0
        wait_for(lambda: len(m.heard("WATCHDOG")) > beats + 2, "heartbeats again")


# --- what others give

@pytest.mark.parametrize("env", [
    {"LISTEN_PID": "1", "LISTEN_FDS": "5"},                       # another process'
    {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "soon"},       # told in vain
    {"NOTIFY_SOCKET": "relative"},
])
def test_variables_that_mean_nothing_to_it_do_no_harm(env):
    with Server(env=env) as s:
        s.send("a:1|c")
        s.wait_value("a", 1)


def test_what_the_kernel_dropped_while_nobody_read_is_told_and_not_counted_as_ours(dir):
    (u,) = manager.udp(rcvbuf=20000)
    u.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20000)
    with Manager(dir, *settings("listen.socket=%s?rcvbuf=4KiB" % manager.url(u)), sockets=[u]) as m:
        send = sender(u.getsockname())
        for i in range(1000):
            send(i)
        m.start()
        (said,) = m.logged("sockets were open before")
        m.stop()
        (stopped,) = m.logged("stopped")
        assert int(said["kernel_drops_so_far"]) + int(stopped["datagrams"]) == 1000
        assert int(said["kernel_drops_so_far"]) > 0 and int(stopped["kernel_drops"]) == 0


SERVICE = """[Unit]
StartLimitIntervalSec=0
[Service]
Type=notify
NotifyAccess=main
ExecStart=%(statsd)s --set listen.socket=udp://127.0.0.1:8125 --set listen.socket=udp://127.0.0.1:8126 \\
    --set listen.socket=unixgram://%(dir)s/own.sock --set http.listen=127.0.0.1:9102 --set server.workers=2 --set server.interval=1s
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=100ms
WatchdogSec=2
FileDescriptorStoreMax=512
StandardOutput=append:%(dir)s/statsd.log
"""
SOCKET = """[Socket]
ListenDatagram=127.0.0.1:8125
ListenDatagram=127.0.0.1:8125
ListenStream=127.0.0.1:9102
ReusePort=yes
ReceiveBuffer=32M
FileDescriptorName=statsd
"""


def test_a_manager_keeps_what_its_server_took_over_from_one_without_a_manager(dir):
    path, control = os.path.join(dir, "own.sock"), "server.control_socket=" + os.path.join(dir, "control")
    with Server(control, "server.workers=2", sockets=["udp://127.0.0.1:0", "unixgram://" + path], clean_exit=False) as old:
        same = ["http.listen=" + old.http_addr(), "listen.socket=udp://%s:%d" % old.udp(), "listen.socket=unixgram://" + path,
                "server.workers=2", "server.interval=200ms", control]
        with Manager(dir, *same) as m:
            m.flags = ["--takeover"]
            m.start()
            assert old.process.wait(10) == 0
            assert len(m.store) == 4                                      # UDP of two workers, Unix, HTTP
            m.flags = []
            m.stop()
            for i in range(10):
                sender(old.udp(), n=1)(i)
                sender(path, n=1)(i)
            m.start()
            m.stop()
            assert m.sum_of_runs("samples_aggregated") == 20


@pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists("/usr/lib/systemd/systemd"), reason="no root, or no systemd")
def test_a_real_systemd_keeps_the_sockets_over_restarts_a_reload_and_a_kill(dir):
    os.mkdir(os.path.join(dir, "units"))
    for name, text in (("service", SERVICE), ("socket", SOCKET)):
        with open(os.path.join(dir, "units", "statsd." + name), "w") as f:
            f.write(text % {"dir": dir, "statsd": harness.STATSD} if name == "service" else text)
    here = os.path.dirname(__file__)
    got = subprocess.run([os.path.join(here, "real_systemd.sh"), dir, "/usr/bin/python3", os.path.join(here, "real_systemd.py"), dir],
                         capture_output=True, text=True, timeout=60 * harness.SLOW)
    if got.returncode == 77:
        pytest.skip("no namespaces, or no cgroups, for a systemd of our own")
    assert got.returncode == 0, got.stdout + got.stderr
    with open(os.path.join(dir, "statsd.log")) as f:
        stopped = [l for l in map(harness.log_line, f) if l.get("msg") == "stopped"]
    sent = int(got.stdout.split()[-1])
    assert sum(int(l["samples_aggregated"]) for l in stopped) == sent > 1000


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="no systemd-socket-activate")
def test_systemd_socket_activate_is_understood_as_well():
    (u,) = manager.udp()
    host, port = u.getsockname()
    u.close()
    command = ["systemd-socket-activate", "-d", "-l", "%s:%d" % (host, port), "--fdname=metrics", harness.STATSD, "--set",
               "http.listen=127.0.0.1:0", "--set", "listen.socket=udp://%s:%d" % (host, port), "--set", "server.workers=1"]
    log = []
    p = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=harness.clean_env())
    reader = threading.Thread(target=lambda: log.extend(harness.log_line(l.decode().strip()) for l in p.stdout), daemon=True)

    def logged(msg):
        return [l for l in list(log) if l.get("msg") == msg]
    try:
        assert b"Listening" in p.stdout.readline()      # the server is started by the first datagram
        reader.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for _ in range(10):
                s.sendto(b"a:1|c", (host, port))
        wait_for(lambda: logged("ready"), "the server")
    finally:
        status = harness.stop(p)
    reader.join(5)
    assert status == 0
    assert [int(l["samples_aggregated"]) for l in logged("stopped")] == [10]
    assert [l["opened_by_us"] for l in logged("sockets were open before")] == ["false"]


# --- managers that do not read, or late

DEAF = "the service manager does not read what it is told"


@contextlib.contextmanager
def notify_socket(dir):
    path = os.path.join(dir, "n.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        yield s, {"NOTIFY_SOCKET": path}


@pytest.mark.parametrize("queue", ["empty", "full"])
def test_a_manager_that_never_reads_holds_up_neither_start_nor_stop(dir, queue):
    with notify_socket(dir) as (s, env):
        if queue == "full":
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other, contextlib.suppress(BlockingIOError):
                other.setblocking(False)
                while True:
                    other.sendto(b"STATUS=x", env["NOTIFY_SOCKET"])
        begun = time.monotonic()
        with Server(sockets=["udp://127.0.0.1:0"] * 3, env=env, clean_exit=False) as server:
            server.send("a:1|c")
            server.wait_value("a", 1)
            started = time.monotonic() - begun
            begun = time.monotonic()
            os.kill(server.pid, signal.SIGTERM)
            assert server.process.wait(30 * harness.SLOW) == 0
            stopped = time.monotonic() - begun
            server.reader.join(5)
            assert len(server.logged(DEAF)) == 1
            assert started < 3 * harness.SLOW and stopped < 3 * harness.SLOW, (started, stopped)


def test_a_manager_that_reads_late_keeps_the_sockets_all_the_same(dir):
    path, kept = os.path.join(dir, "in.sock"), []
    with notify_socket(dir) as (s, env), Server(sockets=["unixgram://" + path], env=env, clean_exit=False) as server:
        server.scrape()        # it is answered once the start has waited in vain
        s.settimeout(10 * harness.SLOW)
        heard = b""
        while b"FDNAME=own-probe" not in heard or b"FDSTOREREMOVE" not in heard:
            text, fds, _, _ = socket.recv_fds(s, 4096, 16)
            heard += text + b"\n"
            if text.startswith(b"FDSTORE=1"):
                kept += fds
            else:
                for fd in fds:
                    os.close(fd)
        assert not server.logged(DEAF) and not server.logged("the manager does not keep our sockets: a restart loses what they hold")
        os.kill(server.pid, signal.SIGTERM)
        s.setblocking(True)
        while b"STOPPING=1" not in heard:
            heard += socket.recv_fds(s, 4096, 16)[0]
        for fd in kept:
            os.close(fd)
        assert server.process.wait(30 * harness.SLOW) == 0
        assert os.path.exists(path), "it is the manager's too: its name stays"
