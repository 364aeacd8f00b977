"""An interval is applied to Redis exactly once, whatever is cut or killed in between."""
import os
import signal
import threading
import time

import pytest

import harness
from harness import Redis, Server, crc16, shard_of, tot_key, wait_for


class Load:
    """Sends counters through a Unix socket until stopped; `sent` is what the server was given."""

    def __init__(self, server, series=40):
        self.server, self.series, self.sent, self.stopped = server, series, {}, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def _run(self):
        i = 0
        with self.server.sender(unix=True) as c:
            while not self.stopped.is_set():
                name = "load.%d" % (i % self.series)
                c.send(b"%s:3|c" % name.encode())
                self.sent[name] = self.sent.get(name, 0) + 3
                i += 1
                if i % 20 == 0:
                    time.sleep(0.005)

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()


def unix_server(dir, *settings, **more):
    return Server(*settings, sockets=["unixgram://%s/dsd.sock" % dir, "udp://127.0.0.1:0"], **more)


def test_the_shards_are_those_of_redis_cluster():
    assert crc16(b"123456789") == 0x31c3
    assert tot_key("hits|#a:b") == tot_key("hits")


def test_counters_gauges_timers_and_sets_are_under_their_documented_keys(dir, redis):
    with unix_server(dir, redis.url, interval="1s") as s:
        s.send("orders:3|c|#b:2,a:1\norders:4|c|#a:1,b:2\nlevel:7.5|g\nlat:250|ms\nlat:750|ms\nusers:alice|s\nusers:bob|s")
        s.wait_self("statsd_redis_applied_series_total", 4)
        db = redis.client
        assert redis.total("c", "orders|#a:1,b:2") == 7
        assert redis.total("g", "level") == 7.5
        assert redis.timer("lat")[:4] == [2, 1000, 250, 750]
        intervals = db.keys("{sd:%02d}:i:*" % shard_of("orders"))
        assert sum(float(db.hget(k, "c|orders|#a:1,b:2") or 0) for k in intervals) == 7
        assert 0 < db.ttl(intervals[0]) <= 600
        sets = db.keys("{sd:%02d}:s:*:users" % shard_of("users"))
        assert db.pfcount(*sets) == 2
        at = int(intervals[0].rsplit(b":", 1)[1])
        assert abs(at - time.time()) < 60
        streams = db.keys("{sd:*}:log")
        assert len(streams) == 1 and db.xlen(streams[0]) >= 1


def test_negative_counts_are_in_redis_though_not_on_the_page(dir, redis):
    with unix_server(dir, redis.url) as s:
        s.send("down:10|c\ndown:-4|c")
        wait_for(lambda: redis.total("c", "down") == 6, "10 - 4 in Redis")
        assert s.scrape().value("down") == 10


def test_relative_gauges_of_two_servers_commute(dir, redis):
    with Server(redis.url, "server.instance=one") as a, Server(redis.url, "server.instance=two") as b:
        a.send("shared:100|g")
        wait_for(lambda: redis.total("g", "shared") == 100, "the gauge in Redis")
        a.send("shared:+5|g")
        b.send("shared:-20|g")
        wait_for(lambda: redis.total("g", "shared") == 85, "both changes in Redis")


def test_two_servers_add_up_in_redis(dir, redis):
    with Server(redis.url, "server.instance=one") as a, Server(redis.url, "server.instance=two") as b:
        a.send("fleet:3|c\nlat:100|ms")
        b.send("fleet:4|c\nlat:300|ms")
        wait_for(lambda: redis.total("c", "fleet") == 7, "3 + 4")
        wait_for(lambda: redis.timer("lat")[:4] == [2, 400, 100, 300], "two timers merged")


def test_numbers_below_the_normal_ones_add_up_in_redis(dir, redis):
    """Two intervals of each: once new, once added to what is there."""
    lines = "tiny:1e-320|c\nleft:1e-320|g\nmoved:+1e-320|g\nlat:1e-320|h"
    with Server(redis.url) as s:
        for n in (1, 2):
            s.send(lines)
            wait_for(lambda: redis.total("c", "tiny") == n * 1e-320, "%d times 1e-320" % n)
            wait_for(lambda: redis.total("g", "left") == 1e-320 and redis.total("g", "moved") == n * 1e-320, "both gauges")
            wait_for(lambda: redis.timer("lat") and redis.timer("lat")[:4] == [n, n * 1e-320, 1e-320, 1e-320], "the timer")


def test_what_the_kernel_holds_at_sigterm_is_read_and_flushed(dir, redis):
    """Stopped with a full receive buffer, the server still delivers all of it."""
    with Server(redis.url, "redis.retention=2h", interval="1h", clean_exit=False) as s, s.sender() as c:
        os.kill(s.pid, signal.SIGSTOP)
        try:
            for i in range(150):
                c.send(b"drain.%d:1|c" % (i % 10))
            os.kill(s.pid, signal.SIGTERM)
        finally:
            os.kill(s.pid, signal.SIGCONT)
        assert s.process.wait(30 * harness.SLOW) == 0
    assert [redis.total("c", "drain.%d" % i) for i in range(10)] == [15] * 10


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_right_after_the_last_datagram_loses_nothing(dir, redis, sig):
    with unix_server(dir, redis.url, clean_exit=False) as s:
        with Load(s) as load:
            time.sleep(1.0)
        os.kill(s.pid, sig)
        assert s.process.wait(30 * harness.SLOW) == 0
    assert redis.totals() == load.sent


def test_a_redis_that_hangs_for_a_while_gets_everything_once(dir, redis):
    """Stopped longer than the reply timeout: what it still holds is applied when it goes on, what was resent is not again."""
    with unix_server(dir, redis.url, "redis.reply_timeout=500ms") as s:
        with Load(s) as load:
            time.sleep(0.5)
            redis.pause()
            time.sleep(30 if harness.LONG else 2.5)
            redis.go_on()
            time.sleep(1)
        s.wait_self("statsd_redis_disconnects_total", 1)
    assert redis.totals() == load.sent


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_a_redis_that_was_restarted_gets_everything_once(dir, sig):
    with Redis(dir, appendonly=True) as redis:
        with unix_server(dir, redis.url) as s:
            with Load(s) as load:
                for _ in range(3):
                    time.sleep(0.3)
                    s.wait_value("statsd_redis_up", 1)
                    harness.stop(redis.process, sig)
                    time.sleep(10 if harness.LONG else 0.7)
                    redis.start()
                s.wait_value("statsd_redis_up", 1)
            page = s.scrape()
            assert page.sum("statsd_redis_disconnects_total") >= 3
            assert page.sum("statsd_redis_dropped_intervals_total") == 0
        assert redis.totals() == load.sent


def test_connections_cut_all_the_time_double_nothing(dir, redis):
    with unix_server(dir, redis.url, interval="100ms") as s:
        with Load(s) as load:
            end = time.monotonic() + 4
            while time.monotonic() < end:
                time.sleep(0.15)
                redis.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert s.scrape().sum("statsd_redis_disconnects_total") >= 5
    assert redis.totals() == load.sent


def test_redis_being_away_at_start_is_a_warning(dir):
    with Redis(dir, start=False) as redis:
        with unix_server(dir, redis.url) as s:
            s.send("early:5|c")
            wait_for(lambda: [l for l in s.log if l.get("level") == "warn" and "redis" in l.get("msg", "")], "a warning")
            assert s.scrape().value("early") == 5
            assert s.scrape().value("statsd_redis_up") == 0
            redis.start()
            wait_for(lambda: redis.total("c", "early") == 5, "what came before Redis", 20 * harness.SLOW)
            assert s.scrape().value("statsd_redis_up") == 1


def test_a_dead_redis_does_not_hold_up_scrapes_or_the_stop(dir, redis):
    with unix_server(dir, redis.url, "redis.reply_timeout=500ms", clean_exit=False) as s:
        redis.pause()
        for i in range(1, 51):
            s.send("on:1|c")
            began = time.monotonic()
            assert s.scrape().value("on") == i
            assert time.monotonic() - began < 2 * harness.SLOW
        os.kill(s.pid, signal.SIGTERM)
        s.process.wait(30 * harness.SLOW)
        redis.go_on()


def test_a_full_spool_drops_the_oldest_and_says_so(dir, redis):
    with unix_server(dir, redis.url, "redis.spool_max_age=1s", "redis.reply_timeout=300ms", clean_exit=False) as s:
        s.send("before:1|c")
        wait_for(lambda: redis.total("c", "before") == 1, "the first interval")
        redis.pause()
        with Load(s):
            s.wait_self("statsd_redis_dropped_intervals_total", 1, patience=20 * harness.SLOW)
        assert s.scrape().sum("statsd_redis_dropped_series_total") > 0
        redis.go_on()
        s.send("after:1|c")
        wait_for(lambda: redis.total("c", "after") == 1, "that it goes on", 30 * harness.SLOW)
