"""A Prometheus that scrapes /cluster/metrics of one server, while masters of the Redis Cluster fail over, die, and slots move."""
import contextlib
import threading
import time

import pytest

from cluster import Cluster, slots_in_use
from harness import SLOW, Server, wait_for
from test_prometheus import Prometheus

pytestmark = pytest.mark.prometheus
SERIES, SERVERS = 40, 3
PATH = "/cluster/metrics"


class Spread:
    """Counters and timers to three servers in turn, as a load balancer deals them out; `sent` is {name on the page: sum}."""

    def __init__(self, servers):
        self.servers, self.sent, self.stopped = servers, {}, threading.Event()

    def once(self, i, sockets):
        name, c = i % SERIES, sockets[i * 7 // 5 % SERVERS]
        c.send(b"fleet_%d:3|c\nlat_%d:%d|h" % (name, name, 1 + i % 900))
        for key, n in (("fleet_%d" % name, 3), ("lat_%d_count" % name, 1)):
            self.sent[key] = self.sent.get(key, 0) + n

    def run(self):
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(s.sender(unix=True)) for s in self.servers]
            i = 0
            while not self.stopped.is_set():
                self.once(i, sockets)
                i += 1
                if i % 20 == 0:
                    time.sleep(0.01)

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()


def page_values(server):
    """{name: value} of what is ours on the fleet's page; None while there is none."""
    status, _, body = server.get(PATH)
    if status != 200:
        return None
    words = [line.split() for line in body.decode().splitlines() if line.startswith(("fleet_", "lat_")) and "{" not in line]
    return {name: float(value) for name, value in words if not name.endswith("_sum")}


def raw_increase(samples):
    """As Prometheus adds up, before it stretches: a value below the one before is a new beginning."""
    grown, last = 0, samples[0]
    for v in samples[1:]:
        grown += v if v < last else v - last
        last = v
    return grown


def upset(cluster):
    """Slots that move, a failover in agreement, and a master that is killed, one after the other."""
    for slot in slots_in_use()[:12]:
        masters = cluster.live_masters()
        cluster.move_slot(slot, masters[(masters.index(cluster.owner(slot)) + 1) % len(masters)], lambda: time.sleep(0.005))
    cluster.fail_over(cluster.live_masters()[0])
    dead = next(m for m in cluster.live_masters() if cluster.replica_of(m))
    replica = cluster.replica_of(dead)
    dead.kill()
    wait_for(lambda: replica.role() == "master", "the replica to take over", 20 * SLOW)


def test_prometheus_draws_the_increase_of_what_was_sent_over_failovers_and_a_resharding(dir):
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(Cluster(dir, node_timeout_ms=1000))
        servers = [stack.enter_context(Server(cluster.url, "server.instance=web-%d" % i, interval="1s",
                                              sockets=["unixgram://%s/%d.sock" % (dir, i), "udp://127.0.0.1:0"])) for i in range(SERVERS)]
        before = Spread(servers)
        sockets = [stack.enter_context(s.sender(unix=True)) for s in servers]
        for i in range(SERIES):
            before.once(i, sockets)
        wait_for(lambda: page_values(servers[0]) == before.sent, "the first values on the page", 20 * SLOW, every=0.2)
        # The window is to have the first samples, from before the load.
        begun = time.time()
        prom = stack.enter_context(Prometheus(dir, [servers[0].http_addr()], interval="1s", how={"metrics_path": PATH}))
        wait_for(lambda: prom.one("count({__name__=~'fleet_.*'})") == SERIES, "the first values in Prometheus", 20 * SLOW, every=0.2)
        with Spread(servers) as load:
            time.sleep(2)
            upset(cluster)
            until = time.time() + 5
            wait_for(lambda: time.time() > until and page_values(servers[0]), "the page again", 60 * SLOW, every=0.2)
        want = {name: before.sent[name] + n for name, n in load.sent.items()}
        wait_for(lambda: page_values(servers[0]) == want, "all that was sent on the page", 60 * SLOW, every=0.2)
        wait_for(lambda: {labels["__name__"]: v for labels, v in prom.query("{__name__=~'fleet_.*|lat_.*_count'}") or []} == want,
                 "all that was sent in Prometheus", 20 * SLOW, every=0.2)
        at = time.time()
        seconds = int(at - begun + 2)
        window = "[%ds] @ %.3f" % (seconds, at)
        for name, n in load.sent.items():
            samples = prom.samples(name + window)[0][1]
            assert raw_increase([v for _, v in samples]) == n, name
            assert prom.one("resets(%s%s)" % (name, window)) == 0
            # increase() stretches what it saw: by less than 1.1 mean distances of its samples at each end, and not past its window.
            seen = samples[-1][0] - samples[0][0]
            most = n * min(seconds, seen * (1 + 2.2 / (len(samples) - 1))) / seen
            assert n * (1 - 1e-9) <= prom.one("increase(%s%s)" % (name, window)) <= most * (1 + 1e-9)
        for s in servers:
            assert s.scrape().sum("statsd_redis_lost_batches_total") == 0
