"""The totals of a fleet in Redis: what is idle goes, what lives is exact; gauges and sets of several instances."""
import contextlib
import random
import threading
import time

import pytest

import harness
from harness import SHARDS, Server, shard_of, tot_key, wait_for

INSTANCES = ("one", "two", "three|50%")


@contextlib.contextmanager
def fleet(dir, redis, *settings, interval="200ms"):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Server(redis.url, "server.instance=" + name, *settings, interval=interval,
                                          sockets=["unixgram://%s/%d.sock" % (dir, n)]))
               for n, name in enumerate(INSTANCES)]


def own(redis, instance, series):
    """[value, stamp_ms, rule] of a gauge of one instance, or None."""
    field = "i|%s|%s" % (instance.replace("%", "%25").replace("|", "%7C"), series)
    got = redis.client.hget(tot_key(series), field)
    return None if got is None else [float(got.split()[0]), int(got.split()[1]), got.split()[2].decode()]


def fields(redis):
    return sum(redis.client.hlen("{sd:%02d}:tot" % nn) - 1 for nn in range(SHARDS) if redis.client.exists("{sd:%02d}:tot" % nn))


def test_totals_of_names_that_churn_are_removed_and_those_of_live_ones_exact(dir, redis):
    """Ten new names each tenth of a second, from three instances; no more than a few seconds of them are there."""
    live, most, churned, seconds = 0, 0, 0, 9
    with fleet(dir, redis, "redis.totals_ttl=2s", "redis.gauge_merge=sum", "redis.retention=3s", interval="1s") as servers:
        begun = time.monotonic()
        while time.monotonic() < begun + seconds * harness.SLOW:
            for n, s in enumerate(servers):
                lines = ["live:3|c", "here:5|g", "lat:-1|h", "lat:7|h"]
                for k in range(10):
                    churned += 1
                    lines.append("churn.%d:1|%s" % (churned, ("c", "ms", "g")[churned % 3]))
                s.send("\n".join(lines), unix=True)
                live += 1
            most = max(most, fields(redis))
            time.sleep(0.1)
        rate = churned / (time.monotonic() - begun)
        alive = 3 * SHARDS    # a field of each instance
        # A gauge has two fields, a counter and a timer one; of no more seconds than ttl, an interval and a walk.
        assert most < alive + 4 / 3 * rate * 5 * harness.SLOW < 4 / 3 * churned, (most, churned)
        idle = time.monotonic()
        while time.monotonic() < idle + 5 or fields(redis) > alive + 4:
            assert time.monotonic() < idle + 30 * harness.SLOW, fields(redis)
            for s in servers:
                s.send("live:3|c\nlat:-1|h\nlat:7|h", unix=True)
                live += 1
            time.sleep(0.2)
        wait_for(lambda: redis.total("c", "live") == 3 * live, "the live counter", 20 * harness.SLOW)
        wait_for(lambda: redis.timer("lat")[:4] == [2 * live, 6 * live, -1, 7], "the live timer")
        assert redis.total("g", "here") is None and own(redis, "one", "here") is None
        assert not [f for nn in range(SHARDS) for f in redis.client.hkeys("{sd:%02d}:tot" % nn) if b"churn" in f]
        pages = [s.scrape() for s in servers]
        assert sum(p.sum("statsd_redis_pruned_series_total") for p in pages) >= churned
        assert sum(p.sum("statsd_redis_dropped_series_total") + p.sum("statsd_redis_errors_total") for p in pages) == 0


def test_a_counter_that_was_removed_comes_back_from_nothing(dir, redis):
    with Server(redis.url, "redis.totals_ttl=1s", interval="100ms") as s:
        for _ in range(2):
            s.send("rare:5|c")
            wait_for(lambda: redis.total("c", "rare") == 5, "its total")
            wait_for(lambda: redis.total("c", "rare") is None, "that it is removed", 20 * harness.SLOW)


def test_without_a_ttl_totals_stay(dir, redis):
    with Server(redis.url, "redis.totals_ttl=0", interval="100ms") as s:
        redis.client.hset(tot_key("old"), "c|old", "5 10")
        s.send("rare:5|c")
        s.wait_self("statsd_redis_applied_intervals_total", 20)
        assert redis.total("c", "rare") == 5 and redis.total("c", "old") == 5
        assert redis.client.keys("*:jan") == []


def test_without_the_right_to_remove_all_else_goes_on_and_it_is_said(dir, redis):
    redis.client.execute_command("ACL", "SETUSER", "default", "-hscan")
    with Server(redis.url, "redis.totals_ttl=1s", interval="100ms") as s:
        s.send("rare:5|c")
        said = wait_for(lambda: s.logged("redis does not let totals of idle series be removed: they stay"), "what is missing")
        assert "hscan" in said[0]["error"].lower() and "ACL SETUSER" in said[0]["remedy"], said
        s.send("rare:5|c")
        wait_for(lambda: redis.total("c", "rare") == 10, "that it goes on")
        redis.client.execute_command("ACL", "SETUSER", "default", "+hscan")
        wait_for(lambda: redis.total("c", "rare") is None, "that it is removed", 20 * harness.SLOW)


def test_a_rule_of_the_mapping_keeps_a_gauge_of_each_instance(dir, redis, tmp_path):
    (tmp_path / "m.yml").write_text("defaults: {gauge_merge: max}\nmappings:\n"
                                    "- {match: pool.*, name: pool, gauge_merge: sum, labels: {p: $1}}\n"
                                    "- {match: plain, name: plain, gauge_merge: latest}\n"
                                    "- {match: pool.*, name: gone, match_metric_type: counter}\n")
    with fleet(dir, redis, "prometheus.mapping=%s" % (tmp_path / "m.yml"), "redis.instance_ttl=7s") as servers:
        for n, s in enumerate(servers):
            s.send("pool.a:%d|g\nplain:%d|g\nrest:%d|g|#x:y" % (n, n, 10 * n), unix=True)
        for n, name in enumerate(INSTANCES):
            wait_for(lambda: own(redis, name, "pool.a"), "the field of " + name)
            value, stamp_ms, rule = own(redis, name, "pool.a")
            assert (value, rule) == (n, "sum") and abs(stamp_ms / 1000 - time.time()) < 60
            wait_for(lambda: own(redis, name, "rest|#x:y"), "the field of " + name)
            assert own(redis, name, "rest|#x:y")[::2] == [10 * n, "max"]
            assert own(redis, name, "plain") is None
        alive = "i|" + INSTANCES[2].replace("%", "%25").replace("|", "%7C")
        seen, ttl = redis.client.hget(tot_key("pool.a"), alive).split()
        assert ttl == b"7000"
        wait_for(lambda: int(redis.client.hget(tot_key("pool.a"), alive).split()[0]) > int(seen) + 400, "that an idle instance is alive")


def test_the_rule_of_the_config_holds_after_a_reload_too(dir, redis, tmp_path):
    config = tmp_path / "statsd.conf"
    config.write_text("[redis]\ngauge_merge = latest\n")
    with Server(redis.url, "server.instance=a", config=config) as s:
        s.send("x:1|g")
        wait_for(lambda: redis.total("g", "x") == 1, "the gauge")
        assert own(redis, "a", "x") is None
        config.write_text("[redis]\ngauge_merge = avg\n")
        s.process.send_signal(1)
        wait_for(lambda: [l for l in s.log if "reload" in l.get("msg", "")], "the reload")
        s.send("x:2|g")
        wait_for(lambda: own(redis, "a", "x"), "its field")
        assert own(redis, "a", "x")[::2] == [2, "avg"]


def test_relative_gauges_of_three_instances_are_exact_in_any_order_and_sent_again(dir, redis):
    """Connections are cut all the time, so that much is sent twice and late."""
    rng = random.Random(5)
    sums = {}
    with fleet(dir, redis, "redis.gauge_merge=sum", interval="100ms") as servers:
        stop = threading.Event()

        def cut():
            while not stop.wait(0.15):
                redis.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        thread = threading.Thread(target=cut)
        thread.start()
        try:
            end = time.monotonic() + 4
            while time.monotonic() < end:
                n, series, change = rng.randrange(3), "rel.%d" % rng.randrange(20), rng.choice([1, -3, 0.5, 1000])
                servers[n].send("%s:%+g|g" % (series, change), unix=True)
                sums[n, series] = sums.get((n, series), 0) + change
                time.sleep(0.002)
        finally:
            stop.set()
            thread.join()
    for series in {s for _, s in sums}:
        assert redis.total("g", series) == sum(v for (_, s), v in sums.items() if s == series), series
    for (n, series), v in sums.items():
        assert own(redis, INSTANCES[n], series)[::2] == [v, "sum"], (n, series)


@pytest.mark.parametrize("members", [1, 511, 512, 513, 100000])
def test_sets_of_three_instances_unite_within_the_error_of_a_hyperloglog(dir, redis, members):
    """Each instance has two thirds of the members, so each member comes twice."""
    with fleet(dir, redis, "redis.retention=1h", interval="1s") as servers:
        for n, s in enumerate(servers):
            mine = [m for m in range(members) if m % 3 != n or members == 1]
            with s.sender(unix=True) as c:
                for i in range(0, len(mine), 100):
                    c.send("\n".join("users:member-%d|s" % m for m in mine[i:i + 100]).encode())
        for s in servers:
            s.send("done:1|c", unix=True)
        wait_for(lambda: redis.total("c", "done") == 3, "the last interval")
        wait_for(lambda: all(s.scrape().sum("statsd_redis_spool_batches") == 0 for s in servers), "that all is sent")
        keys = redis.client.keys("{sd:%02d}:s:*:users" % shard_of("users"))
        got = redis.client.pfcount(*keys)
        assert abs(got - members) <= max(1, 4 * 0.0081 * members), got


def test_explain_says_what_a_gauge_of_several_instances_is(tmp_path):
    (tmp_path / "m.yml").write_text("mappings:\n- {match: pool.*, name: pool, gauge_merge: sum}\n- {match: plain, name: plain}\n")
    words = ["explain", "--set", "prometheus.mapping=%s" % (tmp_path / "m.yml"), "pool.a:1|g", "pool.a:1|c", "plain:1|g"]
    said = harness.run(*words).stdout.decode()
    assert said.count("in redis, over all instances: sum") == 1, said
    said = harness.run(*words, "--json").stdout.decode().replace(" ", "")
    assert said.count('"gauge_merge":"sum"') == 1, said


@pytest.mark.parametrize("saved", [True, False], ids=["with a state", "without one"])
def test_a_shard_that_has_had_data_gets_a_batch_each_interval_after_a_restart_too(dir, redis, tmp_path, saved):
    """Without a state the next process has had none: it has nothing in Redis that could be lost."""
    settings = ["server.instance=a", "redis.gauge_merge=sum"] + (["server.state_dir=%s" % tmp_path] if saved else [])
    with Server(redis.url, *settings) as s:
        s.send("quiet:1|g")
        wait_for(lambda: own(redis, "a", "quiet"), "the gauge")

    def seen():
        return int(redis.client.hget(tot_key("quiet"), "i|a").split()[0])
    before = seen()
    with Server(redis.url, *settings) as s:
        s.wait_self("statsd_redis_applied_intervals_total", 5)
        if saved:
            wait_for(lambda: seen() > before + 400, "a batch of a later interval")
            s.wait_self("statsd_redis_batches_applied_total", 5)
        else:
            assert seen() <= before + 400
        assert (s.scrape().sum("statsd_redis_batches_applied_total") >= 5) == saved
