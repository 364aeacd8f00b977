"""Threads that ask the server over HTTP all the time: each second every format, slow readers, and many at once."""
import gzip
import http.client
import socket
import threading
import time

from harness import exposition, metrics_balance

TEXT = "text/plain;version=0.0.4"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
FORMATS = [(accept, zipped) for accept in (TEXT, OPENMETRICS, PROTOBUF) for zipped in (False, True)]
GROWING = ("statsd_samples_read_total", "statsd_datagrams_received_total", "statsd_series_created_total", "statsd_events_total",
           "statsd_stream_bytes_received_total", "statsd_intervals_closed_total")
OTHERS = ("/-/healthy", "/-/ready", "/api/v1/events?limit=20", "/api/v1/checks?limit=20", "/")


class Wrong(Exception):
    pass


def messages(body):
    """How many length-delimited messages; their end is the body's."""
    at = n = 0
    while at < len(body):
        size = shift = 0
        while True:
            size, shift, at = size | (body[at] & 0x7f) << shift, shift + 7, at + 1
            if body[at - 1] < 0x80:
                break
        at, n = at + size, n + 1
    if at != len(body):
        raise Wrong("a message of protobuf is cut")
    return n


def is_whole(accept, kind, body):
    """The body is of the format asked for, to its end; a text is returned as it was parsed."""
    if not kind.startswith(accept.partition(";")[0]):
        raise Wrong("asked for %s, got %s" % (accept, kind))
    if accept is PROTOBUF and messages(body) < 50:
        raise Wrong("hardly a family in protobuf")
    if accept is OPENMETRICS and not (body.endswith(b"\n# EOF\n") and body.count(b"# EOF") == 1):
        raise Wrong("openmetrics without its end")
    return exposition.parse(body) if accept is TEXT else None


class Asker(threading.Thread):
    """Works while `go` is set and stands still, without a connection, while it is not."""

    def __init__(self, address, every):
        super().__init__(daemon=True)
        self.address, self.every, self.n, self.error, self.over = address, every, 0, None, False
        self.go, self.still = threading.Event(), threading.Event()
        self.still.set()

    def run(self):
        try:
            while not self.over:
                if not self.go.wait(0.1):
                    continue
                self.still.clear()
                while self.go.is_set():
                    began = time.monotonic()
                    self.ask(self.n)
                    self.n += 1
                    while self.go.is_set() and time.monotonic() < began + self.every:
                        time.sleep(0.02)
                self.still.set()
        except Exception as e:                        # noqa: BLE001: told by whoever waits for it
            self.error = e
            self.still.set()

    def connect(self):
        host, _, port = self.address().rpartition(":")
        return http.client.HTTPConnection(host, int(port), timeout=30)

    def get(self, path, accept=TEXT, zipped=False):
        c = self.connect()
        try:
            c.request("GET", path, headers={"Accept": accept, **({"Accept-Encoding": "gzip"} if zipped else {})})
            answer = c.getresponse()
            body = answer.read()
        finally:
            c.close()
        if answer.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        return answer, body


class Formats(Asker):
    """All formats, plain and zipped; each text page balances, and what counts does not fall."""

    def __init__(self, address, every=1):
        super().__init__(address, every / len(FORMATS))
        self.last = {}

    def ask(self, n):
        accept, zipped = FORMATS[n % len(FORMATS)]
        answer, body = self.get("/metrics", accept, zipped)
        if answer.status != 200:
            raise Wrong("/metrics answers %d: %r" % (answer.status, body[:100]))
        page = is_whole(accept, answer.headers["Content-Type"], body)
        if page:
            self._look_at(page)
        if n % 7 == 0:
            path = OTHERS[n // 7 % len(OTHERS)]
            status = self.get(path)[0].status
            if status not in (200, 404, 503):
                raise Wrong("%s answers %d" % (path, status))

    def _look_at(self, page):
        metrics_balance(page)
        now = {name: page.sum(name) for name in GROWING}
        fell = [name for name in GROWING if now[name] < self.last.get(name, 0)]
        if fell:
            raise Wrong("%s fell from %d to %d" % (fell[0], self.last[fell[0]], now[fell[0]]))
        self.last = now


class Slow(Asker):
    """Reads a page some bytes at a time, and mostly goes away before its end."""

    def ask(self, n):
        host, _, port = self.address().rpartition(":")
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.settimeout(30)
            s.connect((host, int(port)))
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n"[:-2 if n % 5 == 4 else None])
            if n % 5 == 4:         # a head without its end
                time.sleep(0.5)
                return
            for _ in range(10 + n % 40):
                if not self.go.is_set() or not s.recv(1024):
                    return
                time.sleep(0.05)


class Crowd(Asker):
    """Twelve at once, now and then."""

    def ask(self, n):
        all = [self.connect() for _ in range(12)]
        try:
            for c in all:
                c.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
            for c in all:
                answer = c.getresponse()
                if answer.status != 200:
                    raise Wrong("one of a crowd is answered %d" % answer.status)
                is_whole(TEXT, answer.headers["Content-Type"], gzip.decompress(answer.read()))
        finally:
            for c in all:
                c.close()
