"""P1 with every transport at once: what was sent is aggregated, rejected, refused or dropped, to the last unit."""
import collections
import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

import load
from harness import SLOW, Server, metrics_balance, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
MAX_SERIES = 600     # fewer than there are: of the cold ones of load.py some are refused
KNOWN = ["load.hits:0|c", "load.packed:0|c", "load.level:+0|g", "load.users:u0|s", "load.time:0|ms"]
# Senders by `via`, and the transport of each.  One alone sends by UDP: so it is known what was in a datagram that is lost.
SENDERS = {"udp": "udp", **{"%s-%d" % (t, i): t for t in ("unixgram", "tcp", "line", "dsd") for i in (1, 2)}}
STREAMS = ("tcp", "line", "dsd")


def urls_of(s):
    """By transport, as a client writes them."""
    line, dsd = s.address("unix", 0), s.address("unix", 1)
    return {"udp": "udp://%s:%d" % s.udp(), "unixgram": "unixgram://" + s.unix(), "tcp": "tcp://" + s.address("tcp", 0),
            "line": "unix://" + line, "dsd": "unix://%s?framing=dsd" % dsd}


@contextlib.contextmanager
def churn(address):
    """Connections that bring nothing: closed at once, or reset inside their first line."""
    over, made = threading.Event(), [0]

    def go():
        host, _, port = address.rpartition(":")
        while not over.is_set():
            with socket.create_connection((host, int(port))) as c:
                made[0] += 1
                if made[0] % 2:
                    c.send(b"half.of.a.line:1")
                    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            over.wait(0.01 * SLOW)   # a server that lags has at most 200 of them open
    t = threading.Thread(target=go)
    t.start()
    try:
        yield made
    finally:
        over.set()
        t.join()


@contextlib.contextmanager
def scraped(s, every=0.1):
    """Each page balances, and no sum goes back."""
    over, pages, wrong = threading.Event(), [], []

    def go():
        try:
            while not over.wait(every):
                page = s.scrape()
                pages.append(metrics_balance(page))
        except BaseException as e:      # told by the thread that asserts
            wrong.append(e)
    t = threading.Thread(target=go)
    t.start()
    try:
        yield pages
    finally:
        over.set()
        t.join()
    assert not wrong, wrong
    assert pages == sorted(pages)


def send_all(urls, each):
    """One process for each sender; what each sent, by `via`."""
    program = os.path.join(HERE, "load.py")
    children = {via: subprocess.Popen([sys.executable, program, urls[t], via, str(seed), str(each[t])], stdout=subprocess.PIPE)
                for seed, (via, t) in enumerate(SENDERS.items())}
    try:
        return {via: json.loads(c.communicate(timeout=280 * SLOW)[0]) for via, c in children.items()}
    finally:
        for c in children.values():
            if c.poll() is None:
                c.kill()
                c.wait()


class Arrived:
    """The sums of what reached the server: all, but for the datagrams that the kernel dropped."""

    def __init__(self, told, drops):
        udp = told["udp"]
        self.sent = sum(t["samples"] for t in told.values())
        self.lost = drops * udp["datagram"]
        self.n = collections.Counter()
        self.rejected, self.counters, self.changes, self.timers = (collections.Counter() for _ in range(4))
        for via, t in told.items():
            share = (lambda n: n - n // udp["datagrams"] * drops) if via == "udp" else (lambda n: n)
            for k in load.SUMS:
                self.n[k] += share(t[k])
            for reason, n in t["rejected"].items():
                self.rejected[reason] += share(n)
            for k in ("counters", "changes", "timers"):
                for name, v, key, n in t[k]:
                    getattr(self, k)[name, v, key] += share(n)


def by_label(page, name, label):
    return {dict(labels)[label]: v for labels, v in page.all(name).items() if v}


def check_sums(page, got):
    assert page.sum("statsd_samples_read_total") == got.n["samples"] == got.sent - got.lost
    assert metrics_balance(page) == got.n["samples"]
    assert by_label(page, "statsd_samples_rejected_total", "reason") == got.rejected
    assert by_label(page, "statsd_samples_dropped_total", "reason") == {"rule": got.n["dropped"]}
    cold = sum(page.sum(name) for name in page.names() if name.startswith("load_cold_"))
    assert page.sum("statsd_samples_refused_total") == got.n["cold"] - cold > 0
    assert page.sum("statsd_lines_received_total") == got.n["lines"]
    assert by_label(page, "statsd_events_total", "alert_type") == {"error": got.n["events"]}
    assert by_label(page, "statsd_service_checks_total", "status") == {"warning": got.n["checks"]}
    for (name, via, k), n in got.counters.items():
        assert page.value(name.replace(".", "_"), via=via, k=str(k)) == n, (name, via, k)
    for (name, via, k), n in got.changes.items():
        assert page.value(name.replace(".", "_"), via=via, k=str(k)) == n, (name, via, k)
    for (name, via, k), n in got.timers.items():
        assert page.value(name.replace(".", "_") + "_count", via=via, k=str(k)) == n, (name, via, k)


def of_socket(page, name, url, **more):
    at = url.partition("?")[0]
    return sum(v for labels, v in page.all(name).items()
               if dict(labels)["socket"].partition("?")[0] == at and more.items() <= dict(labels).items())


def brought(told, transport):
    """What the senders of a transport sent, together."""
    sums = collections.Counter()
    for via, t in SENDERS.items():
        if t == transport:
            sums.update({k: n for k, n in told[via].items() if isinstance(n, int)})
    return sums


def check_transports(page, urls, told):
    drops = page.sum("statsd_udp_kernel_drops_total")
    assert of_socket(page, "statsd_socket_datagrams_received_total", urls["udp"]) == told["udp"]["datagrams"] - drops
    unixgram = brought(told, "unixgram")["datagrams"] + told["warm"]["datagrams"]
    assert of_socket(page, "statsd_socket_datagrams_received_total", urls["unixgram"]) == unixgram
    for via in STREAMS:
        t = brought(told, via)
        assert of_socket(page, "statsd_stream_bytes_received_total", urls[via]) == t["bytes"], via
        assert of_socket(page, "statsd_stream_connections_accepted_total", urls[via]) == t["connections"], via
        assert of_socket(page, "statsd_stream_connections_closed_total", urls[via], reason="eof") == t["connections"], via
        assert of_socket(page, "statsd_stream_connections_closed_total", urls[via]) == t["connections"], via
        assert of_socket(page, "statsd_stream_connections", urls[via]) == 0, via
        assert of_socket(page, "statsd_stream_lines_cut_total", urls[via]) == 0, via
    assert of_socket(page, "statsd_stream_frames_received_total", urls["dsd"]) == brought(told, "dsd")["frames"]
    assert page.sum("statsd_stream_connections_refused_total") == 0


def check_redis(redis, got):
    for (name, via, k), n in got.counters.items():
        assert redis.total("c", "%s|#k:%s,via:%s" % (name, k, via)) == n, (name, via, k)
    for (name, via, k), n in got.timers.items():
        assert redis.timer("%s|#k:%s,via:%s" % (name, k, via))[0] == n, (name, via, k)


def warm_up(s):
    """Series that will be asked for exist before cold ones come up to limits.max_series; as load.py tells it."""
    keys = [(via, k) for via in SENDERS for k in range(10)]
    lines = [line + "|#via:%s,k:%d" % key for key in keys for line in KNOWN]
    s.send(*lines, unix=True)
    s.wait_self("statsd_samples_aggregated_total", len(lines))
    none = dict.fromkeys(load.SUMS, 0)
    return {**none, "samples": len(lines), "lines": len(lines), "datagrams": len(lines), "rejected": {}, "counters": [], "changes": [],
            "timers": [["load.time", *key, 1] for key in keys]}


SIZES = [pytest.param(200_000, id="200k"), *(pytest.param(n * 10**6, id="%dM" % n, marks=pytest.mark.long) for n in (5, 50))]


@pytest.mark.parametrize("samples", SIZES)
def test_all_that_every_transport_brought_at_once_is_accounted_for(dir, redis, samples):
    mapping = os.path.join(dir, "mapping.yml")
    with open(mapping, "w") as f:
        f.write(load.MAPPING)
    sockets = ["udp://127.0.0.1:0?rcvbuf=256KiB", "unixgram://%s/dgram.sock" % dir, "tcp://127.0.0.1:0",
               "unix://%s/line.sock" % dir, "unix://%s/dsd.sock?framing=dsd" % dir, "tcp://127.0.0.1:0"]
    # Few connections: the open files that many might need are not everywhere allowed, and HTTP would go short.
    with Server(redis.url, "server.workers=2", "limits.max_connections=200", "limits.max_series=%d" % MAX_SERIES,
                "prometheus.mapping=" + mapping, sockets=sockets, interval="1s") as s:
        urls, warm, began = urls_of(s), warm_up(s), time.monotonic()
        with churn(s.address("tcp", 1)) as churned, scraped(s) as pages:
            senders = collections.Counter(SENDERS.values())
            each = {t: samples // len(senders) // n for t, n in senders.items()}
            told = {**send_all(urls, each), "warm": warm}

            def settled():
                page = s.scrape()
                got = Arrived(told, page.sum("statsd_udp_kernel_drops_total"))
                return (page, got) if page.sum("statsd_samples_read_total") == got.n["samples"] else None
            wait_for(settled, "all that was sent", patience=60 * SLOW)
            took = time.monotonic() - began
            # A connection's end is counted when the control thread has it back.
            wait_for(lambda: sum(of_socket(s.scrape(), "statsd_stream_connections", u) for u in urls.values()) == 0, "all closed")
        page, got = settled()
        check_sums(page, got)
        check_transports(page, urls, told)
    check_redis(redis, got)
    assert churned[0] > 0 and len(pages) > 0
    print("%d samples sent in %.1f s: %d aggregated, %d rejected, %d refused, %d dropped by a rule, %d lost in %d datagrams that the kernel "
          "dropped; %d connections and %d more that brought nothing, %d scrapes"
          % (got.sent, took, page.sum("statsd_samples_aggregated_total"), sum(got.rejected.values()),
             page.sum("statsd_samples_refused_total"), got.n["dropped"], got.lost, page.sum("statsd_udp_kernel_drops_total"),
             sum(brought(told, t)["connections"] for t in STREAMS), churned[0], len(pages)))
