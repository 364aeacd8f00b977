"""server.state_dir and Redis: a restart neither loses nor doubles, whatever Redis is doing at the stop."""
import os
import shutil
import signal
import time

import pytest

import harness
from harness import Redis, Server, short_dir, wait_for

NAME = "statsd.state"


@pytest.fixture
def folder():
    with short_dir() as d:
        yield d


@pytest.fixture
def redis():
    with short_dir() as d, Redis(d, appendonly=True) as r:
        yield r


def server(folder, redis, *settings, **kwargs):
    return Server("server.state_dir=" + folder, "server.state_interval=0", "server.instance=web", redis.url, *settings, **kwargs)


class Sent:
    """Counters over many shards, a timer and a set, and what Redis has to have of them."""

    def __init__(self, redis):
        self.redis, self.rounds = redis, 0

    def round(self, s):
        before = s.scrape().sum("statsd_samples_read_total")
        lines = ["n.%d:%d|c" % (i, i + 1) for i in range(40)] + ["lat:1:2|ms", "users:u%d|s" % self.rounds, "level:%d|g" % self.rounds]
        for at in range(0, len(lines), 10):
            s.send("\n".join(lines[at:at + 10]))
        s.wait_self("statsd_samples_read_total", before + len(lines))
        self.rounds += 1

    def is_there(self):
        timer = self.redis.timer("lat")
        return self.redis.totals() == {"n.%d" % i: self.rounds * (i + 1) for i in range(40)} and timer and timer[0] == 2 * self.rounds

    def expect(self):
        """Exactly that, and it stays so while intervals go by."""
        wait_for(self.is_there, "all of %d rounds in Redis: %r" % (self.rounds, self.redis.totals()))


def goes_on(s, counter, n):
    s.wait_self(counter, s.scrape().sum(counter) + n)


def intervals_go_by(s, n=3):
    goes_on(s, "statsd_redis_applied_intervals_total", n)


def term(s):
    os.kill(s.pid, signal.SIGTERM)
    status = s.process.wait(30 * harness.SLOW)
    s.reader.join(5)
    return status


def test_ten_restarts_with_redis_there(folder, redis):
    sent = Sent(redis)
    for _ in range(10):
        with server(folder, redis) as s:
            sent.round(s)
    with server(folder, redis) as s:
        intervals_go_by(s)
        sent.expect()
        page = s.scrape()
        assert page.sum("statsd_redis_lost_producers_total") == page.sum("statsd_redis_epochs_total") == 0
        assert page.sum("statsd_redis_foreign_duplicates_total") == page.sum("statsd_redis_fenced_series_total") == 0
        assert page.sum("statsd_redis_instance_conflicts_total") == 0
    keys = [k for k in redis.client.keys("{sd:*}:p:web:*")]
    assert len({k.rsplit(b":", 1)[1] for k in keys}) == 1, "one producer over all of them"


def test_ten_restarts_with_redis_down_at_every_stop(folder, redis):
    sent = Sent(redis)
    with server(folder, redis) as s:
        sent.round(s)
        intervals_go_by(s)
        redis.stop()
        sent.round(s)
    for _ in range(9):
        with server(folder, redis) as s:
            assert s.logged("saved state loaded")
            sent.round(s)
    redis.start()
    with server(folder, redis) as s:
        sent.expect()
        intervals_go_by(s)
        assert sent.is_there()
        assert s.scrape().sum("statsd_redis_dropped_series_total") == 0
        wait_for(lambda: s.scrape().sum("statsd_redis_spool_batches") == 0 or None, "nothing waits between two intervals")


def test_ten_restarts_with_redis_down_and_back_in_turn(folder, redis):
    sent = Sent(redis)
    for turn in range(10):
        with server(folder, redis) as s:
            sent.round(s)
            if turn % 2 == 0:
                intervals_go_by(s, 1)
                redis.stop()
                sent.round(s)
        if turn % 2 == 0:
            redis.start()
    with server(folder, redis) as s:
        sent.expect()
        intervals_go_by(s)
        assert sent.is_there()


def test_batches_in_flight_at_the_stop_are_applied_once(folder, redis):
    """Redis hangs with batches on the wire: it applies them when it goes on, and the next process sends them again."""
    sent = Sent(redis)
    for _ in range(4):
        with server(folder, redis, clean_exit=False) as s:
            sent.round(s)
            intervals_go_by(s)
            redis.pause()
            try:
                sent.round(s)
                wait_for(lambda: s.scrape().sum("statsd_redis_batches_sent_total") > s.scrape().sum("statsd_redis_batches_applied_total") or None,
                         "batches under way")
                assert term(s) == 0, s.output()
            finally:
                redis.go_on()
        (line,) = s.logged("state saved")
    with server(folder, redis) as s:
        sent.expect()
        intervals_go_by(s)
        assert sent.is_there()
        page = s.scrape()
        assert page.sum("statsd_redis_batches_duplicate_total") > 0
        assert page.sum("statsd_redis_dropped_series_total") == 0


def test_with_a_state_nothing_is_lost_when_redis_hangs(folder, redis):
    with server(folder, redis, "server.drain_timeout=1h", clean_exit=False) as s:
        redis.pause()
        try:
            s.send("a:1|c")
            s.wait_value("a", 1)
            assert term(s) == 0
        finally:
            redis.go_on()
        assert not s.logged("stopped before redis had everything: lost")
    with server(folder, redis) as s:
        wait_for(lambda: redis.total("c", "a") == 1, "the counter in Redis")


def test_a_restored_backup_doubles_nothing(folder, redis):
    """The state of before lunch is put back: what it held has been sent since, and the script refuses it."""
    sent = Sent(redis)
    with server(folder, redis) as s:
        sent.round(s)
        intervals_go_by(s)
        redis.stop()
        sent.round(s)
    backup = folder + "/backup"
    shutil.copy(os.path.join(folder, NAME), backup)
    redis.start()
    for _ in range(2):
        with server(folder, redis) as s:
            sent.round(s)
            intervals_go_by(s)
            sent.expect()
    shutil.copy(backup, os.path.join(folder, NAME))
    with server(folder, redis) as s:
        page = s.wait_self("statsd_redis_fenced_series_total", 40)
        sent.round(s)
        sent.expect()
        intervals_go_by(s)
        assert sent.is_there()
        assert s.logged("another process went on from a later state: what was saved is not sent again")
        assert page.sum("statsd_redis_dropped_series_total") == 0


def test_a_machine_that_was_copied_doubles_nothing(folder, redis):
    """Two processes go on from one state: what it held is applied once, and what each got since, too."""
    sent = Sent(redis)
    with server(folder, redis) as s:
        sent.round(s)
        intervals_go_by(s)
        redis.stop()
        sent.round(s)
    redis.start()
    with short_dir() as other:
        shutil.copy(os.path.join(folder, NAME), os.path.join(other, NAME))
        with server(folder, redis) as a, server(other, redis) as b:
            for s in (a, b, a, b):
                sent.round(s)
                intervals_go_by(s)
            sent.expect()
            intervals_go_by(a)
            assert sent.is_there()


def test_another_prefix_leaves_out_what_was_saved_and_says_so(folder, redis):
    with server(folder, redis, clean_exit=False) as s:
        redis.stop()
        s.send("a:1|c")
        s.wait_value("a", 1)
        assert term(s) == 0
    redis.start()
    with server(folder, redis, "redis.prefix=other") as s:
        assert s.logged("redis.prefix is another: what was saved for redis is left out")
        assert s.scrape().value("a") == 1


def test_without_redis_the_next_start_says_that_its_part_is_left_out(folder, redis):
    with server(folder, redis) as s:
        s.send("a:1|c")
        s.wait_value("a", 1)
        intervals_go_by(s)
    with Server("server.state_dir=" + folder, "server.instance=web") as s:
        assert s.logged("what was saved for redis is left out: redis.url is not set")
        assert s.scrape().value("a") == 1


def test_kills_lose_the_open_interval_and_what_redis_had_not_acknowledged(folder, redis):
    """Never more in Redis than was sent, and what was acknowledged before the kill is there."""
    total = 0
    for _ in range(4):
        with Server("server.state_dir=" + folder, "server.state_interval=50ms", "server.instance=web", redis.url) as s:
            s.send(*["k:1|c"] * 50)
            s.wait_value("k", 50)
            wait_for(lambda: redis.total("c", "k") == total + 50, "the interval in Redis")
            s.send(*["k:1|c"] * 7)
            s.clean_exit = False
            os.kill(s.pid, signal.SIGKILL)
            s.process.wait()
        had = redis.total("c", "k")
        assert total + 50 <= had <= total + 57
        total = had
    with Server("server.state_dir=" + folder, "server.state_interval=50ms", "server.instance=web", redis.url) as s:
        intervals_go_by(s)
        assert redis.total("c", "k") == total


def test_after_a_kill_the_log_says_what_redis_had_not_acknowledged(folder, redis):
    settings = ("server.state_dir=" + folder, "server.state_interval=50ms", "server.instance=web", redis.url)
    with Server(*settings) as s:
        s.send("a:1|c", "b:2|g")
        wait_for(lambda: redis.total("c", "a") == 1, "the first interval")
        redis.stop()
        before = s.scrape().sum("statsd_samples_aggregated_total")
        s.send("a:1|c", "b:3|g")
        s.wait_self("statsd_samples_aggregated_total", before + 2)
        # Intervals without a sample wait for Redis, too: these two are over when one is that had the samples.
        goes_on(s, "statsd_intervals_closed_total", 2)
        goes_on(s, "statsd_state_snapshots_total", 2)
        s.clean_exit = False
        os.kill(s.pid, signal.SIGKILL)
        s.process.wait()
    redis.start()
    with Server(*settings) as s:
        (line,) = s.logged("the last process did not stop by itself: counters and timers begin at 0")
        assert int(line["unacknowledged_intervals"]) >= 1 and int(line["unacknowledged_series"]) >= 2
        page = s.scrape()
        assert page.value("a") is None and page.value("b") == 3


@pytest.mark.parametrize("redis_is", ["there", "down"])
def test_a_stop_while_a_large_interval_goes_to_redis(folder, redis, redis_is):
    """The interval is given in slices, and more samples come meanwhile: all of both is in Redis or in the state."""
    series, rounds = 30000, 3
    sockets = ["unixgram://%s/in.sock" % folder]
    for turn in range(rounds):
        with server(folder, redis, sockets=sockets, interval="1s", clean_exit=False) as s:
            before = s.scrape().sum("statsd_samples_read_total")
            with s.sender(unix=True) as c:
                for i in range(0, series, 50):
                    c.send("\n".join("n.%d:1|c" % k for k in range(i, i + 50)).encode())
            s.wait_self("statsd_samples_read_total", before + series)
            if redis_is == "down" and turn == 1:
                redis.stop()
            with s.sender(unix=True) as c:
                wait_for(lambda: time.time() % 1 < 0.005 + 0.01 * turn or None, "the end of an interval", every=0)
                c.send(b"n.1:1|c\nlast:1|c")
                assert term(s) == 0, s.output()
    if redis_is == "down":
        redis.start()
    with server(folder, redis, sockets=sockets) as s:
        page = s.scrape()
        assert page.value("n_1") == 2 * rounds and page.value("last") == rounds
        assert page.value("n_2") == page.value("n_%d" % (series - 1)) == rounds
        want = {"n.%d" % i: rounds for i in range(series)}
        want.update({"n.1": 2 * rounds, "last": rounds})
        wait_for(lambda: redis.totals() == want or None, "exact totals", 60 * harness.SLOW)
