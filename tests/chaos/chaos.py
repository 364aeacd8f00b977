#!/usr/bin/python3
"""Three servers, one Redis Cluster of six nodes, and what may happen to them; chaos.py [TIME] [--seed N] [--only NAME,..] [--list]

Without TIME every scenario of upsets.py runs once.  With TIME a schedule is drawn from the seed, printed, and followed for so long; the
same seed draws the same.  After each scenario all stand still, and the totals in Redis, the pages of all servers and /cluster/metrics
have to have what was sent.  Ends with status 0, or with 1 if a sum was wrong or anything did not come back.

Environment: STATSD_BIN (the server), RATE (lines a second to each server, 1200), OUT (the folder of table and logs, build/chaos).
"""
import argparse
import collections
import itertools
import os
import re
import signal
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]

import harness  # noqa: E402
import upsets  # noqa: E402
from fleet import Fleet  # noqa: E402
from harness import short_dir  # noqa: E402
from judge import Judge  # noqa: E402
from nodes import Nodes  # noqa: E402

COLUMNS = ("lines", "wrong", "duplicates", "gaps", "resent", "moved", "ask", "tryagain", "noscript", "clusterdown", "dropped",
           "lost", "bound", "falls", "seconds")
SHOWN_ROUNDS = 12
COMPLAINTS = 6
WORLDS = 4


class World:
    def __init__(self, nodes, fleet):
        self.nodes, self.fleet, self.judge = nodes, fleet, Judge(nodes, fleet)
        self.turn = 0


def say(text):
    print(text, flush=True)


def told(params):
    return " ".join("%s=%s" % (k, ",".join(map(str, v)) if isinstance(v, (tuple, range)) else v) for k, v in params.items())


def title(step):
    (name, params), beside = step
    return "%s(%s)%s" % (name, told(params), " beside " + title((beside, None)) if beside else "")


def figures(before, after, more):
    """What the servers counted meanwhile, and `more`: a row of the table."""
    grown = collections.Counter({k: int(v - before[k]) for k, v in after.items()})
    row = {c: grown[c] for c in COLUMNS}
    row.update(more)
    return row


class Chaos:
    def __init__(self, out):
        self.world, self.out, self.rows, self.failed, self.scraped = None, out, [], [], 0

    def enter(self, world):
        self.world = world
        world.judge.drawn.start()

    def leave(self):
        drawn = self.world.judge.drawn
        drawn.over.set()
        self.scraped += drawn.answers
        self.keep_logs("last")

    def step(self, step):
        """One scenario, with what is beside it; False: the world is not as it was, and nothing more can be said."""
        w, begun = self.world, time.monotonic()
        w.turn = len(self.rows) + 1
        lines, falls, before = w.fleet.lines(), w.judge.drawn.falls, w.fleet.counters()
        w.judge.begin(w.turn)
        w.fleet.go()
        wrong, lost, bound, problem, skipped = [], 0, 0, None, None
        try:
            upsets.run(w, *step[0], beside=step[1])
            w.nodes.proxy.heal()
            wrong, lost, bound = w.judge.settle(w.turn)
        except upsets.Skipped as e:
            skipped = str(e)
            wrong, lost, bound = w.judge.settle(w.turn)
        except Exception:      # noqa: BLE001: told, and the end of the run
            problem = traceback.format_exc()
        row = {} if problem else figures(before, w.fleet.counters(), {
            "lines": w.fleet.lines() - lines, "wrong": len(wrong), "lost": int(lost), "bound": int(bound),
            "falls": w.judge.drawn.falls - falls, "seconds": round(time.monotonic() - begun, 1)})
        self.rows.append((title(step) if step[1] else step[0][0], row))
        say("%-30s %s%s" % (self.rows[-1][0], "  ".join("%s %s" % (c, row[c]) for c in COLUMNS if row.get(c)),
                            "  SKIPPED: " + skipped if skipped else ""))
        if wrong or problem:
            self.failed.append(title(step))
            for complaint in wrong[:COMPLAINTS]:
                say("    WRONG %r" % (complaint,))
            say("    FAILED\n" + problem if problem else "    WRONG: %d values" % len(wrong))
            self.keep_logs("failed-%d" % w.turn)
        return problem is None

    def keep_logs(self, folder):
        self.world.fleet.logs(os.path.join(self.out, folder))
        self.world.nodes.logs(os.path.join(self.out, folder))

    def table(self):
        width = max([len(name) for name, _ in self.rows] + [8])
        head = "%-*s " % (width, "scenario") + " ".join("%6s" % c for c in COLUMNS)
        return "\n".join([head] + ["%-*s " % (width, name) + " ".join("%*s" % (max(6, len(c)), row.get(c, "-")) for c in COLUMNS)
                                   for name, row in self.rows])


def seconds(text):
    m = re.fullmatch(r"(\d+)([smh]?)", text)
    if not m:
        raise argparse.ArgumentTypeError("a time is a number and s, m or h")
    return int(m.group(1)) * {"s": 1, "m": 60, "h": 3600, "": 1}[m.group(2)]


def names(text):
    chosen = text.split(",")
    for name in chosen:
        if name not in upsets.SCENARIOS:
            raise argparse.ArgumentTypeError("%s: there is %s" % (name, ", ".join(upsets.SCENARIOS)))
    return chosen


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("time", nargs="?", type=seconds)
    p.add_argument("--seed", default="1")
    p.add_argument("--only", type=names, metavar="NAME,..")
    p.add_argument("--list", action="store_true")
    return p.parse_args()


def steps(a):
    """What is to be done, and how long at most."""
    if a.time is None:
        return [((name, upsets.first(name)), None) for name in a.only or upsets.SCENARIOS], float("inf")
    drawn = upsets.schedule(a.seed)
    if a.only:
        drawn = (((n, p), None) for (n, p), _ in drawn if n in a.only)
    shown = list(itertools.islice(drawn, SHOWN_ROUNDS))
    say("schedule of seed %s:" % a.seed)
    for step in shown:
        say("    " + title(step))
    return itertools.chain(shown, drawn), a.time


def follow(chaos, todo, until, a):
    """In one world after the other: what could not be brought to an end leaves one of which nothing can be said."""
    for _ in range(WORLDS):
        begun = time.monotonic()
        with short_dir() as folder, Nodes(folder, a.seed) as nodes, \
                Fleet(folder, nodes.url, int(os.environ.get("RATE") or 1200), a.seed) as fleet:
            chaos.enter(World(nodes, fleet))
            say("chaos: 6 nodes and 3 servers are up after %.1f s, seed %s" % (time.monotonic() - begun, a.seed))
            try:
                if all(chaos.step(step) for step in itertools.takewhile(lambda _: time.monotonic() < until, todo)):
                    return
            finally:
                chaos.leave()


def main():
    a = arguments()
    if a.list:
        say("\n".join("%-30s %s" % (name, told(params)) for name, (_, params) in upsets.SCENARIOS.items()))
        return 0
    out = os.environ.get("OUT") or os.path.join(harness.TOP, "build", "chaos")
    os.makedirs(out, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("chaos: ended by TERM"))
    todo, length = steps(a)
    chaos, begun = Chaos(out), time.monotonic()
    try:
        follow(chaos, iter(todo), begun + length, a)
    finally:
        with open(os.path.join(out, "table.txt"), "w") as f:
            f.write(chaos.table() + "\n")
    say(chaos.table())
    say("chaos: %s: %d scenarios, %d lines, /cluster/metrics scraped %d times, seed %s, %.0f s%s"
        % ("FAILED" if chaos.failed else "ok", len(chaos.rows), sum(row.get("lines", 0) for _, row in chaos.rows), chaos.scraped, a.seed,
           time.monotonic() - begun, "".join("\n    failed: " + f for f in chaos.failed)))
    return 1 if chaos.failed else 0


if __name__ == "__main__":
    sys.exit(main())
