"""kill -9 under a load of known sums: counters begin at 0, gauges are there, and what is lost is bounded as docs/restart.md says."""
import os
import signal
import time

import pytest

import harness
import restarts
from harness import Redis, wait_for
from manager import Manager
from restarts import Sockets, hits, scraping, sending

A_SECOND = 250
INTERVAL, STATE_INTERVAL = 0.2, 0.1
# Of an interval that ended just before the kill Redis may have acknowledged nothing yet; one more for what a busy machine is late.
OPEN = 2 * INTERVAL + INTERVAL * harness.SLOW
UNPLANNED = "the last process did not stop by itself: counters and timers begin at 0"


class Crashing:
    """A server that is killed, its manager that keeps its sockets, and what was known at each kill."""

    def __init__(self, folder, redis):
        sockets = Sockets(folder, workers=2)
        state = os.path.join(folder, "state")
        os.mkdir(state)
        self.manager = Manager(folder, "server.interval=%dms" % (INTERVAL * 1000), "server.state_interval=%dms" % (STATE_INTERVAL * 1000),
                               "server.state_dir=" + state, redis.url, *sockets.settings, sockets=sockets.all)
        self.http = "%s:%d" % sockets.http.getsockname()
        self.vias, self.redis = sockets.vias("crashing", lossy=True), redis
        self.killed, self.safe_until = [], []      # when; until when all that was sent is in Redis, whatever the kill takes

    def page(self):
        return restarts.page_of(self.http)

    def grows(self, name, more):
        """Wait until a self-metric has grown so much."""
        want = self.page().sum(name) + more
        wait_for(lambda: self.page().sum(name) >= want, "%s >= %r" % (name, want))

    def kill(self, without_redis):
        safe_until = None
        if without_redis:
            self.redis.pause()
            safe_until = time.monotonic() - OPEN
            self.grows("statsd_intervals_closed_total", 3)      # what was on its way when it was stopped is none of them
            wait_for(lambda: self.page().sum("statsd_redis_spool_batches") > 0, "something that Redis has not acknowledged")
        self.grows("statsd_state_snapshots_total", 2)
        self.manager.stop(signal.SIGKILL)
        self.killed.append(time.monotonic())
        self.safe_until.append(safe_until or self.killed[-1] - OPEN)
        if without_redis:
            self.redis.go_on()


def check_scrapes(scrapers, crashing):
    """A counter is never lower than on the page before, but after a kill; and then it has no more than came since, and one interval
    before: what the process that died had not read."""
    n_resets = 0
    for s in scrapers:
        before = None
        for page in s.pages:
            kills = [k for k in crashing.killed if k < page.asked]
            for v in crashing.vias:
                at = '{of="crashing",via="%s"}' % v.labels["via"]
                first, last = v.sent_before(kills[-1] - INTERVAL) if kills else 0, v.sent_by(page.answered)
                assert page.counters.get("lat_count" + at, 0) <= last - first
                assert page.counters.get("hits" + at, 0) <= hits(last) - hits(first)
            if before:
                fell = [k for k, v in before.counters.items() if page.counters.get(k, 0) < v]
                assert not fell or any(before.asked < k < page.answered for k in crashing.killed), fell
                n_resets += bool(fell)
            before = page
    return n_resets


def seen(s, crashing, v):
    """What a scraper saw of the counter: the last value of each process, added; and what it may have missed."""
    at, total, missed = 'hits{of="crashing",via="%s"}' % v.labels["via"], 0, 0
    ends = [*crashing.killed, float("inf")]
    for i, end in enumerate(ends):
        of_it = [p for p in s.pages if p.answered < end and (i == 0 or p.asked > ends[i - 1])]
        total += of_it[-1].counters.get(at, 0)
        if end != float("inf"):
            missed += hits(v.sent_by(end)) - hits(v.sent_before(of_it[-1].asked - INTERVAL))
    return total, missed


def check_sums(crashing, scrapers, at_kills):
    """The bound on what each kill may take, for Redis and for who scrapes.  returns  what Redis lacks, in seconds of load"""
    redis, lost = crashing.redis, []
    for v in crashing.vias:
        taken = 0
        for had, killed, safe in zip(at_kills, crashing.killed, crashing.safe_until):
            assert had.get(v.series("hits"), 0) >= hits(v.sent_before(safe)) - taken, "acknowledged before the kill"
            taken += hits(v.sent_by(killed)) - hits(v.sent_before(safe))
        has = redis.totals()[v.series("hits")]
        assert hits(v.n) - taken <= has <= hits(v.n)
        assert has == counted(redis, v), "each batch once, and whole"
        level = redis.total("g", v.series("level"))
        assert v.n - taken <= level <= v.n
        for s in scrapers:
            total, missed = seen(s, crashing, v)
            assert hits(v.n) - missed <= total <= hits(v.n)
        lost.append((v.times[-1] - v.times[0]) * (hits(v.n) - has) / hits(v.n))
    return max(lost)


def counted(redis, v):
    """What the intervals in Redis have of the counter."""
    keys = redis.client.keys("{sd:%02d}:i:*" % harness.shard_of(v.series("hits")))
    return sum(float(redis.client.hget(k, "c|" + v.series("hits")) or 0) for k in keys)


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.long)])
def test_kills_under_load_lose_what_docs_restart_says_and_nothing_more(dir, redis, kills):
    crashing, at_kills = Crashing(dir, redis), []
    with crashing.manager as m:
        m.start()
        put = restarts.datagrams(m.sockets[0].getsockname())
        with scraping(crashing.http) as scrapers:
            with sending(crashing.vias, A_SECOND) as loads:
                for i in range(kills):
                    sent, pages = [v.n for v in crashing.vias], [len(x.pages) for x in scrapers]
                    put(b"calm:%d|g" % (i + 1))
                    wait_for(lambda: crashing.page().value("calm") == i + 1, "the gauge")
                    wait_for(lambda: any(x.error for x in loads) or all(v.n > n + A_SECOND // 2 for v, n in zip(crashing.vias, sent))
                             and all(len(x.pages) > n + 2 for x, n in zip(scrapers, pages)), "load and scrapes")
                    crashing.kill(without_redis=i % 4 == 2)
                    at_kills.append(redis.totals())
                    m.start()
                    check_start(m, crashing, i + 1, without_redis=i % 4 == 2)
            crashing.grows("statsd_intervals_closed_total", 2)
            wait_for(lambda n=len(scrapers[0].pages): len(scrapers[0].pages) > n + 1, "scrapes of all that was sent")
        m.stop()
        lost = check_sums(crashing, scrapers, at_kills)
        n_resets = check_scrapes(scrapers, crashing)
    print("%d kills, %d messages, lost in Redis: %.0f ms of load a kill at most, %d scrapes, %d saw a reset, %d failed" % (
        kills, sum(v.n for v in crashing.vias), lost * 1000 / kills, sum(len(s.pages) for s in scrapers), n_resets,
        sum(len(s.failed) for s in scrapers)))


def check_start(m, crashing, calm, without_redis):
    """The gauge is there, and the log says what is missing."""
    assert crashing.page().value("calm") == calm
    (line,) = m.logged(UNPLANNED)
    assert 0 <= int(line["last_written_ms_ago"]) < 60000 * harness.SLOW
    if without_redis:
        assert int(line["unacknowledged_intervals"]) >= 1 and int(line["unacknowledged_series"]) >= 4
