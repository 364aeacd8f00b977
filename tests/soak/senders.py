"""Threads that send over every transport at a pace, and stand still when told: then all they sent is known and on its way."""
import collections
import random
import socket
import struct
import threading
import time

import traffic
from lines import Lines, Sums

DATAGRAM_LINES = 20
VISIT_EVERY = 0.1      # seconds between connections that bring nothing


class Sender(threading.Thread):
    """`where()` is the URL of now.  held(): from then on it stands still, and `sums` is all that it sent since it began."""
    ordered = False

    def __init__(self, via, where, a_second, seed):
        super().__init__(daemon=True, name=via)
        self.via, self.where, self.a_second = via, where, a_second
        self.random = random.Random("%s %s" % (seed, via))
        self.lines, self.sums, self.error, self.over = Lines(self.random, via, self.ordered), Sums(), None, False
        self.times = 0
        self.go, self.still = threading.Event(), threading.Event()
        self.still.set()

    def run(self):
        try:
            while not self.over:
                if self.go.wait(0.1):
                    self.still.clear()
                    self._send_until_held()
                    self.still.set()
        except Exception as e:                        # noqa: BLE001: told by whoever waits for it
            self.error = e
            self.still.set()

    def _send_until_held(self):
        self.lines.turn_over()
        self.begin()
        begun, sent = time.monotonic(), 0
        while self.go.is_set():
            if sent < (time.monotonic() - begun) * self.a_second:
                sent += self.turn()
            else:
                time.sleep(0.005)
            if (time.monotonic() - begun) * self.a_second > sent + self.a_second:      # a second behind: the pace, not the backlog
                begun = time.monotonic() - sent / self.a_second
        self.finish()

    def renew(self):
        """Other series from now on.  While it stands still."""
        self.times += 1
        self.lines.via = "%s%d" % (self.via, self.times)

    def begin(self):
        pass

    def finish(self):
        pass


class Datagrams(Sender):
    """A Unix socket: the sender waits while the server is behind."""
    ordered = True

    def begin(self):
        self.socket = traffic.connect(self.where())

    def turn(self):
        n = self.random.randint(1, DATAGRAM_LINES)
        self.socket.send(b"\n".join(self.lines.block(n, self.sums)) + self.random.choice((b"", b"\n", b"\r\n")))
        self.sums.n["datagrams"] += 1
        return n

    def finish(self):
        self.socket.close()


class Udp(Sender):
    """Until it is held all its datagrams are the same: of any that the kernel dropped one knows what was lost.  Then come others, of
    other series."""
    SOCKETS = 4

    def __init__(self, *args):
        super().__init__(*args)
        self.each, self.sent = Sums(), 0

    def begin(self):
        self.each, self.sent = Sums(), 0
        self.renew()
        self.data = b"\n".join(self.lines.block(DATAGRAM_LINES, self.each))
        self.each.n["datagrams"] = 1
        self.sockets = [traffic.connect(self.where()) for _ in range(self.SOCKETS)]

    def turn(self):
        self.sockets[self.sent % self.SOCKETS].send(self.data)
        self.sent += 1
        return DATAGRAM_LINES

    def finish(self):
        for s in self.sockets:
            s.close()
        self.each.churn = dict.fromkeys(self.each.series(), time.monotonic())

    def settle(self, lost):
        """So many of the datagrams since the last time never arrived."""
        self.sums.add(self.each, self.sent - lost)
        self.each, self.sent = Sums(), 0


class Stream(Sender):
    """Connections that bring some blocks, cut anywhere, often without a last LF, and are closed by their client."""
    ENDED = 8      # that the server has not read to their end yet

    def begin(self):
        self.ended = collections.deque()

    def turn(self):
        lines = self.lines.block(self.random.choice((1, 20, 100, 300)), self.sums)
        s = stream_to(self.where())
        text = self.text(lines)
        while text:
            n = self.random.choice((1, 7, 1000, 65536))
            s.sendall(text[:n])
            text = text[n:]
        s.shutdown(socket.SHUT_WR)
        self.ended.append(s)
        if len(self.ended) > self.ENDED:
            read_to_its_end(self.ended.popleft())
        return len(lines)

    def text(self, lines):
        return b"\n".join(lines) + self.random.choice((b"", b"\n", b"\r\n"))

    def finish(self):
        while self.ended:
            read_to_its_end(self.ended.popleft())


class Framed(Stream):
    def text(self, lines):
        parts = [b"\n".join(lines[i:i + DATAGRAM_LINES]) for i in range(0, len(lines), DATAGRAM_LINES)]
        return b"".join(struct.pack("<I", len(p)) + p for p in (*parts, b""))


class Visitors(Sender):
    """Connections that bring nothing: closed at once, reset inside their first line, or idle for a while."""

    def begin(self):
        self.idle = collections.deque(maxlen=20)

    def turn(self):
        s, what = stream_to(self.where()), self.random.randrange(3)
        if what == 0:
            s.send(b"half.of.a.line:1")
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if what == 1:
            if len(self.idle) == self.idle.maxlen:
                self.idle.popleft().close()
            self.idle.append(s)
        else:
            s.close()
        return 1

    def finish(self):
        for s in self.idle:
            s.close()


def stream_to(url):
    scheme, _, rest = url.partition("?")[0].partition("://")
    if scheme == "unix":
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(rest)
        return s
    host, _, port = rest.rpartition(":")
    return socket.create_connection((host, int(port)))


def read_to_its_end(s):
    with s:
        s.settimeout(30)
        try:
            got = s.recv(1)
        except TimeoutError:
            raise AssertionError("the server keeps a connection that its client has ended")
        assert got == b"", "the server wrote into a stream"
