#!/usr/bin/env python3
"""Streams beside datagrams (make bench-streams): what a line costs by each transport, and what a crowd of connections costs the others.

Every round measures all cases once, so that what else the machine does hits all alike; a ratio is taken inside its round,
and the median over the rounds is printed, with the quartiles.  One worker, on one core; the sender is on another.
"""

import argparse
import contextlib
import os
import pathlib
import socket
import statistics
import threading
import time
import urllib.request

import harness as h

IDLE, SLOW = 5000, 200
RATE_GOAL, CROWD_GOAL = 0.6, 0.10
LINES = ["--series", 10000, "--payload", 1432]
STREAMS = ["tcp, lines", "unix, lines", "unix, frames"]
UDP = ["UDP", "UDP, a full socket emptied"]


def cpu_s(pid, thread):
    return int(pathlib.Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0]) / 1e9


class Server(h.Server):
    """One worker, and a listener of each transport; the names of the Unix sockets are this process's own."""

    def __init__(self, build):
        tcp = h.free_port(socket.SOCK_STREAM)
        name = f"@statsd-bench.{os.getpid()}.{tcp}"
        self.tcp_port = tcp
        addresses = [f"tcp://127.0.0.1:{tcp}", f"unix://{name}.line", f"unix://{name}.dsd?framing=dsd", f"unixgram://{name}.dgram"]
        super().__init__(build, *(f"listen.socket={a}" for a in addresses))
        self.addresses = {"UDP": f"udp://127.0.0.1:{self.port}", **dict(zip([*STREAMS, "unix datagrams"], addresses))}

    def __enter__(self):
        super().__enter__()
        tasks = pathlib.Path(f"/proc/{self.pid}/task")
        self.worker = next(t.name for t in tasks.iterdir() if (t / "comm").read_text().startswith("worker"))
        return self

    def worker_cpu_s(self):
        return cpu_s(self.pid, self.worker)

    def page(self):
        with urllib.request.urlopen(self.metrics, timeout=30) as answer:
            return answer.read().decode()

    def open_connections(self):
        return sum(float(line.split()[-1]) for line in self.page().splitlines() if line.startswith("statsd_stream_connections{"))


def burst(build, server, transport, seconds, *options):
    """As many lines as the worker takes.  returns  CPU of the worker in us per 1,000 lines that it took, and lines a second until it had read
    the last one"""
    before = server.worker_cpu_s()
    options = [*LINES, *options, "--rate", "max", "--duration", f"{seconds}s", "--scrape-interval", "60s"]
    report = h.load(build, server.addresses[transport], *options, pid=server.pid, metrics=server.metrics)
    took = report["server"]["samples_aggregated"]
    if report["sent"]["failed_lines"] or report["loss"].get("elsewhere_lines"):
        raise RuntimeError(f"{transport}: {report['sent']['failed_lines']} lines failed, {report['loss']['elsewhere_lines']} are missing")
    seconds = report["sent"]["seconds"] + (report["server"]["backlog_seconds"] or 0)
    return (server.worker_cpu_s() - before) / took * 1e9, took / seconds


def quartiles(values):
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def verdict(ok):
    return "met" if ok else "MISSED"


def drained(build, server):
    """UDP: a full socket emptied.  returns  as burst, but the CPU of the whole process"""
    found = h.drain(build, server.port, server.pid, "--runs", 2)
    return found["cpu"], found["line_rate"]


def packed(build, quick):
    """CPU of the worker for the same lines by each transport."""
    rounds = 2 if quick else 7
    with Server(build) as server:
        ways = {name: (lambda name=name: burst(build, server, name, 0.6)) for name in server.addresses}
        ways["tcp, lines, 100 connections"] = lambda: burst(build, server, "tcp, lines", 0.6, "--connections", 100)
        ways["UDP, a full socket emptied"] = lambda: drained(build, server)
        found = {name: [] for name in ways}
        burst(build, server, "UDP", 0.5)     # first sight of all series
        for i in range(rounds):
            h.say(f"packed lines, round {i + 1} of {rounds}")
            for name in list(ways)[i % len(ways):] + list(ways)[:i % len(ways)]:
                found[name].append(ways[name]())
    floor = [min(pair) for pair in zip(*([cpu for cpu, _ in found[name]] for name in UDP))]
    rows = []
    for name in ways:
        cpu, rate = (statistics.median(v) for v in zip(*found[name]))
        ratios = [udp / ours[0] for udp, ours in zip(floor, found[name])]
        goal = verdict(statistics.median(ratios) >= RATE_GOAL) if name not in (*UDP, "unix datagrams") else ""
        rows.append([name, h.number(cpu), h.number(1e9 / cpu), quartiles(ratios), h.number(rate), goal])
    text = (f"## Packed lines, by transport\n\nLines of about 80 bytes, 1,432 bytes at once, 10,000 series, one connection or socket where nothing else is said, as fast as the sender can. CPU: "
            f"the worker's thread, us per 1,000 lines that it took, median of {rounds}; the rate a core is its inverse, and the ratio that to UDP's, the better "
            f"of the two in the same round (quartiles). The goal of streams: at least {RATE_GOAL}. The rate by the clock has the sender in it.\n\n")
    return text + h.table(["transport", "CPU", "lines/s a core", "ratio to UDP", "lines/s by the clock", "goal"], rows)


class Crowd:
    """Idle connections, and slow ones that send a byte a second while they are let; `with` it they are open."""

    def __init__(self, server):
        self.server, self.end, self.let = server, threading.Event(), threading.Event()

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.sockets = [self.stack.enter_context(socket.create_connection(("127.0.0.1", self.server.tcp_port))) for _ in range(IDLE + SLOW)]
        self.wait_for(IDLE + SLOW)
        self.thread = threading.Thread(target=self.trickle)
        self.thread.start()
        return self

    def wait_for(self, connections):
        until = time.monotonic() + 10
        while self.server.open_connections() != connections:
            if time.monotonic() > until:
                raise RuntimeError(f"the server has {self.server.open_connections():.0f} connections, not {connections}")
            time.sleep(0.05)

    def trickle(self):
        """Each slow one has its own moment within the second."""
        line, slow, at = b"slow.connection:1|c\n", self.sockets[IDLE:], 0
        while not self.end.wait(1 / SLOW):
            if self.let.wait(0.1):
                slow[at % SLOW].send(line[at // SLOW % len(line):][:1])
                at += 1

    def __exit__(self, *what):
        self.end.set()
        self.thread.join()
        self.stack.close()
        self.wait_for(0)


def scrape_ms(server, times):
    """(time of a scrape, CPU of the whole server), medians, in ms"""
    found = []
    for _ in range(times):
        before, from_s = cpu_of_process(server.pid), time.perf_counter()
        server.page()
        found.append(((time.perf_counter() - from_s) * 1e3, (cpu_of_process(server.pid) - before) * 1e3))
    return tuple(statistics.median(v) for v in zip(*found))


def cpu_of_process(pid):
    return time.clock_gettime(~pid << 3 | 2)


# What is measured at once; figure, name, unit, whether the goal holds for it
MEASURES = {
    "busy": [("the busy connection: CPU of the worker", "us per 1,000 lines", True), ("its rate by the clock", "lines/s", True)],
    "udp": [("UDP, a full socket emptied: CPU", "us per 1,000 lines", True), ("its rate by the clock", "lines/s", True)],
    "scrape": [("a scrape: time", "ms", False), ("its CPU, all threads", "ms", False)],
}


def measure(build, server, what):
    if what == "busy":
        return burst(build, server, "tcp, lines", 0.3)
    return drained(build, server) if what == "udp" else scrape_ms(server, 5)


def crowd_row(name, unit, judged, pairs):
    ratios = [among / alone for alone, among in pairs]
    middle = statistics.median(ratios)
    worse = 1 / middle if unit == "lines/s" else middle
    alone, among = (h.number(statistics.median(v)) for v in zip(*pairs))
    return [name, alone, among, unit, quartiles(ratios), verdict(worse <= 1 + CROWD_GOAL) if judged else ""]


def crowd(build, quick):
    """What idle and slow connections cost a busy one, the datagrams and a scrape: each pair without and with them."""
    rounds, pairs = (2, 1) if quick else (4, 3)
    found = {what: [] for what in MEASURES}
    with Server(build) as one, Server(build) as other:
        for server in (one, other):
            burst(build, server, "tcp, lines", 0.5)     # first sight of all series
        for i in range(rounds):
            h.say(f"a crowd, round {i + 1} of {rounds}")
            crowded, empty = (one, other) if i % 2 else (other, one)
            with Crowd(crowded) as its:
                for k, what in [(k, what) for k in range(pairs) for what in MEASURES]:
                    pair = {}
                    for server in (empty, crowded) if (i // 2 + k) % 2 else (crowded, empty):
                        (its.let.set if server is crowded else its.let.clear)()
                        pair[server is crowded] = measure(build, server, what)
                    found[what].append(list(zip(pair[False], pair[True])))
    rows = [crowd_row(*figure, pairs_of) for what, figures in MEASURES.items() for figure, pairs_of in zip(figures, zip(*found[what]))]
    text = (f"## A crowd\n\n{IDLE:,} idle TCP connections and {SLOW} that send a byte a second, beside one that sends as much as it can, then beside UDP, "
            f"then beside scrapes (10,000 series). {rounds * pairs} pairs of measurements, one right behind the other, of two servers on one core: one has the crowd, "
            f"and after three pairs the other has it. The ratio is with to without, inside a pair (quartiles). The goal: within {CROWD_GOAL:.0%}.\n\n")
    return text + h.table(["", "alone", "among the crowd", "", "ratio", "goal"], rows)


PARTS = {"packed": packed, "crowd": crowd}


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default="build", type=pathlib.Path)
    p.add_argument("--quick", action="store_true", help="a short look: fewer rounds, nothing written")
    p.add_argument("--only", help="one part: " + ", ".join(PARTS))
    args = p.parse_args()
    os.sched_setaffinity(0, {h.SENDER_CORE})    # the crowd is on the sender's side
    build = args.build.resolve()
    parts = [args.only] if args.only else list(PARTS)
    text = "# Streams\n\n" + h.table(["", ""], h.machine()) + "\n"
    text += "\n".join(PARTS[part](build, args.quick) for part in parts)
    print(text)
    if not args.quick and not args.only:
        h.say(f"written to {h.write_results(text, '-streams')}")


if __name__ == "__main__":
    main()
