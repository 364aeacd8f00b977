"""Two workers on two cores beside one on one core, and the bare receiver likewise: a part of run.py, and `make bench-cores`.

Sockets are filled while the receiver is stopped, by as many datagrams each, and then emptied.  One and two take turns; a ratio is taken inside its
round, and its median and quartiles over the rounds are printed.
"""

import contextlib
import os
import pathlib
import re
import statistics
import time

import harness as h

BOTH = [h.RECEIVER_CORE, h.SENDER_CORE]    # of worker 0 and 1
# The load: a thousand names, so that a spread by name has something to spread.
LOAD = ["--series", 10000, "--tag-values", 3]
FILL = 30000        # datagrams for each socket, of 1,432 bytes: half of what the receive buffer holds
GOALS = {"source": 1.9, "payload": 1.8}


def listed(n):
    return ",".join(map(str, BOTH[:n]))


def pin_workers(pid):
    """A core to each thread that reads."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            name = re.fullmatch(r"worker-(\d+)\n", (task / "comm").read_text())
            if name:
                os.sched_setaffinity(int(task.name), {BOTH[int(name[1])]})


def once(build, at, n, one_sender=False):
    """Fill and empty a receiver's n sockets.  returns  {wall, cpu, ...}"""
    port, pid = at
    command = [build / "bench/cores", "--port", port, "--pid", pid, "--cores", listed(n), "--datagrams", FILL,
               "--senders", "one" if one_sender else "even", *LOAD]
    return {name: value for name, (value, _) in h.results(command, core=h.SENDER_CORE).items()}


@contextlib.contextmanager
def server(build, n, *settings):
    with h.Server(build, *settings, workers=n, core=listed(n)) as s:
        pin_workers(s.pid)
        yield s.port, s.pid


@contextlib.contextmanager
def bare(build, n):
    with h.floor_receiver(build, "drain", threads=n, core=listed(n)) as at:
        pin_workers(at[1])
        yield at


def heat(build, at, seconds=15):
    """One sender overfills one socket, until auto has spread it: then two sockets have datagrams of one sender."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        h.results([build / "bench/drain", "--port", at[0], "--pid", at[1], "--runs", 1, *LOAD], core=h.SENDER_CORE)
        time.sleep(0.3)
        with contextlib.suppress(RuntimeError):
            if once(build, at, 2, one_sender=True)["busiest"] < 0.7:
                return
    raise RuntimeError("auto did not spread by payload")


def spread(ratios):
    low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def rounds(build, pairs, n):
    """pairs: (one, two, one sender) each.  returns  for each pair its list of (one's, two's) figures"""
    for one, two, hot in pairs:     # first sight of all series
        once(build, one, 1), once(build, two, 2, hot)
    found = [[] for _ in pairs]
    for i in range(n):
        for at, (one, two, hot) in enumerate(pairs):
            if i % 2:
                b, a = once(build, two, 2, hot), once(build, one, 1)
            else:
                a, b = once(build, one, 1), once(build, two, 2, hot)
            found[at].append((a, b))
    return found


def row(name, pairs, floor, goal):
    times = {key: [b[key] / a[key] for a, b in pairs] for key in ("wall", "cpu")}
    of_floor = [t / statistics.median(floor["cpu"]) for t in times["cpu"]] if floor else None
    rate = {key: statistics.median(b[key] for _, b in pairs) for key in ("wall", "cpu")}
    met = ("met" if statistics.median(times["cpu"]) >= goal else "MISSED") if goal else ""
    return [name, h.number(statistics.median(a["cpu_per_line"] for a, _ in pairs)), h.number(statistics.median(b["cpu_per_line"] for _, b in pairs)),
            h.number(rate["wall"]), f"{statistics.median(b['busiest'] for _, b in pairs):.3f}", spread(times["wall"]), spread(times["cpu"]),
            spread(of_floor) if of_floor else "", f">= {goal}" if goal else "", met], times


def cores(build, quick):
    if h.SENDER_CORE == h.RECEIVER_CORE:
        return ""
    h.say("two workers on two cores, sockets filled beforehand")
    rows, n = [], 3 if quick else 15
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        pairs = [("bare receiver", enter(bare(build, 1)), enter(bare(build, 2)), False, None)]
        for cpu in [v for v in h.variants(build) if v in ("avx512", "avx2")] or ["auto"]:
            one = enter(server(build, 1, f"protocol.cpu={cpu}"))
            pairs.append((f"many senders, {cpu}", one, enter(server(build, 2, f"protocol.cpu={cpu}")), False, GOALS["source"]))
            pairs.append((f"one sender, spread=payload, {cpu}", one, enter(server(build, 2, f"protocol.cpu={cpu}", "listen.spread=payload")), True,
                          GOALS["payload"]))
        hot = enter(server(build, 2, "listen.spread=auto"))
        pairs.append(("one sender, spread=auto", enter(server(build, 1)), hot, True, GOALS["payload"]))
        heat(build, hot)
        floor = None
        for (name, *_, goal), found in zip(pairs, rounds(build, [p[1:4] for p in pairs], n)):
            cells, times = row(name, found, floor, goal)
            floor = floor or times
            rows.append(cells)
    text = ("## Two workers on two cores, sockets filled beforehand\n\n1,432-byte datagrams, 10,000 series, as many datagrams for each worker as for one "
            f"alone; each worker has a core. One and two in turns, {n} rounds: medians, and quartiles in brackets. By wall: lines a second until both "
            "are done; other load on the machine hurts two more than one. By CPU: lines by the CPU time of the busiest worker. The goal is judged by "
            "CPU; the ratio to the floor is to what the bare receiver gains.\n\n")
    return text + h.table(["what", "CPU us per 1,000 lines, one", "two", "lines/s of two, wall", "busiest worker's part", "two to one, wall",
                           "two to one, CPU", "of the bare receiver's", "goal", ""], rows)
