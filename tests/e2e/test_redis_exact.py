"""What may go wrong between a server and Redis without a cut: twins, rights, clocks of others, an emptied Redis."""
import time

import pytest

import harness
from harness import Redis, Server, wait_for
from test_redis import Load, unix_server


def start_at_once(*servers):
    for s in servers:
        s.wait = False
        s.__enter__()
    for s in servers:
        s._wait_listening()


def test_two_servers_of_one_name_started_at_once_are_both_exact(dir, redis):
    """The default instance name, one Redis, one moment: the sum is that of both."""
    for n in range(1, 11):
        a, b = Server(redis.url), Server(redis.url)
        start_at_once(a, b)
        try:
            for s in (a, b):
                s.send(*["twin:1|c"] * 500)
                s.wait_self("statsd_samples_aggregated_total", 500)
        finally:
            a.__exit__(None, None, None)
            b.__exit__(None, None, None)
        assert redis.total("c", "twin") == 1000 * n


def test_a_second_live_server_of_one_name_is_said_and_counted(dir, redis):
    with Server(redis.url) as a, Server(redis.url) as b:
        for s in (a, b):
            s.send("on:1|c")
        for s in (a, b):
            s.wait_self("statsd_redis_instance_conflicts_total", 2)
            said = s.logged("another live server writes to redis under this instance name")
            assert len(said) == 1 and "server.instance" in said[0]["remedy"], said
            assert s.scrape().sum("statsd_redis_foreign_duplicates_total") == 0


def test_a_restart_is_no_second_server(dir, redis):
    for _ in range(3):
        with Server(redis.url) as s:
            s.send("on:1|c")
            s.wait_self("statsd_redis_applied_intervals_total", 3)
            assert s.scrape().sum("statsd_redis_instance_conflicts_total") == 0


@pytest.mark.parametrize("command", ["hset", "hmget", "expire", "set", "get", "xadd", "time", "evalsha"])
def test_a_right_taken_away_under_load_loses_nothing(dir, redis, command):
    admin = redis.client
    with unix_server(dir, redis.url) as s:
        with Load(s) as load:
            s.wait_self("statsd_redis_applied_intervals_total", 1)
            admin.execute_command("ACL", "SETUSER", "default", "-" + command)
            refused = wait_for(lambda: s.logged("redis refused"), "that Redis refuses")
            assert command.lower() in refused[0]["error"].lower() and "ACL SETUSER" in refused[0]["remedy"], refused[0]
            time.sleep(1)
            admin.execute_command("ACL", "SETUSER", "default", "+" + command)
            before = s.scrape().sum("statsd_redis_applied_intervals_total")
            s.wait_self("statsd_redis_applied_intervals_total", before + 5)
        page = s.scrape()
        assert page.sum("statsd_redis_dropped_series_total") == 0
        assert page.sum("statsd_redis_errors_total") > 0
    assert redis.totals() == load.sent
    assert all(0 < admin.ttl(k) <= 600 for k in admin.keys("{sd:*}:i:*"))


def test_a_refused_password_is_said_with_the_url_and_what_to_do(dir, redis):
    redis.client.config_set("requirepass", "sesame")
    with Server(redis.url) as s:
        line = wait_for(lambda: s.logged("redis refused"), "that Redis refuses")[0]
        assert "NOAUTH" in line["error"] and "password" in line["remedy"] and line["url"].startswith("unix://"), line
        assert not s.logged("redis not reachable")
        s.send("kept:3|c")
        redis.client.config_set("requirepass", "")
        wait_for(lambda: redis.total("c", "kept") == 3, "that it goes on by itself", 20 * harness.SLOW)


def all_said(s):
    """(the lines of lost writes, the page), when they say as much as it counts."""
    lines, page = s.logged("redis lost acknowledged writes that are not kept any more"), s.scrape()
    return (lines, page) if sum(int(line["series"]) for line in lines) == page.sum("statsd_redis_lost_series_total") else None


def test_a_redis_emptied_beyond_what_is_kept_is_counted_and_said(dir, redis):
    """15 s and two intervals are kept, within a quarter of the spool: 500 KiB of batches are too many for 1 MiB.  They
    are packed, so the names have little in common."""
    series = 20000
    names = ["lost.%016x" % (k * 0x9e3779b97f4a7c15 % 2 ** 64) for k in range(series)]
    with unix_server(dir, redis.url, "redis.spool_max_bytes=1MiB", interval="1s") as s:
        with s.sender(unix=True) as c:
            for i in range(0, series, 50):
                c.send("\n".join("%s:1|c" % name for name in names[i:i + 50]).encode())
        s.wait_self("statsd_redis_applied_series_total", series)
        redis.client.flushall()
        s.send("on:1|c")
        s.wait_self("statsd_redis_lost_series_total", 1)
        wait_for(lambda: redis.total("c", "on") == 1, "that it goes on")
        # Several answers may bring the news, and the log has a line of each second in which one did.
        lines, page = wait_for(lambda: all_said(s), "the amount in the log")
        lost = page.sum("statsd_redis_lost_series_total")
        assert 0 < lost <= series and len(redis.totals()) - 1 >= series - lost
        assert page.sum("statsd_redis_lost_batches_total") > 0
        assert page.sum("statsd_redis_lost_intervals_total") >= 1
        assert all(int(line["batches"]) > 0 and int(line["intervals"]) >= 1 for line in lines)


def test_producer_keys_deleted_under_load_double_nothing(dir, redis):
    db = redis.client
    with unix_server(dir, redis.url) as s:
        with Load(s) as load:
            for _ in range(3):
                time.sleep(0.4)
                keys = wait_for(lambda: db.keys("{sd:*}:p:*"), "producers")
                db.delete(*keys)
            s.wait_self("statsd_redis_lost_producers_total", 1)
        assert s.logged("redis lost a producer's key while the totals stayed")
        assert s.scrape().sum("statsd_redis_dropped_series_total") == 0
    assert redis.totals() == load.sent


def test_idle_starts_and_stops_leave_nothing_in_redis(dir, redis):
    for _ in range(5):
        with Server(redis.url, interval="100ms") as s:
            s.wait_self("statsd_redis_applied_intervals_total", 3)
    assert redis.client.dbsize() == 0
    with Server(redis.url) as s:
        s.send("one:1|c")
        wait_for(lambda: redis.total("c", "one") == 1, "the value")
        producers = redis.client.keys("{sd:*}:p:*")
        assert 1 <= len(producers) <= 2 and all(redis.client.ttl(k) <= 5000 for k in producers)    # its shard and the log's
    assert all(redis.client.ttl(k) <= 60 for k in producers)
