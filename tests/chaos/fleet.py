"""The servers of the chaos, and who sends to them."""
import collections
import contextlib
import datetime
import io
import os
import random
import signal
import socket
import threading
import time

import harness
from harness import SLOW, Server, wait_for
from sent import Lines, Sent

INTERVAL_S = 0.5
RETENTION_S = 120
BLOCK_LINES = 20
UP_S, READ_S = 60, 30
WAYS = ("udp", "unixgram", "tcp", "unix")
# What of the servers' own counters is told of a scenario.
TOLD = {"duplicates": "statsd_redis_batches_duplicate_total", "gaps": "statsd_redis_gaps_total",
        "resent": "statsd_redis_batches_resent_total", "dropped": "statsd_redis_dropped_series_total", "carried": "statsd_redis_carried_series_total",
        "rivals": "statsd_redis_instance_conflicts_total"}
REDIRECTS = "statsd_redis_redirects_total"
FAKETIME = next((p for p in ("/usr/lib/%s-linux-gnu/faketime/libfaketime.so.1" % os.uname().machine, "/usr/lib/faketime/libfaketime.so.1")
                 if os.path.exists(p)), None)


def quietly(server):
    """Its end, without its log."""
    with contextlib.redirect_stdout(io.StringIO()):
        server.__exit__(None, None, None)


class Sender(threading.Thread):
    """Sends to one server by every way at a pace, and stands still when told.  What it sends to a server that is gone counts as sent:
    the scenario knows from when on that may be missing."""

    def __init__(self, instance, a_second, seed):
        super().__init__(daemon=True, name="sender of " + instance.name)
        self.instance, self.a_second = instance, a_second
        self.random, self.lines = random.Random("%s %s ways" % (seed, instance.name)), Lines(instance.name, seed)
        self.go, self.still, self.over, self.error, self.sockets = threading.Event(), threading.Event(), False, None, {}
        self.still.set()

    def run(self):
        try:
            while not self.over:
                if self.go.wait(0.1):
                    self.still.clear()
                    self._send_until_held()
                    self.still.set()
        except Exception as e:      # noqa: BLE001: told by whoever waits for it
            self.error = e
            self.still.set()

    def _send_until_held(self):
        begun, sent = time.monotonic(), 0
        while self.go.is_set():
            behind = (time.monotonic() - begun) * self.a_second - sent
            if behind > 0:
                self.send(self.random.choice(WAYS))
                sent += BLOCK_LINES
            else:
                time.sleep(0.005)
            if behind > self.a_second:      # a second behind: the pace, not the backlog
                begun = time.monotonic() - sent / self.a_second

    def send(self, way, block=None):
        block = block or self.lines.block(BLOCK_LINES, way == "unixgram")
        self.instance.sent.add(block)       # before: one that waits for it must not see more than was sent
        try:
            if way not in self.sockets:
                self.sockets[way] = self._connect(way)
            self.sockets[way].sendall(block.text() + b"\n")
        except OSError:
            if self.instance.is_expected_to_live():
                raise
            self.disconnect()
            time.sleep(0.02)

    def _connect(self, way):
        s = socket.socket(socket.AF_UNIX if way.startswith("unix") else socket.AF_INET,
                          socket.SOCK_STREAM if way in ("tcp", "unix") else socket.SOCK_DGRAM)
        s.settimeout(30 * SLOW)
        s.connect(self.instance.where(way))
        return s

    def disconnect(self):
        for s in self.sockets.values():
            s.close()
        self.sockets = {}


class Instance:
    """One server after the other under one name and state."""

    def __init__(self, folder, name, url, rate, seed):
        self.name, self.url, self.folder = name, url, os.path.join(folder, name)
        os.makedirs(os.path.join(self.folder, "state"))
        self.at = {"udp": "127.0.0.1:0", "tcp": "127.0.0.1:0", "http": "127.0.0.1:0"}
        self.sent, self.server, self.living = Sent(), None, False
        self.log = []
        # What the page need not have: what came before a process that began at 0; and what is told of processes that are gone.
        self.begun, self.lines_begun, self.unsure_gauges, self.tally = collections.Counter(), 0, {}, collections.Counter()
        self.sender = Sender(self, rate, seed)

    # --- the process

    def _process(self, clock_s=0, settings=()):
        path = self.folder + "/%s.sock"
        env = {"LD_PRELOAD": FAKETIME, "FAKETIME": "%+d" % clock_s, "FAKETIME_DONT_FAKE_MONOTONIC": "1"} if clock_s else {}
        sockets = ["udp://" + self.at["udp"], "unixgram://" + path % "gram", "tcp://" + self.at["tcp"], "unix://" + path % "line"]
        return Server(self.url, "server.instance=" + self.name, "server.state_dir=" + self.folder + "/state",
                      "server.control_socket=" + self.folder + "/control", "server.log_level=info", "http.listen=" + self.at["http"],
                      "redis.retention=%ds" % RETENTION_S, "redis.reply_timeout=2s", *settings, sockets=sockets,
                      interval="%dms" % (INTERVAL_S * 1000), env=env)

    def start(self, **more):
        """more: clock_s, how far its clock is off; settings."""
        self.server = self._process(**more).__enter__()
        self.at = {proto: self.server.address(proto) for proto in self.at}
        self.living = True

    def take_over(self):
        """Another process takes the place of this one, under load."""
        old, new = self.server, self._process()
        new.command.append("--takeover")
        new.__enter__()
        try:
            wait_for(lambda: old.process.poll() is not None, "the process before to end", UP_S * SLOW)
            assert old.process.returncode == 0, "the process before ended with %d:\n%s" % (old.process.returncode, old.output()[-2000:])
        except BaseException:
            new.clean_exit = False
            quietly(new)
            raise
        self.server = new
        old.clean_exit = False
        quietly(old)
        self.log += old.raw_log

    def twin(self):
        """Another server of this one's name, which nobody has told that there is one already."""
        return Server(self.url, "server.instance=" + self.name, "redis.retention=%ds" % RETENTION_S, "redis.reply_timeout=2s",
                      interval="%dms" % (INTERVAL_S * 1000))

    def send_to_twin(self, twin):
        """A block that is in the totals, and on no page of the fleet."""
        block = self.sender.lines.block(BLOCK_LINES, False)
        self.sent.add(block)
        self.lines_begun += len(block.lines)
        self.begun.update(block.sums)
        for key in (k for k in block.sums if k[0] == "r"):
            self.unsure_gauges[key] = self.unsure_gauges.get(key, 0) + block.sums[key]
        twin.send(block.text())

    def where(self, way):
        if way.startswith("unix"):
            return self.folder + ("/gram.sock" if way == "unixgram" else "/line.sock")
        host, _, port = self.at[way].rpartition(":")
        return host, int(port)

    def is_expected_to_live(self):
        return self.living

    def stop(self):
        """As an operator does it, with nothing on its way to it."""
        self.hold()
        self.sender.disconnect()
        self.living = False
        self.server.__exit__(None, None, None)
        self._keep_log()

    def kill(self):
        """kill -9 under load.  Returns since when what was sent may be missing: what docs/restart.md states, and the time to ask."""
        page, asked = self.server.scrape(), time.monotonic()
        waited = page.sum("statsd_redis_spool_age_seconds")
        self.living = False
        self.server.clean_exit = False
        harness.stop(self.server.process, signal.SIGKILL)
        quietly(self.server)
        self._keep_log()
        self.tally.update(self._counters(page))
        return asked - waited - 2 * INTERVAL_S

    def begin_at_zero(self):
        """After a kill: what comes from now on is all that its page counts."""
        self.hold(check=False)
        self.sender.disconnect()
        self.begun, self.lines_begun = self.sent.now(), self.sent.lines
        self.unsure_gauges = None

    def _keep_log(self):
        self.log += self.server.raw_log

    def release(self):
        self.sender.over = True
        self.sender.go.clear()
        if self.server and self.server.process.poll() is None:
            self.server.clean_exit = False
            with contextlib.suppress(AssertionError):
                quietly(self.server)

    # --- load

    def go(self):
        self.sender.go.set()

    def hold(self, check=True):
        """All that it was sent was read."""
        self.sender.go.clear()
        wait_for(self.sender.still.is_set, self.sender.name + " to stand still", 40 * SLOW)
        self.ask_how_it_is()
        if check:
            want = self.sent.lines - self.lines_begun
            wait_for(lambda: self._read() == want or None, "%s to read %d lines (has %d)" % (self.name, want, self._read()), READ_S * SLOW)

    def ask_how_it_is(self):
        code = self.server.process.poll()
        if self.living and code is not None:
            raise AssertionError("%s ended by itself with status %r:\n%s" % (self.name, code, self.server.output()[-2000:]))
        if self.sender.error:
            raise self.sender.error

    def _read(self):
        return self.server.scrape().sum("statsd_samples_read_total")

    # --- what it says

    def clock(self):
        """What its clock was when it began, as its log has it."""
        return datetime.datetime.fromisoformat(self.server.log[0]["ts"].replace("Z", "+00:00")).timestamp()

    def _counters(self, page):
        out = collections.Counter({what: page.sum(name) for what, name in TOLD.items()})
        for labels, value in page.all(REDIRECTS).items():
            out[dict(labels)["kind"]] += value
        return out

    def counters(self):
        return self.tally + self._counters(self.server.scrape())

    def intervals(self):
        return self.server.scrape().sum("statsd_redis_applied_intervals_total")

    def is_quiet(self, intervals):
        """So many intervals were applied, and nothing waits."""
        page = self.server.scrape()
        return page.sum("statsd_redis_applied_intervals_total") >= intervals and page.sum("statsd_redis_spool_batches") == 0

    def wait_up(self):
        assert self.server.process.poll() is None, "%s ended with %r" % (self.name, self.server.process.returncode)
        wait_for(lambda: self.server.scrape().sum("statsd_redis_up") >= 1, self.name + " to reach redis", UP_S * SLOW, every=0.1)


class Fleet:
    def __init__(self, folder, url, rate, seed, n=3):
        self.instances = [Instance(folder, "c%d" % (i + 1), url, rate, seed) for i in range(n)]

    def __enter__(self):
        try:
            for i in self.instances:
                i.start()
                i.sender.start()
            for i in self.instances:
                i.wait_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for i in self.instances:
            i.release()

    def __iter__(self):
        return iter(self.instances)

    def __getitem__(self, nth):
        return self.instances[nth % len(self.instances)]

    def go(self):
        for i in self:
            i.go()

    def hold(self):
        for i in self:
            i.sender.go.clear()
        for i in self:
            i.hold()

    def lines(self):
        return sum(i.sent.lines for i in self)

    def counters(self):
        return sum((i.counters() for i in self), collections.Counter())

    def logs(self, folder):
        os.makedirs(folder, exist_ok=True)
        for i in self:
            with open(os.path.join(folder, i.name + ".log"), "w") as f:
                f.write("\n".join(i.log)[-400000:] + "\n" + i.server.output()[-400000:])
