"""A metric that was sent is there to be read, at once, by every way in."""
import socket

import pytest

from harness import Server


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


def test_the_first_metric_over_ipv4_is_on_the_page(server):
    server.send("hello:1|c")
    assert server.scrape().value("hello") == 1


@pytest.mark.skipif(not has_ipv6(), reason="no ::1 on this machine")
def test_the_first_metric_over_ipv6_is_on_the_page():
    with Server(sockets=["udp://[::1]:0"]) as s:
        s.send("hello:1|c")
        assert s.scrape().value("hello") == 1


def test_the_first_metric_over_a_unix_socket_is_on_the_page(dir):
    with Server(sockets=["unixgram://%s/dsd.sock" % dir]) as s:
        s.send("hello:1|c", unix=True)
        assert s.scrape().value("hello") == 1


def test_the_first_metric_over_an_abstract_unix_socket_is_on_the_page(dir):
    name = "statsd-test-" + dir.rsplit("/", 1)[-1]
    with Server(sockets=["unixgram://@" + name]) as s:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as c:
            c.sendto(b"hello:1|c", "\0" + name)
        assert s.scrape().value("hello") == 1


def test_several_sockets_feed_one_page(dir):
    with Server(sockets=["udp://127.0.0.1:0", "udp://localhost:0", "unixgram://%s/dsd.sock" % dir]) as s:
        s.send("hello:1|c", nth=0)
        s.send("hello:10|c", nth=1)
        s.send("hello:100|c", unix=True)
        assert s.scrape().value("hello") == 111


def test_a_scrape_shows_what_was_sent_just_before_it(server):
    """No waiting for the flush interval; hundreds of times, across many interval ends."""
    with server.sender() as c:
        for i in range(1, 501):
            c.send(b"fresh:1|c\nlevel:%d|g\nlat:%d|ms" % (i, i))
            page = server.scrape()
            assert (page.value("fresh"), page.value("level"), page.value("lat_count")) == (i, i, i)


def test_a_scrape_is_fresh_with_several_workers_too():
    with Server("server.workers=3", sockets=["udp://127.0.0.1:0?spread=source"]) as s:
        for i in range(1, 201):
            s.send("fresh:1|c")       # a new source port each time: another worker
            assert s.scrape().value("fresh") == i
