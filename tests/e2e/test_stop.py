"""The end: what a stop waits for, what it loses, and that it says so."""
import contextlib
import os
import signal
import time

import pytest

import harness
from harness import Redis, Server, short_dir, wait_for


@pytest.fixture
def redis():
    with short_dir() as d, Redis(d) as r:
        yield r


LOST = "stopped before redis had everything: lost"
WAITING = "waiting for redis to take what is left"


@contextlib.contextmanager
def with_redis_hung(redis, *settings):
    """A server with one interval in Redis, and then more while Redis hangs."""
    try:
        with Server(redis.url, *settings, interval="100ms", clean_exit=False) as s:
            s.send("before:5|c")
            wait_for(lambda: redis.total("c", "before") == 5, "the first interval")
            s.wait_self("statsd_redis_applied_series_total", 1)   # and the server has heard of it
            redis.pause()
            for i in range(10):
                s.send("orders.%d:%d|c\nlat.%d:1:2:3|ms|@0.5\ntemp.%d:7|g" % (i, i + 1, i, i), "users.%d:a|s" % i)
            s.wait_self("statsd_samples_read_total", 41)
            yield s
    finally:
        redis.go_on()


def only(s, msg):
    (line,) = s.logged(msg)
    return line


def expect_lost(s):
    line = only(s, LOST)
    assert int(line["intervals"]) >= 1
    assert (int(line["counters"]), float(line["counters_sum"])) == (10, 55)
    assert (int(line["timers"]), float(line["timer_values"])) == (10, 60)
    assert (int(line["gauges"]), int(line["sets"])) == (10, 10)
    assert int(line["series"]) == 40
    stopped = only(s, "stopped")
    assert int(stopped["redis_dropped_series"]) == 40
    assert int(stopped["redis_intervals"]) + int(stopped["redis_dropped_intervals"]) == int(stopped["intervals"])


def test_what_redis_did_not_take_in_time_is_told_and_the_status_says_so(redis):
    with with_redis_hung(redis, "server.drain_timeout=1s") as s:
        begun = time.monotonic()
        os.kill(s.pid, signal.SIGTERM)
        wait_for(lambda: s.logged(WAITING), "the wait being told")
        assert int(only(s, WAITING)["at_most_ms"]) == 1000 and "second TERM" in only(s, WAITING)["hint"]
        assert s.process.wait(30 * harness.SLOW) == 1
        assert time.monotonic() - begun >= 1
        s.reader.join(5)
        expect_lost(s)


@pytest.mark.parametrize("first, second", [("SIGTERM", "SIGTERM"), ("SIGTERM", "SIGINT"), ("SIGINT", "SIGTERM")])
def test_a_second_signal_ends_the_wait_and_tells_the_same(redis, first, second):
    with with_redis_hung(redis, "server.drain_timeout=1h") as s:
        os.kill(s.pid, getattr(signal, first))
        wait_for(lambda: s.logged(WAITING), "the wait being told")
        begun = time.monotonic()
        os.kill(s.pid, getattr(signal, second))
        assert s.process.wait(30 * harness.SLOW) == 1
        assert time.monotonic() - begun < 5 * harness.SLOW
        s.reader.join(5)
        assert s.logged("second signal: stopping at once")
        expect_lost(s)


@contextlib.contextmanager
def both_signals_at_once(s):
    """What is done meanwhile, TERM and INT wait for the server together."""
    os.kill(s.pid, signal.SIGSTOP)
    try:
        yield
        os.kill(s.pid, signal.SIGTERM)
        os.kill(s.pid, signal.SIGINT)
    finally:
        os.kill(s.pid, signal.SIGCONT)


def test_sockets_are_read_empty_though_the_second_signal_comes_with_the_first(redis):
    with with_redis_hung(redis, "server.drain_timeout=1h") as s:
        with both_signals_at_once(s):
            s.send(*["late.%d:2|c" % i for i in range(10)])
        assert s.process.wait(30 * harness.SLOW) == 1
        s.reader.join(5)
        assert s.logged("second signal: stopping at once")
        assert int(only(s, "stopped")["samples_read"]) == 41 + 10
        assert float(only(s, LOST)["counters_sum"]) == 55 + 20


def test_a_second_signal_is_no_failure_where_nothing_is_lost():
    with Server(clean_exit=False) as s:
        with both_signals_at_once(s):
            s.send("late:2|c")
        assert s.process.wait(30 * harness.SLOW) == 0
        s.reader.join(5)
        assert s.logged("second signal: stopping at once") and int(only(s, "stopped")["samples_aggregated"]) == 1


def test_a_drain_timeout_of_0_does_not_wait_and_tells_what_is_lost(redis):
    with with_redis_hung(redis, "server.drain_timeout=0") as s:
        os.kill(s.pid, signal.SIGTERM)
        assert s.process.wait(30 * harness.SLOW) == 1
        s.reader.join(5)
        assert not s.logged(WAITING)
        expect_lost(s)


def test_a_redis_that_comes_back_in_time_gets_everything(redis):
    with with_redis_hung(redis, "server.drain_timeout=1h") as s:
        os.kill(s.pid, signal.SIGTERM)
        wait_for(lambda: s.logged(WAITING), "the wait being told")
        redis.go_on()
        assert s.process.wait(30 * harness.SLOW) == 0
        s.reader.join(5)
        assert not s.logged(LOST)
        assert int(only(s, "stopped")["redis_dropped_intervals"]) == 0
    assert sum(redis.total("c", "orders.%d" % i) for i in range(10)) == 55


def test_a_stop_without_anything_left_is_not_told_to_wait(redis):
    with Server(redis.url, interval="100ms", clean_exit=False) as s:
        s.send("before:5|c")
        wait_for(lambda: redis.total("c", "before") == 5, "the interval")
        os.kill(s.pid, signal.SIGTERM)
        assert s.process.wait(30 * harness.SLOW) == 0
        s.reader.join(5)
        assert not s.logged(LOST)


def test_an_empty_interval_is_not_waited_for_and_nothing_is_lost_with_it(redis):
    harness.stop(redis.process)
    with Server(redis.url, "server.drain_timeout=1h", clean_exit=False) as s:
        begun = time.monotonic()
        os.kill(s.pid, signal.SIGTERM)
        assert s.process.wait(30 * harness.SLOW) == 0
        assert time.monotonic() - begun < 5 * harness.SLOW
        s.reader.join(5)
        assert not s.logged(WAITING) and not s.logged(LOST)


def test_what_was_dropped_before_and_what_is_lost_at_the_end_add_up(redis):
    """Redis was never there, and the spool holds a few intervals only."""
    harness.stop(redis.process)
    with Server(redis.url, "redis.spool_max_bytes=1MiB", "server.drain_timeout=200ms", interval="100ms", clean_exit=False) as s:
        pad = "x" * 150
        sent = 0

        def dropping():
            nonlocal sent
            for _ in range(5):
                s.send("\n".join("n%d.%s:1|c" % (i, pad) for i in range(40)))
                sent += 40
            s.wait_self("statsd_samples_read_total", sent)
            page = s.scrape()
            assert page.value("statsd_redis_applied_series_total") == 0
            return page.value("statsd_redis_dropped_intervals_total") >= 3
        wait_for(dropping, "intervals being dropped", every=0.1)
        os.kill(s.pid, signal.SIGTERM)
        assert s.process.wait(30 * harness.SLOW) == 1
        s.reader.join(5)
        lost, stopped = only(s, LOST), only(s, "stopped")
        # Nothing is sent for an interval that was over before anything came: it counts as applied.
        assert int(stopped["redis_intervals"]) + int(stopped["redis_dropped_intervals"]) == int(stopped["intervals"])
        assert 0 < int(lost["intervals"]) < int(stopped["redis_dropped_intervals"])
        assert float(lost["counters_sum"]) == sent, "what was dropped before is carried, and lost here"
        assert int(lost["sent_without_answer"]) == 0
