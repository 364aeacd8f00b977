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


# --- limits on shares

def limited(page, limit):
    """{who: samples} of a limit."""
    return {dict(labels)["who"]: v for labels, v in page.all("statsd_limited_total").items() if dict(labels)["limit"] == limit}


def settle(s, n):
    """The page once n datagrams were read; nothing may be lost on the way."""
    page = s.wait_self("statsd_datagrams_received_total", n)
    assert page.sum("statsd_udp_kernel_drops_total") == 0
    metrics_balance(page)
    return page


def test_series_of_a_name_end_at_its_limit_and_those_of_others_do_not():
    with Server("limits.max_series_per_name=10", "server.workers=2", sockets=["udp://127.0.0.1:0"]) as s:
        for i in range(50):
            s.send("bad:1|c|#request:%d\ngood.%d:1|c|#k:v" % (i, i), "bad:1|c|#request:%d" % i)
            s.page()
        page = settle(s, 100)
        assert page.sum("bad") == 20 and len(page.all("bad")) == 10
        assert sum(page.sum("good_%d" % i) for i in range(50)) == 50
        assert page.value("statsd_samples_refused_total") == 80
        assert limited(page, "series_per_name") == {"bad": 80, "other": 0}
        assert limited(page, "series_per_origin") == {"other": 0}
        told = wait_for(lambda: s.logged("limit reached"), "a line about it")
        assert (told[0]["limit"], told[0]["who"], told[0]["most"]) == ("series_per_name", "bad", "10")
        assert not s.logged("series limit reached")     # which would say to raise limits.max_series
        assert {l["metric"] for l in s.logged("off_page")} == {"bad"}


def test_names_without_end_of_one_sender_leave_room_for_another():
    with Server("limits.max_series_per_origin=100", "server.workers=2", sockets=["udp://127.0.0.1:0", "tcp://127.0.0.1:0"]) as s:
        n = 0
        with udp_from("127.0.0.66", s.udp()) as bad, udp_from("127.0.0.2", s.udp()) as good:
            for i in range(1000):
                bad.send("\n".join("junk.%d.%d:1|c" % (i, k) for k in range(50)).encode())
                good.send(("fine.%d:1|c\nhits:1|c" % (i % 50)).encode())
                n += 2
                if i % 20 == 0:
                    s.wait_self("statsd_datagrams_received_total", n)
        page = settle(s, n)
        assert page.value("hits") == 1000 and sum(page.sum("fine_%d" % i) for i in range(50)) == 1000
        assert limited(page, "series_per_origin") == {"127.0.0.66": 50 * 1000 - 100, "other": 0}
        assert page.value("statsd_limit_origins") == 2
        assert page.sum("statsd_series") == 100 + 51
        # The same sender by a connection is the same origin.
        host, _, port = s.address("tcp").rpartition(":")
        with contextlib.closing(socket.create_connection((host, int(port)), source_address=("127.0.0.66", 0))) as c:
            c.sendall(b"by.tcp:1|c\njunk.0.0:1|c\n")
        page = s.wait_value("statsd_limited_total", 50 * 1000 - 100 + 1, limit="series_per_origin", who="127.0.0.66") and s.scrape()
        assert page.sum("by_tcp") == 0 and page.value("junk_0_0") == 2


def test_a_container_is_an_origin_of_its_own_wherever_it_sends_from(dir):
    unix = "unixgram://%s/dsd.sock" % dir
    with Server("limits.max_series_per_origin=3", sockets=["udp://127.0.0.1:0", unix]) as s:
        for i in range(6):
            s.send("a.%d:1|c|c:ci-one" % i)
            s.send("b.%d:1|c|c:two" % i, unix=True)
            s.send("c.%d:1|c" % i)
            s.send("d.%d:1|c" % i, unix=True)       # nobody knows whose: limited by limits.max_series alone
        page = settle(s, 24)
        have = {k: sum(page.sum("%s_%d" % (k, i)) for i in range(6)) for k in "abcd"}
        assert have == {"a": 3, "b": 3, "c": 3, "d": 6}
        assert limited(page, "series_per_origin") == {"c:one": 3, "c:two": 3, "127.0.0.1": 3, "other": 0}
        assert all("container_id" not in dict(labels) for labels in page.all("a_0"))


def test_the_size_of_a_network_that_is_an_origin_can_be_set():
    with Server("limits.max_series_per_origin=2", "limits.origin_prefix_v4=24", sockets=["udp://[::]:0"]) as s:
        port = s.udp()[1]
        for i, host in enumerate(("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.1.1", "::1")):
            send_from(host, reach(host, port), "m.%d:1|c" % i)
            s.wait_self("statsd_datagrams_received_total", i + 1)
        page = settle(s, 5)
        assert limited(page, "series_per_origin") == {"127.0.0.0/24": 1, "other": 0}
        assert page.value("statsd_limit_origins") == 3


def test_a_flooding_counter_is_cut_and_the_one_beside_it_is_exact():
    with Server("limits.max_samples_per_name=1000", sockets=["udp://127.0.0.1:0"]) as s:
        sent, n, begun = 0, 0, time.monotonic()
        while time.monotonic() < begun + 2.2:
            s.send(*["\n".join(["flood:1|c|#k:%d" % (i % 3) for i in range(100)] + ["good:1|c"]) for _ in range(5)])
            sent, n = sent + 500, n + 5
            time.sleep(0.02)
        page = settle(s, n)
        assert page.value("good") == n
        cut = page.value("statsd_samples_dropped_total", reason="rate")
        assert page.sum("flood") + cut == sent
        seconds = int(time.monotonic() - begun) + 2
        assert 1000 <= page.sum("flood") <= 1000 * seconds and cut > 0
        assert limited(page, "samples_per_name") == {"flood": cut, "other": 0}
        told = wait_for(lambda: s.logged("limit reached"), "a line about it")
        assert (told[0]["limit"], told[0]["who"]) == ("samples_per_name", "flood")


def test_who_was_limited_has_a_bounded_number_of_lines_whatever_the_names():
    names = ["other", 'a"b', "back\\slash", "é" * 200, "x" * 400] + ["n%d" % i for i in range(40)]
    with Server("limits.max_series_per_name=1", sockets=["udp://127.0.0.1:0"]) as s:
        for name in names:
            for k in range(3):
                s.send("%s:1|c|#k:%d" % (name, k))
        page = settle(s, 3 * len(names))
        lines = limited(page, "series_per_name")
        assert len(lines) == 21 and sum(lines.values()) == 2 * len(names)
        assert {'a"b', "back\\slash"} <= set(lines) and lines["other"] == 2 * (len(names) - 20)
        assert max(len(who.encode()) for who in lines) <= 127


def test_series_that_go_make_room_for_others():
    with Server("limits.max_series_per_name=2", "limits.max_series_per_origin=3", "aggregate.ttl=1s", sockets=["udp://127.0.0.1:0"]) as s:
        for round in range(3):
            for k in range(4):
                s.send("m:1|c|#k:%d-%d" % (round, k))
            page = settle(s, 4 * (round + 1))
            assert len(page.all("m")) == 2
            assert limited(page, "series_per_name") == {"m": 2 * (round + 1), "other": 0}
            s.wait_value("statsd_limit_origins", 0)


def test_a_saved_state_counts_for_no_one_until_its_series_come(dir):
    settings = ("limits.max_series_per_name=2", "server.state_dir=" + dir)
    with Server(*settings) as s:
        for k in "abc":
            s.send("m:1|c|#k:%s" % k)
        page = settle(s, 3)
        assert page.sum("m") == 2 and limited(page, "series_per_name") == {"m": 1, "other": 0}
    with Server(*settings) as s:
        page = s.scrape()
        assert page.sum("m") == 2       # they go on
        for k in "cabab":
            s.send("m:1|c|#k:%s" % k)
        # c is let in now, then a, whose line goes on; b is refused: two are there.
        page = s.wait_self("statsd_samples_read_total", 8)
        metrics_balance(page)
        assert (page.value("m", k="a"), page.value("m", k="b"), page.value("m", k="c")) == (3, 1, 1)
        assert limited(page, "series_per_name") == {"m": 1 + 2, "other": 0}


def test_a_takeover_keeps_to_the_limits_and_to_the_list_of_the_new_config(dir):
    control = "server.control_socket=%s/control" % dir
    settings = ("limits.max_series_per_origin=2", control)
    with Server(*settings, sockets=["tcp://127.0.0.1:0"], clean_exit=False) as old:
        where = "tcp://" + old.address("tcp")
        host, _, port = old.address("tcp").rpartition(":")
        kept = socket.create_connection((host, int(port)), source_address=("127.0.0.2", 0))
        cut = socket.create_connection((host, int(port)), source_address=("127.0.0.3", 0))
        with contextlib.closing(kept), contextlib.closing(cut):
            for c in (kept, cut):
                c.sendall(b"a:1|c\nb:1|c\nc:1|c\n")
            page = old.wait_self("statsd_samples_read_total", 6)
            # Whoever came first has a and b.
            assert page.sum("statsd_limited_total") > 0
            new = Server(*settings, "http.listen=" + old.http_addr(), sockets=[where + "?allow=127.0.0.2"])
            new.command.append("--takeover")
            with new:
                wait_for(lambda: old.process.poll() is not None, "the end of the old one")
                assert cut.recv(1) == b""
                kept.sendall(b"a:1|c\nb:1|c\nd:1|c\n")
                page = new.wait_self("statsd_samples_read_total", 9)
                metrics_balance(page)
                assert page.value("a") == 3 and page.value("b") == 3 and page.sum("d") == 0
                # The new one has both by 127.0.0.2, and what that was refused before adds up.
                assert limited(page, "series_per_origin")["127.0.0.2"] in (1, 2)
                assert page.value("statsd_stream_connections_refused_total", socket=where, reason="not_allowed") == 1


def test_without_limits_on_shares_nothing_is_said_of_them():
    with Server() as s:
        s.send("a:1|c")
        page = settle(s, 1)
        assert not page.all("statsd_limited_total") and page.value("statsd_limit_origins") == 0
