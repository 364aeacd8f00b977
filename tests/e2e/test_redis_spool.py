"""While Redis is away for long: what waits is compressed, goes to disk, and is in the totals once in the end, whatever becomes of the server."""
import glob
import os
import random
import signal

import pytest

import harness
from harness import Paced, Redis, Server, short_dir, vm_rss, wait_for

SERIES = 8000
MIB = 1 << 20


@pytest.fixture
def folder():
    with short_dir() as d:
        yield d


@pytest.fixture
def redis():
    with short_dir() as d, Redis(d, appendonly=True) as r:
        yield r


class Quick(Server):
    """Of its page the server's own metrics alone are read: thousands of series take a test longer than they take the server."""

    def page(self):
        return b"".join(line for line in super().page().splitlines(True) if b"statsd_" in line)


def server(folder, redis, *settings, **kwargs):
    kwargs.setdefault("interval", "500ms")
    return Quick("server.state_dir=" + folder, "server.state_interval=0", "server.instance=web", redis.url,
                  "redis.spool_max_bytes=2MiB", "redis.spool_max_age=1h", *settings, **kwargs)


class Sent:
    """Rounds of counters whose names compress badly, and of one timer; what Redis has to have of them."""

    def __init__(self, redis, series=SERIES):
        draw = random.Random(7)
        self.redis, self.rounds = redis, 0
        self.names = ["%040x" % draw.getrandbits(160) for _ in range(series)]
        lines = ["%s:%d|c" % (name, i % 9 + 1) for i, name in enumerate(self.names)] + ["lat:1:2:3|ms"]
        self.datagrams = ["\n".join(lines[at:at + 25]).encode() for at in range(0, len(lines), 25)]
        self.samples = len(lines)

    def round(self, s):
        before = s.scrape().sum("statsd_samples_read_total")
        paced = Paced(s)
        for d in self.datagrams:
            paced.send(d)
        s.wait_self("statsd_samples_read_total", before + self.samples)
        self.rounds += 1

    def rounds_until(self, s, there, most=200):
        for _ in range(most):
            self.round(s)
            if there(s.scrape()):
                return
        raise AssertionError("not within %d rounds" % most)

    def is_there(self, rounds=None):
        rounds = self.rounds if rounds is None else rounds
        totals = self.redis.totals()
        timer = self.redis.timer("lat")
        return all(totals.get(n) == rounds * (i % 9 + 1) for i, n in enumerate(self.names)) and timer is not None and timer[0] == 3 * rounds

    def expect(self):
        wait_for(self.is_there, "all of %d rounds in Redis" % self.rounds, 60 * harness.SLOW)


def on_disk(folder):
    return sum(os.path.getsize(f) for f in glob.glob(folder + "/redis-spool-*"))


def disk_has(mib):
    return lambda page: page.sum("statsd_redis_spool_disk_bytes") > mib * MIB


def nothing_waits(s, folder):
    wait_for(lambda: s.scrape().sum("statsd_redis_spool_disk_bytes") == 0 or None, "nothing is on disk", 60 * harness.SLOW)
    assert on_disk(folder) == 0
    page = s.scrape()
    assert page.sum("statsd_redis_dropped_series_total") == page.sum("statsd_redis_lost_series_total") == 0
    assert page.sum("statsd_redis_spool_damaged_series_total") == page.sum("statsd_redis_foreign_duplicates_total") == 0


# Of the long tests some are left to `make nightly`.
nightly = pytest.mark.skipif(not harness.LONG, reason="SLOW=1 runs the long tests")


@pytest.mark.parametrize("away, back", [pytest.param(Redis.pause, Redis.go_on, id="frozen"),
                                        pytest.param(Redis.stop, Redis.start, id="stopped", marks=nightly)])
def test_what_has_no_room_in_memory_waits_on_disk(folder, redis, away, back):
    sent = Sent(redis)
    with server(folder, redis) as s:
        sent.round(s)
        sent.expect()
        away(redis)
        sent.rounds_until(s, disk_has(1))
        page = s.scrape()
        assert page.sum("statsd_redis_spool_bytes") <= 2 * MIB
        assert page.sum("statsd_redis_spool_compressed_bytes") <= 2 * MIB
        assert page.sum("statsd_redis_spool_disk_bytes") <= on_disk(folder), "it only grows meanwhile"
        assert page.sum("statsd_redis_spool_written_bytes_total") > MIB
        back(redis)
        sent.expect()
        nothing_waits(s, folder)
        sent.round(s)
        sent.expect()


@nightly
def test_restarts_in_between_go_on_with_what_is_on_disk(folder, redis):
    sent = Sent(redis)
    with server(folder, redis) as s:
        sent.round(s)
        sent.expect()
        redis.stop()
        sent.rounds_until(s, disk_has(1))
    for _ in range(2):
        before = on_disk(folder)
        assert before > MIB
        with server(folder, redis) as s:
            sent.round(s)
            assert s.scrape().sum("statsd_redis_spool_disk_bytes") > before / 2, "told before the first interval is over"
            assert on_disk(folder) >= before
    redis.start()
    with server(folder, redis) as s:
        sent.expect()
        nothing_waits(s, folder)
    assert len({k.rsplit(b":", 1)[1] for k in redis.client.keys("{sd:*}:p:web:*")}) == 1, "one producer over all of them"


def test_a_takeover_goes_on_with_what_is_on_disk(folder, redis):
    sent = Sent(redis)
    control = "server.control_socket=%s/control" % folder
    with server(folder, redis, control) as old:
        sent.round(old)
        sent.expect()
        redis.stop()
        sent.rounds_until(old, disk_has(1))
        new = server(folder, redis, control)
        new.command.append("--takeover")
        with new:
            assert old.process.wait(harness.PATIENCE) == 0, old.output()
            old.clean_exit = False
            sent.round(new)
            redis.start()
            sent.expect()
            nothing_waits(new, folder)


def test_after_a_kill_nothing_is_sent_twice_and_the_files_go(folder, redis):
    sent = Sent(redis)
    with server(folder, redis, clean_exit=False) as s:
        sent.round(s)
        sent.expect()
        redis.stop()
        sent.rounds_until(s, disk_has(1))
        os.kill(s.pid, signal.SIGKILL)
        s.process.wait()
    files = len(glob.glob(folder + "/redis-spool-*"))
    assert files > 0
    redis.start()
    with server(folder, redis) as s:
        s.wait_self("statsd_redis_spool_left_over_files_total", files)
        assert on_disk(folder) == 0
        assert s.logged("what a process that was killed had on disk for redis is removed")
        before = sent.rounds
        sent.round(s)
        wait_for(lambda: sent.is_there(2) or None, "the round before and the one after: %d were lost" % (before - 1), 30 * harness.SLOW)


@nightly
def test_a_damaged_file_costs_what_it_held(folder, redis):
    sent = Sent(redis)
    with server(folder, redis) as s:
        sent.round(s)
        sent.expect()
        redis.stop()
        sent.rounds_until(s, disk_has(1))
        with open(sorted(glob.glob(folder + "/redis-spool-*"))[0], "r+b") as f:
            f.seek(MIB // 2)
            f.write(b"damage")
        redis.start()
        wait_for(lambda: s.scrape().sum("statsd_redis_spool_batches") == 0 or None, "nothing waits", 60 * harness.SLOW)
        page = s.scrape()
        damaged = page.sum("statsd_redis_spool_damaged_series_total")
        assert 0 < damaged <= 500
        assert page.sum("statsd_redis_dropped_series_total") == damaged
        totals = redis.totals()
        missing = [i for i, n in enumerate(sent.names) if totals.get(n) != sent.rounds * (i % 9 + 1)]
        assert 0 < len(missing) <= damaged
        for i in missing:       # one interval, which may hold several rounds
            assert 0 < totals[sent.names[i]] < sent.rounds * (i % 9 + 1) and totals[sent.names[i]] % (i % 9 + 1) == 0
        assert s.logged("what waited for redis on disk is damaged: dropped")


@pytest.mark.plain
def test_past_all_limits_the_totals_stay_exact_and_memory_bounded(folder, redis):
    sent = Sent(redis)
    with server(folder, redis, "redis.spool_max_bytes=6MiB", "redis.spool_disk_max_bytes=1MiB") as s:
        sent.round(s)
        sent.expect()
        before, peak = vm_rss(s.pid), 0
        redis.pause()
        sent.rounds_until(s, lambda page: page.sum("statsd_redis_dropped_series_total") > 3 * SERIES)
        for _ in range(5):
            sent.round(s)
            peak = max(peak, vm_rss(s.pid))
        page = s.scrape()
        assert page.sum("statsd_redis_spool_bytes") <= 6 * MIB
        assert page.sum("statsd_redis_spool_disk_bytes") <= MIB
        assert page.sum("statsd_redis_dropped_series_total") == page.sum("statsd_redis_carried_series_total")
        assert page.sum("statsd_redis_dropped_intervals_total") > 0
        assert page.sum("statsd_udp_kernel_drops_total") == 0
        assert peak - before <= 16 * MIB, "%d MiB more" % ((peak - before) / MIB)
        redis.go_on()
        sent.expect()
        assert s.scrape().sum("statsd_redis_lost_series_total") == 0
