"""Whether /metrics and Redis have what was sent, to the unit."""
import time

import harness
from harness import metrics_balance
from traffic import series

from lines import MEMBERS
from world import TTL_S

EXACT = 1e-9      # of sums in seconds, which come from whole milliseconds
MOVED = "soak.moved."


class Unlike(Exception):
    pass


def same(what, got, want):
    if got != want:
        raise Unlike("%s is %r, sent was %r" % (what, got, want))


def spelled(name):
    return name.replace(".", "_")


def by(page, name, label):
    return {dict(labels)[label]: v for labels, v in page.all(name).items() if v}


def own_sums(page, sums):
    """The server's own counters."""
    same("samples read", page.sum("statsd_samples_read_total"), sums.n["samples"])
    metrics_balance(page)
    same("lines", page.sum("statsd_lines_received_total"), sums.n["lines"])
    same("datagrams", page.sum("statsd_datagrams_received_total"), sums.n["datagrams"])
    same("rejected", by(page, "statsd_samples_rejected_total", "reason"), {k: v for k, v in sums.rejected.items() if v})
    same("dropped by a rule", page.sum("statsd_samples_dropped_total"), sums.n["dropped"])
    same("refused", page.sum("statsd_samples_refused_total"), 0)
    same("events", page.sum("statsd_events_total"), sums.n["events"])
    same("service checks", page.sum("statsd_service_checks_total"), sums.n["checks"])
    for name in ("statsd_events_dropped_total", "statsd_service_checks_dropped_total", "statsd_redis_dropped_series_total",
                 "statsd_redis_dropped_intervals_total", "statsd_redis_lost_batches_total", "statsd_redis_fenced_series_total",
                 "statsd_redis_refused_values_total", "statsd_redis_events_dropped_total", "statsd_type_conflicts_total"):
        same(name, page.sum(name), 0)


def on_the_page(page, sums, sent):
    """Each line is exact; what was idle for the ttl may be gone.  sent: when what stays was last sent."""
    own_sums(page, sums)
    certain = time.monotonic() - TTL_S / 2
    known = lambda key: sums.churn.get(key, sent) > certain

    def check(name, key, want, close=0.0):
        got = page.value(name, **dict(key[1]))
        if got is None and not known(key):
            return
        if got is None or abs(got - want) > close * max(1, want):
            raise Unlike("on the page %s%r is %r, sent was %r" % (name, dict(key[1]), got, want))
    for key, v in sums.counters.items():
        if not key[0].startswith(MOVED):
            check(spelled(key[0]), key, v)
    for table in (sums.changes, sums.levels):
        for key, v in table.items():
            check(spelled(key[0]), key, v)
    for key, v in sums.timers.items():
        scale = 1 if key[0].startswith("soak.hist") else 1000
        check(spelled(key[0]) + "_count", key, v)
        check(spelled(key[0]) + "_sum", key, sums.timer_ms[key] / scale, EXACT)
        if scale == 1 and known(key):
            same("the last bucket of %s%r" % key, page.value(spelled(key[0]) + "_bucket", le="+Inf", **dict(key[1])), v)
    for name, labels in sums.sets:
        got = page.value(spelled(name), **dict(labels))
        if got is None and not known((name, labels)):
            continue
        if got is None or got > MEMBERS:
            raise Unlike("the set %s%r has %r members of %d" % (name, labels, got, MEMBERS))


def totals(client):
    """{field: value} of all totals of Redis, timers as they are packed."""
    pipe = client.pipeline(transaction=False)
    for shard in range(harness.SHARDS):
        pipe.hgetall("{sd:%02d}:tot" % shard)
    return {k: v for part in pipe.execute() for k, v in part.items()}


def in_redis(redis, sums):
    """What Redis has not, or not yet, as text; else None."""
    got = totals(redis.client)
    for kind, table in (("c", sums.counters), ("g", sums.changes), ("g", sums.levels)):
        for (name, labels), v in table.items():
            field = "%s|%s" % (kind, series(name, labels))
            stored = got.pop(field.encode(), b"none").split()[0].decode()
            if stored == "none" or float(stored) != v:
                return "in Redis %s is %s, sent was %r" % (field, stored, v)
    for (name, labels), v in sums.timers.items():
        text = series(name, labels)
        got.pop(b"h|" + text.encode(), None)
        timer = redis.timer(text)
        if timer is None or timer[:2] != [v, sums.timer_ms[name, labels]]:
            return "in Redis the timer %s is %r, sent was %r" % (text, timer and timer[:2], [v, sums.timer_ms[name, labels]])
    more = [k for k in got if k != b"ledger"]
    return "in Redis is %s, which was not sent" % more[0].decode() if more else None


def prune(redis, sums):
    """What nobody sends any more is taken out of the totals, as docs/redis.md allows, and is not asked for again: how many."""
    old = [key for key, when in sums.churn.items() if when < time.monotonic() - 2 * TTL_S]
    for key in old:
        text = series(*key)
        redis.client.hdel(harness.tot_key(text), *(kind + text for kind in ("c|", "g|", "h|")))
        sums.forget(key)
    return len(old)


class Streams:
    """The events and checks that Redis has: each once or more often, and then soon after."""
    KEYS = (b"{sd:events}:log", b"{sd:checks}:log")
    REPEATS = 64

    def __init__(self, client):
        self.client, self.last = client, dict.fromkeys(self.KEYS, b"-")
        self.seen, self.n = {key: [] for key in self.KEYS}, dict.fromkeys(self.KEYS, 0)

    def count(self):
        """(events, checks) of all time.  Called before as many have come as a stream keeps."""
        for key in self.KEYS:
            for at, fields in self.client.xrange(key, self.last[key] if self.last[key] == b"-" else b"(" + self.last[key], b"+"):
                self.last[key] = at
                if fields[b"id"] not in self.seen[key]:
                    self.n[key] += 1
                    self.seen[key] = [*self.seen[key][1 - self.REPEATS:], fields[b"id"]]
        return tuple(self.n.values())
