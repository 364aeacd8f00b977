"""What `statsd check` prints as the RAM of Redis, beside MEMORY USAGE of the keys that a real server made."""
import re

import pytest

import harness
from harness import Server, run, wait_for

pytestmark = pytest.mark.plain     # it is Redis that is measured
SERIES, KEY, PACK = 10000, 80, 15
WITHIN = 0.15
FIELD_LEFT_OUT = 8    # MEMORY USAGE takes an entry of a table for 24 bytes; the allocator gives 32 for it
KEY_LEFT_OUT = 64     # of a key with a time to live: its places in two tables, and an entry of the one of times
UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def name(i):
    """KEY bytes of name and tags; the shards get about as many each."""
    head = "memory.of.series%05d|#" % i
    return head.split("|")[0], ("a:%s" % ("x" * KEY))[:KEY - len(head)]


KINDS = {
    "counters": lambda i: ["%d|c" % (100000 + i)],
    "gauges": lambda i: ["%.1f|g" % (1000 + i / 10)],
    # Twelve buckets of schema 5 side by side, 200 in each: 2 bytes, and 3 for the sum of two intervals.
    "timers of 12 buckets": lambda i: [":".join("%.6g" % (100 * 2 ** ((b + 0.5) / 32)) for b in range(12)) + "|h|@0.005"],
    "sets of 5 members": lambda i: ["user-%d|s" % (i * 7 + m * 131) for m in range(5)],
}


def printed():
    """{kind: (bytes of a total, bytes of an interval)}, of one series"""
    text = run("check", "--set", "redis.url=redis://127.0.0.1").stdout.decode()
    found = re.findall(r"([a-z0-9 ]+): totals ([0-9.]+) (\w+) \+ \d+ intervals kept x ([0-9.]+) (\w+)\n", text)
    return {kind.strip(): (float(t) * UNITS[tu] / 100000, float(i) * UNITS[iu] / 100000) for kind, t, tu, i, iu in found}


def send(kind, datagrams):
    for i in range(0, SERIES, PACK):
        lines = []
        for n in range(i, min(i + PACK, SERIES)):
            head, tags = name(n)
            lines += ["%s:%s|#%s" % (head, value, tags) for value in KINDS[kind](n)]
        datagrams.send("\n".join(lines).encode())


def used(redis, pattern):
    """Bytes of all keys of a pattern, and how many of them."""
    keys = list(redis.client.scan_iter(pattern, 1000))
    with redis.client.pipeline(transaction=False) as p:
        for k in keys:
            p.execute_command("MEMORY", "USAGE", k, "SAMPLES", 0)
        return sum(p.execute()), len(keys)


@pytest.mark.parametrize("kind", KINDS)
def test_memory_usage_of_ten_thousand_series_is_near_what_check_prints(dir, redis, kind):
    total, interval = printed()[kind]
    # A stop closes an interval; another process closes a second one, into the same totals.
    for length in ("1h", "30m"):
        with Server(redis.url, "redis.retention=1h", sockets=["unixgram://%s/dsd.sock" % dir, "udp://127.0.0.1:0"], interval=length) as s:
            with s.sender(unix=True) as c:
                send(kind, c)
            s.wait_self("statsd_samples_aggregated_total", SERIES)
    is_set = kind.startswith("sets")
    bytes_used, keys = used(redis, "{sd:*}:s:*" if is_set else "{sd:*}:i:*")
    if is_set:
        times = keys / SERIES
        list_bytes, _ = used(redis, "{sd:*}:sets")
        bytes_used += keys * (KEY_LEFT_OUT + FIELD_LEFT_OUT) + list_bytes
    else:
        times = sum(redis.client.hlen(k) for k in redis.client.scan_iter("{sd:*}:i:*", 1000)) / SERIES
        bytes_used += times * SERIES * FIELD_LEFT_OUT
    # Each run sends a series once: it has two intervals, or one, where both began at the same second. When the clock strikes meanwhile, some have.
    assert 1 <= times <= 2
    assert bytes_used / SERIES / times == pytest.approx(interval, rel=WITHIN)
    if total > 0:
        bytes_used, keys = used(redis, "{sd:*}:tot")
        assert keys == harness.SHARDS
        assert bytes_used / SERIES + FIELD_LEFT_OUT == pytest.approx(total, rel=WITHIN)


def test_a_redis_that_is_off_needs_nothing():
    assert printed() and "redis RAM" not in run("check").stdout.decode()


def test_every_kind_is_printed():
    assert set(printed()) == set(KINDS)
