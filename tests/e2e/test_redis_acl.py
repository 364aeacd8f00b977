"""The rights that docs/redis.md lists: enough as they stand there, and each one missing is said."""
import os
import re

import pytest

import harness
from harness import Server, run, wait_for
from test_redis_tls import SecureRedis, certs  # noqa: F401

DOC = os.path.join(os.path.dirname(__file__), "../../docs/redis.md")


def documented(user):
    """The words of `ACL SETUSER user ..`, which goes on over lines that begin with +."""
    found = re.search(r"^ +(ACL SETUSER %s .*\n(?: +\+.*\n)*)" % user, open(DOC).read(), re.M)
    return found.group(1).split()


def rights(user):
    return [w[1:] for w in documented(user) if w.startswith("+")]


@pytest.fixture
def place(dir, certs):  # noqa: F811
    with SecureRedis(dir, certs) as r:
        r.client.execute_command(*documented("statsd"))
        r.client.execute_command("ACL", "LOG", "RESET")
        yield r


def send_all(s):
    """Something of each kind; a set that is a HyperLogLog."""
    s.send("hits:3|c\nlevel:7|g\nlevel:+1|g\nlat:5|ms", "_e{2,2}:db|up", "_sc|db|0")
    for i in range(0, 1200, 50):
        s.send("\n".join("users:u%d|s" % n for n in range(i, i + 50)))


def denied(r):
    return [(e["reason"], e["object"], e["username"]) for e in r.client.acl_log()]


def test_the_documented_rights_of_an_instance_are_enough(place):
    r = place
    with Server(*r.settings(userinfo="statsd:secret@")) as s:
        send_all(s)
        wait_for(lambda: r.total("c", "hits") == 3 and r.total("g", "level") == 8 and r.timer("lat"), "all of it in Redis")
        s.wait_self("statsd_redis_events_appended_total", 2)
        assert s.get("/cluster/metrics")[0] == 200
        assert s.scrape().sum("statsd_redis_errors_total") == 0
        assert not s.logged("redis refused")
    assert denied(r) == []


def test_the_documented_rights_of_a_reader_are_enough(place):
    r = place
    r.client.execute_command(*documented("statsd-reader"))
    with Server(*r.settings(userinfo="statsd:secret@")) as s:
        send_all(s)
        wait_for(lambda: r.total("c", "hits") == 3, "it in Redis")
        s.wait_self("statsd_redis_applied_intervals_total", 2)
        sets = [w for x in r.settings(userinfo="statsd-reader:secret@") for w in ("--set", x)] + ["--set", "server.interval=200ms"]
        for words in (("get", "hits"), ("get", "users"), ("get", "lat"), ("range", "hits", "--last", "1m"), ("top",), ("tail", "-n", "1")):
            done = run("redis", *words, *sets)
            assert done.returncode == 0, (words, done)
    assert denied(r) == []


# What one instance cannot do without, on a single Redis, to write: del and pfmerge are for sets that several instances send.
NEEDED = [w for w in rights("statsd") if w not in
          ("auth", "client|setname", "select", "del", "pfmerge", "hscan", "hdel", "cluster|slots", "asking", "role", "zscan", "pfcount",
           "xrevrange")]


@pytest.mark.parametrize("right", NEEDED)
def test_a_right_that_is_missing_is_one_line_in_the_log_and_loses_nothing(place, right):
    r = place
    r.client.execute_command("ACL", "SETUSER", "statsd", "-" + right)
    with Server(*r.settings(userinfo="statsd:secret@")) as s:
        send_all(s)
        msgs = ("redis refused", "redis refuses events: they wait")
        lines = wait_for(lambda: [l for m in msgs for l in s.logged(m)], "that Redis refuses")
        assert right.split("|")[0] in lines[0]["error"].lower() and "ACL SETUSER" in lines[0]["remedy"], lines
        assert "secret" not in "\n".join(s.raw_log)
        assert len(s.logged("redis refused")) <= 1
        r.client.execute_command("ACL", "SETUSER", "statsd", "+" + right)
        wait_for(lambda: r.total("c", "hits") == 3 and r.total("g", "level") == 8, "that it goes on by itself", 20 * harness.SLOW)
        s.wait_self("statsd_redis_events_appended_total", 2, 20 * harness.SLOW)
        assert s.scrape().sum("statsd_redis_dropped_series_total") == 0
