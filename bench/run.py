#!/usr/bin/env python3
"""make bench: every figure of the budget beside its floor, measured in one run, as a Markdown table in bench/results/."""

import argparse
import concurrent.futures
import os
import pathlib
import re
import signal
import statistics
import tempfile
import time
import urllib.request

import cores
import harness as h
import restarts

# At most so many times the staged floor, where lines are read out of registers; figures by the number of series.
GOALS = {"100": 1.25, "10000": 1.10, "100000": 0.95, "1000000": 0.95}
# At least so much of the bare receiver's rate, by (payload, series).
DRAIN_GOALS = {("1432", 10000): 0.45, ("1432", 1000000): 0.40, ("0", 10000): 0.85}
WINDOWED = ("avx512", "avx2")   # variants that the goals are for


def verdict(ok):
    return "met" if ok else "MISSED"


def in_process(build, quick):
    """Parse and aggregate without sockets: each variant between two runs of both floors."""
    sizes = ["100", "10000", "100000"] + ([] if quick else ["1000000"])
    rows = []
    for size in sizes:
        for cpu in h.variants(build):
            h.say(f"parse + aggregate, {int(size):,} series, {cpu}")
            before = floors(build, size)
            ours = h.results([build / "bench/micro_aggregate", size], env={"BENCH_CPU": cpu})
            staged, tight = (min(pair) if all(pair) else None for pair in zip(before, floors(build, size)))
            value = ours[f"aggregate_{size}"][0]
            goal, met = (f"<= {GOALS[size]:.2f} of staged", verdict(value <= GOALS[size] * staged)) if cpu in WINDOWED else ("", "")
            rows.append([f"{int(size):,}", cpu, h.number(staged), h.number(tight), h.number(value), h.ratio(value, staged),
                         h.ratio(value, tight), goal, met, f"{ours[f'memory_{size}'][0]:.0f}"])
    text = ("## Parse and aggregate in one process\n\nns per line, about 80 bytes with three tags (60 % c, 30 % ms, 10 % g), CPU time, median of 7; "
            "each variant of the parser between two runs of the floors, of which the better one counts. The staged floor does the work in the simplest "
            "way that hides cache misses; the tight one does what avx2 does for a plain line, without limits and errors.\n\n")
    return text + h.table(["series", "variant", "staged floor", "tight floor", "ours", "of staged", "of tight", "goal", "", "bytes/series in the worker"],
                          rows)


def floors(build, size):
    """ns a line of the staged floor and of the tight one, which is None where the CPU cannot run it"""
    staged = h.results([build / "bench/staged", size])[f"staged_{size}"][0]
    return staged, h.results([build / "bench/tight", size]).get(f"tight_{size}", (None,))[0]


def workers(build, quick):
    """Two lanes on two cores, all datagrams in memory beforehand."""
    if h.SENDER_CORE == h.RECEIVER_CORE:
        return ""
    rows = []
    for series in (10000,) if quick else (10000, 100000):
        h.say(f"two workers, {series:,} series")
        found = h.results([build / "bench/micro_workers", series], core=f"{h.SENDER_CORE},{h.RECEIVER_CORE}")
        alone, beside, times = (found[f"{name}_{series}"][0] for name in ("worker_alone", "worker_beside", "workers"))
        rows.append([f"{series:,}", h.number(alone), h.number(beside), f"{times:.2f}", ">= 1.9", verdict(times >= 1.9)])
    text = ("## Two workers on two cores\n\nns of CPU a line of one worker alone and beside another one, without sockets, median of 6: "
            "how many workers' work two of them do when each has a core to itself.\n\n")
    return text + h.table(["series", "alone", "beside another", "workers' work", "goal", ""], rows)


def bare_drain(build, options):
    with h.floor_receiver(build, "drain") as (port, pid):
        return h.drain(build, port, pid, *options)


def drains(build, quick):
    """A full socket emptied: the bare receiver, ours by each variant, the bare receiver again; its better run counts."""
    runs = "3" if quick else "7"
    cases = [("1,432 B", "1432", 100), ("1,432 B", "1432", 10000), ("1,432 B", "1432", 100000), ("one line", "0", 10000)]
    cases += [] if quick else [("1,432 B", "1432", 1000000)]
    rows = []
    for name, payload, series in cases:
        options = ["--payload", payload, "--series", series, "--runs", runs]
        first, ours = bare_drain(build, options), {}
        for cpu in h.variants(build):
            h.say(f"drain, {name}, {series:,} series, {cpu}")
            with h.Server(build, f"protocol.cpu={cpu}") as server:
                ours[cpu] = h.drain(build, server.port, server.pid, *options)
        second = bare_drain(build, options)
        bare = {"datagram_rate": max(first["datagram_rate"], second["datagram_rate"]), "cpu": min(first["cpu"], second["cpu"])}
        for cpu, found in ours.items():
            rate, cost = found["datagram_rate"] / bare["datagram_rate"], found["cpu"] / bare["cpu"]
            least = DRAIN_GOALS.get((payload, series)) if cpu in WINDOWED else None
            rows.append([name, f"{series:,}", cpu, h.number(bare["datagram_rate"]), h.number(found["datagram_rate"]), f"{rate:.2f}",
                         h.number(found["line_rate"]), h.number(bare["cpu"]), h.number(found["cpu"]), f"{cost:.2f}",
                         f"rate >= {least:.2f}" if least else "", verdict(rate >= least) if least else ""])
    text = ("## Draining a full socket\n\nThe receiver is stopped, its receive buffer filled to the brim, and then it reads; one worker, one core. "
            "CPU in us per 1,000 lines.\n\n")
    return text + h.table(["datagrams", "series", "variant", "bare datagrams/s", "ours", "ratio", "lines/s", "bare CPU", "ours", "ratio", "goal", ""],
                          rows)


def paced(build, quick):
    """CPU at a steady rate: one-line datagrams against the bare receiver, packed ones (with an interval a second) in themselves."""
    seconds = "3s" if quick else "6s"
    rows = []
    packed = [("1,432 B", "1432", "100k", 0.5, cpu) for cpu in h.variants(build) if cpu in WINDOWED] or [("1,432 B", "1432", "100k", None, "auto")]
    for name, payload, rate, most, cpu in [("one line", "0", "10k", None, "auto"), ("one line", "0", "100k", 1.25, "auto"), *packed]:
        h.say(f"{rate} lines/s, {name}, {cpu}")
        options = ["--payload", payload, "--series", 10000, "--rate", rate, "--duration", seconds]
        with h.floor_receiver(build, "epoll") as (port, pid):
            h.load(build, port, *options, pid=pid)
            bare = h.load(build, port, *options, pid=pid)
        with h.Server(build, f"protocol.cpu={cpu}") as server:
            h.load(build, server.port, *options, pid=server.pid)
            ours = h.load(build, server.port, *options, pid=server.pid)
        floor, cost = bare["server"]["cpu_us_per_1000_samples"], ours["server"]["cpu_us_per_1000_samples"]
        rows.append([name, rate, cpu, h.number(floor), h.number(cost), h.ratio(cost, floor), f"{ours['loss']['part'] * 100:.4f} %",
                     f"{ours['sent']['rate_error'] * 100:+.3f} %", f"<= {most} of it" if most else "", verdict(cost <= most * floor) if most else ""])
    text = "## A steady stream\n\nAgainst a bare epoll + recvmmsg(64) receiver. CPU in us per 1,000 lines, 10,000 series, intervals closing meanwhile.\n\n"
    return text + h.table(["datagrams", "lines/s", "variant", "bare CPU", "ours", "ratio", "loss", "pace", "goal", ""], rows)


def scraped(build, quick):
    """Load and scrapes at once: nothing may be lost, and what a scrape costs."""
    rows = []
    for series in (10000, 100000):
        h.say(f"scrapes under load, {series:,} series")
        with h.Server(build) as server:
            report = h.load(build, server.port, "--series", series, "--rate", "300k", "--duration", "4s" if quick else "10s",
                            "--scrape-interval", "1s", pid=server.pid, metrics=server.metrics)
            cpu_ms = scrape_cpu_ms(server, 5)
        scrape, loss = report["scrape"], report["loss"]
        goal = verdict(cpu_ms <= 60 and loss["part"] == 0) if series == 100000 else ""
        rows.append([f"{series:,}", f"{loss['part'] * 100:.4f} %", h.number(scrape["p50_ms"]), h.number(scrape["p99_ms"]),
                     h.number(cpu_ms), h.number(scrape["longest_flush_ms"]), h.number(report["server"]["rss_peak_bytes"] / 1048576), goal])
    text = ("## Scraped while it works\n\n300,000 lines/s, a scrape each second. The goal at 100,000 series: under 60 ms of CPU a scrape, "
            "and nothing lost.\n\n")
    return text + h.table(["series", "loss", "scrape p50 ms", "p99 ms", "CPU a scrape, ms", "longest flush ms", "RSS MiB", "goal"], rows)


def cpu_seconds(pid):
    """From the process's CPU clock: exact, where /proc counts in hundredths of a second."""
    return time.clock_gettime(~pid << 3 | 2)


def scrape_cpu_ms(server, times):
    before = cpu_seconds(server.pid)
    for _ in range(times):
        with urllib.request.urlopen(server.metrics, timeout=30) as answer:
            answer.read()
    return (cpu_seconds(server.pid) - before) / times * 1000


# Name and Accept: a row for each format.
FORMATS = [("text", "text/plain;version=0.0.4"), ("OpenMetrics", "application/openmetrics-text;version=1.0.0"),
           ("protobuf", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")]
ENCODINGS = ["identity", "gzip", "zstd"]


def formats(build, quick):
    """What a page costs in each format and encoding: the control thread renders, the others send and compress."""
    h.say("formats and encodings, 100,000 series")
    cases = [(name, accept, encoding) for name, accept in FORMATS for encoding in ENCODINGS]
    found = {case: [] for case in cases}
    with h.Server(build) as server:
        h.load(build, server.port, "--types", "c=60,g=25,ms=10,s=5", "--series", 100000, "--rate", "300k", "--duration", "2s", metrics=server.metrics)
        for _ in range(3 if quick else 15):
            for case in cases:
                found[case].append(page_cost(server, *case[1:]))
        rss = server.rss_mib()
    rows = []
    for name, accept, encoding in cases:
        control, all_threads, size, peak = (statistics.median(v) for v in zip(*found[name, accept, encoding]))
        least = statistics.median(v[0] for v in found[FORMATS[0][0], FORMATS[0][1], encoding])
        rows.append([name, encoding, h.number(control), h.ratio(control, least), h.number(all_threads), h.number(size / 1e6), f"{peak:.1f}"])
    text = ("## Formats and encodings\n\n100,000 series, 60 % c, 25 % g, 10 % ms, 5 % s. CPU a page and the most memory that the process held "
            f"meanwhile, medians of 15; the ratio is to the text. Between pages the process holds {rss:.1f} MiB.\n\n")
    return text + h.table(["format", "encoding", "control thread, ms", "ratio", "all threads, ms", "MB", "peak MiB"], rows)


def thread_ms(pid, thread):
    return int(pathlib.Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0]) / 1e6


def page_cost(server, accept, encoding):
    """(CPU of the control thread, of all, in ms; bytes; most memory held meanwhile, in MiB)"""
    def now():
        return thread_ms(server.pid, server.pid), cpu_seconds(server.pid) * 1000
    request = urllib.request.Request(server.metrics, headers={"Accept": accept, "Accept-Encoding": encoding})
    pathlib.Path(f"/proc/{server.pid}/clear_refs").write_text("5")     # VmHWM begins anew
    before = now()
    with urllib.request.urlopen(request, timeout=30) as answer:
        size = len(answer.read())
        if (answer.headers["Content-Encoding"] or "identity") != encoding or not answer.headers["Content-Type"].startswith(accept.split(";")[0]):
            raise RuntimeError(f"{accept} as {encoding} is not served")
    time.sleep(0.02)
    after = now()
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    peak_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return after[0] - before[0], after[1] - before[1], size, peak_kib / 1024


# name, types, series, options of the load, lines for each series, bytes that each may take
MEMORY = [("counters", "c", 1000000, [], 1, 300),
          ("60 % counters, 30 % timers, 10 % gauges", "c=60,ms=30,g=10", 100000, [], 5, 470),
          ("timers of 100 samples, one decade of values", "ms", 100000, ["--values", "uniform:10:100"], 100, 2000)]


def series_of(server):
    with urllib.request.urlopen(server.metrics, timeout=60) as answer:
        return sum(int(n) for n in re.findall(r'^statsd_series\{kind="\w+"\} (\d+)$', answer.read().decode(), re.M))


def memory(build, quick):
    """Resident memory of many series, the empty server's taken off for the figure per series.  At a rate that loses none."""
    rows = []
    for name, types, series, options, lines_each, most in MEMORY:
        series //= 5 if quick else 1
        h.say(f"memory of {series:,} {name}")
        with h.Server(build, "limits.max_series=2000000") as server:
            empty = server.rss_mib()
            h.load(build, server.port, "--types", types, "--series", series, "--pool-lines", series * min(lines_each, 5), "--rate", "400k",
                   "--duration", f"{max(2, series * lines_each // 400000 + 1)}s", *options, metrics=server.metrics)
            time.sleep(1)
            rss, seen = server.rss_mib(), series_of(server)
        each = (rss - empty) * 1048576 / seen
        rows.append([name, f"{seen:,}", h.number(empty), h.number(rss), f"{each:.0f}", f"{most:,}", verdict(each <= most)])
    text = "## Memory\n\nResident, after a scrape each second.\n\n"
    return text + h.table(["what", "series", "empty, MiB", "full, MiB", "bytes/series", "at most", ""], rows)


def micro(build, quick):
    rows = []
    tools = ("micro_sketch", "micro_close", "micro_mapping", "micro_mapped", "micro_first", "micro_twins", "micro_render", "micro_memory",
             "micro_state")
    small = {"micro_close": ["10000"], "micro_first": ["20000"], "micro_render": ["10000"], "micro_memory": ["100000"],
             "micro_state": ["100000"]}
    for tool in tools:
        h.say(tool)
        arguments = small.get(tool, []) if quick else []
        found = h.results([build / "bench" / tool, *arguments])
        for name, (value, unit) in found.items():
            if name.startswith("floor_"):
                continue
            floor = found.get("floor_" + name, (None, ""))[0]
            rows.append([name, h.number(floor) if floor else "", h.number(value), h.ratio(value, floor) if floor else "", unit])
    text = ("## Single steps\n\nCPU time of one thread, median of 7. The floor: of adding to a sketch a histogram by exponent; of a page turn "
            "two atomic exchanges; of merging one cache line copied for each series; of render, encode and quantiles the same bytes copied once.\n\n")
    return text + h.table(["step", "floor", "ours", "ratio", "unit"], rows)


PAUSE_MOST_US = 2000


def both_cores():
    """For what has several threads: the worker has a core, and those beside it the other."""
    return f"{h.SENDER_CORE},{h.RECEIVER_CORE}"


def storm(build, quick):
    """
    A real server: a million new names in ten seconds beside 500k known lines a second, the receive buffer as by default.
    returns  (its CPU time between two reads in us: longest and p99.9, lines sent, datagrams that the kernel dropped)
    """
    new, seconds = (100_000, 1) if quick else (1_000_000, 10)
    with tempfile.NamedTemporaryFile(suffix=".reads") as found:
        server = h.Server(build, "limits.max_series=3000000", rcvbuf=None)
        server.command = [*h.pinned(both_cores(), ["env"]), f"LD_PRELOAD={build / 'bench/reads.so'}", f"READS_FILE={found.name}", *server.command]
        with server, concurrent.futures.ThreadPoolExecutor() as pool:
            known = pool.submit(h.load, build, server.port, "--series", 10_000, "--rate", "500k", "--duration", f"{seconds + 2}s")
            time.sleep(1)
            fresh = h.load(build, server.port, "--prefix", "storm.", "--series", new, "--rate", "100k", "--duration", f"{seconds}s")
            sent = fresh["sent"]["lines"] + known.result()["sent"]["lines"]
            drops = h.udp_drops(server.port)
            os.kill(server.pid, signal.SIGTERM)     # a million series take a while to end
            for _ in range(600):
                if os.path.getsize(found.name) > 0:
                    break
                time.sleep(0.1)
        reads = h.result_lines(pathlib.Path(found.name).read_text())
    return reads["reads_cpu_max"][0], reads["reads_cpu_p999"][0], sent, drops


def pauses(build, quick):
    """The longest work between two reads; the worker's is judged, by its own CPU time."""
    h.say("micro_pause")
    runs = [h.results([build / "bench/micro_pause", *(["20000"] if quick else [])], core=both_cores()) for _ in range(1 if quick else 3)]
    rows = []
    for name in (n for n in runs[0] if n.endswith("_cpu_max")):
        _, phase, work, _, _ = name.split("_")
        figures = [[r[f"pause_{phase}_{work}_{what}"][0] for r in runs] for what in ("cpu_max", "cpu_p999", "wall_max")]
        cells = [f"{h.number(statistics.median(f))} ({h.number(min(f))} to {h.number(max(f))})" for f in figures]
        judged = work in ("receive", "turn")
        rows.append([phase, "worker" if judged else "control", work, *cells, verdict(statistics.median(figures[0]) <= PAUSE_MOST_US) if judged else ""])
    h.say("a storm of new names")
    longest, p999, sent, drops = storm(build, quick)
    rows.append(["storm", "worker", "a real server, all", h.number(longest), h.number(p999), "", verdict(longest <= PAUSE_MOST_US)])
    text = (f"## Pauses\n\nThe longest work in one go, in us: medians of {len(runs)} runs (least to most). The worker's CPU time is to stay under "
            f"{PAUSE_MOST_US:,}; the wall tells of the machine too. What the phases are: `bench/micro_pause.c`. "
            f"To the real server {sent:,} lines were sent, and the kernel dropped {drops:,} datagrams.\n\n")
    return text + h.table(["phase", "thread", "work", "CPU, longest", "CPU, p99.9", "wall, longest", ""], rows)


def parsing(build, quick):
    """The parser alone has its own table; it is taken over as it stands."""
    tool = build / "bench/micro_parse"
    if not tool.exists() or quick:
        return ""
    h.say("micro_parse")
    done = h.subprocess.run(h.pinned(h.RECEIVER_CORE, [tool]), capture_output=True, text=True, timeout=300, check=True)
    return "## The parser alone\n\n```\n" + done.stdout + "```\n"


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default="build", type=pathlib.Path)
    p.add_argument("--quick", action="store_true", help="a short look: fewer sizes and runs, nothing written")
    p.add_argument("--only", help="one part: " + ", ".join(PARTS))
    args = p.parse_args()
    build = args.build.resolve()
    parts = [args.only] if args.only else list(PARTS)
    text = "# Benchmark\n\n" + h.table(["", ""], h.machine()) + "\n"
    text += "\n".join(filter(None, (PARTS[part](build, args.quick) for part in parts)))
    print(text)
    if not args.quick and not args.only:
        h.say(f"written to {h.write_results(text)}")


PARTS = {"in_process": in_process, "workers": workers, "cores": cores.cores, "in_turn": cores.in_turn, "drains": drains, "paced": paced, "scraped": scraped, "formats": formats, "memory": memory, "micro": micro, "pauses": pauses, "restarts": restarts.restarts,
         "parsing": parsing}

if __name__ == "__main__":
    main()
