"""Many restarts under a load of known sums: nothing is lost, and nobody who scrapes sees a gap."""
import collections
import contextlib
import http.client
import os
import signal
import subprocess
import time

import pytest

import harness
import manager
import restarts
from harness import PATIENCE, Redis, Server, stop, wait_for
from manager import Manager
from restarts import MEMBERS, Kept, Sockets, Via, datagrams, hits, scraping, sending
from test_prometheus import Prometheus
from test_systemd import Load, listens, sender
from test_takeover import running

A_SECOND = 250       # messages of four lines by each transport to each server
WINDOW = "aggregate.set_window=1h"


@contextlib.contextmanager
def folders(dir, *names):
    for name in names:
        os.mkdir(os.path.join(dir, name))
    yield [os.path.join(dir, name) for name in names]


class Taken:
    """Its restarts are takeovers."""

    def __init__(self, folder, redis, stack):
        self.run = stack.enter_context(running(folder, redis.url, "server.workers=2", "server.instance=taken", "server.state_dir=" + folder, WINDOW))
        s = self.run.server
        host, _, port = s.address("tcp").rpartition(":")
        puts = (datagrams(s.udp()), datagrams(s.unix(), 1), Kept((host, int(port))), Kept(s.address("unix")))
        self.http = s.http_addr()
        self.vias = [Via("taken", via, put) for via, put in zip(restarts.TRANSPORTS, puts)]
        self.took = []

    def again(self):
        old = self.run.server
        self.run.over()
        self.took.append(int(old.logged("another server has taken over")[0]["after_ms"]))

    def page(self):
        return self.run.server.scrape()


class Managed:
    """Its restarts are a manager's, which has the sockets."""

    def __init__(self, folder, redis, stack):
        sockets = Sockets(folder, workers=2)
        self.manager = stack.enter_context(Manager(folder, "server.interval=200ms", "server.instance=managed", "server.state_dir=" + folder,
                                                   redis.url, WINDOW, *sockets.settings, sockets=sockets.all))
        self.manager.start()
        self.http = "%s:%d" % sockets.http.getsockname()
        self.vias = sockets.vias("managed")
        self.took = []

    def again(self):
        begun = time.monotonic()
        self.manager.restart()
        self.took.append(round((time.monotonic() - begun) * 1000))

    def page(self):
        return restarts.page_of(self.http)


def everything_is_there(server):
    """The page has to the unit what was sent."""
    page = server.page()
    sent = sum(v.n for v in server.vias) + len(server.vias)
    if page.sum("statsd_samples_aggregated_total") != 4 * sent:
        return None
    return page


def check_page(server, page):
    lines = 0
    for v in server.vias:
        assert page.value("hits", **v.labels) == hits(v.n)
        assert page.value("lat_count", **v.labels) == v.n + 1
        assert page.value("lat_sum", **v.labels) == pytest.approx(hits(v.n) / 1000, rel=1e-9)
        assert page.value("level", **v.labels) == v.n
        assert page.value("users", **v.labels) == MEMBERS
        lines += 4 * (v.n + 1)
    assert page.sum("statsd_samples_read_total") == page.sum("statsd_lines_received_total") == lines
    of_datagrams = sum(v.n + 1 for v in server.vias if v.labels["via"] in ("udp", "unixgram"))
    assert page.sum("statsd_datagrams_received_total") == of_datagrams
    for none in ("statsd_udp_kernel_drops_total", "statsd_samples_rejected_total", "statsd_stream_lines_cut_total",
                 "statsd_samples_refused_total", "statsd_restored_reset_total", "statsd_restored_left_out_total"):
        assert page.sum(none) == 0, none


def missing_in_redis(redis, server):
    """[(what, it has, was sent)]"""
    found = []
    for v in server.vias:
        keys = redis.client.keys("{sd:%02d}:s:*:%s" % (harness.shard_of(v.series("users")), v.series("users")))
        found += [(v.series("hits"), redis.total("c", v.series("hits")), hits(v.n)),
                  (v.series("level"), redis.total("g", v.series("level")), v.n),
                  (v.series("lat"), (redis.timer(v.series("lat")) or [])[:2], [v.n + 1, hits(v.n)]),
                  (v.series("users"), keys and redis.client.pfcount(*keys), MEMBERS)]
    return [x for x in found if x[1] != x[2]]


def check_prometheus(p, server, interval):
    """Samples as they are: no reset, and all that was sent between the first and the last; increase() says so too, but that it goes
    on to the moment of the question, by at most 1.1 scrape intervals."""
    for v in server.vias:
        for name, value, first in (("hits", hits(v.n), 0), ("lat_count", v.n + 1, 1)):
            selector = '%s{of="%s",via="%s"}' % (name, v.labels["of"], v.labels["via"])
            wait_for(lambda: p.one(selector) == value, "the last value in Prometheus", every=0.2)
            (_, samples), = p.samples(selector + "[1h]")
            values = [x for _, x in samples]
            assert values == sorted(values) and values[0] == first and values[-1] == value
            assert p.one("resets(%s[1h])" % selector) == 0
            increase, seconds = p.one("increase(%s[1h])" % selector), samples[-1][0] - samples[0][0]
            # A series that does not begin at 0 is taken to have begun up to half an interval before.
            most = 1 + (1.1 + (first > 0) / 2) * (interval + 0.1) / seconds
            assert (value - first) * 0.999999 <= increase <= (value - first) * most, (selector, increase, value - first, most)


def check_scrapes(scrapers, at_most):
    """None fell, and of one restart each scraper has missed so many at most."""
    for s in scrapers:
        assert s.fell() == []
        missed = collections.Counter(round for round, _ in s.failed)
        assert max(missed.values(), default=0) <= at_most, s.failed
        assert len(s.pages) > s.round


def told(server, scrapers):
    took = sorted(server.took)
    return "%d restarts, %d to %d ms (%d in the middle), %d messages, %d scrapes, %d failed, %d asked again over a new connection" % (
        len(took), took[0], took[-1], took[len(took) // 2], sum(v.n for v in server.vias), sum(len(s.pages) for s in scrapers),
        sum(len(s.failed) for s in scrapers), sum(s.asked_again for s in scrapers))


@pytest.mark.alone    # a client whose request is 250 ms late is not waited for
@pytest.mark.parametrize("restarts_of_each", [2, pytest.param(25, marks=pytest.mark.long)])
def test_restarts_under_load_lose_nothing_and_show_no_gap(dir, restarts_of_each):
    """Two servers with the same load: one is taken over, the other one restarted by its manager, in turn."""
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(Redis(dir))
        of_taken, of_managed = stack.enter_context(folders(dir, "t", "m"))
        taken, managed = servers = Taken(of_taken, redis, stack), Managed(of_managed, redis, stack)
        for v in taken.vias + managed.vias:
            v.warm_up()
        for s in servers:
            wait_for(lambda: s.page().sum("level") == 0 and len(s.page().all("hits")) == 4, "every series")
        p = stack.enter_context(Prometheus(dir, [s.http for s in servers], interval="1s"))
        with contextlib.ExitStack() as under_load:
            scrapers = [under_load.enter_context(scraping(s.http)) for s in servers]
            loads = under_load.enter_context(sending(taken.vias + managed.vias, A_SECOND))
            for i in range(restarts_of_each):
                for s, looking in zip(servers, scrapers):
                    sent, seen = [v.n for v in s.vias], [len(x.pages) for x in looking]
                    for x in looking:
                        x.round += 1
                    s.again()
                    wait_for(lambda: any(load.error for load in loads) or all(v.n > n + A_SECOND // 5 for v, n in zip(s.vias, sent))
                             and all(len(x.pages) > n + 1 for x, n in zip(looking, seen)), "load and scrapes after it")
        for s in servers:
            check_page(s, wait_for(lambda: everything_is_there(s), "all that was sent", every=0.1))
            check_prometheus(p, s, interval=1)
        up = {labels["instance"]: [x for _, x in samples] for labels, samples in p.samples("up[1h]")}
        for s, looking, at_most in zip(servers, scrapers, (0, 1)):
            print(told(s, looking) + ", %d of %d by Prometheus failed" % (up[s.http].count(0), len(up[s.http])))
            check_scrapes(looking, at_most)
        assert up[taken.http].count(0) == 0 and up[managed.http].count(0) <= restarts_of_each
        for s in servers:
            with contextlib.suppress(AssertionError):      # told below, with what is missing
                wait_for(lambda: missing_in_redis(redis, s) == [], "all of it in Redis", every=0.1)
            assert missing_in_redis(redis, s) == []


def test_a_scrape_that_waits_for_a_state_that_cannot_be_claimed_shows_nothing_of_it(dir):
    """It may be read once only: the server starts empty, and the file stays as it is."""
    series, sockets = 40000, ["unixgram://%s/in.sock" % dir]
    with Server("server.state_dir=" + dir, "server.state_interval=0", sockets=sockets) as s:
        with s.sender(unix=True) as c:
            for i in range(0, series, 50):
                c.send("\n".join("n.%d:1|c" % k for k in range(i, i + 50)).encode())
        s.wait_self("statsd_samples_read_total", series)
    state = os.path.join(dir, "statsd.state")
    if subprocess.run(["chattr", "+i", state], capture_output=True).returncode != 0:
        pytest.skip("files cannot be made immutable here")
    try:
        with Server("server.state_dir=" + dir, "server.state_interval=0", sockets=sockets, wait=False, clean_exit=False) as s:
            wait_for(s.http_addr, "HTTP")
            page = s.scrape()
            assert page.sum("statsd_samples_read_total") == page.sum("n_1") == 0
            (line,) = s.logged("saved state not used: starting empty")
            assert line["reason"] == "it cannot be renamed, and may be read once only"
            assert stop(s.process) == 1       # nothing could be saved
    finally:
        subprocess.run(["chattr", "-i", state], check=True)
    assert os.path.getsize(state) > series


class Open:
    """Connections that are there before a server stops: it answers one request more on each."""

    def __init__(self, address, n=40):
        self.all = [http.client.HTTPConnection(*address, timeout=PATIENCE) for _ in range(n)]
        for c in self.all:
            c.connect()
        assert self.scrape()         # on the last of them: all have been accepted

    def scrape(self):
        """Whether one was answered."""
        c = self.all.pop()
        with contextlib.closing(c), contextlib.suppress(OSError, http.client.HTTPException):
            c.request("GET", "/metrics")
            answer = c.getresponse()
            return answer.read() != b"" and answer.status == 200
        return False


@pytest.mark.parametrize("store_max", [0, 512])
def test_what_comes_while_a_stop_waits_for_redis_is_left_to_the_next_one(dir, store_max):
    """Scrapes go on meanwhile, and each has a turn of the workers' pages: what that read would be in no interval."""
    group = manager.udp(n=2)
    options = ["http.listen=127.0.0.1:0", "http.max_per_ip=100", "server.interval=200ms", "server.workers=2", "server.state_dir=" + dir]
    with Redis(dir) as redis, Manager(dir, *options, redis.url, "listen.socket=" + manager.url(group[0]), sockets=group, store_max=store_max) as m:
        m.start()
        with Load(sender(group[0].getsockname()), 5000) as load:
            for i in range(3):
                wait_for(lambda: load.sent > (i + 1) * 1000 or load.error, "some load")
                scrapers, answered = Open(listens(m, "http")), 0
                redis.pause()
                os.kill(m.pid, signal.SIGTERM)
                while not m.ended():
                    answered += scrapers.all != [] and scrapers.scrape()
                    time.sleep(0.03)
                redis.go_on()
                assert m.logged("state saved") and answered > 2
                m.start()
        names = ["load.%d" % i for i in range(10)]
        wait_for(lambda: sum(redis.totals().get(n, 0) for n in names) >= load.sent, "all of it in Redis")
        page = restarts.page_of("%s:%d" % listens(m, "http"))
        assert sum(redis.totals()[n] for n in names) == sum(page.sum("load_%d" % i) for i in range(10)) == load.sent
