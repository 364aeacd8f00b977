"""Idle series leave, active ones stay."""
import time

import pytest

from harness import SLOW, Server, vm_rss, wait_for


def test_a_series_without_a_sample_for_the_ttl_is_forgotten():
    with Server("aggregate.ttl=1s") as s:
        s.send("idle:1|c\nbusy:1|c\nlevel:3|g\nlat:5|ms\nwho:me|s")
        assert s.scrape().value("idle") == 1

        def gone():
            s.send("busy:1|c")
            names = s.scrape().names()
            assert "busy" in names
            return not names & {"idle", "level", "lat_count", "who"}
        wait_for(gone, "idle series to leave", 15 * SLOW, every=0.1)
        page = s.scrape()
        assert page.sum("statsd_series_expired_total") == 4
        assert page.sum("statsd_series") == 1
        s.send("idle:1|c")
        assert s.scrape().value("idle") == 1      # from zero again


def test_room_below_the_limit_comes_back_when_series_expire():
    with Server("aggregate.ttl=1s", "limits.max_series=10") as s:
        s.send("\n".join("old.%d:1|c" % i for i in range(10)))
        s.send("new:1|c")
        assert s.scrape().value("new") is None

        def there():
            s.send("new:1|c")
            return s.scrape().value("new")
        wait_for(there, "room for a new series", 15 * SLOW, every=0.2)


@pytest.mark.alone
def test_many_idle_series_leave_in_time_and_give_their_memory_back():
    names, ttl = 60_000, 4
    with Server("aggregate.ttl=%ds" % ttl) as s:
        s.send("busy:1|c")
        before = vm_rss(s.pid)
        for i in range(0, names, 40):
            s.send("\n".join("idle:1|c|#n:%d" % n for n in range(i, i + 40)))
        # Not parsed: that could take longer than the ttl, and there would be nothing left to measure.
        all_there = b'\nstatsd_series{kind="counter"} %d\n' % (names + 1)
        wait_for(lambda: all_there in s.page(), "all series", 30 * SLOW, every=0.2)
        full, last = vm_rss(s.pid), time.monotonic()

        def gone():
            s.send("busy:1|c")
            return s.scrape().sum("statsd_series") == 1
        wait_for(gone, "idle series to leave", 30 * SLOW, every=0.1)
        assert time.monotonic() - last < (ttl + ttl / 10 + 1 + 3) * SLOW
        assert full > before + names * 200 or SLOW > 1     # a sanitizer has memory of its own

        def small():
            s.send("busy:1|c")
            s.scrape()
            return vm_rss(s.pid) < (before + full) / 2     # what a page of that size took stays
        if SLOW == 1:
            wait_for(small, "memory to be given back", 30 * SLOW, every=0.2)


def test_a_ttl_of_zero_keeps_everything():
    with Server("aggregate.ttl=0", interval="100ms") as s:
        s.send("kept:1|c")
        time.sleep(1.5)
        assert s.scrape().value("kept") == 1


@pytest.mark.alone
def test_quantiles_speak_of_the_last_while_and_sums_of_all_time():
    with Server("aggregate.summary_max_age=1s") as s:
        sent = time.monotonic()
        s.send("lat:7000|ms")
        assert s.scrape().value("lat", quantile="0.5") is not None

        def forgotten():
            page = s.scrape()
            assert page.value("lat_count") == 1
            v = page.value("lat", quantile="0.5")
            return v is None or v != v
        wait_for(forgotten, "the quantile to be without samples", 15 * SLOW, every=0.1)
        assert time.monotonic() - sent < 3 * SLOW    # five steps of 200 ms, none of them stretched to a second
        assert s.scrape().value("lat_sum") == 7
