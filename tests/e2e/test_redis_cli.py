"""statsd redis get, range, top and tail: what the ledger of several instances says, for people and programs."""
import contextlib
import json
import math
import os
import random
import re
import signal
import socket
import subprocess
import time

import pytest
from redis.exceptions import ResponseError

from cluster import Cluster, slot_of
from harness import SLOW, TOP, Redis, Server, clean_env, run, short_dir, shard_of, stop, wait_for, STATSD

pytestmark = pytest.mark.command

ERROR = 0.0109  # of a quantile at the default schema


def cli(redis, *words, status=0):
    done = run("redis", *words, "--set", redis.url)
    assert done.returncode == status, done.stderr.decode()
    return done.stdout.decode()


def objects(redis, *words, status=0):
    return [json.loads(line) for line in cli(redis, *words, "--json", status=status).splitlines()]


@contextlib.contextmanager
def fleet(redis, n=3, interval="1s", *more):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Server(redis.url, "server.instance=web-%d" % i, *more, interval=interval)) for i in range(n)]


def applied(servers, series):
    for s in servers:
        s.wait_self("statsd_redis_applied_series_total", series)


def rank(values, q):
    return sorted(values)[max(0, math.ceil(q * len(values)) - 1)]


def near(got, values, q):
    """Nearest rank within the error; of an empirical distribution a rank beside it is as good."""
    low, high = rank(values, max(0, q - 1 / len(values))), rank(values, min(1, q + 1 / len(values)))
    slack = lambda v: abs(v) * ERROR + 1e-9
    return low - slack(low) <= got <= high + slack(high)


@pytest.fixture(scope="module")
def filled():
    """Three instances have sent, and the sums are known."""
    random.seed(5)
    with short_dir() as dir, Redis(dir) as redis, fleet(redis) as servers:
        sent = {"lat": [], "temp": []}
        for i, s in enumerate(servers):
            lines = ["api.requests:%d|c|#route:/login,env:prod" % (10 ** i), "api.requests:0.5|c|#env:test", "depth:%d|g" % i]
            lines += ["users:u%d|s" % k for k in range(i * 10, i * 10 + 15)]
            for _ in range(400):
                sent["lat"].append(round(random.lognormvariate(3, 1), 3))
                sent["temp"].append(round(random.gauss(0, 5), 3))
                lines += ["api.latency:%r|ms" % sent["lat"][-1], "temp:%r|h" % sent["temp"][-1]]
            for k in range(0, len(lines), 20):
                s.send("\n".join(lines[k:k + 20]))
            s.wait_self("statsd_redis_applied_series_total", 6)
        time.sleep(1.6)  # until the interval of the sets is closed for who reads
        yield redis, servers, sent


def test_get_adds_up_what_all_instances_sent(filled):
    redis = filled[0]
    got = {o["series"]: o for o in objects(redis, "get", "api.requests")}
    login = got["api.requests|#env:prod,route:/login"]
    assert login["value"] == 111 and login["kind"] == "counter" and login["name"] == "api.requests"
    assert login["tags"] == ["env:prod", "route:/login"] and abs(login["last"] - time.time()) < 60
    assert got["api.requests|#env:test"]["value"] == 1.5


def test_get_takes_tags_in_any_order_and_patterns(filled):
    redis = filled[0]
    for pattern in ("api.requests|#route:/login,env:prod", "api.requests|#env:prod", "api.*|#route:*", "*|#env:pr?d"):
        assert [o["series"] for o in objects(redis, "get", pattern)] == ["api.requests|#env:prod,route:/login"], pattern
    assert {o["name"] for o in objects(redis, "get", "*|#")} == {"api.latency", "depth", "temp", "users"}
    assert {o["name"] for o in objects(redis, "get", "depth", "temp")} == {"depth", "temp"}


def test_quantiles_over_three_instances_are_those_of_all_values(filled):
    redis, _, sent = filled
    for name, key in (("api.latency", "lat"), ("temp", "temp")):
        values = sent[key]
        got, = objects(redis, "get", name)
        assert got["count"] == len(values) and math.isclose(got["sum"], sum(values), rel_tol=1e-12, abs_tol=1e-9)
        assert got["min"] == min(values) and got["max"] == max(values)
        assert math.isclose(got["avg"], sum(values) / len(values), rel_tol=1e-9)
        for q, member in ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p999")):
            assert near(got[member], values, q), (name, q, got[member], rank(values, q))


def test_a_set_is_counted_over_all_instances(filled):
    with short_dir() as dir, Redis(dir) as redis, fleet(redis, 2, "5s") as servers:
        t = time.time()
        time.sleep(5 - t % 5 + 0.1)  # both in one interval
        for i, s in enumerate(servers):
            s.send("\n".join("users:u%d|s" % k for k in range(i * 10, i * 10 + 15)))
        applied(servers, 1)
        time.sleep(2.6)
        got, = objects(redis, "get", "users")
        assert got["members"] == 25 and got["t"] % 5 == 0
        rows = objects(redis, "range", "users", "--last", "1m")
        assert [o["members"] for o in rows if "members" in o] == [25, 25] and rows[-1]["all"]


def test_range_has_every_interval_and_all_of_them_together(filled):
    redis, _, sent = filled
    rows = objects(redis, "range", "api.latency", "api.requests|#env:test")
    latency, requests = [r for r in rows if r["name"] == "api.latency"], [r for r in rows if r["name"] == "api.requests"]
    assert sum(r.get("value", 0) for r in requests[:-1]) == 1.5 == requests[-1]["value"] and requests[-1]["all"]
    whole = latency[-1]
    assert sum(r.get("count", 0) for r in latency[:-1]) == whole["count"] == len(sent["lat"])
    for q, member in ((0.5, "p50"), (0.9, "p90"), (0.99, "p99")):
        assert near(whole[member], sent["lat"], q)
    times = [r["t"] for r in latency[:-1]]
    assert times == list(range(times[0], times[0] + len(times))) and all(r["seconds"] == 1 for r in latency[:-1] if "seconds" in r)


def test_steps_put_intervals_together(filled):
    redis = filled[0]
    rows = objects(redis, "range", "api.requests|#env:prod", "--step", "1h")
    assert rows[0]["t"] % 3600 == 0 and rows[0]["value"] + (rows[1]["value"] if len(rows) > 2 else 0) == 111
    assert rows[-1]["all"] and rows[-1]["value"] == 111
    assert math.isclose(rows[-1]["rate"], 111 / rows[-1]["seconds"])


def test_top_is_by_what_one_asks(filled):
    redis, _, sent = filled
    by_rate = objects(redis, "top", "--last", "10m")
    assert [o["name"] for o in by_rate[:2]] == ["api.latency", "temp"] and by_rate[2]["name"] == "api.requests"
    assert by_rate[2]["series"] == 2 and by_rate[2]["value"] == 112.5
    assert [o["name"] for o in objects(redis, "top", "--by", "sum", "--last", "10m")] == ["api.latency", "temp"]
    assert objects(redis, "top", "--by", "total", "-n", "1")[0]["count"] == len(sent["lat"])
    assert [o["name"] for o in objects(redis, "top", "api.*", "--by", "total")] == ["api.latency", "api.requests"]


def test_people_get_a_table(filled):
    redis = filled[0]
    text = cli(redis, "get", "api.*", "depth")
    assert re.search(r"^counter +sum +last$", text, re.M) and re.search(r"^api\.requests\|#env:test +1\.5 +\d+s ago$", text, re.M)
    assert re.search(r"^timer +count +sum +min +max +avg +p50 +p90 +p99 +p999 +last$", text, re.M)
    assert re.search(r"^gauge +value +set\ndepth +\d ", text, re.M)
    assert re.search(r"^metric +kind +series +count +sum +per s$", cli(redis, "top"), re.M)
    text = cli(redis, "range", "api.requests|#env:test")
    assert text.startswith("counter api.requests|#env:test\ntime ") and re.search(r"^all +1\.5 ", text, re.M)


def test_a_name_that_is_not_there_has_near_ones_in_the_hint(filled):
    redis = filled[0]
    done = run("redis", "get", "api.reqests", "--set", redis.url)
    assert done.returncode == 1 and done.stdout == b""
    assert done.stderr == b"statsd: nothing in redis matches api.reqests; did you mean api.requests?\n"
    assert run("redis", "get", "zzzzzzzzzz", "--set", redis.url).stderr == b"statsd: nothing in redis matches zzzzzzzzzz\n"


def test_tail_shows_each_interval_as_it_closes(filled):
    redis, servers, _ = filled
    command = [STATSD, "redis", "tail", "tailed*", "-n", "3", "--json", "--set", redis.url]
    tail = subprocess.Popen(command, stdout=subprocess.PIPE, env=clean_env())
    try:
        rows = []
        for _ in range(60):
            for s in servers:
                s.send("tailed:1|c")
            time.sleep(0.1)
            if tail.poll() is not None:
                break
        rows = [json.loads(line) for line in tail.communicate(timeout=30)[0].splitlines()]
        assert tail.returncode == 0 and len(rows) >= 2
        assert len({r["t"] for r in rows}) == len(rows) and rows == sorted(rows, key=lambda r: r["t"])
        whole = max(r["value"] for r in rows)
        assert 24 <= whole <= 36, rows  # about ten of each of three instances
    finally:
        tail.kill()
        tail.wait()


def test_a_gauge_is_the_sum_of_its_instances_where_the_config_says_so(dir, redis):
    with fleet(redis, 3, "200ms", "redis.gauge_merge=sum", "redis.instance_ttl=10m") as servers:
        for i, s in enumerate(servers):
            s.send("depth:%d|g" % (i + 1), "depth:+10|g")
        applied(servers, 1)
        got, = wait_for(lambda: [o for o in objects(redis, "get", "depth") if o["value"] == 36], "the sum of all three")
        assert [(i["instance"], i["value"]) for i in got["instances"]] == [("web-0", 11), ("web-1", 12), ("web-2", 13)]


def test_gauges_by_their_rule_and_by_instance(dir, redis):
    now_ms = int(time.time() * 1000)
    redis.client.hset("{sd:%02d}:tot" % shard_of("depth"), mapping={
        "g|depth": "9 %d a" % now_ms, "i|web|depth": "1 %d sum" % now_ms, "i|a%7Cb|depth": "2 5000 sum", "i|gone|depth": "4 5000 sum",
        "i|web": "%d 60000" % now_ms, "i|a%7Cb": "%d 60000" % now_ms, "i|gone": "%d 60000" % (now_ms - 61000)})
    got, = objects(redis, "get", "depth")
    assert got["value"] == 3 and got["rule"] == "sum" and got["stamp_ms"] == now_ms
    assert [(i["instance"], i["value"], i["alive"]) for i in got["instances"]] == [("a|b", 2, True), ("gone", 4, False), ("web", 1, True)]
    text = cli(redis, "get", "depth")
    assert re.search(r"^depth +3 +\d+s ago$", text, re.M) and re.search(r"^depth +a\|b +2 +sum +\d+d ago +yes$", text, re.M)


def test_what_strangers_wrote_is_left_out_and_counted(dir, redis):
    shard = shard_of("odd")
    redis.client.hset("{sd:%02d}:tot" % shard, mapping={"c|odd": "nan 5", "h|odd": b"\x93\x01", "c|odd|#\xff": "1 5", "g|odd": "1 5000 a"})
    done = run("redis", "get", "odd", "--json", "--set", redis.url)
    assert done.returncode == 0 and done.stderr == b"statsd: warning: 2 values in redis are none of ours\n"
    assert {json.loads(line)["kind"] for line in done.stdout.splitlines()} == {"counter", "gauge"}


def test_a_key_of_the_wrong_type_is_an_error_of_redis(dir, redis):
    redis.client.set("{sd:%02d}:tot" % shard_of("odd"), "x")
    done = run("redis", "get", "odd", "--set", redis.url)
    assert done.returncode == 1 and b"WRONGTYPE" in done.stderr and done.stderr.count(b"\n") == 1


def test_an_empty_redis_or_another_prefix_is_told_apart_from_a_name_that_is_not_there(dir, redis):
    for prefix in ("sd", "other"):
        for words in (("get", "x"), ("range", "x"), ("top",)):
            done = run("redis", *words, "--set", redis.url, "--set", "redis.prefix=" + prefix)
            assert done.returncode == 1 and done.stderr.decode().endswith("under redis.prefix %s\n" % prefix), done.stderr
        fill(redis)


def test_output_that_is_not_taken_is_told_as_of_other_commands(dir, redis):
    fill(redis)
    with open("/dev/full", "wb") as full:
        for words in (READS["get"], READS["range"], READS["top"]):
            done = subprocess.run([STATSD, "redis", *words, "--set", redis.url], stdout=full, stderr=subprocess.PIPE, env=clean_env())
            assert done.returncode == 1 and done.stderr == b"statsd: cannot write standard output: No space left on device\n"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([STATSD, "redis", "get", "*", "--set", redis.url], stdout=write, stderr=subprocess.PIPE, env=clean_env())
    os.close(write)
    assert done.returncode == -signal.SIGPIPE and done.stderr == b""


def test_redis_away_is_one_line_within_the_connect_timeout(dir):
    start = time.monotonic()
    done = run("redis", "get", "x", "--set", "redis.url=unix://%s/none" % dir, "--set", "redis.connect_timeout=500ms")
    assert done.returncode == 1 and time.monotonic() - start < 5 * SLOW
    assert re.fullmatch(r"statsd: unix://.*: No such file or directory\n", done.stderr.decode())


def listen(redis):
    """By TCP, too.   returns  the port: others may take a free one before Redis does"""
    for _ in range(20):
        with socket.create_server(("127.0.0.1", 0)) as s:
            port = s.getsockname()[1]
        with contextlib.suppress(ResponseError):
            redis.client.config_set("port", port)
            return port
    raise AssertionError("Redis finds no port")


def test_a_wrong_password_is_said_at_once_and_not_shown(dir, redis):
    port = listen(redis)
    redis.client.config_set("requirepass", "right")
    for url, said in ((redis.url, "NOAUTH"), ("redis.url=redis://:mistaken@127.0.0.1:%d" % port, "WRONGPASS")):
        start = time.monotonic()
        done = run("redis", "get", "x", "--set", url, "--set", "redis.connect_timeout=20s")
        assert done.returncode == 1 and said in done.stderr.decode() and done.stderr.count(b"\n") == 1
        assert b"mistaken" not in done.stderr and time.monotonic() - start < 10 * SLOW


def test_a_cluster_is_read_as_one_redis(dir):
    with Cluster(dir, replicas=0) as cluster, fleet(cluster, 2) as servers:
        names = ["spread.%d" % i for i in range(50)]
        for s in servers:
            s.send("\n".join("%s:2|c" % n for n in names))
            s.send("users:%d|s" % s.pid)
        applied(servers, 51)
        time.sleep(1.6)
        got = {o["name"]: o for o in objects(cluster, "get", "spread.*", "users")}
        assert set(got) == {"users", *names} and all(got[n]["value"] == 4 for n in names)
        assert got["users"]["members"] in (1, 2)  # of one interval, or of two
        assert len(objects(cluster, "top", "-n", "100", "--by", "total")) == 50
        rows = objects(cluster, "range", "spread.7")
        assert rows[-1]["all"] and rows[-1]["value"] == 4


def names_by_node(cluster, n=200):
    """One name of each master."""
    found = {}
    for i in range(n):
        name = "spread.%d" % i
        found.setdefault(cluster.owner(slot_of("{sd:%02d}" % shard_of(name))).addr, name)
    assert len(found) == cluster.masters
    return found


@pytest.mark.parametrize("frozen", [False, True], ids=["killed", "frozen"])
def test_a_name_is_read_while_other_nodes_are_away(dir, frozen):
    with Cluster(dir, replicas=0) as cluster:
        names, t = names_by_node(cluster), int(time.time()) // 10 * 10 - 40
        for name in names.values():
            shard = shard_of(name)
            node = cluster.owner(slot_of("{sd:%02d}" % shard)).client
            node.hset("{sd:%02d}:tot" % shard, "c|" + name, "3 %d" % t)
            node.hset("{sd:%02d}:i:%d" % (shard, t), "c|" + name, "2")
            node.pfadd("{sd:%02d}:s:%d:%s" % (shard, t, name), "alice")
            node.zadd("{sd:%02d}:sets" % shard, {"%d:%s" % (t, name): time.time() + 600})
            node.xadd("{sd:%02d}:log" % shard, {"t": t, "i": "a", "n": 1})
        away, *there = cluster.nodes[2], *cluster.nodes[:2]
        if frozen:
            away.pause()
        else:
            away.kill()
        more = ("--set", cluster.url, "--set", "redis.connect_timeout=700ms")
        for node in there:
            name = names[node.addr]
            done = run("redis", "get", name, "--json", *more)
            assert done.returncode == 0, done.stderr
            assert [(o["kind"], o.get("value", o.get("members"))) for o in map(json.loads, done.stdout.splitlines())] == [
                ("counter", 3), ("set", 1)]
            assert b"warning" in done.stderr and away.addr.encode() in done.stderr and done.stderr.count(b"\n") == 1
            done = run("redis", "range", name, "--json", "--last", "5m", *more)
            assert done.returncode == 0 and json.loads(done.stdout.splitlines()[0])["value"] == 2, done.stderr
        for words in (("get", names[away.addr]), ("get", "spread.*"), ("range", "*"), ("top",), ("tail",)):
            start = time.monotonic()
            done = run("redis", *words, *more)
            assert done.returncode == 1 and time.monotonic() - start < 10 * SLOW, words
            assert away.addr.encode() + b": " in done.stderr and done.stdout == b"" and done.stderr.count(b"\n") == 1, done.stderr


def test_a_cluster_that_is_down_says_so_within_the_reply_timeout(dir):
    with Cluster(dir, replicas=0, full_coverage=True) as cluster:
        cluster.nodes[2].kill()
        wait_for(lambda: all(n.client.execute_command("CLUSTER INFO")["cluster_state"] == "fail" for n in cluster.nodes[:2]),
                 "the cluster to be down", 20 * SLOW)
        name = next("x%d" % i for i in range(200) if slot_of("{sd:%02d}" % shard_of("x%d" % i)) < 5000)
        start = time.monotonic()
        done = run("redis", "get", name, "--set", cluster.url, "--set", "redis.connect_timeout=1s", "--set", "redis.reply_timeout=1s")
        assert done.returncode == 1 and b"CLUSTERDOWN" in done.stderr and time.monotonic() - start < 15 * SLOW, done.stderr


def test_an_instance_whose_clock_is_fast_hides_no_interval(dir, redis):
    now = int(time.time()) // 10 * 10
    for t in range(now - 50, now + 40, 10):
        redis.client.hset("{sd:%02d}:i:%d" % (shard_of("hits"), t), "c|hits", "1" if t > now else "3")
        for instance, ahead in (("slow", 0), ("fast", 30)):
            if t < now - 10 + ahead:
                redis.client.xadd("{sd:%02d}:log" % (shard_of(instance)), {"t": t, "i": instance, "n": 1})
    got, = objects(redis, "top")
    assert got["value"] == 3
    assert max(o["t"] for o in objects(redis, "range", "hits")) < now


def test_tail_waits_until_an_interval_is_over_also_for_one_whose_clock_is_fast(dir, redis):
    write = lambda instance, t: redis.client.xadd("{sd:%02d}:log" % shard_of(instance), {"t": t, "i": instance, "n": 1})
    start = int(time.time())
    for t in range(start - 5, start):
        redis.client.hset("{sd:%02d}:i:%d" % (shard_of("hits"), t), "c|hits", "1")
        write("slow", t), write("fast", t + 30)
    tail = subprocess.Popen([STATSD, "redis", "tail", "hits", "-n", "3", "--json", "--set", redis.url], stdout=subprocess.PIPE,
                            env=clean_env())
    try:
        for t in range(start, start + 60):
            for at in (t, t + 30):
                redis.client.hincrby("{sd:%02d}:i:%d" % (shard_of("hits"), at), "c|hits", 1)
            write("slow", t), write("fast", t + 30)
            if wait_until(t + 2, tail):
                break
        rows = [json.loads(line) for line in tail.communicate(timeout=30)[0].splitlines()]
        assert tail.returncode == 0 and len(rows) == 3 and all(r["t"] < time.time() for r in rows), rows
    finally:
        tail.kill()
        tail.wait()


def test_tail_of_an_instance_goes_on_after_intervals_that_only_others_wrote(dir, redis):
    write = lambda instance, t: redis.client.xadd("{sd:%02d}:log" % shard_of(instance), {"t": t, "i": instance, "n": 1})
    t = int(time.time()) - 20
    write("a", t), write("b", t)
    tail = subprocess.Popen([STATSD, "redis", "tail", "hits", "-n", "2", "--instance", "a", "--json", "--set", redis.url],
                            stdout=subprocess.PIPE, env=clean_env())
    try:
        wait_for(lambda: redis.client.info("commandstats").get("cmdstat_xread", {}).get("calls", 0) >= 64, "tail to wait")
        for at, instances in ((t + 1, "b"), (t + 2, "ab"), (t + 3, "b"), (t + 4, "ab")):
            redis.client.hset("{sd:%02d}:i:%d" % (shard_of("hits"), at), "c|hits", "1")
            for instance in instances:
                write(instance, at)
        rows = [json.loads(line) for line in tail.communicate(timeout=30)[0].splitlines()]
        assert [r["t"] for r in rows] == [t + 2, t + 4]
    finally:
        tail.kill()
        tail.wait()


def wait_until(t, process):
    """returns  whether the process ended before"""
    while time.time() < t and process.poll() is None:
        time.sleep(0.05)
    return process.poll() is not None


def test_a_file_of_the_password_is_read(dir, redis):
    redis.client.config_set("requirepass", "right")
    path = os.path.join(dir, "password")
    for text, status in (("right\n", 1), ("wrong\n", 1)):
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)
        done = run("redis", "get", "x", "--set", redis.url, "--set", "redis.password_file=" + path)
        assert done.returncode == status and (b"nothing in redis" in done.stderr) == (text == "right\n"), done.stderr


def reader_of(redis, more=()):
    """A user with the rights that docs/redis.md lists, and what is changed then; its settings."""
    with open(os.path.join(TOP, "docs", "redis.md")) as f:
        line = re.search(r"^    ACL SETUSER (statsd-reader .*\n.*\n)", f.read(), re.M).group(1)
    port = listen(redis)
    redis.client.execute_command("ACL", "SETUSER", *line.split(), *more)
    return "redis.url=redis://statsd-reader:secret@127.0.0.1:%d" % port


def add_set(redis, t, name, member):
    redis.client.pfadd("{sd:%02d}:s:%d:%s" % (shard_of(name), t, name), member)
    redis.client.zadd("{sd:%02d}:sets" % shard_of(name), {"%d:%s" % (t, name): time.time() + 600})


def fill(redis):
    """One series of each kind, in the totals and in two intervals."""
    t = int(time.time()) // 10 * 10 - 40
    for name, field, value in (("hits", "c|hits", "3"), ("depth", "g|depth", "5 5000 a"), ("depth", "i|a|depth", "5 5000 sum")):
        for key in ("tot", "i:%d" % t):
            redis.client.hset("{sd:%02d}:%s" % (shard_of(name), key), field, value)
    for at in (t, t + 10):
        add_set(redis, at, "users", "alice")
        redis.client.xadd("{sd:00}:log", {"t": at, "i": "a", "n": 3})


READS = {"get": ("get", "*"), "range": ("range", "*", "--last", "5m"), "top": ("top", "--last", "5m"), "tail": ("tail", "-n", "1")}


def test_the_rights_in_the_docs_are_enough(dir, redis):
    fill(redis)
    sets = reader_of(redis)
    for words in (READS["get"], READS["range"], READS["top"]):
        done = run("redis", *words, "--set", sets)
        assert done.returncode == 0 and done.stderr == b"" and b"hits" in done.stdout, (words, done.stderr)


@pytest.mark.parametrize("right, part", [("hscan", "get"), ("hscan", "top"), ("hmget", "get"), ("zscan", "get"), ("pfcount", "get"),
                                         ("pfcount", "range"), ("xrevrange", "range"), ("xread", "tail")])
def test_a_right_that_is_missing_is_named_on_one_line(dir, redis, right, part):
    fill(redis)
    done = run("redis", *READS[part], "--set", reader_of(redis, ["-" + right]))
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1 and done.stdout == b"", (done.stdout, done.stderr)
    assert b"NOPERM" in done.stderr and right.encode() in done.stderr and b"docs/redis.md" in done.stderr


def test_without_a_url_it_says_which_option(dir):
    done = run("redis", "get", "x")
    assert done.returncode == 2 and b"redis.url is not set" in done.stderr


@pytest.mark.parametrize("words, said", [
    ((), "redis takes get, range, top or tail"),
    (("put", "x"), "not put"),
    (("get",), "1 to 64 names"),
    (("get", ""), "a pattern begins with a name"),
    (("get", "x", "--last", "1m"), "redis get does not take --last"),
    (("get", "x", "-n", "1"), "redis get does not take -n"),
    (("top", "-n", "0"), "-n takes a number"),
    (("range", "x", "--last", "90"), "whole seconds, with a unit"),
    (("range", "x", "--last", "1m", "--from", "5"), "either --last, or --from and --to"),
    (("range", "x", "--from", "yesterday"), "Unix seconds"),
    (("range", "x", "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"), "not before"),
    (("tail", "--step", "1m"), "redis tail does not take --step"),
])
def test_what_is_wrong_with_a_command_line_is_said(words, said):
    done = run("redis", *words, "--set", "redis.url=unix:///nowhere")
    assert done.returncode == 2 and said in done.stderr.decode(), done.stderr
