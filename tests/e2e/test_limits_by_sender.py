"""Whom a listener lets in (`allow` of its URL), and limits that keep one application from hurting the others."""
import contextlib
import socket
import time

import pytest

from harness import Server, metrics_balance, run, wait_for


def udp_from(host, to):
    """A UDP socket whose datagrams come from that address of the loopback."""
    s = socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((host, 0))
    s.connect(to)
    return s


def send_from(host, to, *datagrams):
    with udp_from(host, to) as s:
        for d in datagrams:
            s.send(d.encode())


def refused(page):
    return page.sum("statsd_socket_datagrams_refused_total")


# --- allow

# allow, what the socket is bound to, and of senders by address: are they let in?
ALLOWED = [
    ("127.0.0.2", "127.0.0.1", {"127.0.0.2": True, "127.0.0.1": False, "127.0.0.3": False}),
    ("127.0.0.0/30", "127.0.0.1", {"127.0.0.1": True, "127.0.0.3": True, "127.0.0.4": False, "127.1.0.1": False}),
    ("10.0.0.0/8,127.0.1.0/24", "0.0.0.0", {"127.0.1.9": True, "127.0.2.9": False}),
    ("fd00::/8,::1", "[::1]", {"::1": True}),
    ("::/0", "[::1]", {"::1": True}),
    ("0.0.0.0/0", "[::1]", {"::1": False}),
    # What a socket on [::] sees of IPv4 senders is their address inside IPv6.
    ("127.0.0.2", "[::]", {"127.0.0.2": True, "127.0.0.1": False, "::1": False}),
    ("::ffff:127.0.0.2", "[::]", {"127.0.0.2": True, "127.0.0.1": False, "::1": False}),
    ("::/0", "[::]", {"::1": True, "127.0.0.1": False}),
]


def reach(sender, port):
    """Where that sender finds a port that is bound to its family."""
    return ("::1" if ":" in sender else "127.0.0.1", port)


@pytest.mark.parametrize("allow,bound,senders", ALLOWED)
def test_only_datagrams_from_networks_that_are_allowed_are_read(allow, bound, senders):
    with Server(sockets=["udp://%s:0?allow=%s" % (bound, allow)]) as s:
        port = s.udp()[1]
        for sender in senders:
            send_from(sender, reach(sender, port), "hits:1|c\nby.%s:1|c" % sender.replace(":", "_").replace(".", "_"), "hits:2|c")
        page = s.wait_self("statsd_datagrams_received_total", 2 * len(senders))
        good, bad = sum(senders.values()), len(senders) - sum(senders.values())
        assert page.sum("statsd_datagrams_received_total") == 2 * len(senders)
        assert refused(page) == 2 * bad
        assert page.sum("statsd_samples_read_total") == metrics_balance(page) == 3 * good
        assert page.sum("hits") == 3 * good
        for sender, let_in in senders.items():
            assert bool(page.sum("by_" + sender.replace(":", "_").replace(".", "_"))) == let_in, sender


def test_a_flood_from_elsewhere_is_told_of_once_a_minute_and_leaves_the_good_one_exact():
    with Server("server.workers=2", sockets=["udp://127.0.0.1:0?allow=127.0.0.2"]) as s:
        with udp_from("127.0.0.66", s.udp()) as bad, udp_from("127.0.0.2", s.udp()) as good:
            for i in range(2000):
                bad.send(b"hits:1000|c\nbroken")
                if i % 2 == 0:
                    good.send(b"hits:1|c")
                if i % 100 == 0:
                    s.scrape()              # so that nothing is lost in the kernel
        page = s.wait_self("statsd_datagrams_received_total", 3000)
        assert page.value("hits") == 1000 and refused(page) == 2000
        metrics_balance(page)
        assert page.sum("statsd_samples_rejected_total") == 0
        told = wait_for(lambda: s.logged("senders are not allowed"), "a line about it")
        assert told[0]["from"].startswith("127.0.0.66:") and told[0]["listener"].startswith("udp://")
        assert int(told[0]["datagrams"]) > 0 and "allow=" in told[0]["remedy"]
        time.sleep(1.5)
        assert len(s.logged("senders are not allowed")) == 1


def test_tcp_connections_from_elsewhere_are_refused_at_accept():
    with Server(sockets=["tcp://127.0.0.1:0?allow=127.0.0.2,127.0.0.4/31"]) as s:
        host, _, port = s.address("tcp").rpartition(":")
        for sender, let_in in (("127.0.0.2", True), ("127.0.0.3", False), ("127.0.0.4", True), ("127.0.0.5", True), ("127.0.0.6", False)):
            with contextlib.closing(socket.create_connection((host, int(port)), source_address=(sender, 0))) as c:
                with contextlib.suppress(OSError):
                    c.sendall(b"hits:1|c\n")
                    c.shutdown(socket.SHUT_WR)
                with contextlib.suppress(OSError):
                    assert c.recv(1) == b""
        page = s.wait_value("hits", 3) and s.scrape()
        assert page.sum("statsd_stream_connections_accepted_total") == 3
        assert page.value("statsd_stream_connections_refused_total", socket=s.logged("listening")[0]["addr"] and "tcp://" + s.address("tcp"),
                          reason="not_allowed") == 2
        told = wait_for(lambda: s.logged("senders are not allowed"), "a line about it")
        assert told[0]["from"].startswith("127.0.0.") and int(told[0]["connections"]) > 0


def test_networks_may_be_given_one_by_one_where_a_comma_ends_a_url():
    urls = "udp://127.0.0.1:0?allow=127.0.0.2&allow=127.0.0.3,udp://127.0.0.1:0?allow=127.0.0.4"
    with Server(sockets=[], env={"STATSD_LISTEN_SOCKET": urls}) as s:
        wait_for(lambda: s.address("udp", 1), "both sockets")
        for nth in (0, 1):
            for host in ("127.0.0.2", "127.0.0.3", "127.0.0.4"):
                send_from(host, s.udp(nth), "hits.%d:1|c" % nth)
        page = s.wait_self("statsd_datagrams_received_total", 6)
        assert (page.value("hits_0"), page.value("hits_1"), refused(page)) == (2, 1, 3)


@pytest.mark.parametrize("url,says", [
    ("unix:///tmp/a?allow=10.0.0.0/8", b"who may send to a Unix socket is said by mode and owner"),
    ("unixgram://@a?allow=10.0.0.0/8", b"who may send to a Unix socket is said by mode and owner"),
    ("udp://127.0.0.1?allow=10.0.0.1/8", b"say 10.0.0.0/8 for the network or 10.0.0.1 for the one address"),
    ("udp://127.0.0.1?allow=example.org", b"names are not looked up"),
    ("tcp://127.0.0.1?allow=", b"an entry is empty"),
])
def test_a_wrong_list_is_told_with_what_would_be_right(url, says):
    done = run("check", "--set", "listen.socket=" + url)
    assert done.returncode != 0 and says in done.stdout + done.stderr


def test_check_shows_the_networks():
    done = run("check", "--set", "listen.socket=udp://127.0.0.1:8125?allow=::ffff:10.0.0.0/104&allow=fd00::/8")
    assert done.returncode == 0 and b"allow=10.0.0.0/8,fd00::/8" in done.stdout
