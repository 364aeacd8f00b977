"""Traffic whose sums are known: a mix of good and broken lines, the same for the same seed.

As a program it sends the mix and prints what it sent:  traffic.py udp://127.0.0.1:8125|unixgram:///path SEED DATAGRAMS
"""
import collections
import json
import random
import socket
import sys
import time

# What each broken line is refused for.
BROKEN = [
    (b"no.colon.here", "no_colon"),
    (b":1|c", "bad_name"),
    (b"no.type:1", "no_type"),
    (b"odd:1|zz", "unknown_type"),
    (b"odd:abc|c", "bad_value"),
    (b"odd:nan|g", "bad_value"),
    (b"odd:0x10|c", "bad_value"),
    (b"odd:-5|ms", "negative_timing"),
    (b"odd:1|c|@2", "bad_sample_rate"),
    (b"odd:1|c|Tsoon", "bad_timestamp"),
    (b"odd\xff:1|c", "bad_utf8"),
    (b"od\0d:1|c", "nul_byte"),
    (b"odd:1|c:2|c|#a:b", "mixed_multi_sample"),
    (b"_e{5,4}:short", "bad_event"),
    (b"_sc|name|9", "bad_service_check"),
]
METHODS, STATUSES = ["GET", "POST", "PUT"], ["200", "404", "500"]


class Mix:
    """next(mix) is a datagram; counters, timers, gauges, rejected and samples hold what was given out so far."""

    def __init__(self, seed, who):
        self.random, self.who = random.Random(seed), who
        self.counters = collections.Counter()     # (name, ((label, value), ...)) -> sum, whole numbers: doubles add them exactly
        self.timers = collections.Counter()       # the same -> how many
        self.timer_ms = collections.Counter()     # the same -> sum in ms
        self.gauges = {}                          # the last value; the names are ours alone
        self.rejected = collections.Counter()
        self.samples = self.lines = self.events = self.checks = 0

    def __next__(self):
        lines = [self._line() for _ in range(self.random.randint(1, 20))]
        return b"\n".join(lines) + self.random.choice([b"", b"\n", b"\r\n"])

    def _line(self):
        r = self.random
        self.lines += 1
        kind = r.choices(["counter", "timer", "gauge", "packed", "broken", "event", "check"], [50, 20, 8, 5, 15, 1, 1])[0]
        labels = {"method": r.choice(METHODS), "status": r.choice(STATUSES), "worker": "w%d" % r.randint(0, 9)}
        key = tuple(sorted(labels.items()))
        tags = list(labels.items())
        r.shuffle(tags)      # one series, however the tags are ordered
        text = "|#" + ",".join("%s:%s" % t for t in tags)
        if kind == "broken":
            line, reason = r.choice(BROKEN)
            self.rejected[reason] += 1
            self.samples += 1
            return line
        if kind == "event":
            self.events += 1
            return b"_e{5,4}:title|text|#a:b"
        if kind == "check":
            self.checks += 1
            return b"_sc|db.up|0|m:fine"
        self.samples += 1
        if kind == "counter":
            value, rate = r.randint(0, 99), r.choice([None, None, "0.5", "0.25"])
            self.counters["mix.hits", key] += int(value / float(rate or 1))
            return ("mix.hits:%d|c%s%s" % (value, "|@" + rate if rate else "", text)).encode()
        if kind == "packed":
            values = [r.randint(0, 9) for _ in range(r.randint(1, 5))]
            self.counters["mix.packed", key] += sum(values)
            return ("mix.packed:%s|c%s" % (":".join(map(str, values)), text)).encode()
        if kind == "timer":
            value = r.randint(0, 4000)
            self.timers["mix.latency", key] += 1
            self.timer_ms["mix.latency", key] += value
            return ("mix.latency:%d|ms%s" % (value, text)).encode()
        name = "mix.level.%s" % self.who
        self.gauges[name, ()] = r.randint(-1000, 1000)
        # The etsy way to a negative gauge, and the plain one.
        if self.gauges[name, ()] < 0:
            self.samples += 1
            self.lines += 1
            return ("%s:0|g\n%s:%d|g" % (name, name, self.gauges[name, ()])).encode()
        return ("%s:%d|g" % (name, self.gauges[name, ()])).encode()

    def told(self):
        flat = {k: [[n, list(map(list, l)), v] for (n, l), v in getattr(self, k).items()] for k in ("counters", "timers", "timer_ms", "gauges")}
        return {**flat, "rejected": self.rejected, "samples": self.samples, "lines": self.lines, "events": self.events, "checks": self.checks}


class Sums:
    """What several senders sent together."""

    def __init__(self, told):
        self.datagrams = sum(t["datagrams"] for t in told)
        for k in ("samples", "lines", "events", "checks"):
            setattr(self, k, sum(t[k] for t in told))
        self.rejected = collections.Counter()
        for t in told:
            self.rejected.update(t["rejected"])
        for k in ("counters", "timers", "timer_ms"):
            c = collections.Counter()
            for t in told:
                for name, labels, v in t[k]:
                    c[name, tuple(map(tuple, labels))] += v
            setattr(self, k, c)
        self.gauges = {(name, tuple(map(tuple, labels))): v for t in told for name, labels, v in t["gauges"]}


def series(name, labels):
    """The key of a series, as in Redis."""
    return name + ("|#" + ",".join("%s:%s" % kv for kv in sorted(labels)) if labels else "")


def connect(url):
    scheme, _, rest = url.partition("://")
    if scheme == "unixgram":
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.connect("\0" + rest[1:] if rest.startswith("@") else rest)
    else:
        host, _, port = rest.rpartition(":")
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect((host, int(port)))
    return s


def main(url, seed, datagrams):
    mix, s = Mix(int(seed), seed), connect(url)
    for i in range(int(datagrams)):
        s.send(next(mix))      # a Unix socket blocks while the receiver is behind
        if url.startswith("udp") and i % 20 == 19:
            time.sleep(0.01)   # UDP would drop: 2,000 datagrams a second are far below what the receive buffer takes
    print(json.dumps({**mix.told(), "datagrams": int(datagrams)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
