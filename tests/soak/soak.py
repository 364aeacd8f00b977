#!/usr/bin/python3
"""The real server and a private Redis under everything at once, for as long as one likes: soak.py TIME [SEED]

Rounds of load over every transport, with scrapes all the time, series that come and go, reloads, takeovers, and a Redis that hangs,
dies, is full and comes back.  After each round all stand still, and /metrics and Redis have to have what was sent, to the unit;
descriptors and threads are as before; nothing unexpected is in the log.  In the second half the process stays the same, and its
memory has to be flat.  Ends with status 0, or with 1 and the reason in a line.

Environment: STATSD_BIN (the server), RATE (lines a second of each sender, 300), OUT (the folder of what is written, build/soak).
"""
import collections
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import harness  # noqa: E402
import ledger  # noqa: E402
import scrapers  # noqa: E402
import senders  # noqa: E402
import watch  # noqa: E402
from harness import short_dir, wait_for  # noqa: E402
from lines import Sums  # noqa: E402
from world import REDIS_S, SETTLE_S, TTL_S, World  # noqa: E402

TRANSPORTS = (("udp", senders.Udp), ("unixgram", senders.Datagrams), ("tcp", senders.Stream), ("unix", senders.Stream),
              ("dsd", senders.Framed))
ROUND_S = 20
UPSET_S = (0.3, 2.5)          # seconds between two upsets
MORE_FDS, MORE_THREADS = 8, 2      # of a process beyond the one before it: it has taken something over


class Soak:
    def __init__(self, world, seconds, seed, rate):
        self.world, self.seconds, self.rate = world, seconds, rate
        self.random, self.begun = world.random, time.monotonic()
        self.urls = world.urls()
        self.senders = [kind(via, lambda via=via: self.urls[via], rate, seed) for via, kind in TRANSPORTS]
        self.senders.append(senders.Visitors("visitors", lambda: self.urls["tcp"], 10, seed))
        address = lambda: self.world.server.http_addr()
        self.askers = [scrapers.Formats(address), scrapers.Slow(address, 0.5), scrapers.Slow(address, 0.2), scrapers.Crowd(address, 7)]
        self.sums, self.drops, self.upsets, self.now, self.rest = Sums(), 0, collections.Counter(), "start", {}
        self.streams = ledger.Streams(world.redis.client)
        self.said, self.said_sent, self.pruned, self.held = time.monotonic(), 0, 0, time.monotonic()
        self.watch = watch.Watch(lambda: self.world.server.pid, self.sent, lambda: self.now)

    def elapsed(self):
        return time.monotonic() - self.begun

    def sent(self):
        return self.sums.n["lines"] + sum(s.sums.n["lines"] + getattr(s, "sent", 0) * senders.DATAGRAM_LINES for s in self.senders)

    # --- rounds

    def run(self):
        for t in (self.watch, *self.senders, *self.askers):
            t.start()
        while self.elapsed() < self.seconds:
            early = self.elapsed() < self.seconds / 2
            self.round(min(ROUND_S, self.seconds / 4), early)
            if early:
                self.between_rounds()
        self.world.server.__exit__(None, None, None)
        self.world.look_at_log()
        wrong = ledger.in_redis(self.world.redis, self.sums)
        assert not wrong, wrong

    def round(self, length, early):
        self.release()
        end = time.monotonic() + length
        while time.monotonic() < end:
            self.happen(self.random.choice(self.possible(early)))
            until = min(end, time.monotonic() + self.random.uniform(*UPSET_S))
            while time.monotonic() < until:
                time.sleep(0.1)
                self.ask_how_they_are()
        self.settle()

    def possible(self, early):
        w = self.world
        all = [w.reload, w.reload, w.reload_in_vain, w.redis_hangs, w.redis_is_killed, w.redis_is_stopped, w.redis_is_full, w.redis_saves,
               w.redis_is_reconfigured, w.redis_cuts, w.redis_forgets_the_script, self.nothing]
        return all + [self.take_over] if early else all

    def between_rounds(self):
        """While nothing is on its way, now and then."""
        self.happen(self.random.choice((self.restart, self.go_back, self.nothing)))

    def happen(self, what):
        self.now = what.__name__
        self.upsets[self.now] += 1
        what()
        self.now = "load"

    def nothing(self):
        pass

    def restart(self):
        self.world.restart()
        self.urls = self.world.urls()

    def take_over(self):
        """With Redis there: events that wait for it are not handed on."""
        wait_for(lambda: self.world.server.scrape().sum("statsd_redis_up") == 1, "redis to be reached", 20)
        self.world.take_over()
        self.urls = self.world.urls()

    def go_back(self):
        def between():
            self.release()
            time.sleep(2)
            self.settle(prune=False)      # what is taken out would come back
        if not self.world.redis_goes_back(between):
            self.upsets["go back in vain, as it took too long"] += 1
        self.settle()

    # --- moving and standing still

    def release(self):
        """Series that may have been forgotten meanwhile are not used again."""
        if time.monotonic() - self.held > TTL_S / 3:
            for key in self.sums.series():
                self.sums.churn.setdefault(key, self.held)
            for s in self.senders:
                s.renew()
        for t in (*self.senders, *self.askers):
            t.go.set()

    def hold(self, threads):
        if any(t.go.is_set() for t in threads):
            self.held = time.monotonic()
        for t in threads:
            t.go.clear()
        for t in threads:
            wait_for(t.still.is_set, "%s to stand still" % t.name, 40)
        self.ask_how_they_are()

    def ask_how_they_are(self):
        for t in (*self.senders, *self.askers):
            if t.error:
                raise AssertionError("%s: %r" % (t.name, t.error))
        code = self.world.server.process.poll()
        assert code is None, "the server ended with status %r" % code
        if time.monotonic() > self.said + 60:
            self.say()

    def settle(self, prune=True):
        """All stand still, and everything that was sent is where it has to be."""
        self.now = "standing still"
        self.hold([*self.senders, *self.askers])
        page = self.arrived()
        ledger.on_the_page(page, self.sums, self.held)
        self.in_redis()
        self.at_rest()
        self.world.look_at_log()
        if prune:
            self.pruned += ledger.prune(self.world.redis, self.sums)

    def arrived(self):
        udp = self.senders[0]
        others = Sums()
        for s in self.senders:
            others.add(s.sums)
            s.sums = Sums()
        self.sums.add(others)

        def settled():
            page = self.world.server.scrape()
            lost = page.sum("statsd_udp_kernel_drops_total") - self.drops
            got = page.sum("statsd_datagrams_received_total"), page.sum("statsd_samples_read_total")
            want = self.sums.n["datagrams"] + udp.sent - lost, self.sums.n["samples"] + udp.each.n["samples"] * (udp.sent - lost)
            self.missing = "datagrams and samples read are %r, sent were %r" % (got, want)
            return (page, int(lost)) if got == want else None
        try:
            page, lost = wait_for(settled, "all that was sent", SETTLE_S, every=0.05)
        except AssertionError:
            raise AssertionError(self.missing)
        self.drops += lost
        udp.settle(lost)
        self.sums.add(udp.sums)
        udp.sums = Sums()
        wait_for(lambda: self.world.server.scrape().sum("statsd_stream_connections") == 0, "all connections to be closed", SETTLE_S)
        return self.world.server.scrape()

    def in_redis(self):
        def there():
            self.missing = ledger.in_redis(self.world.redis, self.sums)
            want = self.sums.n["events"], self.sums.n["checks"]
            got = self.streams.count()
            if not self.missing and got != want:
                self.missing = "in Redis are %r events and checks, sent were %r" % (got, want)
            return not self.missing
        try:
            wait_for(there, "all in Redis", REDIS_S, every=0.2)
        except AssertionError:
            raise AssertionError(self.missing)

    def at_rest(self):
        """Descriptors and threads are as after the first round of this process, and hardly more than of the one before."""
        pid, seen = self.world.server.pid, []

        def flat():
            seen[:] = watch.taken(pid)[1:]
            return pid not in self.rest or tuple(seen) == self.rest[pid]
        try:
            wait_for(flat, "rest", 10, every=0.1)
        except AssertionError:
            raise AssertionError("descriptors and threads at rest are %r, after the first round %r" % (tuple(seen), self.rest[pid]))
        first = next(iter(self.rest.values()), tuple(seen))
        assert seen[0] <= first[0] + MORE_FDS and seen[1] <= first[1] + MORE_THREADS, (
            "descriptors and threads at rest are %r, of the first process they were %r" % (tuple(seen), first))
        self.rest[pid] = tuple(seen)

    # --- what is said

    def say(self):
        now, sent = time.monotonic(), self.sent()
        rss, fds, threads = watch.taken(self.world.server.pid)
        print("%5d s  %6.0f lines/s  rss %6.2f MB  fds %d  threads %d  processes %d  lines %d  events %d  drops %d  series gone %d  "
              "scrapes %d  log %d lines  %s"
              % (self.elapsed(), (sent - self.said_sent) / (now - self.said), rss / 1e6, fds, threads, len(self.rest), sent,
                 self.sums.n["events"], self.drops, self.pruned, sum(a.n for a in self.askers), self.world.log_lines, self.now), flush=True)
        self.said, self.said_sent = now, sent

    def write(self, out):
        os.makedirs(out, exist_ok=True)
        self.watch.write(os.path.join(out, "rss.csv"))
        with open(os.path.join(out, "rss.txt"), "w") as f:
            f.write(watch.chart(self.watch.rows))
        with open(os.path.join(out, "server.log"), "w") as f:
            f.write(self.world.server.output())

    def finish(self):
        for t in (*self.senders, *self.askers):
            t.over = True
            t.go.clear()
        self.watch.over.set()


def seconds(text):
    m = re.fullmatch(r"(\d+)([smh]?)", text)
    if not m:
        sys.exit("soak: %s: a time is a number and s, m or h" % text)
    return int(m.group(1)) * {"s": 1, "m": 60, "h": 3600, "": 1}[m.group(2)]


def main(length, seed="1"):
    length = seconds(length)
    out = os.environ.get("OUT") or os.path.join(harness.TOP, "build", "soak")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("soak: ended by TERM"))
    with short_dir() as folder:
        world = World(folder, seed)
        soak = None
        try:
            world.start()
            soak = Soak(world, length, seed, int(os.environ.get("RATE") or 300))
            soak.run()
            wrong, memory = watch.memory(soak.watch.rows, warm_up=max(30, soak.seconds / 10))
            assert not wrong, wrong
        except (Exception, SystemExit) as e:
            print("soak: FAILED after %d s, seed %s, in %s: %s" % (soak.elapsed() if soak else 0, seed, soak.now if soak else "start",
                                                                    " ".join(str(e).split())[:2000] or repr(e)))
            return 1
        finally:
            if soak:
                soak.finish()
                soak.write(out)
            world.end()
    soak.said_sent = 0
    print("upsets: " + ", ".join("%d %s" % (n, what.replace("_", " ")) for what, n in soak.upsets.most_common()))
    print(watch.chart(soak.watch.rows), end="")
    print("soak: ok: %d s, seed %s, %d lines exact, %d events and %d checks, %d datagrams dropped by the kernel, %d processes, %d scrapes; %s"
          % (soak.elapsed(), seed, soak.sums.n["lines"], soak.sums.n["events"], soak.sums.n["checks"], soak.drops, len(soak.rest),
             sum(a.n for a in soak.askers), memory))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
