"""What the soak sends, and what it sums up to: lines of every kind, plain and of DogStatsD, over series that stay and series that come
and go.  All values are whole numbers, so that doubles add them exactly."""
import collections
import itertools
import time

import traffic

PLACES = 10          # steady series of each kind and sender
MEMBERS = 50         # of each steady set
LIVE = 30            # series of a sender that come and go, at a time
TURNOVER = 0.04      # how often one of them makes place for a new one, for each line that is theirs
KINDS = {"counter": 34, "plain": 8, "packed": 8, "change": 6, "timer": 10, "hist": 5, "set": 5, "dropped": 2, "moved": 2, "broken": 5,
         "event": 1, "check": 1, "churn": 13}
COUNTS = ("samples", "lines", "events", "checks", "dropped", "datagrams")


class Sums:
    """counters, timers, timer_ms, changes: {(name, labels): sum}; levels: the last value; churn: {(name, labels): when it was last sent}."""
    TABLES = ("counters", "timers", "timer_ms", "changes", "rejected")

    def __init__(self):
        for table in self.TABLES:
            setattr(self, table, collections.Counter())
        self.n = collections.Counter()
        self.levels, self.sets, self.churn = {}, set(), {}

    def add(self, other, times=1):
        for table in (*self.TABLES, "n"):
            mine = getattr(self, table)
            for key, v in getattr(other, table).items():
                mine[key] += v * times
        self.levels.update(other.levels)
        self.sets |= other.sets
        self.churn.update(other.churn)

    def series(self):
        return {*self.counters, *self.timers, *self.changes, *self.levels, *self.sets, *self.churn}

    def forget(self, key):
        for table in (*self.TABLES, "levels", "churn"):
            getattr(self, table).pop(key, None)
        self.sets.discard(key)


class Lines:
    """Lines of one sender, whose series nobody else has.  ordered: one socket takes them all, so that a gauge may be set."""

    def __init__(self, random, via, ordered=False):
        self.random, self.via, self.ordered = random, via, ordered
        self.serial, self.live = itertools.count(), collections.deque()

    def block(self, n, sums):
        """n lines or a few more, into sums."""
        out = []
        while len(out) < n:
            out.append(self._line(sums))
        return out

    def turn_over(self):
        """None of the series that come and go is used again."""
        self.live.clear()

    def _line(self, sums):
        r = self.random
        kind = r.choices(*self.choice)[0]
        sums.n["lines"] += 1
        sums.n["samples"] += kind not in ("event", "check")
        return getattr(self, "_" + kind)(r, sums)
    choice = list(KINDS), list(KINDS.values())

    def _tags(self, **more):
        """(labels, text of the tags), in any order."""
        pairs = [("via", self.via), ("k", "k%d" % self.random.randrange(PLACES)), *more.items()]
        labels = tuple(sorted(pairs))
        self.random.shuffle(pairs)
        return labels, b"|#" + ",".join("%s:%s" % p for p in pairs).encode()

    def _counter(self, r, sums):
        labels, tags = self._tags(code=r.choice(("200", "404", "500")))
        v, rate = r.randrange(100), r.choice((1, 1, 2, 4))
        sums.counters["soak.hits", labels] += v * rate
        return b"soak.hits:%d|c%s%s" % (v, b"|@%g" % (1 / rate) if rate > 1 else b"", tags)

    def _plain(self, r, sums):
        name, v = "soak.plain.%s.%d" % (self.via, r.randrange(PLACES)), r.randrange(100)
        sums.counters[name, ()] += v
        return b"%s:%d|c" % (name.encode(), v)

    def _packed(self, r, sums):
        labels, tags = self._tags()
        values = [r.randrange(10) for _ in range(r.randint(1, 6))]
        sums.counters["soak.packed", labels] += sum(values)
        return b"soak.packed:%s|c%s" % (b":".join(b"%d" % v for v in values), tags)

    def _change(self, r, sums):
        v = r.randrange(-50, 51)
        if self.ordered and r.random() < 0.3:
            name = "soak.depth." + self.via
            sums.levels[name, ()] = abs(v)
            return b"%s:%d|g" % (name.encode(), abs(v))
        labels, tags = self._tags()
        sums.changes["soak.level", labels] += v
        return b"soak.level:%+d|g%s" % (v, tags)

    def _timing(self, r, sums, name, type):
        labels, tags = self._tags()
        v, rate = r.choice((r.randrange(20), r.randrange(5000))), r.choice((1, 1, 1, 2))
        sums.timers[name, labels] += rate
        sums.timer_ms[name, labels] += v * rate
        return b"%s:%d|%s%s%s" % (name.encode(), v, type, b"|@0.5" if rate == 2 else b"", tags)

    def _timer(self, r, sums):
        return self._timing(r, sums, "soak.time", b"ms")

    def _hist(self, r, sums):
        return self._timing(r, sums, *r.choice((("soak.hist.a", b"h"), ("soak.hist.b", b"d"))))

    def _set(self, r, sums):
        sums.sets.add(("soak.users", (("via", self.via),)))
        return b"soak.users:u%d|s|#via:%s" % (r.randrange(MEMBERS), self.via.encode())

    def _dropped(self, r, sums):
        sums.n["dropped"] += 1
        return b"soak.dropped.%d:1|c" % r.randrange(9)

    def _moved(self, r, sums):
        """Of a name that each mapping gives another name: Redis has it as it was sent."""
        name = "soak.moved.%d" % r.randrange(3)
        labels, tags = self._tags()
        sums.counters[name, labels] += 1
        return name.encode() + b":1|c" + tags

    def _broken(self, r, sums):
        line, reason = r.choice(traffic.BROKEN)
        sums.rejected[reason] += 1
        return line

    def _event(self, r, sums):
        sums.n["events"] += 1
        return b"_e{5,4}:title|text|t:error|#via:" + self.via.encode()

    def _check(self, r, sums):
        sums.n["checks"] += 1
        return b"_sc|soak.up|%d|h:%s|m:fine" % (r.randrange(4), self.via.encode())

    def _churn(self, r, sums):
        if len(self.live) < LIVE or r.random() < TURNOVER:
            n = "%s.%d" % (self.via, next(self.serial))
            new_name = ("soak.churn.%s" % n, (("via", self.via),)), ("soak.churn", (("n", n), ("via", self.via)))
            self.live.append((r.choice(("c", "c", "ms", "g", "s")), *r.choice(new_name)))
        if len(self.live) > LIVE:
            self.live.popleft()
        type, name, labels = r.choice(self.live)
        name += "." + type      # one type for a name
        key, v = (name, labels), r.randrange(1000)
        sums.churn[key] = time.monotonic()
        if type == "c":
            sums.counters[key] += v
        elif type == "ms":
            sums.timers[key] += 1
            sums.timer_ms[key] += v
        elif type == "g":
            sums.changes[key] += v
        text = "+%d" % v if type == "g" else "u%d" % v if type == "s" else "%d" % v
        return ("%s:%s|%s|#%s" % (name, text, type, ",".join("%s:%s" % kv for kv in labels))).encode()
