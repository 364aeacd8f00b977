"""`statsd --takeover`: another server takes the place of the one that runs, and nothing is lost."""
import contextlib
import ctypes
import errno
import http.client
import os
import resource
import signal
import socket
import struct
import threading
import time

import pytest

import certificates
import harness
import test_tls
from harness import PATIENCE, Redis, Server, short_dir, stop, wait_for

TAKEOVERS = 25


@pytest.fixture
def folder():
    with short_dir() as d:
        yield d


@pytest.fixture
def stack():
    with contextlib.ExitStack() as s:
        yield s


def server(folder, *settings, takeover=False, **kwargs):
    kwargs.setdefault("sockets", ("udp://127.0.0.1:0", "unixgram://%s/in.sock" % folder, "tcp://127.0.0.1:0",
                                  "unix://%s/stream.sock" % folder))
    s = Server("server.control_socket=%s/control" % folder, *settings, **kwargs)
    if takeover:
        s.command.append("--takeover")
    return s


def left(old):
    """It has ended because another one took over."""
    assert old.process.wait(PATIENCE) == 0, old.output()
    old.clean_exit = False
    old.__exit__(None, None, None)
    assert old.logged("another server has taken over")


@contextlib.contextmanager
def running(folder, *settings, **kwargs):
    """The server that runs, whichever that is: `run.server`; `run.over()` puts another one in its place."""
    class Run:
        server = None

        def over(self, *more, **other):
            new = server(folder, *settings, *more, takeover=True, **{**kwargs, **other})
            new.__enter__()
            wait_for(lambda: new.logged("took over from the server that ran"), "the takeover")
            old, self.server = self.server, new
            left(old)
    run = Run()
    run.server = server(folder, *settings, **kwargs)
    run.server.__enter__()
    try:
        yield run
    except BaseException:
        print("--- log of the last server\n" + run.server.output())
        run.server.clean_exit = False
        raise
    finally:
        run.server.__exit__(None, None, None)


class Load:
    """A thread that sends about `rate` times a second, over all of UDP, Unix datagrams, TCP and Unix streams.  What a stream gets ends
    in the middle of a line, but for the last."""

    def __init__(self, s, rate=4000):
        self.rate, self.sent, self.ended = rate, 0, False
        self.sockets = [s.sender(), s.sender(unix=True), connect(s), connect(s, "unix")]
        self.rest = [b""] * len(self.sockets)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        begun = time.monotonic()
        with contextlib.suppress(ConnectionError):   # where a server ends that has lost its place, the test is told so by its sums
            while not self.ended:
                while self.sent < (time.monotonic() - begun) * self.rate and not self.ended:
                    self._send(self.sent % len(self.sockets))
                    self.sent += 1
                time.sleep(0.001)

    def _send(self, nth):
        data = b"hits:1|c\nlat:2|ms|#way:%d\n" % nth
        if nth < 2:
            self.sockets[nth].send(data)
            return
        cut = self.sent % len(data)
        self.sockets[nth].sendall(self.rest[nth] + data[:cut])
        self.rest[nth] = data[cut:]

    def end(self):
        self.ended = True
        self.thread.join()
        for s, rest in zip(self.sockets, self.rest):
            with contextlib.suppress(ConnectionError):
                if rest:
                    s.sendall(rest)
            s.close()
        return self.sent


class Scraper:
    """A thread that scrapes all the time: no scrape fails, and no counter goes down."""

    def __init__(self, s):
        self.server, self.wrong, self.scrapes, self.ended = s, [], 0, False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        last = {}
        while not self.ended:
            try:
                page = self.server.scrape()
            except Exception as e:   # whatever it is, it is wrong
                self.wrong.append(repr(e))
                continue
            self.scrapes += 1
            for name in ("hits_total", "hits", "lat_seconds_count", "statsd_datagrams_received_total"):
                now = page.sum(name)
                if now < last.get(name, 0):
                    self.wrong.append("%s went from %r to %r" % (name, last[name], now))
                last[name] = now
            time.sleep(0.005)

    def end(self):
        self.ended = True
        self.thread.join()
        assert self.wrong == []
        return self.scrapes


@pytest.mark.alone    # a client whose request is 250 ms late is not waited for
def test_nothing_is_lost_and_no_scrape_fails_over_many_takeovers(folder):
    with Redis(folder) as redis, running(folder, redis.url, "server.workers=2", "server.state_dir=" + folder) as run:
        load, scraper = Load(run.server), Scraper(run.server)
        for _ in range(TAKEOVERS):
            run.over()
            scraped = scraper.scrapes
            wait_for(lambda: scraper.scrapes > scraped + 1 or scraper.wrong, "scrapes of the next one")
        sent = load.end()
        run.server.wait_value("hits", sent)
        assert scraper.end() > TAKEOVERS
        page = run.server.scrape()
        assert page.sum("hits") == sent
        assert page.sum("lat_count") == sent
        assert page.sum("statsd_datagrams_received_total") == (sent + 3) // 4 + (sent + 2) // 4
        assert page.sum("statsd_stream_lines_cut_total") == 0 and page.sum("statsd_lines_rejected_total") == 0
        wait_for(lambda: redis.total("c", "hits") == sent, "all of it in Redis")


def sockets_of(s):
    """Copies of the sockets of another process, by inode."""
    libc, pidfd = ctypes.CDLL(None, use_errno=True), os.pidfd_open(s.pid)
    out = {}
    for fd in os.listdir("/proc/%d/fd" % s.pid):
        with contextlib.suppress(OSError):
            what = os.readlink("/proc/%d/fd/%s" % (s.pid, fd))
            if what.startswith("socket:") and what not in out:
                got = libc.syscall(438, pidfd, int(fd), 0)   # pidfd_getfd
                if got < 0 and ctypes.get_errno() == errno.EBADF:
                    continue    # closed since
                assert got >= 0, os.strerror(ctypes.get_errno())
                out[what] = socket.socket(fileno=got)
    os.close(pidfd)
    return out


OPTIONS = {name: (socket.SOL_SOCKET, number) for name, number in dict(
    reuseport=15, passcred=16, keepalive=9, rcvbuf=8, timestampns=35, timestamp=29, rxq_ovfl=40).items()}
OPTIONS.update(keepidle=(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE))


def takes_connections(s):
    return s.type != socket.SOCK_STREAM or s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def options_of(s):
    """Every option of every socket that has an address, and the permissions of the files."""
    out = {}
    for what, copy in sockets_of(s).items():
        with contextlib.suppress(OSError), copy:
            name = copy.getsockname()
            if not name or not takes_connections(copy):
                continue
            out[what] = dict(name=name)
            for option, (level, number) in OPTIONS.items():
                with contextlib.suppress(OSError):
                    out[what][option] = copy.getsockopt(level, number)
    for path in ("/in.sock", "/stream.sock"):
        with contextlib.suppress(FileNotFoundError):
            st = os.stat(os.path.dirname(s.unix()) + path)
            out[path] = (st.st_mode, st.st_uid, st.st_gid)
    return out


def workers_that_read(s, workers, senders=40):
    """How many workers get datagrams of one name from many senders: one where they are spread by payload."""
    def by_worker():
        page = s.scrape()
        return [page.sum("statsd_socket_datagrams_received_total", worker=str(w)) for w in range(workers)]
    before = by_worker()
    for _ in range(senders):
        s.send("spread:1|c")
    wait_for(lambda: sum(by_worker()) == sum(before) + senders, "all of them")
    return sum(now > was for now, was in zip(by_worker(), before))


@pytest.mark.parametrize("why, other", [
    ("http.listen", dict(more=["http.listen=127.0.0.2:0"])),
    ("an address", dict(sockets=["udp://192.0.2.1:8125"])),
    ("a part of what the old one reads", dict(sockets=["udp://127.0.0.1:%(port)d"], old="udp://0.0.0.0:0")),
    ("a certificate", dict(sockets=["tcp://127.0.0.1:0?tls_cert=/none&tls_key=/none"])),
    ("redis", dict(more=["redis.url=redis://127.0.0.1:1", "server.state_dir=/none"])),
])
@pytest.mark.parametrize("spread", ["payload", "source"])
def test_a_new_one_that_cannot_start_leaves_the_old_one_as_it_was(folder, why, other, spread):
    udp = other.get("old", "udp://127.0.0.1:0") + "?rcvbuf=1MiB&spread=" + spread
    sockets = (udp, "unixgram://%s/in.sock?mode=0640" % folder, "tcp://127.0.0.1:0", "unix://%s/stream.sock?mode=0640" % folder)
    differ = {"payload": "source", "source": "payload"}
    udp_next = udp.replace(spread, differ[spread]).replace("rcvbuf=1MiB", "rcvbuf=2MiB")
    sockets_next = (udp_next, *[s.replace("0640", "0666") for s in sockets[1:]])
    with server(folder, "server.workers=3", sockets=sockets) as old:
        old.send("temp:+1|g")   # so that the sockets have stamps
        old.wait_value("temp", 1)
        before, readers = options_of(old), workers_that_read(old, 3)
        assert (readers == 1) == (spread == "payload")
        more = tuple(s % dict(port=old.udp()[1]) for s in other.get("sockets", ()))
        new = server(folder, "server.workers=2", *other.get("more", []), takeover=True, wait=False, clean_exit=False,
                     sockets=sockets_next + more)
        with new:
            assert new.process.wait(PATIENCE) == 1
        assert new.logged("cannot take over: the other server goes on"), new.output()
        wait_for(lambda: old.logged("no other server takes over"), "the old one hears of it")
        assert options_of(old) == before
        assert workers_that_read(old, 3) == readers or spread == "source"
        old.send("hits:1|c")
        old.send("hits:1|c", nth=0, unix=True)
        old.wait_value("hits", 2)


def test_the_next_one_may_have_other_workers_and_another_mapping(folder):
    with running(folder) as run:
        load = Load(run.server, rate=2000)
        for workers in (3, 1, 2, 4):
            run.over("server.workers=%d" % workers)
            assert run.server.logged("ready")[0]["workers"] == str(workers)
        run.over("prometheus.suffixes=on", "server.workers=2")   # the line has another name, and begins at 0
        sent = load.end()
        wait_for(lambda: sum(map(run.server.scrape().sum, ("hits", "hits_total"))) == sent, "all of it on both lines")


def test_without_a_server_that_runs_it_says_so(folder):
    with server(folder, takeover=True, wait=False, clean_exit=False) as s:
        assert s.process.wait(PATIENCE) == 1
    assert s.logged("cannot take over")[0]["remedy"] == "no server runs there: start without --takeover"


def connect(s, proto="tcp"):
    c = socket.socket(socket.AF_INET if proto == "tcp" else socket.AF_UNIX)
    host, _, port = s.address(proto).rpartition(":")
    c.connect((host, int(port)) if proto == "tcp" else s.address(proto))
    return c


STREAMS = ("tcp://127.0.0.1:0", "unix://%s/stream.sock")


@pytest.mark.parametrize("framing", ["line", "dsd"])
def test_connections_go_over_with_what_they_have_begun(folder, framing):
    """Cut at every byte: of each message the first part is sent to one server, the rest to the next one."""
    text = b"hits:1|c|#some:tag"
    message = text + b"\n" if framing == "line" else struct.pack("<I", len(text)) + text
    sockets = tuple((s % folder if "%" in s else s) + "?framing=" + framing for s in STREAMS)
    with running(folder, "server.workers=2", sockets=sockets) as run, contextlib.ExitStack() as open_:
        clients = [open_.enter_context(connect(run.server, proto)) for proto in ("tcp", "unix") for _ in message]
        for at, c in enumerate(clients):
            c.sendall(message[:at % len(message)])
        run.server.wait_self("statsd_stream_connections_accepted_total", len(clients))
        for _ in range(3):
            run.over()
        for at, c in enumerate(clients):
            c.sendall(message[at % len(message):] + message)
        run.server.wait_value("hits", 2 * len(clients), some="tag")
        page = run.server.scrape()
        assert page.sum("statsd_stream_connections") == len(clients)
        assert page.sum("statsd_stream_connections_accepted_total") == len(clients)
        assert page.sum("statsd_lines_rejected_total") == 0
    assert not os.path.exists(folder + "/stream.sock")


def test_a_listener_may_be_called_otherwise(folder):
    with server(folder, sockets=STREAMS[:1]) as old, connect(old) as c:
        c.sendall(b"hits:1|c\nhit")
        old.wait_value("hits", 1)
        port = old.address("tcp").rpartition(":")[2]
        with server(folder, sockets=("tcp://localhost:%s?idle_timeout=2h" % port,), takeover=True, wait=False) as new:
            wait_for(lambda: new.logged("took over from the server that ran"), "the takeover")
            c.sendall(b"s:1|c\n")
            new.wait_value("hits", 2)
            assert old.process.wait(PATIENCE) == 0
            old.clean_exit = False


def test_a_line_that_is_too_long_goes_over_as_such(folder):
    with running(folder, sockets=STREAMS[:1]) as run, connect(run.server) as c:
        c.sendall(b"x" * 70000)
        run.server.wait_self("statsd_stream_bytes_received_total", 70000)
        run.over()
        c.sendall(b"hits:100|c\nhits:1|c\n")
        run.server.wait_value("hits", 1)


def test_tls_ends_with_a_goodbye_and_is_counted(folder, tmp_path):
    certs = certificates.Certs(tmp_path)
    certs.signed("server")
    with running(folder, sockets=(certs.url(),)) as run:
        context = certificates.context(certs)
        with test_tls.connect(run.server, context) as c:
            c.sendall(b"hits:1|c\nhits:1|c\nhits:1")
            run.server.wait_value("hits", 2)
            run.over()
            assert c.recv(1) == b""   # an end without close_notify would be an error
        with test_tls.connect(run.server, context) as c:
            c.sendall(b"hits:1|c\n")
            run.server.wait_value("hits", 3)
        page = run.server.scrape()
        assert page.sum("statsd_stream_connections_closed_total", reason="stop") == 1
        assert page.sum("statsd_stream_lines_cut_total") == 1


def test_a_listener_that_the_new_config_has_no_more_is_closed(folder):
    sockets = ("udp://127.0.0.1:0", *[s % folder if "%" in s else s for s in STREAMS])
    with server(folder, sockets=sockets) as old, connect(old) as gone, connect(old, "unix") as stays:
        gone.sendall(b"hits:1|c\n")
        old.wait_value("hits", 1)
        stays.sendall(b"hits:1|c")
        old.wait_self("statsd_stream_connections_accepted_total", 2)
        with server(folder, sockets=(sockets[0], sockets[2]), takeover=True) as new:
            left(old)
            assert gone.recv(1) == b""
            stays.sendall(b"\nhits:1|c\n")
            new.wait_value("hits", 3)


def stopped(process):
    """It does nothing more until SIGCONT; or it has ended by itself."""
    process.send_signal(signal.SIGSTOP)

    def there():
        if process.poll() is not None:      # nothing is left of it in /proc
            return True
        with open("/proc/%d/stat" % process.pid) as f:
            return f.read().rpartition(")")[2].split()[0] == "T"
    wait_for(there, "the process is stopped")


def test_a_new_one_that_is_killed_at_any_moment_leaves_one_that_reads(folder):
    """The old one goes on, or the new one has taken over.  Where both are gone, that is a crash of the new one."""
    outcomes = dict(old=0, new=0, crash=0)
    run = server(folder, "server.workers=2")
    run.__enter__()
    try:
        load = Load(run, rate=2000)
        for nth in range(40):
            new = server(folder, "server.workers=2", takeover=True, wait=False, clean_exit=False)
            new.__enter__()
            time.sleep(0.001 * nth)   # no condition: any moment will do
            stopped(new.process)
            if new.logged("took over from the server that ran"):
                new.process.send_signal(signal.SIGCONT)
                left(run)
                run = new
                outcomes["new"] += 1
                continue
            new.process.kill()
            new.__exit__(None, None, None)
            wait_for(lambda: not takeover_under_way(run), "it came to an end")
            if not run.logged("another server has taken over"):
                outcomes["old"] += 1
                continue
            load.end()
            left(run)
            run = server(folder, "server.workers=2")
            run.__enter__()
            load = Load(run, rate=2000)
            outcomes["crash"] += 1
        sent = load.end()
        run.wait_value("hits", sent)
        # The moments lie a millisecond apart, so few of them are between owning the sockets and the word of it.
        assert outcomes["old"] > 0 and outcomes["crash"] < 5 * harness.SLOW, outcomes
    finally:
        run.clean_exit = False
        run.__exit__(None, None, None)


def takeover_under_way(s):
    """Its log has more attempts than ends of them."""
    ends = sum(len(s.logged(end)) for end in ("no other server takes over", "another server has taken over"))
    return len(s.logged("another server wants to take over")) > ends


@contextlib.contextmanager
def kept_alive(s):
    """An HTTP connection that stays open makes the pause a quarter of a second long."""
    host, _, port = s.http_addr().rpartition(":")
    with contextlib.closing(http.client.HTTPConnection(host, int(port))) as c:
        c.request("GET", "/-/healthy")
        assert c.getresponse().read() == b"statsd is healthy\n"
        yield c


def takes_no_connection(s):
    with contextlib.suppress(OSError):
        host, _, port = s.http_addr().rpartition(":")
        with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=0.05)) as c:
            c.request("GET", "/-/healthy")
            c.getresponse().read()
            return False
    return True


@pytest.mark.parametrize("moment", ["while HTTP ends", "when the state is there", "never"])
@pytest.mark.parametrize("spread", ["source", "payload"])
def test_the_old_one_goes_on_where_the_new_one_is_killed(folder, stack, moment, spread):
    """never: it only hangs, and finds out that it is late."""
    sockets = ("udp://127.0.0.1:0?spread=" + spread, "unixgram://%s/in.sock" % folder, STREAMS[0], STREAMS[1] % folder)
    redis = stack.enter_context(Redis(folder))
    settings = (redis.url, "server.workers=2", "server.state_dir=" + folder)
    with server(folder, *settings, sockets=sockets) as old:
        old.send("hits:1|c", "temp:5|g")
        old.wait_value("temp", 5)
        load = Load(old, rate=1000)
        with kept_alive(old), server(folder, *settings, sockets=sockets, takeover=True, wait=False, clean_exit=False) as new:
            wait_for(lambda: takes_no_connection(old), "HTTP ends")
            stopped(new.process)
            assert not old.logged("paused for another server")
            if moment == "while HTTP ends":
                new.process.kill()
            wait_for(lambda: old.logged("paused for another server"), "the state")
            if moment == "when the state is there":
                new.process.kill()
            wait_for(lambda: old.logged("goes on"), "the old one goes on", patience=2 * PATIENCE)
            new.process.send_signal(signal.SIGCONT)
            assert new.process.wait(PATIENCE) != 0
        old.send("temp:+1|g")
        sent = load.end()
        old.wait_value("hits", sent + 1)
        assert old.scrape().value("temp") == 6
        assert old.get("/-/ready")[0] == 200
        assert os.path.exists(folder + "/in.sock")
        with server(folder, *settings, sockets=sockets, takeover=True) as new:
            wait_for(lambda: new.logged("took over from the server that ran"), "the next one")
            assert old.process.wait(PATIENCE) == 0
            old.clean_exit = False
            assert new.scrape().value("hits") == sent + 1
            wait_for(lambda: redis.total("c", "hits") == sent + 1, "all of it in Redis")
            assert new.scrape().sum("statsd_redis_fenced_series_total") == 0


def test_gauges_sets_and_what_redis_has_not_taken_go_over(folder):
    with Redis(folder) as redis, running(folder, redis.url, "server.instance=one", interval="1s") as run:
        run.server.send("temp:20|g", "temp:+1.5|g", "users:a|s\nusers:b|s", "hits:3|c")
        run.server.wait_value("temp", 21.5)
        redis.pause()
        run.over()
        run.server.send("temp:-1|g", "users:c|s", "hits:4|c")
        run.server.wait_value("temp", 20.5)
        run.server.wait_value("users", 3)
        run.server.wait_value("hits", 7)
        run.over()
        redis.go_on()
        wait_for(lambda: redis.total("c", "hits") == 7, "both parts in Redis, once")


def test_intervals_go_on_where_one_ends_while_the_new_one_waits(folder):
    """The pause is longer than an interval."""
    with Redis(folder) as redis, running(folder, redis.url, interval="100ms") as run:
        with kept_alive(run.server):
            run.over()
        for total in (1, 2):
            run.server.send("hits:1|c")
            wait_for(lambda t=total: redis.total("c", "hits") == t, "the interval in Redis")


def test_a_takeover_while_a_large_interval_goes_to_redis(folder):
    """The slices of the interval before come first; the open one goes on, in Redis and on the page."""
    series, rounds = 20000, 3
    with Redis(folder) as redis, running(folder, redis.url, "server.instance=web", interval="1s") as run:
        for turn in range(rounds):
            s = run.server
            before = s.scrape().sum("statsd_samples_read_total")
            with s.sender(unix=True) as c:
                for i in range(0, series, 50):
                    c.send("\n".join("n.%d:1|c\ns.%d:%d|s" % (k, k % 100, turn) for k in range(i, i + 50)).encode())
            s.wait_self("statsd_samples_read_total", before + 2 * series)
            wait_for(lambda: time.time() % 1 < 0.005 + 0.01 * turn or None, "the end of an interval", every=0)
            run.over()
        page = run.server.scrape()
        assert page.value("n_1") == page.value("n_%d" % (series - 1)) == rounds
        assert page.value("s_1") == rounds
        want = {"n.%d" % i: rounds for i in range(series)}
        wait_for(lambda: redis.totals() == want or None, "exact totals", 60 * harness.SLOW)


def test_a_control_socket_that_cannot_be_made_leaves_the_saved_state(folder):
    settings = ("server.state_dir=" + folder, "server.state_interval=0")
    with Server(*settings) as s:
        s.send("hits:3|c")
        s.wait_value("hits", 3)
    with Server("server.control_socket=%s/none/control" % folder, *settings, wait=False, clean_exit=False) as s:
        assert s.process.wait(PATIENCE) == 1
        assert s.logged("cannot listen at server.control_socket")
    with Server(*settings) as s:
        s.wait_value("hits", 3)


def test_a_stop_ends_it_and_a_restart_goes_on_from_the_last_one(folder):
    settings = ("server.state_dir=" + folder, "server.state_interval=0")
    with running(folder, *settings) as run:
        run.server.send("hits:3|c")
        run.server.wait_value("hits", 3)
        run.over()
        run.server.send("hits:4|c")
        run.server.wait_value("hits", 7)
    assert not os.path.exists(folder + "/in.sock") and not os.path.exists(folder + "/control")
    with server(folder, *settings) as s:
        assert s.scrape().value("hits") == 7


def test_a_state_of_another_folder_is_set_aside(folder):
    other = os.path.join(folder, "other")
    os.mkdir(other)
    with server(folder, "server.state_dir=" + other, "server.state_interval=0") as s:
        s.send("hits:5|c")
        s.wait_value("hits", 5)
    with server(folder, "server.state_dir=" + folder, clean_exit=False) as old:
        old.send("hits:1|c")
        old.wait_value("hits", 1)
        with server(folder, "server.state_dir=" + other, "server.state_interval=0", takeover=True) as new:
            wait_for(lambda: new.logged("took over from the server that ran"), "the takeover")
            assert os.listdir(other) == ["statsd.state.damaged.1"]
            new.wait_value("hits", 1)
            assert old.process.wait(PATIENCE) == 0


def test_of_two_at_once_one_is_turned_away(folder):
    with server(folder, clean_exit=False) as old, kept_alive(old), server(folder, takeover=True, wait=False) as first:
        wait_for(lambda: takes_no_connection(old), "the first takeover is under way")
        stopped(first.process)    # or it is over before the second one has started
        with server(folder, takeover=True, wait=False, clean_exit=False) as second:
            assert second.process.wait(PATIENCE) == 1
        first.process.send_signal(signal.SIGCONT)
        assert second.logged("cannot take over: the other server goes on")[0]["reason"] == "another takeover is under way"
        wait_for(lambda: first.logged("took over from the server that ran"), "the first one took over")
        assert old.process.wait(PATIENCE) == 0


def test_a_stop_in_the_middle_of_it_is_heeded_and_the_new_one_gives_up(folder):
    with server(folder, clean_exit=False) as old, kept_alive(old):
        old.send("hits:1|c")
        with server(folder, takeover=True, wait=False, clean_exit=False) as new:
            wait_for(lambda: takes_no_connection(old), "the takeover is under way")
            assert stop(old.process) == 0
            assert new.process.wait(PATIENCE) == 1
        assert old.logged("goes on") and old.logged("stopped")


@pytest.mark.parametrize("asked", ["quit", "reload"])
def test_what_http_asks_for_in_the_middle_of_it_is_heeded(folder, asked):
    with Redis(folder) as redis:
        settings = (redis.url, "http.lifecycle=on", "server.drain_timeout=0")
        with server(folder, *settings, clean_exit=False) as old, kept_alive(old) as c:
            redis.stop()
            old.send("_e{5,4}:title|text")   # makes the pause a second long
            old.wait_self("statsd_redis_events_waiting", 1)
            with server(folder, *settings, takeover=True, wait=False, clean_exit=False) as new:
                wait_for(lambda: takes_no_connection(old), "the takeover is under way")
                c.request("POST", "/-/" + asked)
                assert c.getresponse().status == 200
                if asked == "reload":
                    stopped(new.process)
                    new.process.kill()
                    wait_for(lambda: old.logged("goes on"), "the old one goes on")
                    wait_for(lambda: old.logged("reloaded"), "the reload")
                    assert "but" not in old.logged("reloaded")[0]
                else:
                    assert new.process.wait(PATIENCE) == 1
                    old.process.wait(PATIENCE)
                    assert old.logged("stopping") and old.logged("goes on")


def test_a_new_one_that_is_stopped_in_the_middle_of_it_gives_up(folder):
    with server(folder) as old:
        with kept_alive(old), server(folder, takeover=True, wait=False, clean_exit=False) as new:
            wait_for(lambda: takes_no_connection(old), "the takeover is under way")
            assert stop(new.process) == 1
        wait_for(lambda: old.logged("goes on"), "the old one goes on")
        old.send("hits:1|c")
        old.wait_value("hits", 1)


def test_events_are_delivered_first_and_told_where_they_cannot_be(folder):
    event = "_e{5,4}:title|text"
    with Redis(folder) as redis, running(folder, redis.url) as run:
        run.server.send(event, event)
        run.server.wait_self("statsd_events_total", 2)
        run.over()
        wait_for(lambda: redis.client.xlen("{sd:events}:log") == 2, "both are in Redis")
        redis.stop()
        run.server.send(event)
        run.server.wait_self("statsd_redis_events_waiting", 1)
        with server(folder, redis.url, takeover=True) as new:
            wait_for(lambda: new.logged("took over from the server that ran"), "the takeover")
            assert run.server.process.wait(PATIENCE) == 1
            assert run.server.logged("stopped before redis had everything: lost")[0]["events"] == "1"
            run.server.clean_exit = False


def test_events_that_come_all_the_time_are_all_delivered(folder):
    """Between two turns they wait at the workers, and the last turn brings more."""
    event, at_once = "_e{5,4}:title|text", 100
    with Redis(folder) as redis, running(folder, redis.url, "redis.events_max=100000", interval="10s") as run:
        sent = 0
        for _ in range(5):
            for _ in range(10):
                run.server.send(*[event] * at_once)
                sent += at_once
            run.over()
        run.server.wait_self("statsd_events_total", sent)
        wait_for(lambda: redis.client.xlen("{sd:events}:log") == sent, "all are in Redis")


def test_check_says_what_memory_a_takeover_takes():
    def out(*settings):
        got = harness.run("check", *[word for s in settings for word in ("--set", s)])
        assert got.returncode == 0
        return got.stdout.decode()
    assert "during a takeover" not in out()
    assert "  during a takeover: two processes and the state\n" in out("server.control_socket=/run/statsd/control")


def flood(sender, n=4000):
    for _ in range(n):
        sender.send(b"hits:1|c")
    return n


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_what_the_kernel_drops_meanwhile_is_counted_once(folder, workers):
    """Before the pause, where the old one reads and the new one is there already, and in it."""
    sockets = ("udp://127.0.0.1:0?rcvbuf=4KiB",)
    settings = ("server.workers=2",)
    with server(folder, *settings, sockets=sockets, clean_exit=False) as old, old.sender() as sender:
        sent = flood(sender)
        wait_for(lambda: drained(old) == sent, "all of it is counted")
        with kept_alive(old), server(folder, "server.workers=%d" % workers, sockets=sockets, takeover=True, wait=False) as new:
            wait_for(lambda: takes_no_connection(old), "HTTP ends")
            stopped(new.process)
            sent += flood(sender)
            wait_for(lambda: old.logged("paused for another server"), "the pause")
            sent += flood(sender)
            new.process.send_signal(signal.SIGCONT)
            wait_for(lambda: new.logged("took over from the server that ran"), "the takeover")
            wait_for(lambda: drained(new) == sent, "%d datagrams, read or dropped: %r" % (sent, drained(new)))
            sent += flood(sender)
            wait_for(lambda: drained(new) == sent, "%d datagrams, read or dropped" % sent)
            assert new.scrape().sum("statsd_udp_kernel_drops_total") > 1000
            assert old.process.wait(PATIENCE) == 0


def drained(s):
    page = s.scrape()
    return page.sum("statsd_datagrams_received_total") + page.sum("statsd_udp_kernel_drops_total")


class Asker:
    """The new end of a takeover, by hand (src/takeover/wire.h): it goes as far as it is told."""
    HELLO, FDS, PREPARED, STREAM, STATE, REFUSE = range(1, 7)
    STATES = 1 | 2 << 16             # STATE_TAKEOVER_VERSION

    def __init__(self, folder):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(folder + "/control")
        self.fds = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        for fds in self.fds.values():
            for fd in fds:
                os.close(fd)

    def say(self, kind, body=b""):
        self.socket.send(b"stko" + struct.pack("<HHI", 1, kind, len(body)) + body)

    def hear(self):
        data, fds, _, _ = socket.recv_fds(self.socket, 100000, 253)
        return struct.unpack_from("<H", data, 6)[0], data[12:], fds

    def hello(self):
        """Until all descriptors are here."""
        self.say(self.HELLO, struct.pack("<I", self.STATES) + b"\4test" + struct.pack("<H", 0))
        more = True
        while more:
            kind, body, fds = self.hear()
            assert kind == self.FDS
            more, at = body[0], 3
            for fd in fds:
                name = body[at + 1:at + 1 + body[at]].decode()
                at += 1 + body[at]
                self.fds.setdefault(name, []).append(fd)
        return self

    def prepared(self):
        """Until the state is here; its bytes."""
        self.say(self.PREPARED)
        kind = None
        while kind != self.STATE:
            kind, body, fds = self.hear()
            assert kind in (self.STREAM, self.STATE), (kind, body)
            self.fds.setdefault("@" + str(kind), []).extend(fds)
        return os.pread(fds[0], struct.unpack("<Q", body)[0], 0)

    def take_the_byte(self):
        return os.read(self.fds["@token"][0], 1)


FILES = ("in.sock", "stream.sock", "control")


@pytest.mark.parametrize("name", FILES[:2])
def test_the_file_of_a_socket_that_is_offered_is_bound_again_afterwards(folder, name):
    """The socket that the other one has is the one that is read: no other one comes meanwhile."""
    path = os.path.join(folder, name)
    with server(folder) as old:
        with Asker(folder) as asker:
            asker.hello()
            os.unlink(path)
            time.sleep(0.7)   # no condition: nothing is to happen at the next look, every half a second
            assert not old.logged("unix socket bound again") and not os.path.exists(path)
        wait_for(lambda: old.logged("unix socket bound again"), "it is there again")


def test_a_new_one_that_dies_with_the_byte_is_a_crash(folder):
    """Whoever has the byte owns the sockets: the old one ends, and leaves the files to who comes."""
    with server(folder, clean_exit=False) as old:
        old.send("hits:1|c")
        old.wait_value("hits", 1)
        with Asker(folder).hello() as asker:
            assert b"hits" in asker.prepared()
            assert asker.take_the_byte() == b"!"
        assert old.process.wait(PATIENCE) == 0
    with server(folder) as s:
        s.send("hits:1|c")
        s.wait_value("hits", 1)


@pytest.mark.parametrize("name", FILES[:2])
@pytest.mark.parametrize("happens", ["it is removed", "another one's is there", "a file is there"])
@pytest.mark.parametrize("comes", ["it takes over", "it is killed"])
def test_the_file_of_a_socket_goes_meanwhile(folder, stack, name, happens, comes):
    """Between HELLO and the byte: nothing of another's is removed, and clients find the socket again."""
    path = os.path.join(folder, name)
    with server(folder, clean_exit=False) as old, kept_alive(old), server(folder, takeover=True, wait=False, clean_exit=False) as new:
        wait_for(lambda: takes_no_connection(old), "the takeover is under way")
        stopped(new.process)
        os.unlink(path)
        other = None
        if happens == "another one's is there":
            other = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if name == "in.sock" else socket.SOCK_STREAM))
            other.bind(path)
            if name != "in.sock":
                other.listen()
        elif happens == "a file is there":
            with open(path, "w") as f:
                f.write("mine")
        if comes == "it is killed":
            new.process.kill()
            wait_for(lambda: old.logged("goes on"), "the old one goes on")
            runs = old
        else:
            new.process.send_signal(signal.SIGCONT)
            wait_for(lambda: new.logged("took over from the server that ran"), "the takeover")
            assert old.process.wait(PATIENCE) == 0
            runs = new
        if happens == "it is removed":
            # One that had not come to its listeners when it was stopped finds no file there, and opens a socket of its own.
            wait_for(lambda: runs.logged("unix socket bound again") or runs.logged("closed a socket that the config has no more"),
                     "it is there again")
        else:
            wait_for(lambda: runs.logged("unix socket lost, trying again"), "it is told")
            assert stop(runs.process) == 0
            assert os.path.exists(path)
            if other is None:
                with open(path) as f:
                    assert f.read() == "mine"
            return
        if name == "in.sock":
            runs.send("hits:1|c", unix=True)
        else:
            with connect(runs, "unix") as c:
                c.sendall(b"hits:1|c\n")
        runs.wait_value("hits", 1)
        assert stop(runs.process) == 0
        assert [n for n in FILES if os.path.exists(os.path.join(folder, n))] == []


@pytest.mark.parametrize("what", ["a file", "a socket that answers"])
def test_what_is_at_the_place_of_the_control_socket_is_left_there(folder, stack, what):
    path = os.path.join(folder, "control")
    with running(folder) as run:
        run.over()
        os.unlink(path)
        if what == "a file":
            open(path, "w").close()
        else:
            other = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            other.bind(path)
            other.listen()
    assert os.path.exists(path)


@contextlib.contextmanager
def stopped_for_the_byte(folder, old, *settings, **kwargs):
    """A new one that is stopped while the old one pauses: all that it does next it does as the owner."""
    with kept_alive(old), server(folder, *settings, takeover=True, wait=False, clean_exit=False, **kwargs) as new:
        wait_for(lambda: takes_no_connection(old), "HTTP ends")
        stopped(new.process)
        wait_for(lambda: old.logged("paused for another server"), "the pause")
        yield new


def fd_numbers(pid):
    return sorted(map(int, os.listdir("/proc/%d/fd" % pid)))


def test_http_that_cannot_be_served_at_once_is_served_later(folder):
    """There is one descriptor left, for the state: what was taken over is there all the same."""
    with server(folder, clean_exit=False) as old:
        old.send("hits:1|c")
        old.wait_value("hits", 1)
        with stopped_for_the_byte(folder, old) as new:
            new.http_addr = old.http_addr
            used = fd_numbers(new.pid)
            most = next(n for n in range(1000) if n - sum(fd < n for fd in used) == 1)
            resource.prlimit(new.pid, resource.RLIMIT_NOFILE, (most, 1000))
            new.process.send_signal(signal.SIGCONT)
            wait_for(lambda: new.logged("cannot serve http"), "it is told")
            wait_for(lambda: new.logged("took over from the server that ran"), "the takeover")
            new.send("hits:1|c")
            resource.prlimit(new.pid, resource.RLIMIT_NOFILE, (1000, 1000))
            wait_for(lambda: any(l["proto"] == "http" for l in new.logged("listening")), "HTTP is served")
            new.wait_value("hits", 2)
            assert len(new.logged("cannot serve http")) == 1
            assert old.process.wait(PATIENCE) == 0
            assert stop(new.process) == 0


@pytest.mark.parametrize("ends", ["later it can", "it never can"])
def test_a_worker_that_cannot_start_at_once_loses_no_state(folder, ends):
    """No memory is left for a thread."""
    settings = ("server.workers=2", "server.state_dir=" + folder)
    with server(folder, *settings, clean_exit=False) as old:
        old.send("hits:1|c")
        old.wait_value("hits", 1)
        with stopped_for_the_byte(folder, old, *settings) as new:
            with open("/proc/%d/statm" % new.pid) as f:
                pages = int(f.read().split()[0])
            resource.prlimit(new.pid, resource.RLIMIT_AS, (pages * 4096 + (4 << 20), resource.RLIM_INFINITY))
            new.process.send_signal(signal.SIGCONT)
            wait_for(lambda: new.logged("cannot start a worker, trying again"), "it is told")
            assert old.process.wait(PATIENCE) == 0
            if ends == "later it can":
                resource.prlimit(new.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                wait_for(lambda: new.logged("took over from the server that ran"), "the takeover")
                assert stop(new.process) == 0
            else:
                assert new.process.wait(2 * PATIENCE) == 1
                assert new.logged("state saved")
    with server(folder, *settings) as s:
        s.wait_value("hits", 1)


@pytest.mark.plain
def test_the_thread_of_the_cluster_page_is_asked_for_again(folder):
    settings = ("server.workers=1", "redis.url=redis://127.0.0.1:1", "server.state_dir=" + folder)
    with server(folder, *settings, clean_exit=False) as old:
        with stopped_for_the_byte(folder, old, *settings) as new:
            with open("/proc/%d/statm" % new.pid) as f:
                size = int(f.read().split()[0]) * 4096
            room = 4 << 20
            resource.prlimit(new.pid, resource.RLIMIT_AS, (size + room, resource.RLIM_INFINITY))
            new.process.send_signal(signal.SIGCONT)
            wait_for(lambda: new.logged("cannot start a worker, trying again"), "it is told")
            while not new.logged("cannot start a thread for cluster metrics, trying again"):
                assert room < 64 << 20 and new.process.poll() is None
                room += 1 << 20  # until there is room for the stack of one thread
                resource.prlimit(new.pid, resource.RLIMIT_AS, (size + room, resource.RLIM_INFINITY))
                time.sleep(0.15)
            resource.prlimit(new.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            wait_for(lambda: new.logged("took over from the server that ran"), "the takeover")
            assert stop(new.process) == 0


def test_a_new_one_with_too_few_descriptors_says_so(folder):
    with server(folder, "server.workers=8") as old:
        new = server(folder, "server.workers=8", takeover=True, wait=False, clean_exit=False)
        new.command = ["prlimit", "--nofile=14:14", *new.command]
        with new:
            assert new.process.wait(PATIENCE) == 1
            why = new.logged("cannot take over: the other server goes on")[0]["reason"]
            assert why == "it hands on more descriptors than this process may have: raise ulimit -n"
        old.send("hits:1|c")
        old.wait_value("hits", 1)


def test_an_old_one_that_is_killed_when_the_state_is_there_loses_nothing(folder):
    with server(folder, clean_exit=False) as old:
        load = Load(old, rate=1000)
        old.wait_self("statsd_samples_aggregated_total", 50)
        with stopped_for_the_byte(folder, old) as new:
            old.process.kill()
            old.process.wait()
            new.process.send_signal(signal.SIGCONT)
            wait_for(lambda: new.logged("took over from the server that ran"), "the takeover")
            new.http_addr = old.http_addr
            new.wait_value("hits", load.end())
            assert stop(new.process) == 0


def test_an_old_one_that_is_killed_before_ends_the_new_one_too(folder):
    """Nothing was paused: it is a crash, and what comes next begins at 0."""
    with server(folder, clean_exit=False) as old, kept_alive(old), server(folder, takeover=True, wait=False, clean_exit=False) as new:
        wait_for(lambda: takes_no_connection(old), "the takeover is under way")
        stopped(new.process)
        old.process.kill()
        old.process.wait()
        new.process.send_signal(signal.SIGCONT)
        assert new.process.wait(PATIENCE) == 1
    with server(folder) as s:   # on the same files
        s.send("hits:1|c", unix=True)
        s.wait_value("hits", 1)


def test_a_reload_between_hello_and_the_pause_is_carried_out(folder):
    with server(folder) as old:
        with Asker(folder).hello() as asker:
            old.process.send_signal(signal.SIGHUP)
            asker.prepared()
        wait_for(lambda: old.logged("goes on"), "the old one goes on")
        wait_for(lambda: old.logged("reloaded"), "the reload")
        old.send("hits:1|c")
        old.wait_value("hits", 1)


@pytest.mark.alone    # as above
def test_each_of_a_chain_may_differ_from_the_last(folder):
    """Under load: everything that a config may change between two of them."""
    udp, gram, tcp, stream = "udp://127.0.0.1:0", "unixgram://%s/in.sock" % folder, "tcp://127.0.0.1:0", "unix://%s/stream.sock" % folder
    os.mkdir(folder + "/other")
    chain = [
        (["server.workers=3"], (udp + "?spread=payload", gram, tcp, stream), "100ms"),
        (["server.workers=1", "server.state_dir=" + folder], (stream, tcp, gram, udp), "10s"),
        (["server.workers=2", "server.state_dir=%s/other" % folder], (udp + "?spread=payload&rcvbuf=1MiB", gram + "?mode=0600", tcp, stream), "1s"),
        (["server.workers=4", "server.log_format=json"], (udp, gram, tcp, stream, "udp://127.0.0.2:0", "unixgram://%s/more.sock" % folder), "200ms"),
        (["server.workers=2", "limits.max_line=512"], (udp, gram, tcp, stream + "?idle_timeout=1h"), "200ms"),
    ]
    with Redis(folder) as redis:
        run = server(folder, redis.url, "server.workers=2")
        run.__enter__()
        try:
            load, scraper = Load(run, rate=2000), Scraper(run)
            for more, sockets, interval in 4 * chain:
                new = server(folder, redis.url, *more, sockets=sockets, interval=interval, takeover=True, wait=False)
                new.__enter__()
                wait_for(lambda n=new: n.logged("took over from the server that ran"), "the takeover")
                old, run = run, new
                left(old)
            sent = load.end()
            run.wait_value("hits", sent)
            scraper.ended = True
            scraper.thread.join()
            assert [w for w in scraper.wrong if not w.startswith("statsd_")] == []
            wait_for(lambda: redis.total("c", "hits") == sent, "all of it in Redis")
        finally:
            run.clean_exit = False
            run.__exit__(None, None, None)
        assert not os.path.exists(folder + "/more.sock")


@pytest.mark.parametrize("taken_over", [False, True])
def test_clients_of_a_socket_that_was_bound_again_lose_nothing(folder, taken_over):
    """They are connected to the one without a file, which is no part of a takeover: it takes nothing more, and they see that."""
    with running(folder) as run, run.server.sender(unix=True) as c:
        if taken_over:
            run.over()
        os.unlink(folder + "/in.sock")
        wait_for(lambda: run.server.logged("unix socket bound again"), "it is there again")
        taken, again = 0, []

        def send():
            nonlocal taken
            with contextlib.suppress(ConnectionError):
                while True:
                    c.send(b"hits:1|c")
                    taken += 1
            again.append(taken)
        thread = threading.Thread(target=send)
        thread.start()
        wait_for(lambda: taken > 100, "it is read")
        run.over()
        thread.join(PATIENCE)
        assert again == [taken]
        run.server.wait_value("hits", taken)
