"""Pages too large to be made in one go: they are sent while they are made, and nobody who reads slowly, or not at all, is in the way."""
import contextlib
import gzip
import http.client
import re
import socket
import threading
import time

import pytest

from exposition import parse
from harness import SLOW, Server, wait_for

SERIES, PER_DATAGRAM = 5_000, 20
PAD = ",".join("pad%d:%s" % (i, "x" * 200) for i in range(10))       # makes a page of some 10 MB


def samples_read(s):
    return int(re.search(rb"^statsd_samples_read_total (\d+)", s.page(), re.M).group(1))


def fill(s):
    """All series, each counted once."""
    sent, seen = 0, samples_read(s)
    for first in range(0, SERIES, PER_DATAGRAM):
        s.send("\n".join("large.page:1|c|#id:%d,%s" % (i, PAD) for i in range(first, first + PER_DATAGRAM)))
        sent += PER_DATAGRAM
        if sent % 1000 == 0:
            wait_for(lambda: samples_read(s) == seen + sent, "%d samples" % sent)


@pytest.fixture(scope="module")
def large():
    with Server("http.timeout=30s") as s:
        fill(s)
        yield s


def resident(s, what="VmRSS"):
    with open("/proc/%d/status" % s.pid) as f:
        return int(re.search(what + r":\s+(\d+) kB", f.read()).group(1)) * 1024


def stalled(s, headers=""):
    """A client that asks for the page and does not read it."""
    host, _, port = s.http_addr().rpartition(":")
    c = socket.socket()
    c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    c.settimeout(60)
    c.connect((host, int(port)))
    c.sendall(("GET /metrics HTTP/1.1\r\nHost: x\r\n%sConnection: close\r\n\r\n" % headers).encode())
    assert c.recv(15) == b"HTTP/1.1 200 OK"
    return c


def rest(c):
    got = b""
    while True:
        try:
            more = c.recv(1 << 20)
        except ConnectionResetError:
            return got
        if not more:
            return got
        got += more


def is_whole(chunked):
    return chunked.endswith(b"\r\n0\r\n\r\n")


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_a_large_page_comes_in_chunks_and_whole(large, encoding):
    _, headers, body = large.get("/metrics", headers={"Accept-Encoding": encoding} if encoding else {})
    assert headers["Transfer-Encoding"] == "chunked" and headers["Content-Length"] is None
    assert headers["Content-Encoding"] == encoding
    page = parse(gzip.decompress(body) if encoding else body)
    assert len(page.all("large_page")) == SERIES
    assert page.sum("large_page") == SERIES


def test_a_small_page_has_a_length(server):
    for encoding in (None, "gzip"):
        _, headers, body = server.get("/metrics", headers={"Accept-Encoding": encoding} if encoding else {})
        assert int(headers["Content-Length"]) == len(body)
        assert headers["Transfer-Encoding"] is None


def test_a_page_of_some_thousand_series_is_made_in_one_go(server):
    """It has a length: it was whole before anybody got its head, so all of it is of one moment."""
    server.send(*["\n".join("shop.orders:1|c|#id:%d,pad:%s" % (i, "x" * 100) for i in range(first, first + 100))
                  for first in range(0, 5000, 100)])
    server.wait_self("statsd_samples_read_total", 5000)
    _, headers, body = server.get("/metrics")
    assert int(headers["Content-Length"]) == len(body) > 500_000
    assert parse(body).sum("shop_orders") == 5000


def test_a_large_page_for_http_1_0_ends_with_the_connection(large):
    host, _, port = large.http_addr().rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as c:
        c.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        head, _, body = rest(c).partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert parse(body).sum("large_page") == SERIES


def test_one_connection_serves_large_pages_one_after_another(large):
    c = http.client.HTTPConnection(large.http_addr(), timeout=60)
    for i in range(6):
        c.request("HEAD" if i % 3 == 2 else "GET", "/metrics", headers={"Accept-Encoding": "gzip"} if i % 2 else {})
        body = c.getresponse().read()
        if i % 3 != 2:
            assert parse(gzip.decompress(body) if i % 2 else body).sum("large_page") == SERIES
    c.close()


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer keeps what was freed")
def test_serving_a_large_page_takes_little_memory(large):
    large.page()
    try:
        with open("/proc/%d/clear_refs" % large.pid, "w") as f:
            f.write("5")      # forget the peak
    except OSError as e:
        pytest.skip("needs a /proc that can be written to: %s" % e)
    before = resident(large)
    size = len(large.page())
    large.get("/metrics", headers={"Accept-Encoding": "gzip"})
    assert size > 8_000_000
    assert resident(large, "VmHWM") - before < size / 2


def test_who_hangs_up_in_the_middle_harms_nobody(large):
    for i in range(20):
        stalled(large, "Accept-Encoding: gzip\r\n" if i % 2 else "").close()
    assert large.scrape().sum("large_page") == SERIES


def test_who_does_not_read_delays_nobody_and_is_cut_off_when_there_are_many(large):
    before = large.scrape().value("statsd_http_scrapes_cut_total")
    crowd = [stalled(large) for _ in range(20)]
    page = large.scrape()
    assert page.sum("large_page") == SERIES
    # 16 are under way at most: of the 21 the oldest had to go.
    assert page.value("statsd_http_scrapes_cut_total") - before >= 4
    # The youngest may still read on, to the end; the oldest sees that its page is not whole.
    assert is_whole(rest(crowd[-1]))
    assert not is_whole(rest(crowd[0]))
    for c in crowd:
        c.close()
    assert large.scrape().sum("large_page") == SERIES


def test_a_page_read_slowly_is_whole_while_series_come_and_go():
    """Between two pieces of it intervals close, half of its series expire, new ones come, and samples go on."""
    with Server("http.timeout=30s", "aggregate.ttl=2s", interval="100ms") as s:
        fill(s)
        c = stalled(s)
        end = time.monotonic() + 4
        n = 0
        while time.monotonic() < end:
            s.send("\n".join("large.page:1|c|#id:%d,%s" % (i, PAD) for i in range(n % SERIES, n % SERIES + 10)),
                   "new.%d:1|c" % n)
            n += 20
            time.sleep(0.002)
        wait_for(lambda: s.scrape().value("statsd_series_expired_total") > SERIES / 4, "series expiring")
        raw = b"HTTP/1.1 200 OK" + rest(c)
        c.close()
        head, _, body = raw.partition(b"\r\n\r\n")
        assert b"chunked" in head and is_whole(raw)
        text = b""
        while body:
            size, _, body = body.partition(b"\r\n")
            text += body[:int(size, 16)]
            body = body[int(size, 16) + 2:]
        parse(text)       # refuses a line that comes twice and a family that is split


def test_a_stop_does_not_wait_for_who_does_not_read():
    with Server("http.timeout=30s") as s:
        fill(s)
        crowd = [stalled(s) for _ in range(3)] + [stalled(s, "Accept-Encoding: gzip\r\n")]
        begun = time.monotonic()
        s.process.terminate()
        assert s.process.wait(30) == 0
        assert time.monotonic() - begun < 10 * SLOW
        s.clean_exit = False
        for c in crowd:
            c.close()


class Crowd:
    """Opens a page every `every` seconds and reads none of it.  It lets go of old ones: an address has 32 connections at most."""

    KEPT = 24

    def __init__(self, s, source, every):
        self.s, self.source, self.every = s, source, every
        self.clients, self.ended = [], threading.Event()
        self.thread = threading.Thread(target=self._open, daemon=True)

    def _open(self):
        host, _, port = self.s.http_addr().rpartition(":")
        while not self.ended.wait(self.every):
            c = socket.socket()
            c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            c.bind((self.source, 0))
            c.settimeout(10)
            try:
                c.connect((host, int(port)))
                c.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            except OSError:
                pass
            self.clients.append(c)
            if len(self.clients) > self.KEPT:
                self.clients[-self.KEPT - 1].close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        for c in self.clients:
            c.close()


def read_at(s, rate, source, chunk=64 * 1024):
    """The page, read at so many bytes a second: (what came, seconds)."""
    host, _, port = s.http_addr().rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60, source_address=(source, 0)) as c:
        c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 128 * 1024)
        c.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        begun, got = time.monotonic(), b""
        while True:
            try:
                more = c.recv(chunk)
            except ConnectionResetError:
                more = b""
            if not more:
                return got, time.monotonic() - begun
            got += more
            ahead = len(got) / rate - (time.monotonic() - begun)
            if ahead > 0:
                time.sleep(ahead)


class SteadyReader:
    """Asks for the page and reads it slowly and steadily until it may hurry."""

    def __init__(self, s, source):
        self.s, self.source = s, source
        self.body, self.got, self.hurry = b"", 0, threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)

    def _read(self):
        host, _, port = self.s.http_addr().rpartition(":")
        with socket.create_connection((host, int(port)), timeout=60, source_address=(self.source, 0)) as c:
            c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
            c.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            parts = []
            while True:
                more = c.recv(32 * 1024)
                if not more:
                    break
                parts.append(more)
                self.got += len(more)
                self.hurry.wait(0.02)
            self.body = b"".join(parts)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.hurry.set()
        self.thread.join()


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.2"])
def test_who_reads_is_not_cut_off_because_of_clients_that_do_not(large, source):
    """They come from 127.0.0.2, 20 a second: as many as may be under way, within a second."""
    with Crowd(large, "127.0.0.2", 0.05) as crowd:
        wait_for(lambda: len(crowd.clients) > 20, "a crowd")
        body, seconds = read_at(large, 3_000_000, source)
        assert body.startswith(b"HTTP/1.1 200")
        assert is_whole(body), "cut off after %.1f s and %d bytes" % (seconds, len(body))
        assert len(crowd.clients) > 20 + 10 * seconds / 2


def test_who_asks_while_all_pages_are_read_is_told_to_come_back(large):
    """Sixteen addresses read as fast as they can; the seventeenth gets 503, and nobody is cut off."""
    before = large.scrape()
    with contextlib.ExitStack() as stack:
        readers = []
        for i in range(16):          # one after another, so that no two share a page
            readers.append(stack.enter_context(SteadyReader(large, "127.0.1.%d" % (i + 1))))
            wait_for(lambda: readers[-1].got, "a reader")
        wait_for(lambda: all(r.got > 500_000 for r in readers), "all reading on")
        status, headers, _ = large.get("/metrics")
        assert (status, headers["Retry-After"]) == (503, "1")
        for r in readers:
            r.hurry.set()
    assert all(is_whole(r.body) for r in readers)
    page = large.scrape()
    assert page.value("statsd_http_scrapes_refused_total") - before.value("statsd_http_scrapes_refused_total") == 1
    assert page.value("statsd_http_scrapes_cut_total") == before.value("statsd_http_scrapes_cut_total")
