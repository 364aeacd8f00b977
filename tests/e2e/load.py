"""Much traffic whose sums are known, fast: a block of lines is made once and sent again and again.

As a program it sends and prints what it sent:  load.py URL VIA SEED SAMPLES
  URL   udp://127.0.0.1:8125, unixgram:///path, tcp://127.0.0.1:8125, unix:///path, and unix:///path?framing=dsd
  VIA   the tag `via` of its series

Datagrams of UDP are all the same, so that of any number that the kernel dropped one knows what was lost.  Streams come and go: a
connection brings some blocks, sends them in pieces cut anywhere, and is closed by its client, often without a last LF.
"""
import collections
import json
import random
import socket
import struct
import sys
import time

import traffic

BLOCK_LINES = 2000
DATAGRAM_LINES = 25
COLD = 60            # names that come once a block: more than limits.max_series has room for
ENDED_MAX = 20       # connections of one sender that the server has not read to their end yet
UDP_BURST = 200      # datagrams
DROPPED = "dropped.by.rule"
MAPPING = 'mappings: [{match: "dropped.*.*", name: "x", action: drop}]\n'
SUMS = ("samples", "lines", "dropped", "cold", "events", "checks")


class Block:
    """Lines, and what they sum up to."""

    def __init__(self, lines, via, seed, cold=True):
        r = random.Random(seed)
        self.n = collections.Counter()
        self.rejected, self.counters, self.changes, self.timers = (collections.Counter() for _ in range(4))
        self.lines = [self._line(r, via, i if cold else None) for i in range(lines)]

    def _line(self, r, via, i):
        self.n["lines"] += 1
        k, v = r.randint(0, 9), r.randint(0, 99)
        tags = "|#" + ",".join(r.sample(["via:" + via, "k:%d" % k], 2))
        kind = r.choices(["counter", "packed", "change", "timer", "set", "drop", "broken", "event", "check"], [50, 10, 6, 20, 4, 3, 6, 1, 1])[0]
        if i is not None and i < COLD:
            kind = "cold"
        self.n["samples"] += kind not in ("event", "check")
        if kind == "counter":
            self.counters["load.hits", via, k] += v
            return "load.hits:%d|c%s" % (v, tags)
        if kind == "packed":
            self.counters["load.packed", via, k] += v + 1
            return "load.packed:%d:1|c%s" % (v, tags)
        if kind == "change":
            self.changes["load.level", via, k] += v - 50
            return "load.level:%+d|g%s" % (v - 50, tags)
        if kind == "timer":
            self.timers["load.time", via, k] += 1
            return "load.time:%d|ms%s" % (v, tags)
        if kind == "set":
            return "load.users:u%d|s%s" % (v, tags)
        if kind == "drop":
            self.n["dropped"] += 1
            return "%s:%d|c%s" % (DROPPED, v, tags)
        if kind == "cold":
            self.n["cold"] += 1
            return "load.cold.%s.%d:1|c" % (via, i)
        if kind == "event":
            self.n["events"] += 1
            return "_e{5,4}:title|text|t:error|#via:" + via
        if kind == "check":
            self.n["checks"] += 1
            return "_sc|load.up|1|h:%s" % via
        line, reason = r.choice([b for b in traffic.BROKEN if b"\xff" not in b[0]])
        self.rejected[reason] += 1
        return line.decode("latin-1")


class Told:
    """What was sent: so many times a block, and the rest."""

    def __init__(self, block):
        self.block, self.times = block, 0
        self.more = collections.Counter()

    def json(self):
        b = self.block
        flat = {k: [[*key, n * self.times] for key, n in getattr(b, k).items()] for k in ("counters", "changes", "timers")}
        return json.dumps({**flat, **{k: b.n[k] * self.times for k in SUMS}, "rejected": {k: n * self.times for k, n in b.rejected.items()},
                           **self.more})


def datagrams(url, via, seed, samples):
    """Of a Unix socket the sender waits; of UDP it does not, and the kernel may drop."""
    udp = url.startswith("udp")
    block = Block(DATAGRAM_LINES if udp else BLOCK_LINES, via, seed, cold=not udp)
    told, s = Told(block), traffic.connect(url)
    lines = ["\n".join(block.lines[i:i + DATAGRAM_LINES]).encode("latin-1") for i in range(0, len(block.lines), DATAGRAM_LINES)]
    while told.times * block.n["samples"] < samples:
        for one in lines:
            s.send(one)
        told.times += 1
        if udp and told.times % UDP_BURST == 0:
            time.sleep(0.001)      # else nearly all is dropped
    told.more.update(datagrams=told.times * len(lines), bytes=told.times * sum(map(len, lines)), datagram=block.n["samples"] if udp else 0)
    return told


def stream_socket(url):
    scheme, _, rest = url.partition("?")[0].partition("://")
    if scheme == "unix":
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(rest)
    else:
        host, _, port = rest.rpartition(":")
        s = socket.create_connection((host, int(port)))
    return s


def frames(lines):
    """(bytes, how many): some are empty, which is no datagram."""
    out, n = [], 0
    for i in range(0, len(lines), DATAGRAM_LINES):
        one = "\n".join(lines[i:i + DATAGRAM_LINES]).encode("latin-1")
        out.append(struct.pack("<I", len(one)) + one)
        n += 1
        if i % 100 == 0:
            out.append(struct.pack("<I", 0))
    return b"".join(out), n


def wait_closed(s):
    """The server has read all of it, and has closed it, too."""
    with s:
        assert s.recv(1) == b""


def streams(url, via, seed, samples):
    dsd = "framing=dsd" in url
    block, r = Block(BLOCK_LINES, via, seed), random.Random(seed)
    told = Told(block)
    text, n_frames = frames(block.lines) if dsd else (("\n".join(block.lines) + "\n").encode("latin-1"), 0)
    many, ended = text * 8, collections.deque()
    while told.times * block.n["samples"] < samples:
        left = -(-(samples - told.times * block.n["samples"]) // block.n["samples"])
        blocks = min(left, r.choice([1, 1, 2, 4, 16]))
        short = 0 if dsd else r.choice([0, 1])      # the last line without its LF
        s = stream_socket(url)
        told.more["connections"] += 1
        total = blocks * len(text) - short
        told.more["bytes"] += total
        at = 0
        while at < total:
            start = at % len(text)
            n = min(total - at, len(many) - start, r.choice([1, 7, 1000, 65536, len(text), len(many)]))
            s.sendall(many[start:start + n])
            at += n
        s.shutdown(socket.SHUT_WR)
        ended.append(s)
        told.times += blocks
        if len(ended) > ENDED_MAX:
            wait_closed(ended.popleft())
    while ended:
        wait_closed(ended.popleft())
    told.more["frames"] = told.times * n_frames
    return told


def main(url, via, seed, samples):
    send = datagrams if url.startswith(("udp", "unixgram")) else streams
    print(send(url, via, int(seed), int(samples)).json())


if __name__ == "__main__":
    main(*sys.argv[1:])
