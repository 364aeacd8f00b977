"""What the servers of the chaos are sent, and the sums of it.  All values are whole numbers, so that doubles add them exactly.

Series are shared by all servers: what each was sent meets in the totals.  A key is (kind, series):
  c  a counter's sum      n, s  a timer's count and sum      r  the sum of what a gauge was changed by, never downwards
A gauge that is set is one server's alone: its level is the last value.
"""
import collections
import random
import threading
import time

COUNTERS, TIMERS, CHANGES, SETS = 120, 24, 16, 6
CODES = ("200", "404", "500")
MEMBERS = 400
KINDS = {"counter": 62, "timer": 20, "change": 8, "set": 6, "level": 4}
REMEMBERED_S = 120          # how far back one knows what had been sent
MOMENT_S = 0.1


class Sent:
    """What one server was sent.  Every method may be called from any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sums, self.levels, self.sets, self.lines = collections.Counter(), {}, collections.defaultdict(set), 0
        self.moments = collections.deque([(0.0, collections.Counter())])

    def add(self, block):
        with self.lock:
            now = time.monotonic()
            if now > self.moments[-1][0] + MOMENT_S:
                self.moments.append((now, collections.Counter(self.sums)))
                while len(self.moments) > 2 and self.moments[1][0] < now - REMEMBERED_S:
                    self.moments.popleft()
            self.sums.update(block.sums)
            self.levels.update(block.levels)
            for series, members in block.sets.items():
                self.sets[series] |= members
            self.lines += len(block.lines)

    def now(self):
        with self.lock:
            return collections.Counter(self.sums)

    def before(self, when):
        """At least all that had been sent by then is in what is newer; so this is at most what had been."""
        with self.lock:
            return next((collections.Counter(sums) for at, sums in reversed(self.moments) if at <= when), collections.Counter())

    def since(self, when):
        """At least what was sent after that."""
        early = self.before(when)
        return collections.Counter({k: v - early[k] for k, v in self.now().items() if v > early[k]})


class Block:
    """Some lines, and what they sum up to."""

    def __init__(self):
        self.lines, self.sums, self.levels, self.sets = [], collections.Counter(), {}, collections.defaultdict(set)

    def text(self):
        return "\n".join(self.lines).encode()


class Lines:
    """Of one server.  `turn` is a part of the names of sets, so that those of one scenario are counted alone."""

    def __init__(self, who, seed):
        self.who, self.random, self.turn = who, random.Random("%s %s" % (seed, who)), 0

    def block(self, n, ordered):
        """ordered: all of it goes one way, so that a gauge may be set."""
        block = Block()
        for _ in range(n):
            kind = self.random.choices(*self.choice)[0]
            getattr(self, "_" + ("counter" if kind == "level" and not ordered else kind))(self.random, block)
        return block
    choice = list(KINDS), list(KINDS.values())

    def last(self):
        """The level of each gauge once more: the last word."""
        block = Block()
        for _ in range(2):
            self._level(self.random, block)
        return block

    def _counter(self, r, block):
        series = "chaos.c.%d" % r.randrange(COUNTERS)
        if r.random() < 0.5:
            series += "|#code:" + r.choice(CODES)
        name, _, tags = series.partition("|#")
        v, rate = r.randrange(100), r.choice((1, 1, 1, 2))
        block.sums["c", series] += v * rate
        block.lines.append("%s:%d|c%s%s" % (name, v, "|@0.5" if rate == 2 else "", "|#" + tags if tags else ""))

    def _timer(self, r, block):
        series, v = "chaos.t.%d" % r.randrange(TIMERS), r.choice((r.randrange(20), r.randrange(5000)))
        block.sums["n", series] += 1
        block.sums["s", series] += v
        block.lines.append("%s:%d|ms" % (series, v))

    def _change(self, r, block):
        series, v = "chaos.r.%d" % r.randrange(CHANGES), r.randrange(1, 50)
        block.sums["r", series] += v
        block.lines.append("%s:+%d|g" % (series, v))

    def _set(self, r, block):
        name, member = "chaos.s.%d" % r.randrange(SETS), "m%d" % r.randrange(MEMBERS)
        block.sets["%s|#turn:%d" % (name, self.turn)].add(member)
        block.lines.append("%s:%s|s|#turn:%d" % (name, member, self.turn))

    def _level(self, r, block):
        series = "chaos.l.%d|#who:%s" % (r.randrange(2), self.who)
        block.levels[series] = r.randrange(10000)
        block.lines.append("%s:%d|g|#who:%s" % (series.partition("|#")[0], block.levels[series], self.who))
