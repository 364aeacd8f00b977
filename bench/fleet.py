#!/usr/bin/env python3
"""What a fleet would cost its Redis Cluster: one machine plays the instances, measures what a batch costs, and works out the rest.

Three measurements, with the ledger's own batches and real masters:

    batches   one Redis, one kind of series, instances of few and of many series: CPU a batch = a + b x series
    sample    a cluster of three masters, SAMPLE_INSTANCES of the fleet's instances with SAMPLE_SERIES series each, of which SHARED % are the
              same in all: CPU, bytes and RAM of a flush of all, by the mix
    work out  the fleet, out of the two, with the assumptions in the table
"""

import argparse
import binascii
import bisect
import math
import pathlib
import statistics

import harness as h
import redis_bench as r

FLEET_INSTANCES, FLEET_SERIES = 1000, 10000     # each
INTERVAL_S, RETENTION_S = 10, 600
SAMPLE_INSTANCES, SHARED = 20, 20
FLUSHES = 7         # of the sample, of which the median counts
BUSY = 0.5          # of a master's core, so that a failover, a rewrite of the file and readers have room
OVERHEAD = 1.5      # of RAM: the allocator's waste, buffers, pages copied while a file is written
NODE_GIB = 32       # of a master at most: what is larger takes minutes to load and to copy to a replica
SHARDS = 64


def most_shards(masters):
    """Shards of the busiest of so many masters, where each has as many slots."""
    ends = [-(-(i + 1) * r.SLOTS // masters) for i in range(masters)]
    found = [bisect.bisect_right(ends, binascii.crc_hqx(b"sd:%02d" % s, 0) % r.SLOTS) for s in range(SHARDS)]
    return max(found.count(i) for i in range(masters))


def masters_for(busy):
    """The fewest of which none is busier than BUSY: rows for even slots, and for as many shards on each."""
    even = next((n for n in range(1, SHARDS + 1) if busy * most_shards(n) / SHARDS <= BUSY), None)
    each = math.floor(BUSY * SHARDS / busy)
    rows = [["masters for that, each with as many slots", str(even or "more than there are shards"),
             f"the busiest has {most_shards(even)} of {SHARDS} shards and is busy to {busy * most_shards(even) / SHARDS:.0%}" if even else ""],
            ["masters for that, each with as many shards", str(math.ceil(SHARDS / each) if each else "more than there are shards"),
             f"{each} shards at most, busy to {busy * each / SHARDS:.0%}" if each else ""]]
    return rows


def batches(build, sizes):
    """By kind: us a batch at each number of series a batch, and the straight line through them."""
    rows = []
    for kind in r.KINDS:
        h.say(f"batches of {kind}")
        points = []
        for per_batch in sizes:
            series = per_batch * SHARDS
            instances = max(2, 25600 // series)
            with r.one_redis(r.TABLES) as nodes, r.Fleet(build, nodes, instances=instances, series=series, shared=0, **r.only(kind)) as fleet:
                fleet.flush()
                found = [fleet.flush() for _ in range(3)]
            mid = {k: statistics.median(f[k] for f in found) for k in found[0]}
            points.append((instances * series / mid["batches"], mid["cpu"] / mid["batches"] * 1e6))
        (x0, y0), (x1, y1) = points[0], points[-1]
        each = (y1 - y0) / (x1 - x0)
        rows.append([kind] + [h.number(y) for _, y in points] + [h.number(y0 - each * x0), h.number(each)])
    return ("## A batch\n\nus of Redis CPU a batch, when its series have totals and the interval is new; the last two columns are the straight line through "
            "the first and the last.\n\n" + h.table(["series a batch, about", *map(str, sizes), "fixed", "each series"], rows))


def empty_batch(build):
    with r.one_redis(r.TABLES) as nodes, r.Fleet(build, nodes, instances=50, series=1, shared=0, **r.only("counters")) as fleet:
        fleet.flush()
        found = fleet.flush()
    return found["cpu"] / found["batches"]


def sample(build, instances, masters=3):
    """returns  figures of a flush of all, and RAM of totals and of an interval, bytes a series of the fleet (distinct)"""
    h.say(f"{instances} instances of {FLEET_SERIES:,} series, {masters} masters")
    with r.cluster(masters) as nodes:
        begun = sum(n.figures()["memory"] for n in nodes)
        with r.Fleet(build, nodes, instances=instances, series=FLEET_SERIES, shared=SHARED, core=h.SENDER_CORE, **r.MIX) as fleet:
            first = fleet.flush()
            after_one = sum(n.figures()["memory"] for n in nodes)
            fleet.flush()
            after_two = sum(n.figures()["memory"] for n in nodes)
            later = [fleet.flush() for _ in range(FLUSHES)]
            share = [n.figures()["cpu"] for n in nodes]
    found = {k: statistics.median(f[k] for f in later) for k in first}
    distinct = FLEET_SERIES * (instances * (100 - SHARED) + SHARED) / 100
    interval = (after_two - after_one) / distinct
    total = (after_one - begun) / distinct - interval
    return first, found, total, interval, distinct, max(share) / (sum(share) / masters)


def work_out(found, instances, total, interval, uneven):
    """The fleet, from the sample: CPU and bytes a series sent, RAM a distinct series."""
    sent = FLEET_INSTANCES * FLEET_SERIES
    distinct = FLEET_SERIES * (FLEET_INSTANCES * (100 - SHARED) + SHARED) / 100
    part = instances * FLEET_SERIES
    cpu, wire = found["cpu"] / part, found["bytes"] / part
    kept = math.ceil(RETENTION_S / INTERVAL_S) + 1
    busy = cpu * sent / INTERVAL_S
    rows = [["series sent an interval", f"{sent:,}", f"{FLEET_INSTANCES:,} instances x {FLEET_SERIES:,}"],
            ["distinct series", f"{distinct:,.0f}", f"{SHARED} % of an instance's names are those of all"],
            ["batches a second", h.number(found["batches"] / instances * FLEET_INSTANCES / INTERVAL_S), f"{found['batches'] / instances:.0f} an instance and interval"],
            ["cores of Redis, busy", f"{busy:.1f}", f"{cpu * 1e6:.2f} us a series"],
            *masters_for(busy),
            ["the busiest of the sample's three, to their mean", f"{uneven:.2f}", f"by its shards {most_shards(3) * 3 / SHARDS:.2f}"],
            ["network into Redis", f"{wire * sent / INTERVAL_S * 8 / 1e6:,.0f} Mbit/s", f"{wire:.0f} bytes a series; without replicas, which get as much each"]]
    for label, n in (("10 min", kept), ("1 min", 60 // INTERVAL_S + 1), ("10 s", 2)):
        ram = distinct * (total + n * interval)
        rows.append([f"RAM, retention {label}", f"{ram / 2**30:,.0f} GiB", f"{total:.0f} + {n} x {interval:.0f} bytes a series"])
        rows.append([f"masters for that, retention {label}", f"{math.ceil(ram * OVERHEAD / 2**30 / NODE_GIB)}", f"{OVERHEAD} times that, {NODE_GIB} GiB each"])
    return h.table(["", "", "from"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true", help="a short look, nothing written")
    args = parser.parse_args()
    build, instances = args.build.resolve(), 5 if args.quick else SAMPLE_INSTANCES
    parts = [batches(build, (10, 200) if args.quick else (1, 10, 50, 200))]
    parts[0] += f"\nA batch of one series or none: {empty_batch(build) * 1e6:.0f} us.\n"
    first, found, total, interval, distinct, uneven = sample(build, instances)
    mix = ", ".join(f"{part} % {kind}" for kind, part in r.MIX.items())
    parts.append(f"## The sample\n\n{instances} instances of {FLEET_SERIES:,} series each ({mix}; timers of 12 buckets, sets of 5 members, keys of 60 bytes), "
                 f"{SHARED} % of them the same in all, {distinct:,.0f} distinct; three masters and the sender on two cores.\n\n"
                 + h.table(["", "first flush", f"later, median of {FLUSHES}"],
                           [["CPU of all masters, s", h.number(first["cpu"]), h.number(found["cpu"])],
                            ["us a series", h.number(first["cpu"] / instances / FLEET_SERIES * 1e6), h.number(found["cpu"] / instances / FLEET_SERIES * 1e6)],
                            ["seconds", h.number(first["seconds"]), h.number(found["seconds"])],
                            ["MB", h.number(first["bytes"] / 1e6), h.number(found["bytes"] / 1e6)],
                            ["RAM of totals, of an interval, bytes a distinct series", "", f"{total:.0f}, {interval:.0f}"]]))
    parts.append(f"## The fleet, worked out\n\n{FLEET_INSTANCES:,} instances, interval {INTERVAL_S} s. Assumed: the fleet's mix, names and their sharing are the "
                 "sample's; every series is touched in every interval; a master's core is as fast as one of this machine, with nothing beside it but Redis; "
                 "CPU grows as the series sent, RAM as the distinct ones; no file is written, no replica is fed (each takes a part of a core and the same RAM "
                 "and network again).\n\n" + work_out(found, instances, total, interval, uneven))
    text = "# What a fleet costs\n\n" + h.table(["", ""], h.machine() + [("Redis", r.version())]) + "\n" + "\n".join(parts)
    print(text)
    if not args.quick:
        h.say(f"written: {h.write_results(text, '-fleet')}")


if __name__ == "__main__":
    main()
