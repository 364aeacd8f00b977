"""A load of known sums over every transport, and scrapers that look at all of it: what tests of restarts and crashes share."""
import bisect
import contextlib
import gzip
import http.client
import os
import socket
import threading
import time
import urllib.request

import manager
from harness import PATIENCE, SLOW, exposition
from test_systemd import Load

TRANSPORTS = ("udp", "unixgram", "tcp", "unix")
MEMBERS = 8
KEPT_IDLE = 0.2      # a connection that was idle for longer may be closed at any moment, and who asks then asks once more


# --- the load

def hits(n):
    """What the counter gets from n messages: 1 to 9, over and over."""
    rounds, rest = divmod(n, 9)
    return 45 * rounds + rest * (rest + 1) // 2


class Via:
    """Messages of one transport: the nth adds to a counter, a timer, a gauge and a set.  `put` sends the text."""

    def __init__(self, of, via, put):
        self.tags, self.put = "|#of:%s,via:%s" % (of, via), put
        self.labels = {"of": of, "via": via}
        self.times, self.numbers = [], []     # when so many had been sent

    def text(self, v, member, change="+1"):
        return "".join(line + self.tags + "\n" for line in ("hits:%d|c" % v, "lat:%d|ms" % v, "level:%s|g" % change, "users:u%d|s" % member)).encode()

    def warm_up(self):
        """Each series is there, at nothing sent: who looks from now on sees all that comes."""
        self.put(self.text(0, 0, "+0"))

    def __call__(self, n):
        self._mark(n)
        self.put(self.text(1 + n % 9, n % MEMBERS))
        self._mark(n + 1)

    def _mark(self, n):
        self.times.append(time.monotonic())
        self.numbers.append(n)

    def sent_before(self, when):
        """Messages whose sending had ended then, at least."""
        at = bisect.bisect_right(self.times, when)
        return self.numbers[at - 1] if at else 0

    def sent_by(self, when):
        """Messages whose sending had begun then, at most."""
        at = bisect.bisect_left(self.times, when)
        return self.numbers[at] if at < len(self.numbers) else self.n

    @property
    def n(self):
        return self.numbers[-1] if self.numbers else 0

    def series(self, name):
        return name + self.tags


def connection(address):
    if isinstance(address, str):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(address)
        return s
    return socket.create_connection(address)


def datagrams(address, n=4):
    """From n sockets in turn: a group of sockets spreads by them."""
    sockets = [socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET, socket.SOCK_DGRAM) for _ in range(n)]
    for s in sockets:
        s.connect(address)
    turn = 0

    def put(data):
        nonlocal turn
        turn += 1
        sockets[turn % n].send(data)
    return put


class Kept:
    """One connection for all; what it brings ends in the middle of a line, but for the first and the last."""

    def __init__(self, address):
        self.socket, self.rest, self.turn = connection(address), b"", 0

    def __call__(self, data):
        cut = len(data) - self.turn % len(data)
        self.socket.sendall(self.rest + data[:cut])
        self.rest = data[cut:]
        self.turn += 1

    def end(self):
        self.socket.sendall(self.rest)
        self.socket.close()


def short(address, lossy=False):
    """A connection for each message; lossy: the server may die with it."""
    def put(data):
        with contextlib.suppress(ConnectionError) if lossy else contextlib.nullcontext():
            with connection(address) as s:
                s.sendall(data)
    return put


@contextlib.contextmanager
def sending(vias, a_second):
    """All of them at once, each at its pace; what a connection has begun is sent to its end."""
    with contextlib.ExitStack() as stack:
        loads = [stack.enter_context(Load(v, a_second)) for v in vias]
        yield loads
    for v in vias:
        if isinstance(v.put, Kept):
            v.put.end()


# --- the server's sockets under a manager

class Sockets:
    """One of each transport, and HTTP, as a socket unit has them."""

    def __init__(self, folder, workers):
        self.dgram, self.stream = os.path.join(folder, "in.sock"), os.path.join(folder, "stream.sock")
        self.group, self.tcp, self.http = manager.udp(n=workers), manager.tcp(), manager.tcp()
        self.all = [*self.group, manager.unix(self.dgram), self.tcp, manager.unix(self.stream, socket.SOCK_STREAM), self.http]
        self.settings = ["http.listen=%s:%d" % self.http.getsockname(), "server.workers=%d" % workers,
                         *["listen.socket=" + u for u in (manager.url(self.group[0]), "unixgram://" + self.dgram, manager.url(self.tcp, "tcp"),
                                                          "unix://" + self.stream)]]

    def vias(self, of, lossy=False):
        puts = (datagrams(self.group[0].getsockname()), datagrams(self.dgram, 1), short(self.tcp.getsockname(), lossy), short(self.stream, lossy))
        return [Via(of, via, put) for via, put in zip(TRANSPORTS, puts)]


# --- scrapers

def page_of(address):
    with urllib.request.urlopen("http://%s/metrics" % address, timeout=PATIENCE) as answer:
        return exposition.parse(answer.read())


def counters(text):
    """{sample: value} of all that may only grow: counters, and of summaries and histograms what counts."""
    out, kind = {}, None
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            kind = line.rsplit(" ", 1)[1]
        elif line[0] != "#":
            sample, value = line.rsplit(" ", 1)
            name = sample.partition("{")[0]
            if kind in ("counter", "histogram") or kind == "summary" and name.endswith(("_sum", "_count")):
                if not name.startswith("process_"):      # of the process, not of the service
                    out[sample] = float(value)
    return out


class Page:
    """What one scrape saw: when it was asked for and answered, the round of restarts then, and its counters."""

    def __init__(self, asked, round, text):
        self.asked, self.answered, self.round, self.counters = asked, time.monotonic(), round, counters(text)


class Scraper(threading.Thread):
    """Scrapes `every` seconds, over one connection or a new one each time, plain or compressed."""

    def __init__(self, address, keep=False, zipped=False, every=0.05 * SLOW):
        super().__init__(daemon=True)
        host, _, port = address.rpartition(":")
        self.address, self.keep, self.zipped, self.every = (host, int(port)), keep, zipped, every
        self.connection, self.answered = None, 0
        self.round, self.pages, self.failed, self.asked_again, self.over = 0, [], [], 0, threading.Event()

    def run(self):
        while not self.over.wait(self.every):
            asked, round = time.monotonic(), self.round
            try:
                text = self._scrape()
            except (OSError, http.client.HTTPException, AssertionError) as e:
                self._close()
                self.failed.append((round, repr(e)))
                continue
            self.pages.append(Page(asked, round, text))
        self._close()

    def _close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def _scrape(self):
        """As Prometheus does: who used an idle connection in vain asks over a new one."""
        known, idle = self.connection, time.monotonic() - self.answered
        try:
            text = self._ask()
        except ConnectionError:
            if not known or idle < KEPT_IDLE:
                raise
            self._close()
            self.asked_again += 1
            text = self._ask()
        self.answered = time.monotonic()
        if not self.keep:
            self._close()
        return text

    def _ask(self):
        if not self.connection:
            self.connection = http.client.HTTPConnection(*self.address, timeout=10)
        self.connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"} if self.zipped else {})
        answer = self.connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (answer.status, body[:100])
        assert (answer.headers["Content-Encoding"] == "gzip") == self.zipped
        return (gzip.decompress(body) if self.zipped else body).decode()

    def fell(self):
        """What no counter may do: (sample, before, after)."""
        out, last = [], {}
        for page in self.pages:
            out += [(k, last[k], v) for k, v in page.counters.items() if v < last.get(k, 0)]
            out += [(k, last[k], None) for k in last if k not in page.counters]
            last = page.counters
        return out


@contextlib.contextmanager
def scraping(address, **kwargs):
    """Four at once: over a connection that is kept and over new ones, plain and compressed."""
    scrapers = [Scraper(address, keep, zipped, **kwargs) for keep in (True, False) for zipped in (False, True)]
    for s in scrapers:
        s.start()
    try:
        yield scrapers
    finally:
        for s in scrapers:
            s.over.set()
        for s in scrapers:
            s.join(20)
