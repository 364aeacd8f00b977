#!/usr/bin/env python3
"""make bench-redis: what a flush of three instances costs a Redis, beside the least that an atomic flush takes, and by three real servers."""

import argparse
import contextlib
import pathlib
import statistics
import time
import urllib.request

import harness as h
import redis_bench as r

INSTANCES, SERIES = 3, 100000
GOAL = 1.3   # at most so many times the reference script's CPU
INTERVAL_S = 10


LEDGER, REFERENCE = {"reference": False}, {"reference": True}


def in_turn(build, mix, series, times, arms=(LEDGER, REFERENCE)):
    """Arms: options of the fleet, and `settings` of Redis. Each has a Redis of its own, and they go flush by flush in turn: what disturbs
    the one disturbs the other.  returns  the first flushes of all arms, and the rounds after them, which all merge with what is there"""
    with contextlib.ExitStack() as stack:
        fleets = []
        for arm in arms:
            options = {k: v for k, v in arm.items() if k != "settings"}
            nodes = stack.enter_context(r.one_redis(arm.get("settings", ())))
            fleets.append(stack.enter_context(r.Fleet(build, nodes, instances=INSTANCES, series=series, **options, **mix)))
        rounds = [[f.flush() for f in fleets] for _ in range(1 + times)]
    return rounds[0], rounds[1:]


def beside_the_reference(build, pairs, series):
    rows = []
    for name, mix in [("mixed", r.MIX)] + [(kind, r.only(kind)) for kind in r.KINDS]:
        h.say(name)
        first, later = in_turn(build, mix, series, pairs if name == "mixed" else max(1, pairs // 3))
        ours = {k: statistics.median(p[0][k] for p in later) for k in first[0]}
        least = statistics.median(p[1]["cpu"] for p in later)
        ratios = [p[0]["cpu"] / p[1]["cpu"] for p in later]
        ratio = statistics.median(ratios)
        rows.append([name, h.number(first[0]["cpu"] / INSTANCES), h.number(ours["cpu"] / INSTANCES), h.number(least / INSTANCES),
                     f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})", h.number(ours["seconds"] / INSTANCES),
                     h.number(ours["bytes"] / INSTANCES / 1e6), h.number(ours["cpu"] / INSTANCES / series * 1e6),
                     h.number(ours["script"] / ours["calls"] * 1e3),
                     ("met" if ratio <= GOAL else "MISSED") if name == "mixed" else ""])
    head = ["series", "CPU s, first", "CPU s", "the least", "ratio", "seconds", "MB", "us a series", "ms a batch", f"goal {GOAL}"]
    return (f"## A flush of {series:,} series\n\n"
            f"By {INSTANCES} instances that send the same series, one after the other; figures of one instance's flush. mixed: "
            + ", ".join(f"{part} % {kind}" for kind, part in r.MIX.items())
            + ", timers of 12 buckets, sets of 5 members, keys of 60 bytes. CPU: of the Redis process, user and system. first: every field is new; "
            "CPU s: the interval is new and the totals are there, for the first instance, and both are there for the others. "
            f"the least: the same series by `bench/redis/flush_reference.lua` into a Redis of its own, flush by flush in turn ({pairs} pairs, single "
            f"kinds {max(1, pairs // 3)}; medians, and of the ratios the range).\n\n" + h.table(head, rows))


def settings(build, times, sizes):
    """What settings of Redis change, against a Redis without them."""
    cases = [("hash-max-listpack-entries 64", ("--hash-max-listpack-entries", "64"), sizes[0]),
             ("appendonly yes, appendfsync everysec", ("--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"), sizes[1])]
    rows = []
    for name, words, series in cases:
        h.say(name)
        first, later = in_turn(build, r.MIX, series, times, (LEDGER, {**LEDGER, "settings": words}))
        ratios = [p[1]["cpu"] / p[0]["cpu"] for p in later]
        memory = [first[i]["memory"] + sum(p[i]["memory"] for p in later) for i in (0, 1)]
        rows.append([name, f"{series:,}", *(h.number(statistics.median(p[i]["cpu"] for p in later) / INSTANCES) for i in (0, 1)),
                     f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})", f"{memory[1] / memory[0]:.2f}"])
    return (f"## Settings of Redis\n\nA flush of one of {INSTANCES} instances with the mixed series, without and with the setting in turn ({times} rounds).\n\n"
            + h.table(["setting", "series", "CPU s without", "with", "ratio", "RAM"], rows))


def self_metrics(servers):
    """Sums over the servers' pages of what the sink counts."""
    total = {}
    for s in servers:
        for line in urllib.request.urlopen(s.metrics, timeout=30).read().decode().splitlines():
            if line.startswith("statsd_redis_") and "{" not in line:
                name, value = line.split()
                total[name] = total.get(name, 0) + float(value)
    return total


def real_servers(build, intervals):
    """Three servers under load, over whole intervals."""
    types = "c=70,g=15,ms=13,s=2"
    options = ["--series", SERIES, "--types", types, "--rate", "25k", "--set-members", 50, "--duration", f"{INTERVAL_S * (intervals + 3)}s"]
    both = f"{h.SENDER_CORE},{h.RECEIVER_CORE}"
    with contextlib.ExitStack() as stack:
        nodes = stack.enter_context(r.one_redis(core=both))
        servers = [stack.enter_context(h.Server(build, f"redis.url=unix://{nodes[0].socket}", f"server.instance=web-{i}",
                                                f"server.interval={INTERVAL_S}s", core=both)) for i in range(INSTANCES)]
        for s in servers:
            stack.enter_context(h.process([build / "statsd-bench", "--to", f"udp://127.0.0.1:{s.port}", "--quiet", *options], both))
        # In the middle of an interval nothing is on its way: instances spread their flushes over the first quarter.
        time.sleep(2 * INTERVAL_S + INTERVAL_S * 0.7 - time.time() % INTERVAL_S)
        before, was = nodes[0].figures(), self_metrics(servers)
        time.sleep(INTERVAL_S * intervals)
        found, now = r.added(before, nodes[0].figures()), self_metrics(servers)
        flushes_seen = INSTANCES * intervals
        grown = {k: now[k] - was[k] for k in now}
        series = grown["statsd_redis_applied_series_total"] / flushes_seen
    rows = [["series applied a flush", f"{series:,.0f}"],
            ["CPU of Redis a flush, s", h.number(found["cpu"] / flushes_seen)],
            ["of it in the script, s", h.number(found["script"] / flushes_seen)],
            ["batches a flush", h.number(found["calls"] / flushes_seen)],
            ["MB a flush", h.number(found["in"] / flushes_seen / 1e6)],
            ["us a series", h.number(found["cpu"] / flushes_seen / series * 1e6)],
            ["of a core that Redis takes at this interval", f"{found['cpu'] / intervals / INTERVAL_S * 100:.0f} %"]]
    return (f"## Three servers\n\n`statsd-bench --types {types}` of {SERIES:,} series at 25,000 lines/s to each, interval {INTERVAL_S} s, "
            f"over {intervals} intervals; all processes share two cores.\n\n" + h.table(["", ""], rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true", help="a short look, nothing written")
    parser.add_argument("--only", choices=["reference", "settings", "servers"])
    args = parser.parse_args()
    build, parts = args.build.resolve(), []
    if args.only in (None, "reference"):
        parts.append(beside_the_reference(build, *((2, 40000) if args.quick else (6, SERIES))))
    if args.only in (None, "settings"):
        parts.append(settings(build, 2 if args.quick else 5, (20000, 40000) if args.quick else (20000, SERIES)))
    if args.only in (None, "servers"):
        parts.append(real_servers(build, 1 if args.quick else 3))
    text = "# What a flush costs Redis\n\n" + h.table(["", ""], h.machine() + [("Redis", r.version())]) + "\n" + "\n".join(parts)
    print(text)
    if not args.quick:
        h.say(f"written: {h.write_results(text, '-redis')}")


if __name__ == "__main__":
    main()
