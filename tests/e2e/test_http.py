"""The HTTP server: status codes, heads and bodies."""
import gzip
import http.client
import os
import socket
import threading
import time

import pytest

from exposition import parse
from harness import SLOW, Server, wait_for


def test_healthy_and_ready_say_so(server):
    for path in ("/-/healthy", "/-/ready"):
        status, _, body = server.get(path)
        assert (status, bool(body.strip())) == (200, True)


def test_the_page_says_that_it_is_text_0_0_4(server):
    status, headers, _ = server.get("/metrics")
    assert status == 200
    kind = headers["Content-Type"].replace(" ", "")
    assert kind.startswith("text/plain;version=0.0.4") and "charset=utf-8" in kind


def test_head_is_get_without_the_body(server):
    server.send("hello:1|c")
    status, headers, body = server.get("/metrics", "HEAD")
    assert (status, body) == (200, b"")
    assert headers["Content-Type"].startswith("text/plain")


def test_unknown_paths_are_404_and_other_methods_405(server):
    assert server.get("/nothing")[0] == 404
    status, headers, _ = server.get("/metrics", "DELETE")
    assert status == 405
    assert "GET" in headers["Allow"]
    page = server.scrape()
    assert page.sum("statsd_http_requests_rejected_total") == 2


def test_quit_and_reload_are_off_unless_asked_for(server):
    for path in ("/-/quit", "/-/reload"):
        assert server.get(path, "POST")[0] in (403, 404, 405)
    assert server.get("/-/healthy")[0] == 200


def test_a_quit_is_heard_though_a_reload_comes_right_after_it(dir):
    """The config is a pipe: the thread that hears of both waits in the reload before them until it is written."""
    path = os.path.join(dir, "statsd.conf")
    os.mkfifo(path)

    def write():
        with open(path, "w") as f:
            f.write("[http]\nlifecycle = on\n")
    threading.Thread(target=write).start()
    with Server(config=path, clean_exit=False) as s:
        assert s.get("/-/reload", "POST")[0] == 200
        fd = wait_for(lambda: open_for_writing(path), "a reload that waits for the config")
        assert s.get("/-/quit", "POST")[0] == 200
        assert s.get("/-/reload", "POST")[0] == 200
        os.write(fd, b"[http]\nlifecycle = on\n")
        os.close(fd)
        wait_for(lambda: s.logged("stopping"), "the end")
        fd = wait_for(lambda: open_for_writing(path), "the second reload")
        os.close(fd)
        assert s.process.wait(10 * SLOW) == 0
        assert len(s.logged("reloaded")) == 2


def open_for_writing(fifo):
    """A descriptor once somebody has opened it to read."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def test_gzip_for_those_who_take_it(server):
    server.send(*["name.%d:1|c" % i for i in range(200)])
    server.wait_self("statsd_datagrams_received_total", 200)
    _, headers, body = server.get("/metrics", headers={"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert "accept-encoding" in headers["Vary"].lower()
    page = parse(gzip.decompress(body))
    assert page.value("name_7") == 1
    assert server.get("/metrics", headers={"Accept-Encoding": "gzip;q=0"})[1]["Content-Encoding"] is None


def test_one_connection_serves_many_scrapes(server):
    c = http.client.HTTPConnection(server.http_addr())
    for i in range(50):
        c.request("GET", "/metrics")
        r = c.getresponse()
        assert r.status == 200
        parse(r.read())
    c.close()


def test_many_scrapers_at_once_all_get_a_whole_page(server):
    server.send(*["name.%d:1|c" % i for i in range(500)])
    server.wait_self("statsd_datagrams_received_total", 500)
    connections = [http.client.HTTPConnection(server.http_addr(), timeout=30) for _ in range(25)]
    for c in connections:
        c.request("GET", "/metrics")
    for c in connections:
        page = parse(c.getresponse().read())
        assert page.value("name_499") == 1
        c.close()


def test_more_connections_than_allowed_end_none_of_the_server():
    with Server("http.max_connections=10", "http.max_per_ip=5", "http.timeout=1s") as s:
        crowd = []
        for _ in range(50):
            try:
                crowd.append(socket.create_connection(s.http_addr().rsplit(":", 1), timeout=5))
            except OSError:
                pass

        def served():
            try:
                return s.get("/-/healthy", timeout=2)[0] == 200
            except OSError:
                return False
        # Idle connections are closed after http.timeout, and then there is room again.
        wait_for(served, "room for a scrape", 20)
        for c in crowd:
            c.close()


def dial(s, source="127.0.0.1"):
    host, _, port = s.http_addr().rpartition(":")
    return socket.create_connection((host, int(port)), timeout=30, source_address=(source, 0))


def answer(s, request, source="127.0.0.1"):
    """(status, seconds until the connection ended); status 0: closed without an answer."""
    begun = time.monotonic()
    with dial(s, source) as c:
        got = b""
        try:
            c.sendall(request)
            while True:
                more = c.recv(65536)
                if not more:
                    break
                got += more
        except ConnectionError:
            pass
    return int(got[9:12]) if got else 0, time.monotonic() - begun


END = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


OUT_OF_THE_ORDINARY = [
    ("100 arguments", b"GET /-/healthy?" + b"&".join(b"a%d=1" % i for i in range(100)) + END + b"\r\n", 200),
    ("101 arguments", b"GET /-/healthy?" + b"&".join(b"a%d=1" % i for i in range(101)) + END + b"\r\n", 414),
    ("500 arguments", b"GET /metrics?" + b"&".join(b"a%d=1" % i for i in range(500)) + END + b"\r\n", 414),
    ("500 times &", b"GET /metrics?" + b"&" * 500 + END + b"\r\n", 414),
    ("5000 arguments", b"GET /metrics?" + b"&".join(b"a%d=1" % i for i in range(5000)) + END + b"\r\n", 414),
    ("500 arguments of HTTP/1.0", b"GET /metrics?" + b"a&" * 500 + b" HTTP/1.0\r\n\r\n", 414),
    ("500 arguments posted", b"POST /-/reload?" + b"a&" * 500 + END + b"Content-Length: 0\r\n\r\n", 414),
    ("a long argument", b"GET /metrics?a=" + b"x" * 9000 + END + b"\r\n", 414),
    ("a path beyond all bounds", b"GET /" + b"x" * 40000 + END + b"\r\n", 414),
    ("500 headers", b"GET /metrics" + END + b"".join(b"X%d: 1\r\n" % i for i in range(500)) + b"\r\n", 431),
    ("500 cookies", b"GET /metrics" + END + b"Cookie: " + b"; ".join(b"x%d=1" % i for i in range(500)) + b"\r\n\r\n", 431),
    ("arguments and a head at its bound",
     b"GET /metrics?" + b"&".join(b"a%d=%s" % (i, b"x" * 70) for i in range(100)) + END + b"X: " + b"x" * 22000 + b"\r\n\r\n", 431),
    ("a target in absolute form", b"GET http://statsd.example:9102/metrics" + END + b"\r\n", 200),
    ("the same with a query", b"GET HTTP://x/-/healthy?a=1" + END + b"\r\n", 200),
    ("only a host", b"GET http://x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 200),
    ("a host that is none of ours", b"GET /" + END + b"\r\n", 421),
    ("an unknown path of a host", b"GET http://x/nothing" + END + b"\r\n", 404),
]


@pytest.mark.parametrize("what, request_, status", OUT_OF_THE_ORDINARY, ids=[row[0] for row in OUT_OF_THE_ORDINARY])
def test_a_request_out_of_the_ordinary_is_answered_at_once(server, what, request_, status):
    got, seconds = answer(server, request_)
    assert got == status, what
    assert seconds < 4 * SLOW, "no answer until the timeout"


def served(s, source):
    return answer(s, b"GET /-/healthy" + END + b"\r\n", source)[0] == 200


def test_requests_that_never_end_lock_nobody_out_and_end_in_time():
    """Two addresses hold all the connections there are, each all that it may, and send a byte on each now and then."""
    with Server("http.max_connections=24", "http.max_per_ip=12") as s:
        crowd = [dial(s, source) for source in ("127.0.0.2", "127.0.0.3") for _ in range(12)]
        for c in crowd:
            c.sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: ")

        def open_still():
            n = 0
            for c in crowd:
                try:
                    c.sendall(b"x")
                    n += 1
                except ConnectionError:
                    pass
            return n

        assert served(s, "127.0.0.1")                 # holds none, so it goes before those with twelve
        wait_for(lambda: open_still() and served(s, "127.0.0.3"), "room for the crowd's own address", every=0.1)
        page = s.scrape()
        assert page.value("statsd_http_connections_replaced_total") >= 2
        assert page.value("statsd_http_connections") > 16
        wait_for(lambda: open_still() == 0, "the end of requests that never end", 30 * SLOW, every=0.5)
        page = s.scrape()
        assert page.value("statsd_http_connections_timed_out_total", reason="request") >= 16
        assert page.value("statsd_http_connections_timed_out_total", reason="idle") == 0
        assert page.value("statsd_http_connections") == 1
        for c in crowd:
            c.close()


def test_refused_connections_are_counted():
    with Server("http.max_connections=4", "http.max_per_ip=3") as s:
        answers = [answer(s, b"GET /-/healthy" + END + b"\r\n") for _ in range(3)]
        assert [a[0] for a in answers] == [200] * 3
        crowd = [dial(s, "127.0.0.2") for _ in range(40)]

        def refused():
            page = s.scrape()
            return page.value("statsd_http_connections_refused_total", reason="max_per_ip") >= 30
        wait_for(refused, "connections beyond http.max_per_ip counted")
        for c in crowd:
            c.close()


def test_http_can_be_turned_off():
    with Server("http.listen=", wait=False) as s:
        wait_for(lambda: s.address("udp"), "listening on UDP")
        s.send("hello:1|c")
        assert not s.http_addr()


def test_the_server_says_who_it_is(server):
    page = server.scrape()
    (labels, value), = page.all("statsd_build_info").items()
    assert value == 1
    assert {"version", "commit"} <= set(dict(labels))
    assert page.value("process_resident_memory_bytes") > 1e6
    assert page.value("statsd_interval_seconds") == pytest.approx(0.2)
