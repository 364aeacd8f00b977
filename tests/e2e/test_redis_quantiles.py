"""Quantiles of three servers' timers together, read from Redis, beside those of all values that were sent."""
import contextlib
import math
import random

import pytest

from harness import Server, wait_for

pytestmark = pytest.mark.answers

PACK = 40           # values a line
QUANTILES = [0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1]


def lognormal(rng, server):
    return rng.lognormvariate(math.log(100), 1)


def uniform(rng, server):
    return rng.uniform(1, 1000)


def each_server_its_own_range(rng, server):
    """Their windows of buckets do not overlap."""
    return rng.uniform(1, 2) * 1000 ** server


def few_values(rng, server):
    return rng.choice([0.25, 3, 3.1, 7000])


def twelve_decades(rng, server):
    """More than a sketch of schema 5 holds: it is kept at 4."""
    return 10 ** rng.uniform(-6, 6)


def around_zero(rng, server):
    return rng.choice([0, 1, 1, -1]) * rng.uniform(1, 50)


SHAPES = [lognormal, uniform, each_server_its_own_range, few_values, twelve_decades, around_zero]


def buckets(redis, series):
    """Of a timer over all time: [(value that stands for it, weight)] from the least to the largest, worst relative error, least, largest."""
    pos = redis.timer(series)
    count, _, least, largest, schema, zero, lo = pos[:7]
    neg = redis.timer(series, "n")
    growth = 2 ** (1 / 2 ** schema)
    middle = lambda i, s: 2 * 2 ** (i / 2 ** s) / (2 ** (1 / 2 ** s) + 1)
    out = []
    if neg:
        out += [(-middle(neg[2] + k, neg[1]), c) for k, c in enumerate(neg[3:])][::-1]
        growth = max(growth, 2 ** (1 / 2 ** neg[1]))
    out.append((0, zero))
    out += [(middle(lo + k, schema), c) for k, c in enumerate(pos[7:])]
    assert sum(c for _, c in out) == count
    return out, (growth - 1) / (growth + 1), least, largest


def quantile(of, q, count):
    """The nearest rank."""
    need = max(1, math.ceil(q * count))
    seen = 0
    for value, weight in of:
        seen += weight
        if seen >= need:
            return value
    raise AssertionError("fewer than %d" % need)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.__name__)
def test_quantiles_of_three_servers_are_within_the_sketch_s_error_of_those_of_all_values(dir, redis, shape):
    rng, values, n = random.Random(14), [], 3
    series = "lat|#path:/a"
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server(redis.url, "server.instance=web-%d" % i, sockets=["unixgram://%s/%d.sock" % (dir, i), "udp://127.0.0.1:0"]))
                   for i in range(n)]
        for turn in range(8):   # several intervals, so that the totals merge with what is there
            for i, s in enumerate(servers):
                part = [float("%.6g" % shape(rng, i)) for _ in range(rng.randrange(2, 8) * PACK)]
                values += part
                for k in range(0, len(part), PACK):
                    s.send("lat:%s|h|#path:/a" % ":".join("%g" % v for v in part[k:k + PACK]), unix=True)
            wait_for(lambda: (redis.timer(series) or [0])[0] == len(values), "all values in Redis")
    values.sort()
    of, error, least, largest = buckets(redis, series)
    assert (least, largest) == (values[0], values[-1])
    assert error < 0.0217   # schema 4, at twelve decades; 5 has half of that
    for q in QUANTILES:
        want, got = quantile([(v, 1) for v in values], q, len(values)), quantile(of, q, len(values))
        assert abs(got - want) <= abs(want) * error * (1 + 1e-9), (q, got, want, error)
