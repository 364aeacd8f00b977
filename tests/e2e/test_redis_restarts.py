"""Restarts, takeovers, kills and restored states in any order while Redis is paused, cut, full, busy, stopped or put back: totals are
exact, and what a kill lost is no more than it had in hand."""
import contextlib
import os
import random
import shutil
import signal

import pytest

import harness
from harness import Redis, Server, short_dir, stop, wait_for

ROUNDS = 150 if harness.LONG else 12
STATE = "statsd.state"
SERIES = 40


class World:
    """One server after the other, and what Redis has to have of them."""

    def __init__(self, folder, redis, seed):
        self.folder, self.redis, self.random = folder, redis, random.Random(seed)
        self.state = os.path.join(folder, "state")
        os.mkdir(self.state)
        self.sent = 0
        self.server = self.start()

    def make(self, *more, takeover=False, **kwargs):
        s = Server("server.state_dir=" + self.state, "server.state_interval=0", "server.control_socket=%s/control" % self.folder,
                   "server.instance=web", self.redis.url, *more, **kwargs)
        if takeover:
            s.command.append("--takeover")
        return s

    def start(self, takeover=False):
        return self.make(takeover=takeover).__enter__()

    def send(self, times=1):
        before = self.server.scrape().sum("statsd_samples_read_total")
        lines = ["n.%d:1|c" % i for i in range(SERIES)]
        for _ in range(times):
            for at in range(0, SERIES, 10):
                self.server.send("\n".join(lines[at:at + 10]))
        self.server.wait_self("statsd_samples_read_total", before + times * SERIES)
        self.sent += times

    def is_there(self):
        return self.redis.totals() == {"n.%d" % i: self.sent for i in range(SERIES)}

    def settle(self):
        with contextlib.suppress(AssertionError):
            wait_for(self.is_there, "all in Redis", 60 * harness.SLOW)
        got = self.redis.totals()
        assert got == {"n.%d" % i: self.sent for i in range(SERIES)}, (self.sent, got, self.server.output()[-4000:])

    # --- what becomes of the server

    def restart(self):
        self.server.__exit__(None, None, None)
        self.server = self.start()
        assert self.server.logged("saved state loaded")

    def take_over(self):
        old, self.server = self.server, self.start(takeover=True)
        wait_for(lambda: self.server.logged("took over from the server that ran"), "the takeover")
        assert old.process.wait(harness.PATIENCE) == 0, old.output()
        old.clean_exit = False
        old.__exit__(None, None, None)

    def fail_to_take_over(self):
        """The new one wants what the old one cannot give, and ends."""
        with self.make("http.listen=127.0.0.2:0", takeover=True, wait=False, clean_exit=False) as new:
            assert new.process.wait(harness.PATIENCE) == 1
        assert new.logged("cannot take over: the other server goes on"), new.output()

    def kill(self):
        """What Redis had is there; of the rest nothing or all of an interval's part in a shard is."""
        self.settle()
        certain, more = self.sent, self.random.randrange(3)
        self.send(more)
        self.server.clean_exit = False
        self.server.process.send_signal(signal.SIGKILL)
        self.server.process.wait()
        self.server.reader.join(5)
        self.server = self.start()
        self.intervals_go_by()
        got = self.redis.totals()
        assert set(got) == {"n.%d" % i for i in range(SERIES)} and all(certain <= v <= self.sent for v in got.values()), (certain, got)
        for i in range(SERIES):    # all have the same again, so that one number says it
            if got["n.%d" % i] < self.sent:
                self.server.send("n.%d:%d|c" % (i, self.sent - got["n.%d" % i]))
        self.settle()

    def restore(self):
        """A state that is older than what became of it comes back, twice; what each receives counts, what it held does not."""
        self.server.__exit__(None, None, None)
        backup = os.path.join(self.folder, "backup")
        shutil.copy(os.path.join(self.state, STATE), backup)
        for _ in range(2):
            self.server = self.start()
            self.send()
            self.settle()
            self.server.__exit__(None, None, None)
        for _ in range(2):
            shutil.copy(backup, os.path.join(self.state, STATE))
            self.server = self.start()
            self.send()
            self.settle()
            self.server.__exit__(None, None, None)
        self.server = self.start()

    def paused(self):
        """It sleeps for a while, and Redis has ended its connection meanwhile."""
        self.server.process.send_signal(signal.SIGSTOP)
        self.cut()
        self.server.process.send_signal(signal.SIGCONT)

    def intervals_go_by(self, n=2):
        self.server.wait_self("statsd_redis_applied_intervals_total", self.server.scrape().sum("statsd_redis_applied_intervals_total") + n)

    # --- what becomes of Redis, with a restart in the middle

    def cut(self):
        self.redis.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def hangs(self):
        self.redis.pause()
        try:
            self.send()
            self.random.choice((self.restart, self.take_over))()
        finally:
            self.redis.go_on()

    def is_down(self):
        self.redis.stop()
        self.send()
        self.random.choice((self.restart, self.take_over))()
        self.send()
        self.redis.start()

    def is_full(self):
        self.redis.client.config_set("maxmemory", 1)
        self.send()
        self.random.choice((self.restart, self.take_over))()
        self.redis.client.config_set("maxmemory", 0)

    def forgets_the_script(self):
        self.redis.client.script_flush()

    def goes_back(self):
        """To what it had a moment ago: all of it since is kept, by whoever has taken the state over."""
        self.settle()
        self.redis.stop()
        data, older = os.path.join(self.folder, "appendonlydir"), os.path.join(self.folder, "older")
        shutil.rmtree(older, ignore_errors=True)
        shutil.copytree(data, older)
        self.redis.start()
        self.send()
        self.settle()
        self.random.choice((self.restart, self.take_over))()
        self.send()
        self.redis.stop()
        shutil.rmtree(data)
        shutil.copytree(older, data)
        self.redis.start()
        self.settle()

    def end(self):
        self.settle()
        self.intervals_go_by()
        self.settle()
        page = self.server.scrape()
        self.server.__exit__(None, None, None)
        return page


@pytest.mark.parametrize("seed", range(2))
def test_totals_are_exact_over_restarts_of_any_kind_in_any_order(seed):
    with short_dir() as folder, Redis(folder, appendonly=True) as redis:
        w = World(folder, redis, seed)
        events = [w.restart, w.take_over, w.fail_to_take_over, w.kill, w.restore, w.paused, w.cut, w.hangs, w.is_down, w.is_full,
                  w.forgets_the_script, w.goes_back]
        try:
            w.send()
            order = [w.random.choice(events) for _ in range(ROUNDS)] if harness.LONG else w.random.sample(events, len(events))
            for event in order:
                w.send()
                event()
                w.send(w.random.randrange(2))
            w.end()
        except BaseException:
            print("--- log of the last server\n" + w.server.output()[-6000:])
            if w.server.process.poll() is None:
                stop(w.server.process, signal.SIGKILL)
            raise
