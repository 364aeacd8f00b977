#!/usr/bin/env python3
"""Ways to receive, measured side by side (bench/receive/): why the workers receive as they do.

Every round runs all ways once, so that what else the machine does hits all alike; a ratio is taken inside its round against
the bare receiver (recvmmsg(64) that blocks), and the median over the rounds is printed.
"""

import argparse
import pathlib
import statistics

import harness as h

BLOCK = ("bare recvmmsg(64)", "way=block")
EPOLL = ("epoll + recvmmsg(64)", "way=epoll")
UDP = ("uv_udp", "way=udp")
UDPMM = ("uv_udp, UV_UDP_RECVMMSG", "way=udpmm")
RECV = ("uv_poll + recv", "way=recv rounds=1024")
POLL = ("uv_poll + recvmmsg(64), 16 rounds", "way=poll")

BATCHES = [(f"uv_poll + recvmmsg({n}), {1024 // n} rounds", f"way=poll batch={n} rounds={1024 // n}") for n in (1, 8, 16, 32, 128, 256)]
ROUNDS = [(f"uv_poll + recvmmsg(64), {n or 'unlimited'} rounds", f"way=poll rounds={n}") for n in (1, 4, 64, 0)]
STRIDE = [("uv_poll + recvmmsg(64), slots 65,536 apart", "way=poll stride=65536")]
GRO = [("uv_poll + recvmmsg(64), UDP_GRO", "way=poll gro=1"), ("GSO sender, GRO off", "way=poll gso=32"), ("GSO sender, UDP_GRO", "way=poll gso=32 gro=1")]
NAPS = [(f"uv_poll + recvmmsg(64), naps of {n} us", f"way=poll nap={n}") for n in (50, 100, 200)]
UNIX = [(f"uv_poll + recvmmsg({n})", f"way=poll batch={n} rounds={1024 // n}") for n in (1, 8, 16, 32, 64)]


class Bench:
    def __init__(self, build, rounds):
        self.tool, self.rounds = build / "bench/receive", rounds

    def run(self, ways, options, late=statistics.median):
        """returns  {name: {figure: median}}, with cpu_ratio to the first way"""
        found = {name: [] for name, _ in ways}
        for _ in range(self.rounds):
            floor = None
            for name, way in ways:
                command = [self.tool, f"core={h.SENDER_CORE}", *way.split(), *options.split()]
                one = {key: value for key, (value, _) in h.results(command).items()}
                floor = floor or one["cpu"]
                one["cpu_ratio"] = one["cpu"] / floor
                for key in ("wakes", "reads"):
                    one[key] *= 1000 / one["datagrams"]
                found[name].append(one)
        how = {"late": late}
        return {name: {key: how.get(key, statistics.median)([one[key] for one in runs]) for key in runs[0]} for name, runs in found.items()}

    def emptied(self, ways, options=""):
        small, large = self.run(ways, "payload=86 " + options), self.run(ways, "payload=1432 " + options)
        rows = []
        for name, _ in ways:
            s, b = small[name], large[name]
            late = "" if s["late"] == 0 else f"{s['late']:.2f}"
            rows.append([name, h.number(s["cpu"]), f"{s['cpu_ratio']:.2f}", h.number(b["cpu"]), f"{b['cpu_ratio']:.2f}", late])
        return h.table(["way", "86 B: CPU", "ratio", "1,432 B: CPU", "ratio", "late, ms"], rows)

    def paced(self, ways, options):
        found = self.run(ways, options)
        rows = [[name, h.number(f["cpu"]), f"{f['cpu_ratio']:.2f}", h.number(f["wakes"]), h.number(f["reads"]), f"{f['drops']:.0f}"]
                for name, f in found.items()]
        return h.table(["way", "CPU", "ratio", "wake-ups", "reads", "drops"], rows)

    def late(self, ways, options):
        """The least of the rounds: here the clock is the wall's, and others on the core only add."""
        found = self.run(ways, options, late=min)
        return h.table(["way", "late, ms", "CPU"], [[name, f"{f['late']:.2f}", h.number(f["cpu"])] for name, f in found.items()])

    def drops(self):
        rows = []
        for name, options in (("plain sender, GRO off", ""), ("plain sender, GRO on", "gro=1"), ("GSO sender, GRO off", "gso=32"),
                              ("GSO sender, GRO on", "gso=32 gro=1")):
            f = {key: value for key, (value, _) in h.results([self.tool, "sends=2000", "buffer=100000", *options.split()]).items()}
            rows.append([name, *(f"{f[key]:,.0f}" for key in ("sent", "read", "lost", "drops"))])
        return h.table(["", "sent", "read", "lost", "SK_MEMINFO_DROPS"], rows)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default="build", type=pathlib.Path)
    p.add_argument("--rounds", default=5, type=int)
    args = p.parse_args()
    b = Bench(args.build.resolve(), args.rounds)
    text = "# Ways to receive\n\n" + h.table(["", ""], h.machine()) + "\n"
    text += (f"Nothing is parsed. CPU: us of the receiving thread per 1,000 datagrams, median of {args.rounds}; ratio: to the bare "
             "receiver in the same round; wake-ups and reads: per 1,000 datagrams. Late: by how much a 1 ms timer came too late at worst; "
             "libuv's clock itself steps by 1 ms.\n\n")
    for title, part in (
        ("UDP, a full socket emptied", lambda: b.emptied([BLOCK, EPOLL, POLL, RECV, UDP, UDPMM])),
        ("UDP, a full socket emptied: slots a call", lambda: b.emptied([BLOCK, POLL, *BATCHES])),
        ("UDP, a full socket emptied: rounds a wake-up", lambda: b.emptied([BLOCK, POLL, *ROUNDS])),
        ("UDP, a full socket emptied: slots and segments", lambda: b.emptied([BLOCK, POLL, *STRIDE, *GRO])),
        ("Unix datagrams, a full socket emptied", lambda: b.emptied([BLOCK, EPOLL, RECV, *UNIX], "unix=1")),
        ("UDP, 100,000 datagrams of 86 B a second, one by one",
         lambda: b.paced([BLOCK, EPOLL, POLL, RECV, UDP, UDPMM, ("uv_poll + recvmmsg(8)", "way=poll batch=8"), GRO[0], *NAPS],
                         "rate=100000 timer=0")),
        ("UDP, 10,000 a second", lambda: b.paced([BLOCK, POLL, NAPS[-1]], "rate=10000 timer=0")),
        ("The same stream of 100,000 a second with a 1 ms timer (the least of the rounds: here others on the core count)", lambda: b.late([POLL, UDP, ROUNDS[-1], NAPS[-1]], "rate=100000")),
        ("Unix datagrams, 100,000 a second, a queue of 512",
         lambda: b.paced([BLOCK, EPOLL, RECV, UNIX[0], UNIX[1], UNIX[-1]], "rate=100000 timer=0 unix=1 queue=512")),
        ("What the kernel counts as dropped (receive buffer 100 kB, 32 datagrams a GSO send)", b.drops),
    ):
        h.say(title)
        text += f"## {title}\n\n{part()}\n"
    print(text)
    path = h.ROOT / f"bench/results/receive-{h.datetime.datetime.now(h.datetime.timezone.utc):%Y-%m-%d}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    h.say(f"written to {path.relative_to(h.ROOT)}")


if __name__ == "__main__":
    main()
