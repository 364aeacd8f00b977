#!/usr/bin/env python3
"""make bench-redis-frozen: does a Redis that hangs harm ingest?  The same load before, while Redis is stopped (SIGSTOP), and after; RSS and the spool."""

import argparse
import os
import pathlib
import re
import signal
import threading
import time
import urllib.request

import harness as h
import redis_bench as r

SERIES, RATE, SPOOL_MIB = 100000, "200k", 32
TYPES = "c=70,g=15,ms=13,s=2"
RSS_SLACK = 1.25    # of the spool's limit: what malloc keeps beside it


class Watch(threading.Thread):
    """RSS and the spool, four times a second; the largest of each."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.rss, self.spool, self.over = server, 0, 0, False

    def run(self):
        while not self.over:
            self.rss = max(self.rss, self.server.rss_mib())
            self.spool = max(self.spool, values(self.server)["statsd_redis_spool_bytes"] / 1048576)
            time.sleep(0.25)

    def end(self):
        self.over = True
        self.join()
        return self.rss, self.spool


def values(server):
    page = urllib.request.urlopen(server.metrics, timeout=30).read().decode()
    return {name: float(value) for name, value in re.findall(r"^(statsd_redis_\w+) (\S+)$", page, re.MULTILINE)}


def phase(build, server, seconds):
    """returns  the generator's report, CPU us per 1,000 lines, largest RSS and spool in MiB, intervals applied and dropped"""
    before, watch = values(server), Watch(server)
    watch.start()
    report = h.load(build, server.port, "--series", SERIES, "--types", TYPES, "--set-members", "50", "--rate", RATE, "--duration", f"{seconds}s",
                    pid=server.pid, metrics=server.metrics)
    rss, spool = watch.end()
    grown = {k: v - before.get(k, 0) for k, v in values(server).items()}
    return report, rss, spool, grown


def row(name, found):
    report, rss, spool, grown = found
    return [name, f"{report['sent']['lines_per_second']:,.0f}",
            f"{report['loss']['part'] * 100:.4f} %", h.number(report["server"]["cpu_us_per_1000_samples"]), f"{rss:.0f}", f"{spool:.1f}",
            f"{grown.get('statsd_redis_applied_intervals_total', 0):.0f}", f"{grown.get('statsd_redis_dropped_intervals_total', 0):.0f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true", help="a short look, nothing written")
    args = parser.parse_args()
    build, frozen, other = args.build.resolve(), 10 if args.quick else 60, 5 if args.quick else 15
    with r.one_redis() as nodes:
        # A short interval: the spool fills to its limit well within the minute.
        with h.Server(build, f"redis.url=unix://{nodes[0].socket}", "server.interval=2s", f"redis.spool_max_bytes={SPOOL_MIB}MiB", rcvbuf=None) as server:
            phase(build, server, other)   # the series are made
            rows = []
            found = phase(build, server, other)
            rows.append(row("before", found))
            rss = found[1]
            os.kill(nodes[0].pid, signal.SIGSTOP)
            try:
                while_frozen = phase(build, server, frozen)
                rows.append(row(f"Redis stopped for {frozen} s", while_frozen))
            finally:
                os.kill(nodes[0].pid, signal.SIGCONT)
            rows.append(row("after", phase(build, server, other)))
    lost, grown, spool = while_frozen[0]["loss"]["part"], while_frozen[1] - rss, while_frozen[2]
    verdicts = [["lines lost while Redis was stopped", f"{lost * 100:.4f} %", "met" if lost == 0 else "MISSED"],
                [f"RSS grown by at most {RSS_SLACK} x {SPOOL_MIB} MiB", f"{grown:.0f} MiB", "met" if grown <= RSS_SLACK * SPOOL_MIB else "MISSED"],
                [f"spool at most {SPOOL_MIB} MiB", f"{spool:.1f} MiB", "met" if spool <= SPOOL_MIB else "MISSED"]]
    text = ("# Redis frozen\n\n" + h.table(["", ""], h.machine() + [("Redis", r.version())])
            + f"\n{SERIES:,} series ({TYPES}), {RATE} lines/s, 1,432-byte datagrams, an interval of 2 s, `redis.spool_max_bytes` = {SPOOL_MIB} MiB.\n\n"
            + h.table(["", "lines/s sent", "lost", "CPU us per 1,000 lines, all threads", "RSS MiB, most", "spool MiB, most", "intervals applied", "dropped"], rows)
            + "\n" + h.table(["goal", "", ""], verdicts))
    print(text)
    if not args.quick:
        h.say(f"written: {h.write_results(text, '-redis-frozen')}")


if __name__ == "__main__":
    main()
