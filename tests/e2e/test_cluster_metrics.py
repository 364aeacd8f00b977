"""/cluster/metrics: what three servers have counted, as one page, read from a real Redis."""
import contextlib
import glob
import gzip
import math
import random
import threading
import time

import pytest
from redis import Redis
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import harness
from cluster import Cluster
from harness import Server, exposition, tot_key, wait_for
from test_native import ACCEPT, messages, protoc
from test_openmetrics import OPENMETRICS
from test_prometheus import Prometheus, promtool
from test_takeover import running

PATH = "/cluster/metrics"


@contextlib.contextmanager
def fleet(redis, *settings, n=3):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Server(redis.url, "server.instance=web-%d" % i, *settings, interval="1s")) for i in range(n)]


def page(server):
    status, _, body = server.get(PATH)
    assert status == 200, (status, body[:300])
    return exposition.parse(body)


def wait_page(server, condition, what="the page"):
    return wait_for(lambda: (lambda p: p if condition(p) else None)(page(server)), what, every=0.2)


def wait_page_while_sending(server, lines, condition):
    """For what is shown for one interval only, and which one look at a time may miss."""
    wait_page(server, lambda p: server.send(lines) or condition(p))


def own(name):
    return name.startswith(("statsd_", "process_"))


def sums(servers):
    """{(name, labels): the sum over all servers}, of counters and of what summaries and histograms count."""
    out = {}
    for p in (s.scrape() for s in servers):
        for f in p.families.values():
            if f.type == "gauge" or own(f.name):
                continue
            for name, labels, value in f.samples:
                if not any(k == "quantile" for k, _ in labels):
                    out[name, labels] = out.get((name, labels), 0) + value
    return out


def everything(rng, i):
    lines = ["hits:%d|c|#path:/%d" % (rng.randrange(1, 9), k) for k in range(5)]
    lines += ["sampled:1|c|@0.5", "odd na/me:2|c|#k:é ü", "the.same:1|c", "the-same:1|c"]
    lines += ["lat:%d|ms|#path:/%d" % (rng.randrange(1, 3000), k) for k in range(3)]
    lines += ["size:%g|h" % rng.choice([0.001, 0.3, 0.7, 4, 9, 40]), "below:%d|d" % rng.randrange(-50, 50), "only.%d:1|c" % i]
    return "\n".join(lines)


@pytest.mark.parametrize("settings", [
    (), ("prometheus.suffixes=on",), ("prometheus.observer_type=histogram",),
    ("prometheus.observer_type=histogram", "prometheus.native_histogram_factor=1.1", "prometheus.suffixes=on")])
def test_every_counter_and_count_is_the_sum_of_all_servers(redis, settings):
    rng = random.Random(11)
    with fleet(redis, *settings) as servers:
        for _ in range(20):
            for i, s in enumerate(servers):
                s.send(everything(rng, i))
        for s in servers:
            s.wait_self("statsd_samples_aggregated_total", 20 * 15)
        want = sums(servers)
        exact = {k: v for k, v in want.items() if not k[0].endswith("_bucket")}
        got = wait_page(servers[0], lambda p: all(math.isclose(p.samples.get(k, -1), v, rel_tol=1e-12) for k, v in exact.items()))
        # The page has what /metrics have, under the same names and types, and nothing else.
        names = {f.name: f.type for s in servers for f in s.scrape().families.values() if not own(f.name)}
        assert {f.name: f.type for f in got.families.values() if not own(f.name)} == names
        for (name, labels), value in want.items():
            if name.endswith("_bucket"):
                assert got.samples[name, labels] >= value, (name, labels)
        assert got.value("statsd_cluster_instances") == 3
        assert page(servers[1]).samples.keys() == got.samples.keys()


def test_all_formats_say_the_same_and_are_well_formed(redis):
    rng = random.Random(5)
    with fleet(redis, "prometheus.suffixes=on", "prometheus.observer_type=histogram", "prometheus.native_histogram_factor=1.1") as servers:
        for i, s in enumerate(servers):
            s.send(everything(rng, i))
        wait_page(servers[0], lambda p: p.sum("only_2_total") == 1 and p.sum("only_0_total") == 1)
        s = servers[0]
        status, headers, text = s.get(PATH)
        assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert promtool(text) == []
        _, headers, packed = s.get(PATH, headers={"Accept-Encoding": "gzip"})
        assert headers["Content-Encoding"] == "gzip" and b"hits_total" in gzip.decompress(packed)
        _, headers, body = s.get(PATH, headers={"Accept": OPENMETRICS})
        assert headers["Content-Type"] == OPENMETRICS
        assert any(f.name == "hits" for f in text_string_to_metric_families(body.decode()))
        assert "_created" not in body.decode()
        _, headers, body = s.get(PATH, headers={"Accept": ACCEPT})
        decoded = [protoc(m) for m in messages(body)]
        assert any("positive_span" in t for t in decoded)
        status, headers, body = s.get(PATH, method="HEAD")
        assert (status, body) == (200, b"")


def test_quantiles_are_those_of_what_came_in_the_window(redis):
    rng = random.Random(3)
    with fleet(redis) as servers:
        page(servers[0])  # from now on it knows what is new
        values = [rng.lognormvariate(4, 1) for _ in range(900)]
        for i, s in enumerate(servers):
            for at in range(i * 300, i * 300 + 300, 30):
                s.send("\n".join("lat:%.6f|ms" % v for v in values[at:at + 30]))
        got = wait_page(servers[0], lambda p: p.value("lat_count") == 900)
        values.sort()
        for q in (0.5, 0.9, 0.99):
            exact = values[math.ceil(q * 900) - 1] / 1000
            assert math.isclose(got.value("lat", quantile="%g" % q), exact, rel_tol=0.011), q


def test_sets_are_counted_over_all_servers(redis):
    with fleet(redis, "aggregate.set_window=1m") as servers:
        for i, s in enumerate(servers):
            s.send("users:everywhere|s\nusers:only%d|s" % i)
        wait_page(servers[0], lambda p: p.samples.get(("users", ())) == 4)


@pytest.mark.parametrize("rule, want", [("latest", 7), ("sum", 12), ("min", 2), ("max", 7), ("avg", 4)])
def test_gauges_are_merged_by_their_rule_over_the_instances_that_live(redis, rule, want):
    with fleet(redis, "redis.gauge_merge=" + rule, "redis.instance_ttl=3s") as servers:
        for s, value in zip(servers, (2, 3, 7)):
            s.send("depth:%d|g" % value)
            s.wait_self("statsd_samples_aggregated_total", 1)
            time.sleep(0.01)
        wait_page(servers[0], lambda p: p.samples.get(("depth", ())) == want)
        if rule == "sum":  # the others are idle, but alive
            servers[2].send("depth:1|g")
            wait_page(servers[0], lambda p: p.samples.get(("depth", ())) == 6)


def test_the_gauge_of_an_instance_that_is_gone_no_longer_counts(redis):
    with Server(redis.url, "server.instance=stays", "redis.gauge_merge=sum", "redis.instance_ttl=2s", interval="1s") as s:
        s.send("depth:2|g")
        with Server(redis.url, "server.instance=goes", "redis.gauge_merge=sum", "redis.instance_ttl=2s", interval="1s") as other:
            other.send("depth:40|g")
            wait_page(s, lambda p: p.samples.get(("depth", ())) == 42)
        got = wait_page(s, lambda p: p.samples.get(("depth", ())) == 2)
        assert got.value("statsd_cluster_left_out_series", reason="gone") == 1


def test_a_rule_that_was_taken_away_no_longer_counts_though_the_instance_lives(redis):
    with Server(redis.url, "server.instance=a", "redis.gauge_merge=sum", interval="1s") as s:
        s.send("depth:2|g\nother:1|g")
        wait_page(s, lambda p: p.samples.get(("depth", ())) == 2)
        now_ms = int(time.time() * 1000)
        for shared_ms, want in ((now_ms, 2), (now_ms - 60000, 9)):  # the first may have come while it was read
            redis.client.hset(tot_key("depth"), mapping={"i|a|depth": "2 %d sum" % (now_ms - 90000), "g|depth": "9 %d b" % shared_ms})
            wait_page(s, lambda p, want=want: p.samples.get(("depth", ())) == want)


def test_an_instance_may_be_a_label_of_its_gauges(redis):
    with fleet(redis, "redis.instance_label=on") as servers:
        for i, s in enumerate(servers):
            s.send("depth:%d|g|#queue:q\nhits:1|c" % i)
        got = wait_page(servers[0], lambda p: sum(k[0] == "depth" for k in p.samples) == 3)
        assert [got.value("depth", queue="q", instance="web-%d" % i) for i in range(3)] == [0, 1, 2]
        wait_page(servers[0], lambda p: p.samples.get(("hits", ())) == 3)


def test_a_gauge_with_a_tag_named_instance_is_the_latest_of_all(redis):
    with fleet(redis, "redis.instance_label=on", n=2) as servers:
        for i, s in enumerate(servers):
            s.send("depth:%d|g|#instance:x,k:v" % i)
            wait_page(servers[0], lambda p: p.samples.get(("depth", (("instance", "x"), ("k", "v")))) == i)


FAKETIME = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), None)


@pytest.mark.skipif(FAKETIME is None, reason="needs libfaketime (apt-get install faketime)")
@pytest.mark.plain
def test_who_lives_and_what_is_idle_is_told_by_the_clock_of_redis(redis):
    """Of two hosts one is a minute ahead."""
    settings = ("redis.gauge_merge=sum", "redis.instance_ttl=20s", "aggregate.ttl=20s")
    ahead = {"LD_PRELOAD": FAKETIME, "FAKETIME": "+60", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with Server(redis.url, "server.instance=ahead", *settings, interval="1s", env=ahead) as s, \
            Server(redis.url, "server.instance=right", *settings, interval="1s") as other:
        s.send("depth:2|g")
        other.send("depth:3|g\nhits:1|c")
        wait_page(s, lambda p: p.samples.get(("depth", ())) == 5 and p.samples.get(("hits", ())) == 1)


def test_redis_away_is_said_and_the_page_comes_back(dir):
    with harness.Redis(dir) as redis, Server(redis.url, interval="1s") as s:
        s.send("hits:1|c")
        wait_page(s, lambda p: p.samples.get(("hits", ())) == 1)
        redis.stop()

        def refused():
            status, headers, body = s.get(PATH)
            return (headers, body) if status == 503 else None
        headers, body = wait_for(refused, "503", every=0.3)
        assert b"no cluster metrics: Redis is away since 20" in body and "Retry-After" in headers
        # The reading that was cut off had another end than those after it.
        wait_for(lambda: s.get(PATH)[0] == 503 and s.scrape().value("statsd_cluster_fillings_total", result="away") >= 1, "that it is away",
                 every=0.3)
        assert s.logged("no cluster metrics")
        redis.start()
        s.send("hits:4|c")
        # That Redis kept nothing: the totals began anew, and so does the counter.
        wait_for(lambda: s.get(PATH)[0] == 200 or None, "the page", every=0.3)
        wait_page(s, lambda p: p.samples.get(("hits", ())) in (4, 5))
        assert s.logged("cluster metrics are there again")


def test_lost_writes_do_not_make_a_counter_fall(redis):
    """As after a failover: the total is lower until the instances have sent again what was lost."""
    with Server(redis.url, "server.instance=other", interval="1s") as s:
        s.send("hits:10|c\nlat:5|ms")
        wait_page(s, lambda p: p.samples.get(("hits", ())) == 10 and p.samples.get(("lat_count", ())) == 1)
        before = redis.client.hget(tot_key("lat"), "h|lat")
        s.send("hits:10|c\nlat:5|ms")
        wait_page(s, lambda p: p.samples.get(("hits", ())) == 20 and p.samples.get(("lat_count", ())) == 2)
        after = redis.client.hget(tot_key("lat"), "h|lat")
        redis.client.hset(tot_key("hits"), "c|hits", "10 %d" % time.time())
        time.sleep(1.1)
        assert page(s).value("hits") == 20
        redis.client.hset(tot_key("lat"), "h|lat", before)
        time.sleep(1.1)
        for _ in range(2):
            status, _, body = s.get(PATH)
            assert status == 503 and b"behind" in body
        redis.client.hset(tot_key("lat"), "h|lat", after)
        wait_for(lambda: s.get(PATH)[0] == 200 or None, "the page", every=0.3)


def test_what_strangers_wrote_is_left_out(redis):
    with Server(redis.url, interval="1s") as s:
        s.send("good:1|c")
        wait_page(s, lambda p: p.samples.get(("good", ())) == 1)
        key = tot_key("x")
        for field, value in ((b"c|x", b"nan 1"), (b"c|\xff", b"1 1"), (b"h|x", b"\x97\x01"), (b"c|a|b", b"1 1"), (b"c|", b"1 1"),
                             (b"c|statsd_cluster_series", b"5 %d" % time.time()), (b"g|x", b"1"), (b"zzz", b"1"), (b"i|a", b"x"),
                             (b"c|big", b"1e308 %d" % time.time()), (b"h|e", b"\x90")):
            redis.client.hset(key, field, value)
        got = wait_page(s, lambda p: ("big", ()) in p.samples)
        assert {k[0] for k in got.samples if not own(k[0])} == {"good", "big"}
        assert got.value("statsd_cluster_left_out_series", reason="odd") >= 5


def test_what_is_idle_for_longer_than_its_ttl_leaves(redis):
    with Server(redis.url, "aggregate.ttl=2s", interval="1s") as s:
        s.send("hits:1|c\nlat:1|ms\ndepth:1|g")
        wait_page(s, lambda p: {"hits", "lat", "depth"} <= set(p.families))
        wait_page(s, lambda p: not {"hits", "lat", "depth"} & set(p.families))


def test_a_mapping_that_is_read_again_is_that_of_the_page(dir, redis):
    mapping = dir + "/mapping.yml"
    text = "mappings:\n- match: web.*.hits\n  name: %s\n  labels: {where: $1}\n"
    with open(mapping, "w") as f:
        f.write(text % "hits")
    with Server(redis.url, "prometheus.mapping=" + mapping, interval="1s") as s:
        s.send("web.eu.hits:1|c")
        wait_page(s, lambda p: p.samples.get(("hits", (("where", "eu"),))) == 1)
        with open(mapping, "w") as f:
            f.write(text % "visits")
        s.process.send_signal(harness.signal.SIGHUP)
        wait_page(s, lambda p: p.samples.get(("visits", (("where", "eu"),))) == 1 and "hits" not in p.families)


def test_a_window_of_sets_that_is_read_again_is_that_of_the_page(dir, redis):
    config = dir + "/statsd.conf"
    with open(config, "w") as f:
        f.write("[aggregate]\nset_window = 0\n")
    with Server(redis.url, config=config, interval="1s") as s:
        wait_page_while_sending(s, "users:a|s", lambda p: p.samples.get(("users", ())) == 1)
        wait_page(s, lambda p: ("users", ()) not in p.samples)
        with open(config, "w") as f:
            f.write("[aggregate]\nset_window = 1m\n")
        s.process.send_signal(harness.signal.SIGHUP)
        s.send("users:b|s")
        wait_page(s, lambda p: p.samples.get(("users", ())) == 2)


def test_without_redis_it_is_not_there():
    with Server() as s:
        status, _, body = s.get(PATH)
        assert status == 404 and b"redis.url is not set" in body
        assert s.get(PATH, method="POST")[0] == 405


def test_the_documented_rights_are_enough(redis):
    rights = ("resetkeys ~{sd:* resetchannels -@all +auth +client|setname +select +script|load +evalsha +time +get +set +del "
              "+expire +hmget +hset +pfmerge +xadd +hscan +hdel +zadd +zremrangebyscore +zscan +pfcount +xrevrange")
    redis.client.execute_command("ACL", "SETUSER", "admin", "on", ">admin", "+@all", "~*")
    with Redis(unix_socket_path=redis.socket, username="admin", password="admin") as admin:
        admin.execute_command("ACL", "SETUSER", "default", *rights.split())
        with Server(redis.url, "aggregate.set_window=0", interval="1s") as s:
            wait_page_while_sending(s, "hits:1|c\nusers:a|s", lambda p: {"hits", "users"} <= {k[0] for k in p.samples})
        admin.execute_command("ACL", "SETUSER", "default", "+@all", "~*")


def test_a_stop_does_not_wait_for_a_redis_that_hangs(redis):
    with Server(redis.url, "server.drain_timeout=1s", interval="1s", clean_exit=False) as s:
        page(s)
        redis.pause()
        time.sleep(1.1)
        got = []
        asks = threading.Thread(target=lambda: got.append(s.get(PATH)[0]))
        asks.start()
        time.sleep(0.3)
        begin = time.monotonic()
        harness.stop(s.process)
        assert time.monotonic() - begin < 4 * harness.SLOW
        asks.join()
        assert got == [503]
        redis.go_on()


def test_those_who_ask_together_share_one_reading(redis):
    with Server(redis.url, interval="5s") as s:
        got = []
        threads = [threading.Thread(target=lambda: got.append(s.get(PATH)[0])) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert got == [200] * 20
        assert s.scrape().value("statsd_cluster_fillings_total", result="ok") == 1


@pytest.mark.prometheus
def test_a_prometheus_never_sees_a_counter_begin_anew(dir, redis):
    with fleet(redis) as servers, Prometheus(dir, [servers[0].http_addr()], how={"metrics_path": PATH}) as prometheus:
        for k in range(30):
            for s in servers:
                s.send("hits:1|c")
            time.sleep(0.1)
            if k == 15:
                redis.client.client_kill_filter(_type="normal", skipme=True)
        wait_for(lambda: prometheus.one("hits") == 90, "Prometheus to have it", every=0.2)
        assert prometheus.one("resets(hits[1m])") == 0


def test_a_cluster_with_a_failover_is_one_page_whose_counters_never_fall(dir):
    with Cluster(dir) as nodes, Server(nodes.url, "server.instance=one", interval="1s") as one, \
            Server(nodes.url, "server.instance=two", interval="1s") as two:
        wait_for(nodes.whole, "the cluster to be whole", 20 * harness.SLOW, every=0.05)
        names = ["hits%d" % i for i in range(100)]
        highest = dict.fromkeys(names, 0)
        sent, statuses = 0, []

        def look():
            status, _, body = one.get(PATH)
            statuses.append(status)
            if status != 200:
                return None
            now = exposition.parse(body)
            for n in names:
                value = now.samples.get((n, ()), 0)
                assert value >= highest[n], (n, value, highest[n])
                highest[n] = value
            return now
        for k in range(40):
            for s in (one, two):
                s.send("\n".join("%s:1|c" % n for n in names))
            sent += 2
            if k == 15:
                nodes.fail_over(nodes.live_masters()[0])
            look()
            time.sleep(0.1)
        wait_for(lambda: look() and set(highest.values()) == {sent} or None, "all that was sent", 30 * harness.SLOW, every=0.3)
        assert statuses.count(200) > 3


def test_a_takeover_while_it_is_scraped_fails_no_request(dir):
    with harness.Redis(dir) as redis, running(dir, redis.url, "server.instance=one", interval="1s") as run:
        run.server.send("hits:1|c")
        wait_page(run.server, lambda p: p.samples.get(("hits", ())) == 1)
        seen, done = [], threading.Event()

        def scrape():
            while not done.is_set():
                with contextlib.suppress(OSError):  # of a server that has gone: http.listen has another port here
                    seen.append(run.server.get(PATH)[0])
        t = threading.Thread(target=scrape)
        t.start()
        for _ in range(3):
            run.over()
            run.server.send("hits:1|c")
        done.set()
        t.join()
        assert set(seen) <= {200, 503} and seen.count(200) >= 3
        wait_page(run.server, lambda p: p.samples.get(("hits", ())) == 4)
