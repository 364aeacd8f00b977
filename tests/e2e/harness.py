"""The server, Redis and Prometheus as child processes, and what tests ask of them.

Every process is ended by its pid when its `with` ends, whatever happened inside.  Nothing waits a fixed time: `wait_for` asks
until a condition holds.  STATSD_BIN names the server (a sanitizer build, say), E2E_SLOW makes every wait that much longer.
E2E_SANDBOX is server.sandbox of every server that says nothing else: with `kill` a system call that is not in the table ends it.
"""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import redis

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests", "support"))

import exposition  # noqa: E402

STATSD = os.environ.get("STATSD_BIN") or os.path.join(TOP, "build", "statsd")
BENCH = os.path.join(os.path.dirname(STATSD), "statsd-bench")  # make test builds it beside the server, but for a sanitizer
SLOW = float(os.environ.get("E2E_SLOW") or 1)
SANDBOX = os.environ.get("E2E_SANDBOX")
LONG = bool(os.environ.get("SLOW"))            # the long tests too
PATIENCE = 10 * SLOW                           # seconds until a condition is given up
ASLR_OFF = os.environ.get("STATSD_ASLR_OFF", "").split()
SHARDS = 64


def wait_for(condition, what, patience=None, every=0.01):
    """condition() until it gives something true; that is returned."""
    end = time.monotonic() + (patience or PATIENCE)
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError("waited in vain for: %s (last: %r)" % (what, got))
        time.sleep(every)


def log_line(line):
    """A line of the server's log -> dict, whichever format."""
    if line.startswith("{"):
        return json.loads(line)
    fields = {}
    for key, quoted, plain in re.findall(r'([a-z0-9_]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))', line):
        fields[key] = json.loads('"%s"' % quoted) if quoted else plain
    return fields


def stop(process, sig=signal.SIGTERM, patience=None):
    """End a child of ours; returns its status (negative: by signal)."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.send_signal(sig)
    try:
        return process.wait(patience or 30 * SLOW)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError("pid %d did not end by signal %d" % (process.pid, sig))


def run(*words, stdin=b"", env=None, timeout=None):
    """One run of the server's binary to its end: CompletedProcess with bytes."""
    return subprocess.run([*ASLR_OFF, STATSD, *words], input=stdin, capture_output=True, env={**clean_env(), **(env or {})},
                          timeout=timeout or 60 * SLOW)


def defaults():
    """{option: its default}, as the binary says them."""
    rows = [[c.strip(" `") for c in re.split(r"(?<!\\)\|", row)[1:-1]] for row in run("describe", "options", "--markdown").stdout.decode().splitlines()]
    at = rows[0].index("default")
    return {r[0]: r[at] for r in rows[2:] if r}


def clean_env():
    """The environment without settings for the server that this shell may hold."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("STATSD_")}
    return {**env, "STATSD_SERVER_SANDBOX": SANDBOX} if SANDBOX else env


class Server:
    """`with Server("redis.url=unix:///...", sockets=[...]) as s:` starts it and waits until it listens everywhere."""

    def __init__(self, *settings, sockets=("udp://127.0.0.1:0",), config=None, env=None, interval="200ms", wait=True, clean_exit=True):
        sets = ["http.listen=127.0.0.1:0", "server.interval=" + interval, "server.log_level=debug"]
        # Several values of listen.socket are several --set.
        sets += ["listen.socket=" + s for s in sockets]
        sets += settings
        self.command = [*ASLR_OFF, STATSD]
        if config:
            self.command += ["-c", str(config)]
        for s in sets:
            self.command += ["--set", s]
        self.n_sockets = len(sockets)
        self.env = {**clean_env(), **(env or {})}
        self.wait, self.clean_exit = wait, clean_exit
        self.log, self.raw_log = [], []
        self.tls = None  # what get and page go by with HTTPS
        self.process = None

    def __enter__(self):
        self.stderr = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.stderr, env=self.env)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        try:
            if self.wait:
                self._wait_listening()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def _read(self):
        for raw in self.process.stdout:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            self.raw_log.append(line)
            self.log.append(log_line(line))

    def _wait_listening(self):
        def all_there():
            if self.process.poll() is not None:
                raise AssertionError("the server ended with status %d:\n%s" % (self.process.returncode, self.output()))
            return len({l.get("addr") for l in self.logged("listening") if l["proto"] not in ("http", "https")}) >= self.n_sockets and self.http_addr()
        wait_for(all_there, "listening on everything")

    def __exit__(self, kind, value, trace):
        alive = self.process.poll() is None
        status = None
        try:
            status = stop(self.process)
        finally:
            self.reader.join(5)
            self.stderr.seek(0)
            err = self.stderr.read().decode("utf-8", "replace")
            if kind is not None or status != 0:
                print("--- log of the server\n" + "\n".join(self.raw_log[-60:]) + "\n--- its stderr\n" + err[-6000:])
        if kind is None and self.clean_exit:
            assert alive, "the server had ended by itself, status %r" % status
            assert status == 0, "exit status %r\n%s" % (status, err[-3000:])
            assert err == "", "something on stderr: " + err[-3000:]

    # --- what it says

    def output(self):
        self.stderr.seek(0)
        return "\n".join(self.raw_log) + "\n" + self.stderr.read().decode("utf-8", "replace")

    def logged(self, msg):
        return [l for l in list(self.log) if l.get("msg") == msg]

    def address(self, proto, nth=0):
        seen = []
        for l in self.logged("listening"):
            a = l["addr"].split("://")[-1]
            if l["proto"] == proto and a not in seen:
                seen.append(a)
        return seen[nth] if nth < len(seen) else None

    def udp(self, nth=0):
        host, _, port = self.address("udp", nth).rpartition(":")
        return host.strip("[]"), int(port)

    def unix(self, nth=0):
        return self.address("unixgram", nth)

    def http_addr(self):
        return self.address("http") or self.address("https")

    @property
    def pid(self):
        return self.process.pid

    # --- what one asks of it

    def url(self, path):
        return "%s://%s%s" % ("https" if self.address("https") else "http", self.http_addr(), path)

    def get(self, path, method="GET", headers=None, timeout=None, tls=None):
        """(status, headers, body); a status of 4xx or 5xx is an answer, too."""
        request = urllib.request.Request(self.url(path), method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=timeout or PATIENCE, context=tls or self.tls) as r:
                return r.status, r.headers, r.read()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read()

    def page(self):
        status, _, body = self.get("/metrics")
        assert status == 200, (status, body[:200])
        return body

    def scrape(self):
        return exposition.parse(self.page())

    def wait_value(self, name, want, **labels):
        return wait_for(lambda: (self.scrape().value(name, **labels) == want) or None, "%s%r = %r" % (name, labels, want))

    def wait_self(self, name, want, patience=None):
        """Wait until a self-metric (the sum of its labels) reaches want; returns the page."""
        def there():
            page = self.scrape()
            return page if page.sum(name) >= want else None
        try:
            return wait_for(there, "%s >= %r" % (name, want), patience, every=0.05)
        except AssertionError:
            raise AssertionError("%s is %r, wanted %r" % (name, self.scrape().sum(name), want))

    # --- what one sends

    def sender(self, nth=0, unix=False):
        s = socket.socket(socket.AF_UNIX if unix else socket.AF_INET6 if ":" in self.udp(nth)[0] else socket.AF_INET, socket.SOCK_DGRAM)
        s.connect(self.unix(nth) if unix else self.udp(nth))
        return s

    def send(self, *datagrams, nth=0, unix=False):
        with self.sender(nth, unix) as s:
            for d in datagrams:
                s.send(d.encode() if isinstance(d, str) else d)


class Paced:
    """A socket that never overruns the receiver: after `window` datagrams it waits until all were received."""

    def __init__(self, server, window=200, nth=0):
        self.server, self.window, self.sent = server, window, 0
        self.before = server.scrape().sum("statsd_datagrams_received_total")
        self.socket = server.sender(nth)

    def send(self, data):
        self.socket.send(data)
        self.sent += 1
        if self.sent % self.window == 0:
            self.settle()

    def settle(self):
        return self.server.wait_self("statsd_datagrams_received_total", self.before + self.sent)


@contextlib.contextmanager
def short_dir():
    """A directory with a short name: a Unix socket's path holds 107 bytes."""
    path = tempfile.mkdtemp(prefix="sd")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Redis:
    """A private redis-server on a Unix socket, without TCP.  stop() and start() keep the data when appendonly is on."""

    def __init__(self, dir, appendonly=False, start=True):
        self.dir, self.appendonly = dir, appendonly
        self.socket = os.path.join(dir, "redis.sock")
        self.url = "redis.url=unix://" + self.socket
        self.process = None
        if start:
            self.start()

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self.dir, "--save", "", "--daemonize", "no",
             "--appendonly", "yes" if self.appendonly else "no", "--appendfsync", "always"],
            stdin=subprocess.DEVNULL, stdout=open(os.path.join(self.dir, "redis.log"), "ab"), stderr=subprocess.STDOUT)
        self.client = redis.Redis(unix_socket_path=self.socket)
        wait_for(self._answers, "redis-server to answer", 20 * SLOW)

    def _answers(self):
        assert self.process.poll() is None, open(os.path.join(self.dir, "redis.log")).read()[-2000:]
        try:
            return self.client.ping()
        except redis.exceptions.RedisError:
            return None

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        self.client.close()
        stop(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.stop()

    # --- the ledger, as docs/redis.md tells

    def total(self, kind, series):
        """The cumulative value of a counter ("c") or gauge ("g"), or None."""
        got = self.client.hget(tot_key(series), "%s|%s" % (kind, series))
        return None if got is None else float(got.split()[0])

    def timer(self, series, kind="h"):
        """[count, sum, min, max, ...] of a timer over all time, or None; kind "n": of its values below 0."""
        got = self.client.eval("local v = redis.call('HGET', KEYS[1], ARGV[1]) "
                               "if not v then return false end "
                               "local t, out = cmsgpack.unpack(v), {} "
                               "for i = 1, #t do out[i] = string.format('%.17g', t[i]) end return out", 1, tot_key(series), kind + "|" + series)
        return None if got is None else [float(x) for x in got]

    def totals(self):
        """Every cumulative counter: {series: value}."""
        out = {}
        for shard in range(SHARDS):
            for field, value in self.client.hgetall("{sd:%02d}:tot" % shard).items():
                if field.startswith(b"c|"):
                    out[field[2:].decode()] = float(value.split()[0])
        return out


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff
    return crc


def shard_of(series):
    return crc16(series.split("|#")[0].encode()) % SHARDS


def tot_key(series, prefix="sd"):
    return "{%s:%02d}:tot" % (prefix, shard_of(series))


def metrics_balance(page):
    """Read = aggregated + rejected + refused + dropped, to the unit."""
    read = page.sum("statsd_samples_read_total")
    parts = [page.sum("statsd_samples_%s_total" % what) for what in ("aggregated", "rejected", "refused", "dropped")]
    assert read == sum(parts), (read, parts)
    return read


def vm_rss(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) * 1024
