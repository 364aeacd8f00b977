"""Every datagram and every sample is accounted for, to the unit."""
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import traffic
from harness import SLOW, Server, metrics_balance, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))


def senders(urls, datagrams):
    """One process per URL, all at once; what they sent together."""
    children = [subprocess.Popen([sys.executable, os.path.join(HERE, "traffic.py"), url, str(seed), str(datagrams)], stdout=subprocess.PIPE)
                for seed, url in enumerate(urls)]
    try:
        told = [json.loads(c.communicate(timeout=120 * SLOW)[0]) for c in children]
    finally:
        for c in children:
            if c.poll() is None:
                c.kill()
                c.wait()
    return traffic.Sums(told)


def check_page(page, sent):
    assert page.sum("statsd_datagrams_received_total") + page.sum("statsd_udp_kernel_drops_total") == sent.datagrams
    assert page.sum("statsd_udp_kernel_drops_total") == 0
    assert page.sum("statsd_samples_read_total") == sent.samples
    assert metrics_balance(page) == sent.samples
    assert page.sum("statsd_events_total") == sent.events
    assert page.sum("statsd_service_checks_total") == sent.checks
    assert page.sum("statsd_samples_refused_total") == 0
    rejected = {dict(labels)["reason"]: v for labels, v in page.all("statsd_samples_rejected_total").items() if v}
    assert rejected == dict(sent.rejected)
    spelled = lambda name: name.replace(".", "_")
    for (name, labels), v in sent.counters.items():
        assert page.value(spelled(name), **dict(labels)) == v, (name, labels)
    for (name, labels), v in sent.gauges.items():
        assert page.value(spelled(name), **dict(labels)) == v, (name, labels)
    for (name, labels), v in sent.timers.items():
        assert page.value(spelled(name) + "_count", **dict(labels)) == v, (name, labels)
        total = page.value(spelled(name) + "_sum", **dict(labels))
        assert abs(total - sent.timer_ms[name, labels] / 1000) < 1e-9 * max(1, total), (name, labels)


def check_redis(redis, sent):
    for (name, labels), v in sent.counters.items():
        assert redis.total("c", traffic.series(name, labels)) == v, (name, labels)
    for (name, labels), v in sent.gauges.items():
        assert redis.total("g", traffic.series(name, labels)) == v, (name, labels)
    for (name, labels), v in sent.timers.items():
        timer = redis.timer(traffic.series(name, labels))
        assert timer is not None and timer[0] == v and timer[1] == sent.timer_ms[name, labels], (name, labels, timer and timer[:4])


@pytest.mark.parametrize("workers", [1, 3])
def test_all_that_several_senders_sent_is_on_the_page_and_in_redis_to_the_unit(dir, redis, workers):
    unix = "unixgram://%s/dsd.sock" % dir
    with Server(redis.url, "server.workers=%d" % workers, sockets=["udp://127.0.0.1:0", unix]) as s:
        udp = "udp://%s:%d" % s.udp()
        sent = senders([unix, unix, unix, udp, udp], 600)
        page = s.wait_self("statsd_datagrams_received_total", sent.datagrams)
        check_page(page, sent)
    check_redis(redis, sent)       # the drain at the end brought the rest


def test_kernel_drops_are_counted_to_the_unit():
    with Server(sockets=["udp://127.0.0.1:0?rcvbuf=8KiB"]) as s, s.sender() as c:
        os.kill(s.pid, signal.SIGSTOP)
        try:
            for i in range(2000):
                c.send(b"dropped:1|c|#padding:" + b"x" * 100)
        finally:
            os.kill(s.pid, signal.SIGCONT)

        def settled():
            page = s.scrape()
            got, drops = page.sum("statsd_datagrams_received_total"), page.sum("statsd_udp_kernel_drops_total")
            assert got + drops <= 2000
            return page if got + drops == 2000 else None
        page = wait_for(settled, "received + drops = 2,000")
        assert page.sum("statsd_udp_kernel_drops_total") > 0
        assert page.value("dropped", padding="x" * 100) == page.sum("statsd_datagrams_received_total")


def test_drops_are_counted_by_every_worker():
    with Server("server.workers=2", sockets=["udp://127.0.0.1:0?rcvbuf=8KiB&spread=payload"]) as s, s.sender() as c:
        os.kill(s.pid, signal.SIGSTOP)
        try:
            for i in range(3000):
                c.send(b"service.endpoint.%04d.requests:1|c|#env:prod" % i)
        finally:
            os.kill(s.pid, signal.SIGCONT)
        both = ("statsd_datagrams_received_total", "statsd_udp_kernel_drops_total")
        wait_for(lambda: sum(map(s.scrape().sum, both)) == 3000, "received + drops = 3,000")


def test_one_hot_sender_is_spread_over_two_workers():
    with Server("server.workers=2", sockets=["udp://127.0.0.1:0?spread=payload"]) as s, s.sender() as c:
        for i in range(2000):
            c.send(b"service.endpoint.%04d.requests:1|c|#env:prod" % i)
            if i % 50 == 49:
                s.wait_self("statsd_datagrams_received_total", i + 1)
        page = s.scrape()
        per_socket = page.all("statsd_socket_datagrams_received_total")
        assert len([v for v in per_socket.values() if v > 200]) == 2, per_socket
        assert sum(per_socket.values()) == 2000
        assert page.sum("statsd_samples_aggregated_total") == 2000


def test_one_series_that_several_workers_feed_is_one_series():
    with Server("server.workers=3", sockets=["udp://127.0.0.1:0?spread=payload"]) as s, s.sender() as c:
        for i in range(900):
            c.send(b"service.endpoint.%04d.requests:1|c\nsame:1|c|#a:b\nlat:%d|ms" % (i, i))
            if i % 50 == 49:
                s.wait_self("statsd_datagrams_received_total", i + 1)
        page = s.scrape()
        assert page.value("same", a="b") == 900
        assert page.value("lat_count") == 900
        assert abs(page.value("lat_sum") - sum(range(900)) / 1000) < 1e-9


def test_scrapes_while_lines_pour_in_are_whole_and_never_go_back(dir):
    """Every page is well-formed, its sums agree, and no counter ever falls."""
    unix = "unixgram://%s/dsd.sock" % dir
    with Server(sockets=[unix, "udp://127.0.0.1:0"]) as s:
        stop = threading.Event()
        sent = [0]

        def pour():
            with s.sender(unix=True) as c:
                while not stop.is_set():
                    c.send(b"\n".join(b"pour:1|c|#k:%d" % (i % 40) for i in range(16)))
                    sent[0] += 16
        t = threading.Thread(target=pour)
        t.start()
        try:
            last = 0
            for _ in range(100):
                page = s.scrape()
                metrics_balance(page)
                now = page.sum("pour")
                assert now >= last
                assert now == page.sum("statsd_samples_aggregated_total")
                last = now
        finally:
            stop.set()
            t.join()
        page = s.scrape()
        assert page.sum("pour") == sent[0] > last / 2 > 0


def test_page_turns_are_not_late_under_load(dir):
    """Many intervals pass while lines pour in; none is skipped and no sum is lost."""
    unix = "unixgram://%s/dsd.sock" % dir
    with Server(sockets=[unix], interval="100ms") as s:
        sent, end = 0, time.monotonic() + 3
        with s.sender(unix=True) as c:
            while time.monotonic() < end:
                c.send(b"n.%d:1|c" % (sent % 1000))
                sent += 1
        page = s.scrape()
        assert page.sum("statsd_samples_aggregated_total") == sent
        assert sum(page.value("n_%d" % i, 0) for i in range(1000)) == sent
        assert page.sum("statsd_intervals_closed_total") >= 20
