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
# The load: 3,750 names, so that a spread by name has something to spread.
LOAD = ["--series", 10000, "--tag-values", 2]
FILL = 30000        # datagrams for each socket, of 1,432 bytes: half of what the receive buffer holds
GOALS = {"source": 1.9, "payload": 1.8}


# One worker and the bare receiver in turn: what is sent, and the goal for its datagram rate.
TURNS = [("1,432 bytes, 10,000 series", 1432, 24000, 10000, 0.45), ("1,432 bytes, 1,000,000 series", 1432, 24000, 1000000, 0.40),
         ("one line, 10,000 series", 0, 50000, 10000, 0.85)]


def listed(n):
    return ",".join(map(str, BOTH[:n]))


def pin_workers(pid):
    """A core to each thread that reads, and nothing goes before the process there, where that is permitted."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            name = re.fullmatch(r"worker-(\d+)\n", (task / "comm").read_text())
            if name:
                os.sched_setaffinity(int(task.name), {BOTH[int(name[1])]})
            # All threads alike: a worker that waits for one that was stopped in uv_async_send spins.
            os.sched_setscheduler(int(task.name), os.SCHED_FIFO, os.sched_param(1))


def once(build, at, n, one_sender=False):
    """Fill and empty a receiver's n sockets.  One sender is on the sender's core, else each on its reader's.  returns  {wall, cpu, ...}"""
    port, pid = at
    senders = ["one", "--from", h.SENDER_CORE] if one_sender else ["even", "--from", listed(n)]
    command = [build / "bench/cores", "--port", port, "--pid", pid, "--sockets", n, "--datagrams", FILL, "--senders", *senders, *LOAD]
    return {name: value for name, (value, _) in h.results(command, core=h.SENDER_CORE).items()}


@contextlib.contextmanager
def server(build, n, *settings):
    with h.Server(build, *settings, workers=n, core=listed(n)) as s:
        pin_workers(s.pid)
        yield s.port, s.pid


@contextlib.contextmanager
def bare(build, n, spread=False):
    with h.floor_receiver(build, "drain", threads=n, core=listed(n), spread=spread) as at:
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
        once(build, one, 1, hot), once(build, two, 2, hot)
    found = [[] for _ in pairs]
    for i in range(n):
        for at, (one, two, hot) in enumerate(pairs):
            if i % 2:
                b, a = once(build, two, 2, hot), once(build, one, 1, hot)
            else:
                a, b = once(build, one, 1, hot), once(build, two, 2, hot)
            found[at].append((a, b))
    return found


def row(name, pairs, floor, goal):
    """floor: the pairs of the bare receiver, round by round; None: these are they"""
    times, bare_times = ({key: [b[key] / a[key] for a, b in both] for key in ("wall", "cpu")} for both in (pairs, floor or pairs))
    of_floor = [ours / bare for ours, bare in zip(times["cpu"], bare_times["cpu"])]
    met = "met" if statistics.median(times["cpu"]) >= (goal or 0) else "MISSED, as by the bare receiver" if statistics.median(of_floor) >= 1 else "MISSED"
    return [name, h.number(statistics.median(a["cpu_per_line"] for a, _ in pairs)), h.number(statistics.median(b["cpu_per_line"] for _, b in pairs)),
            h.number(statistics.median(b["wall"] for _, b in pairs)), f"{statistics.median(b['busiest'] for _, b in pairs):.3f}", spread(times["wall"]), spread(times["cpu"]),
            spread(of_floor) if floor else "", f">= {goal}" if goal else "", met if goal else ""]


def cores(build, quick):
    if h.SENDER_CORE == h.RECEIVER_CORE:
        return ""
    h.say("two workers on two cores, sockets filled beforehand")
    rows, n = [], 3 if quick else 15
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        alone = enter(bare(build, 1))
        pairs = [("bare receiver, many senders", alone, enter(bare(build, 2)), False, None),
                 ("bare receiver, one sender, spread", alone, enter(bare(build, 2, spread=True)), True, None)]
        for cpu in [v for v in h.variants(build) if v in ("avx512", "avx2")] or ["auto"]:
            one = enter(server(build, 1, f"protocol.cpu={cpu}"))
            pairs.append((f"many senders, {cpu}", one, enter(server(build, 2, f"protocol.cpu={cpu}")), False, GOALS["source"]))
            pairs.append((f"one sender, spread=payload, {cpu}", one, enter(server(build, 2, f"protocol.cpu={cpu}", "listen.spread=payload")), True,
                          GOALS["payload"]))
        hot = enter(server(build, 2, "listen.spread=auto"))
        pairs.append(("one sender, spread=auto", enter(server(build, 1)), hot, True, GOALS["payload"]))
        heat(build, hot)
        floors = {}     # pairs of the bare receiver: of one sender, of many
        for (name, *_, one_sender, goal), found in zip(pairs, rounds(build, [p[1:4] for p in pairs], n)):
            rows.append(row(name, found, floors.get(one_sender), goal))
            floors.setdefault(one_sender, found)
    text = ("## Two workers on two cores, sockets filled beforehand\n\n1,432-byte datagrams, 10,000 series of 3,750 names, as many datagrams for each "
            f"worker as for one alone; each worker has a core. One and two in turns, {n} rounds: medians, and quartiles in brackets. By wall: lines a "
            "second until both are done; other load on the machine hurts two more than one. By CPU: lines by the CPU time of the busiest worker. The goal "
            "is judged by CPU; the ratio to the bare receiver's gain is taken inside a round. With one sender the busiest worker's part is also the part "
            "of the datagrams that its names bring it.\n\n")
    return text + h.table(["what", "CPU us per 1,000 lines, one", "two", "lines/s of two, wall", "busiest worker's part", "two to one, wall",
                           "two to one, CPU", "of the bare receiver's", "goal", ""], rows)


def turn_ratios(build, floor, at, payload, datagrams, series, n):
    """returns  of each round, ours to the bare receiver's: by wall, by CPU"""
    def emptied(to):
        command = [build / "bench/cores", "--port", to[0], "--pid", to[1], "--datagrams", datagrams, "--from", h.SENDER_CORE, "--payload", payload,
                   "--series", series]
        return {name: value for name, (value, _) in h.results(command, core=h.SENDER_CORE).items()}
    for _ in range(-(-series // datagrams) + 1):    # first sight of all series, before the first round
        emptied(at)
    pairs = []
    for i in range(n):
        first, second = (at, floor) if i % 2 else (floor, at)
        a, b = emptied(first), emptied(second)
        pairs.append((a, b) if i % 2 else (b, a))
    return [[ours[key] / bare[key] for ours, bare in pairs] for key in ("wall", "cpu")]


def in_turn(build, quick):
    """The drains of run.py once more, where two moments of a shared machine are not compared."""
    rows, n = [], 3 if quick else 11
    with contextlib.ExitStack() as stack:
        floor = stack.enter_context(h.floor_receiver(build, "epoll", threads=1, core=listed(1)))
        pin_workers(floor[1])
        for cpu in [v for v in h.variants(build) if v in ("avx512", "avx2")] or ["auto"]:
            for name, payload, datagrams, series, goal in TURNS:
                h.say(f"one worker and the bare receiver in turn: {name}, {cpu}")
                with server(build, 1, f"protocol.cpu={cpu}") as at:
                    wall, cpu_time = turn_ratios(build, floor, at, payload, datagrams, series, n)
                met = "met" if statistics.median(wall) >= goal else "MISSED"
                rows.append([name, cpu, spread(wall), spread(cpu_time), f">= {goal}", met])
    text = f"## One worker and the bare receiver in turn\n\nSockets filled beforehand, {n} rounds: median of the rounds' ratios, quartiles in brackets.\n\n"
    return text + h.table(["datagrams", "variant", "datagram rate, to the bare receiver's", "by CPU time", "goal", ""], rows)
