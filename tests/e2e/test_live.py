"""/api/v1/stream; statsd top in a real terminal (tmux); statsd tail through a pipe."""
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from harness import SLOW, STATSD, Server, run, wait_for

pytestmark = pytest.mark.plain


def next_event(r):
    """(id, name, data) of the next event."""
    got = {}
    while True:
        line = r.readline().decode()
        assert line, "the stream has ended"
        if line == "\n":
            if "data" in got:
                return got.get("id"), got.get("event"), json.loads(got["data"])
            continue
        key, _, value = line.rstrip("\n").partition(": ")
        got[key] = value


@contextlib.contextmanager
def stream(s, **headers):
    c = http.client.HTTPConnection(s.http_addr(), timeout=10)
    c.request("GET", "/api/v1/stream", headers={k.replace("_", "-"): v for k, v in headers.items()})
    r = c.getresponse()
    try:
        yield r
    finally:
        r.close()
        c.close()


def test_a_stream_begins_with_the_history_and_goes_on_with_each_second():
    with Server() as s:
        with stream(s) as r:
            assert r.getheader("Cache-Control") == "no-store"
            _, name, history = next_event(r)
            assert name == "history" and history["step_s"] == 1
            next_event(r)  # the first row of all has no rates
            s.send(b"a:1|c\nb:1|c\nbad")
            lines = rejected = 0
            while lines < 1.5 or rejected < 0.5:  # rates of about a second each
                at, name, row = next_event(r)
                assert name == "second" and set(row) == set(history["columns"])
                lines += row["aggregated"]
                rejected += row["rejected"]
        with stream(s, Last_Event_ID=at) as r:
            _, name, history = next_event(r)
            assert name == "history" and len(history["rows"]) <= 2
        s.wait_self("statsd_http_streams", 0, patience=10)


def test_one_stream_too_many_is_refused_and_scrapes_find_room():
    with Server("http.max_streams=2", "http.max_per_ip=2") as s, contextlib.ExitStack() as held:
        for _ in range(2):
            assert held.enter_context(stream(s)).status == 200
        refused = held.enter_context(stream(s))
        assert refused.status == 503 and refused.getheader("Retry-After")
        assert "http.max_streams" in json.loads(refused.read())["error"]
        assert s.scrape()


def test_an_address_holds_no_more_streams_than_its_share():
    with Server("http.max_streams_per_ip=1") as s, contextlib.ExitStack() as held:
        assert held.enter_context(stream(s)).status == 200
        refused = held.enter_context(stream(s))
        assert refused.status == 503 and "http.max_streams_per_ip" in json.loads(refused.read())["error"]
        assert s.scrape().value("statsd_http_streams_refused_total", reason="max_streams_per_ip") == 1


def hold(s, path):
    """A reader that asks and then reads nothing, nor has much room for what it does not read."""
    host, _, port = s.http_addr().rpartition(":")
    c = socket.socket()
    c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    c.connect((host, int(port)))
    c.sendall(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path.encode(), s.http_addr().encode()))
    return c


@pytest.mark.parametrize("reads", [True, False], ids=["they read", "they do not"])
def test_a_stop_waits_for_no_stream(reads):
    with Server(clean_exit=False) as s, contextlib.ExitStack() as held:
        readers = [held.enter_context(hold(s, path)) for path in ("/api/v1/stream", "/api/v1/tail?rate=1000")]
        s.wait_self("statsd_http_streams", 2)
        if not reads:
            stuffed = b"\n".join(b"%d.%s:1|c" % (i, b"x" * 200) for i in range(8))
            for _ in range(300):
                s.send(stuffed)
                time.sleep(0.002)
        begun = time.monotonic()
        s.process.send_signal(signal.SIGTERM)
        assert s.process.wait(10) == 0
        assert time.monotonic() - begun < (1 if reads else 2) * SLOW  # what is under way has a second to leave
        for c in readers:
            c.settimeout(5)
            with contextlib.suppress(ConnectionResetError):
                got = b"".join(iter(lambda: c.recv(65536), b""))
                assert not reads or got.endswith(b"\n\n\r\n0\r\n\r\n"), got[-60:]


def test_after_a_takeover_readers_come_back_to_the_new_server(dir):
    # They come back to the port that both servers share.
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        addr = "127.0.0.1:%d" % free.getsockname()[1]
    settings = ["server.control_socket=%s/control" % dir, "http.listen=" + addr]
    sockets = ["unixgram://%s/in" % dir]
    old, new = Server(*settings, sockets=sockets, clean_exit=False), Server(*settings, sockets=sockets)
    new.command.append("--takeover")
    with old, contextlib.ExitStack() as held:
        r = held.enter_context(stream(old))
        next_event(r)
        at, name, _ = next_event(r)
        assert name == "second"
        tail = held.enter_context(subprocess.Popen([STATSD, "tail", "--from", "http://" + addr, "-n", "1"],
                                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        held.callback(tail.kill)
        old.wait_self("statsd_http_streams", 2)
        begun = time.monotonic()
        held.enter_context(new)
        assert r.read() is not None and old.process.wait(10) == 0
        assert time.monotonic() - begun < 4 * SLOW  # with the start of the new one
        with stream(new, Last_Event_ID=at) as again:
            _, name, history = next_event(again)
            assert name == "history"
            new.wait_self("statsd_http_streams", 2, patience=10)
            new.send(b"a.b:1|c", unix=True)
            assert tail.communicate(timeout=15)[0] == b"a.b:1|c\n"
            assert tail.returncode == 0


def test_a_reload_leaves_streams_open():
    with Server() as s, stream(s) as r:
        next_event(r)
        s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: s.logged("reloaded"), lambda: str(s.raw_log[-5:]), patience=5)
        at = next_event(r)[2]["at_s"]
        assert next_event(r)[2]["at_s"] > at


class Terminal:
    """tmux, with a command in it."""
    def __init__(self, dir, command, columns=80, rows=24):
        self.tmux = ["tmux", "-L", os.path.basename(dir), "-f", "/dev/null"]
        self.call("new-session", "-d", "-s", "t", "-x", str(columns), "-y", str(rows), command)

    def call(self, *words):
        env = dict(os.environ, LC_ALL="C.UTF-8", TERM="screen")
        return subprocess.run(self.tmux + list(words), env=env, capture_output=True, text=True, timeout=20)

    def text(self):
        return self.call("capture-pane", "-p", "-t", "t").stdout

    def wait(self, *texts):
        wait_for(lambda: all(t in self.text() for t in texts), lambda: f"{texts} in:\n{self.text()}", patience=15)

    def keys(self, *keys):
        self.call("send-keys", "-t", "t", *keys)


@contextlib.contextmanager
def terminal(command, **size):
    with tempfile.TemporaryDirectory(prefix="statsd-top-") as dir:
        t = Terminal(dir, command, **size)
        try:
            yield t
        finally:
            t.call("kill-server")


def test_top_shows_a_server_takes_keys_and_says_when_it_is_away():
    with contextlib.ExitStack() as server:
        s = server.enter_context(Server())
        s.send(b"\n".join([b"api.requests:1|c|#path:%d" % i for i in range(9)] + [b"db.queries:1|ms"]))
        with terminal(f"{STATSD} top --from http://{s.http_addr()}") as t:
            t.wait("statsd ", "received", "api.requests", "db.queries", "by samples")
            t.keys("2")
            t.wait("by series", "SERIES")
            t.keys("/", "d", "b", ".", "Enter")
            t.wait("filter: db.")
            wait_for(lambda: "api.requests" not in t.text(), "the filter", patience=5)
            t.keys("s")
            t.wait("sorted by name")
            t.call("resize-window", "-t", "t", "-x", "40", "-y", "10")
            t.wait("by series", "q quit")
            t.keys("?")
            t.wait("this help")
            t.keys("?")
            server.close()
            t.wait("Failed to")
            t.keys("q")
            wait_for(lambda: t.call("has-session", "-t", "t").returncode != 0, "top to end", patience=5)


def test_top_once_prints_text_or_json():
    with Server() as s:
        s.send(b"api.requests:1|c")
        url = "http://" + s.http_addr()
        r = run("top", "--once", "--from", url)
        assert r.returncode == 0 and b"received" in r.stdout, r
        r = run("top", "--json", "--from", url)
        assert set(json.loads(r.stdout)) == {"status", "conservation", "top"}
    assert run("top", "--once", "--from", url).returncode == 1
    assert run("top", "--from", "nowhere").returncode == 2
    assert run("top", "--by", "size").returncode == 2


def test_tail_prints_lines_that_cannot_steer_a_terminal_and_ends_with_its_pipe():
    with Server() as s:
        url = "http://" + s.http_addr()
        with subprocess.Popen([STATSD, "tail", "--from", url, "-n", "2"], stdout=subprocess.PIPE) as tail:
            s.wait_self("statsd_http_streams", 1, patience=10)
            s.send(b"a.b\x1b[2Jc:1|c\nd.e:2|c")
            assert tail.communicate(timeout=15)[0] == b"a.b\\x1b[2Jc:1|c\nd.e:2|c\n"
            assert tail.returncode == 0
        with subprocess.Popen([STATSD, "tail", "--json", "--from", url, "d.*"], stdout=subprocess.PIPE) as tail:
            s.wait_self("statsd_http_streams", 1, patience=10)
            s.send(b"x.y:1|c\nd.e:2|c")
            assert json.loads(tail.stdout.readline())["line"] == "d.e:2|c"
            tail.stdout.close()
            wait_for(lambda: s.send(b"d.e:2|c") or tail.poll() is not None, "tail to end", patience=10, every=0.2)
    assert run("tail", "--from", url).returncode == 1
    assert run("tail", "--rate", "0").returncode == 2
