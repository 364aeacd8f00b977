"""/api/v1/tail: lines as they arrive, as server-sent events."""
import contextlib
import http.client
import json
import socket
import time
import urllib.parse

import pytest

from harness import Server, wait_for

pytestmark = pytest.mark.plain


class Tail:
    """A client of a tail; what has come so far is in `events`, as (name, data)."""
    def __init__(self, s, **args):
        self.c = http.client.HTTPConnection(s.http_addr(), timeout=10)
        self.c.request("GET", "/api/v1/tail?" + urllib.parse.urlencode(args))
        self.r = self.c.getresponse()
        self.events = []

    def next(self, name):
        """The data of the next event of that name."""
        event = None
        while True:
            line = self.r.readline().decode()
            assert line, "the stream has ended"
            if line.startswith("event: "):
                event = line[7:].strip()
            elif line.startswith("data: ") and event == name:
                return json.loads(line[6:])

    def close(self):
        self.r.close()
        self.c.close()


@contextlib.contextmanager
def tail(s, **args):
    t = Tail(s, **args)
    try:
        assert t.r.status == 200, t.r.read()
        assert t.r.getheader("Content-Type").startswith("text/event-stream")
        yield t
    finally:
        t.close()


def test_a_tail_shows_the_lines_that_match_with_their_sender():
    with Server(sockets=["udp://127.0.0.1:0", "tcp://127.0.0.1:0"]) as s:
        with tail(s, match="web.*") as t, tail(s, match="*|ms|*#env:prod*") as by_line:
            with s.sender() as out:
                before = time.time()
                out.send(b"db.hits:1|c\nweb.hits:1|c\nweb.time:2:3|ms|#env:prod\n\nweb.bad:x|c")
                where = "%s:%d" % out.getsockname()
            got = [t.next("line") for _ in range(3)]
            assert [g["line"] for g in got] == ["web.hits:1|c", "web.time:2:3|ms|#env:prod", "web.bad:x|c"]
            for g in got:
                assert g["from"] == where and g["listener"] == "udp://" + s.address("udp")
                assert g["share"] == 1 and before - 1 < g["at_s"] < time.time() + 1
            assert by_line.next("line")["line"] == "web.time:2:3|ms|#env:prod"
            host, port = s.address("tcp").split(":")
            with socket.create_connection((host, int(port))) as c:
                c.sendall(b"web.stream:1|c\n")
                assert t.next("line")["line"] == "web.stream:1|c"
        s.wait_value("statsd_sampled_datagrams_total", 2, result="ok")


def test_lines_beyond_the_rate_are_counted_as_skipped():
    with Server() as s, tail(s, match="a", rate=5) as t:
        s.send(*[b"\n".join([b"a:1|c"] * 20)] * 10)
        assert t.next("line")["line"] == "a:1|c"
        skipped = t.next("skipped")["lines"]
        assert 100 <= skipped <= 195


def test_bytes_that_are_no_text_come_as_replacement_characters():
    with Server() as s, tail(s) as t:
        s.send(b"\xff\x1b[31m\"<script>:1|c")
        assert t.next("line")["line"] == "\ufffd\x1b[31m\"<script>:1|c"


def test_tails_are_limited():
    with Server() as s, contextlib.ExitStack() as open_ones:
        tails = [open_ones.enter_context(tail(s)) for _ in range(16)]
        one_more = Tail(s)
        assert one_more.r.status == 503 and "16 tails" in json.loads(one_more.r.read())["error"]
        one_more.close()
        tails[0].close()

        def there_is_room():
            s.send(b"a:1|c")
            t = Tail(s)
            t.close()
            return t.r.status == 200
        wait_for(there_is_room, "a place of one that has gone", patience=20, every=0.2)


@pytest.mark.parametrize("setting,remedy", [("http.show_lines=off", "http.show_lines = on"), ("http.sample=0", "http.sample = 64KiB")])
def test_where_lines_are_not_shown_the_answer_says_how_they_are(setting, remedy):
    with Server(setting) as s:
        status, _, body = s.get("/api/v1/tail")
        assert status == 403 and remedy in json.loads(body)["error"]


@pytest.mark.parametrize("args", ["rate=0", "rate=1001", "rate=x", "match=" + "a" * 257, "what=1", "rate=1&rate=2"])
def test_a_wrong_argument_is_named(args):
    with Server() as s:
        status, _, body = s.get("/api/v1/tail?" + args)
        assert status == 400 and json.loads(body)["argument"] == args.split("=")[0]
