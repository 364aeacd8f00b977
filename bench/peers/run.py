#!/usr/bin/env python3
"""make bench-peers: the same load, pinning and receive buffer for other StatsD servers, those that can be had.

Lines are plain (name:value|type, no tags), because not every peer understands more; a second round with DogStatsD tags has
those that do.  Each server is pinned to one core, the sender to another.
"""

import argparse
import contextlib
import pathlib
import subprocess
import tempfile
import urllib.request

import peers as p

from cores import BOTH, listed, pin_workers

h = p.h
WAITING = 24000    # datagrams of 1,432 bytes: what the receive buffer of every server holds
PLAIN = ["--tags", "0", "--tag-values", "1", "--types", "c=60,ms=30,g=10", "--series", "10000"]
TAGGED = ["--tags", "3", "--tag-values", "50", "--types", "c=60,ms=30,g=10", "--series", "10000"]


def sysctl(name, value=None):
    path = pathlib.Path("/proc/sys") / name.replace(".", "/")
    if value is not None:
        path.write_text(str(value))
    return int(path.read_text())


@contextlib.contextmanager
def equal_buffers():
    """The kernel doubles what is asked for by SO_RCVBUF, but not the default: so all end with the same."""
    names = {"net.core.rmem_max": h.RECEIVE_BUFFER, "net.core.rmem_default": 2 * h.RECEIVE_BUFFER}
    before = {name: sysctl(name) for name in names}
    try:
        try:
            for name, value in names.items():
                sysctl(name, value)
            yield "all receive buffers 128 MiB as the kernel counts them (net.core.rmem_max and rmem_default raised for the run)"
        except PermissionError:
            yield "receive buffers NOT equal: needs root to raise net.core.rmem_default"
    finally:
        with contextlib.suppress(PermissionError):
            for name, value in before.items():
                sysctl(name, value)


@contextlib.contextmanager
def started(peer, core=None, workers=1):
    port, http = h.free_port(), p.free_http()
    with tempfile.TemporaryDirectory(prefix="statsd-peer-") as scratch:
        log = pathlib.Path(scratch) / "log.txt"
        with h.process(peer.command(port, http, pathlib.Path(scratch), workers), core, cwd=scratch, log=log) as child:
            if not h.wait_for_udp(port, child):
                said = log.read_text(errors="replace").strip().splitlines()
                raise p.Unavailable("did not start: " + (said[-1][:120] if said else "no message"))
            yield port, child.pid, peer.metrics(http)


def taken(url, metric):
    """What a counter of the peer says now; None when it has none."""
    if url is None:
        return None
    with urllib.request.urlopen(url, timeout=30) as answer:
        text = answer.read().decode(errors="replace")
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.split("{")[0].split(" ")[0] == metric)


def drained(peer, build, load, payload, runs):
    """Rate at which a full socket empties, until the server no longer computes; and what it lost inside itself."""
    with started(peer) as (port, pid, metrics):
        before = taken(metrics, peer.lines_metric)
        found = h.drain(build, port, pid, "--payload", payload, "--runs", runs, *load)
        after = taken(metrics, peer.lines_metric)
    lost = None if before is None else max(0.0, 1 - (after - before) / found["lines_total"])
    return found, lost


def highest(peer, build, load, payload, trial):
    """Highest constant rate with at most 0.1 % of the lines lost, in the kernel or in the server."""
    with started(peer) as (port, pid, metrics):
        options = ["--find-max", "--rate", "20k", "--rate-to", "30M", "--max-loss", "0.1%", "--trial", trial, "--resolution", "5%",
                   "--payload", payload, *load]
        options += ["--samples-metric", peer.lines_metric, "--scrape-interval", "10s"] if metrics else []
        return h.load(build, port, *options, pid=pid, metrics=metrics)["search"]


def steady(peer, build, load, seconds):
    """CPU per 1,000 lines at 100,000 packed lines a second, series already known."""
    with started(peer) as (port, pid, metrics):
        options = ["--rate", "100k", "--payload", "1432", *load]
        h.load(build, port, "--duration", "1s", *options, pid=pid)
        report = h.load(build, port, "--duration", seconds, *options, pid=pid)
    return report["server"]["cpu_us_per_1000_samples"], report["server"]["rss_peak_bytes"] / 1048576


def measure(peer, build, load, quick):
    runs, trial = ("1", "1s") if quick else ("3", "2s")
    packed, packed_lost = drained(peer, build, load, "1432", runs)
    single, single_lost = drained(peer, build, load, "0", runs)
    cpu, rss = steady(peer, build, load, "2s" if quick else "6s")
    cells = [h.number(packed["line_rate_until_idle"]), loss(packed_lost), h.number(single["line_rate_until_idle"]), loss(single_lost)]
    for payload in ("1432", "0"):
        found = highest(peer, build, load, payload, trial)
        cells.append(h.number(found["highest_rate"]) + (" (sender's limit)" if found["sender_limited"] else ""))
    return cells + [h.number(cpu), h.number(rss)]


def loss(part):
    return "not told" if part is None else f"{part * 100:.2g} %"


HEAD = ["server", "drain, packed lines/s", "lost inside", "drain, one-line lines/s", "lost inside", "highest packed lines/s", "highest one-line lines/s",
        "CPU us per 1,000 lines at 100k/s", "RSS MiB"]


def round_of(title, found, build, load, quick):
    rows = []
    for peer in found:
        h.say(f"{title}: {peer.name}")
        try:
            rows.append([peer.name, *measure(peer, build, load, quick)])
        except (p.Unavailable, RuntimeError, subprocess.TimeoutExpired) as e:
            rows.append([peer.name, f"no result: {e}"] + [""] * (len(HEAD) - 2))
    return f"## {title}\n\nThe load: `{' '.join(load)}`\n\n" + h.table(HEAD, rows) + "\n"


def emptied(peer, build, runs):
    """Lines a second from sockets filled beforehand, with both cores: {wall, cpu} of the medians."""
    sockets = peer.workers(len(BOTH))
    # As many datagrams in all for each; half of them sent from each core, or each worker's from its own.
    senders = ["even", "--from", listed(sockets)] if sockets > 1 else ["one", "--from", listed(len(BOTH))]
    with started(peer, core=listed(len(BOTH)), workers=sockets) as (port, pid, _):
        pin_workers(pid)
        command = [build / "bench/cores", "--port", port, "--pid", pid, "--sockets", sockets, "--datagrams", WAITING // sockets,
                   "--senders", *senders, "--series", 10000, "--tags", 0, "--tag-values", 1]
        h.results(command, core=h.SENDER_CORE)      # first sight of all series
        found = h.results([*command, "--runs", runs], core=h.SENDER_CORE)
    return sockets, {name: value for name, (value, _) in found.items()}


def both_cores(found, build, quick):
    rows = []
    for peer in found:
        h.say(f"Both cores: {peer.name}")
        try:
            sockets, got = emptied(peer, build, 3 if quick else 9)
            rows.append([peer.name, sockets, h.number(got["wall"]), h.number(got["cpu"])])
        except (p.Unavailable, RuntimeError, subprocess.TimeoutExpired) as e:
            rows.append([peer.name, f"no result: {e}", "", ""])
    head = ["server", "threads that read", "drain, packed lines/s", "by CPU of the busiest thread"]
    return ("## Plain lines, the whole machine\n\nEach server may use both cores, and is given as many reading threads as it can have: ours a worker a core, "
            f"the others have one.  {WAITING} datagrams wait in the sockets.\n\n" + h.table(head, rows) + "\n")


def install(build, only):
    found, rows = [], []
    for peer in p.everybody(build):
        if only and only not in peer.name:
            continue
        try:
            peer.install()
            found.append(peer)
            rows.append([peer.name, peer.version(), peer.settings])
        except p.Unavailable as reason:
            h.say(f"skipped {peer.name}: {reason}")
            rows.append([peer.name, "skipped", str(reason)])
    return found, rows


NOTES = """* Drain: the server is stopped, its receive buffer filled to the brim, and then it reads; the rate counts until it no longer computes,
  so that queues inside a server do not flatter it. A server on queues may lose lines there; where it counts them, "lost inside" says so.
* Highest rate: constant load, at most 0.1 % lost, and all of it worked off 0.2 s after the last send.
* CPU: user and system time of the whole process, from the kernel's clock.
* What the servers do with a line differs (exact percentiles, sketches, summaries); all of them keep counters, gauges and timers here.
"""


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--build", default="build", type=pathlib.Path)
    a.add_argument("--quick", action="store_true", help="shorter runs, nothing written")
    a.add_argument("--only", help="part of a server's name")
    args = a.parse_args()
    build = args.build.resolve()
    p.PLACE.mkdir(parents=True, exist_ok=True)
    found, versions = install(build, args.only)
    with equal_buffers() as buffers:
        text = "# Benchmark against other servers\n\n" + h.table(["", ""], [*h.machine(), ("Buffers", buffers)]) + "\n"
        text += h.table(["server", "version", "settings"], versions) + "\n"
        text += round_of("Plain lines", found, build, PLAIN, args.quick)
        text += round_of("Lines with three tags", [peer for peer in found if peer.tags], build, TAGGED, args.quick)
    text += NOTES
    print(text)
    if not args.quick and not args.only:
        h.say(f"written to {h.write_results(text, '-peers')}")


if __name__ == "__main__":
    main()
