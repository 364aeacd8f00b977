"""Whether the totals in Redis, the pages of all servers and /cluster/metrics have what was sent: to the unit, or, where a loss is by
design, within the bound that was stated for it."""
import collections
import contextlib
import time

import exposition
from drawn import Drawn
from fleet import INTERVAL_S, RETENTION_S
from harness import SLOW, wait_for
from nodes import UNSURE

QUIET_S, RIGHT_S, CLUSTER_S = 120, 40, 15
FIELD = {"c": "c|", "n": "h|", "s": "h|", "r": "g|"}
SET_SHARE = 0.04            # five standard errors of a HyperLogLog
EXACT = 1e-9                # of sums in seconds, which come from whole milliseconds


def spelled(series):
    """(name, labels) as on a page."""
    name, _, tags = series.partition("|#")
    return name.replace(".", "_"), dict(t.split(":", 1) for t in tags.split(",")) if tags else {}


def on_page(page, key):
    """The value of a key on a page, 0 where there is none."""
    kind, series = key
    name, labels = spelled(series)
    if kind == "s":
        return 1000 * page.value(name + "_sum", 0, **labels)
    return page.value(name + "_count" if kind == "n" else name, 0, **labels)


def is_same(kind, got, want):
    return abs(got - want) <= EXACT * max(1, abs(want)) if kind == "s" else got == want


def stored(totals, key):
    value = totals.get(FIELD[key[0]] + key[1])
    if value is None:
        return 0.0
    return float(value) if key[0] in "cr" else value[key[0] == "s"]


class Judge:
    def __init__(self, nodes, fleet):
        self.nodes, self.fleet = nodes, fleet
        self.lost, self.may_lack = collections.Counter(), collections.Counter()
        self.begun, self.sets_lack = time.monotonic(), False
        self.drawn = Drawn(fleet[0])

    def begin(self, turn):
        """Another scenario.  While nobody sends."""
        self.begun, self.sets_lack, self.may_lack = time.monotonic(), False, collections.Counter()
        for i in self.fleet:
            i.sender.lines.turn = turn

    def allow(self, sums):
        """So much may be missing of the totals, by design; members of sets as well."""
        self.may_lack.update(sums)
        self.sets_lack = True

    # --- what has to be

    def sent(self):
        return sum((i.sent.now() for i in self.fleet), collections.Counter())

    def levels(self):
        return {series: v for i in self.fleet for series, v in i.sent.levels.items()}

    def wrong_totals(self, totals):
        """[(key, got, at least, at most)]"""
        out = []
        for key, sent in self.sent().items():
            most = sent - self.lost[key]
            if not most - self.may_lack[key] <= stored(totals, key) <= most:
                out.append((key, stored(totals, key), most - self.may_lack[key], most))
        for series, level in self.levels().items():
            got = totals.get("g|" + series)
            if got is None or float(got) != level:
                out.append((("level", series), got, level, level))
        return out

    def wrong_pages(self):
        """[(where and what, got, wanted)]"""
        out = []
        for i in self.fleet:
            page, sent = i.server.scrape(), i.sent.now()
            if i.unsure_gauges is None:      # as of the last time that the process before it wrote its state
                i.unsure_gauges = {k: v - on_page(page, k) for k, v in sent.items() if k[0] == "r"}
            for key, v in sent.items():
                want = v - (i.unsure_gauges.get(key, 0) if key[0] == "r" else i.begun[key])
                if not is_same(key[0], on_page(page, key), want):
                    out.append(((i.name, *key), on_page(page, key), want))
            for series, level in i.sent.levels.items():
                name, labels = spelled(series)
                if page.value(name, **labels) != level:
                    out.append(((i.name, "level", series), page.value(name, **labels), level))
        return out

    def wrong_sets(self, turn):
        if self.sets_lack or time.monotonic() - self.begun > RETENTION_S - 10:
            return []
        members = collections.defaultdict(set)
        for i in self.fleet:
            for series, more in i.sent.sets.items():
                if series.endswith("|#turn:%d" % turn):
                    members[series] |= more
        got = {series: self.nodes.members(series) for series in members}
        return [(("set", s), got[s], len(m)) for s, m in members.items() if abs(got[s] - len(m)) > max(3, SET_SHARE * len(m))]

    def wrong_cluster_page(self, totals):
        """Of /cluster/metrics of every server, which is one interval behind at most."""
        wrong = []
        for i in self.fleet:
            end = time.monotonic() + CLUSTER_S * SLOW
            while True:
                status, _, body = i.server.get("/cluster/metrics", timeout=30 * SLOW)
                if status == 404:
                    return []      # a server without it
                wrong = [((i.name, "/cluster/metrics", status), None, 200)] if status != 200 else \
                    self._unlike(i.name, exposition.parse(body), totals)
                if not wrong or time.monotonic() > end:
                    break
                time.sleep(0.2)
            if wrong:
                break
        return wrong

    def wrong_drawing(self, totals):
        """Of increase() of what was scraped from /cluster/metrics meanwhile."""
        if self.drawn.error:
            raise self.drawn.error
        self.drawn.scrape()
        if not self.drawn.answers:
            return []
        wanted = {}
        for kind, series in self.sent():
            if kind in "cn":
                name, labels = spelled(series)
                wanted[name + ("_count" if kind == "n" else ""), tuple(sorted(labels.items()))] = stored(totals, (kind, series))
        return [(("drawn", *key), got, want) for key, got, want in self.drawn.unlike(wanted)]

    def _unlike(self, who, page, totals):
        out = []
        for key in self.sent():
            if not is_same(key[0], on_page(page, key), stored(totals, key)):
                out.append(((who, "/cluster/metrics", *key), on_page(page, key), stored(totals, key)))
        for series in self.levels():
            name, labels = spelled(series)
            if page.value(name, **labels) != float(totals.get("g|" + series, "nan")):
                out.append(((who, "/cluster/metrics", "level", series), page.value(name, **labels), totals.get("g|" + series)))
        return out

    # --- the verdict

    def settle(self, turn):
        """All stand still; until all is as it has to be.  Returns what is wrong then, how much of the totals is lost by
        design, and how much might have been: amounts of counters, and numbers of timers' values."""
        self.fleet.hold()
        for i in self.fleet:
            i.sender.send("unixgram", i.sender.lines.last())
        self.fleet.hold()
        marks = {i: i.intervals() + 3 for i in self.fleet}
        for i, mark in marks.items():
            wait_for(lambda: i.is_quiet(mark), "%s to be quiet" % i.name, QUIET_S * SLOW, every=0.05)
        totals, wrong = self._right_totals()
        time.sleep(INTERVAL_S)
        totals = self._totals()
        wrong = self.wrong_totals(totals) if not wrong else wrong       # a late one would be seen now
        bound = sum(v for k, v in self.may_lack.items() if k[0] in "cn")
        lost = self._take_for_lost(totals)
        wrong += self.wrong_pages() + self.wrong_sets(turn)
        return wrong + self.wrong_cluster_page(totals) + self.wrong_drawing(totals), lost, bound

    def _totals(self):
        def read():
            with contextlib.suppress(*UNSURE):
                return self.nodes.read()
            return None
        return wait_for(read, "the totals", RIGHT_S * SLOW, every=0.1)

    def _right_totals(self):
        end = time.monotonic() + RIGHT_S * SLOW
        while True:
            totals = self._totals()
            wrong = self.wrong_totals(totals)
            if not wrong or time.monotonic() > end:
                return totals, wrong
            time.sleep(0.1)

    def _take_for_lost(self, totals):
        """What is missing now stays missing: each scenario answers for its own."""
        lost = 0
        for key, sent in self.sent().items():
            missing = sent - self.lost[key] - stored(totals, key)
            self.lost[key] += missing
            lost += missing if key[0] in "cn" else 0
        return lost
