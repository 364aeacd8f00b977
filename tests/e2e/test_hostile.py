"""Nothing that comes in breaks the process, the page or the bounds."""
import random
import socket

import pytest

import harness
from harness import Server, metrics_balance, wait_for

# Each of these crashes or cripples some other server.
KILLERS = [
    b"x:1|c|@+0.5",
    b"x:1|c|@ 1",
    b"constructor:1|ms",
    b"hasOwnProperty:a|s",
    b"__proto__:1|c",
    b"a]b[c:1|c",
    b"x:1|ms|#quantile:1",
    b"x:1|ms|#le:1",
    b"x2:1|c|#__name__:y",
    b"x:|g",
    b"big:1|ms|@0.0000001",
    b"x3:1|c|#a:\xff",
    b"x4:nan|g\nx4:inf|g\nx4:1e999|g",
    b"_e{999999999,999999999}:a|b",
    b"_e{-1,1}:a|b",
    b"\0" * 100,
    b"|" * 1000,
    b":" * 1000,
    b"#" * 1000,
    b"x:" + b"9" * 4000 + b"|c",
    b"x:1|c|#" + b"," * 8000,
    b"%s%n%n%s:1|c|#%n:%s",
    b"n" * 600 + b":1|c",
    b"x5:1|c|#" + b",".join(b"k%d:v" % i for i in range(200)),
    b"",
    b"\n\n\n",
]


@pytest.mark.parametrize("line", KILLERS, ids=lambda l: repr(l[:24]))
def test_a_line_that_kills_another_server_leaves_this_one_well(line):
    with Server() as s:
        s.send(line, b"alive:1|c")
        page = s.scrape()
        assert page.value("alive") == 1
        metrics_balance(page)


def test_all_killers_at_once_leave_a_good_page(server):
    server.send(*KILLERS, b"\n".join(k for k in KILLERS if b"\n" not in k), b"alive:1|c")
    page = server.scrape()
    assert page.value("alive") == 1
    metrics_balance(page)


ALPHABET = [b":", b"|", b"#", b"@", b",", b"\n", b"c", b"g", b"ms", b"s", b"h", b"1", b"-", b"+", b".", b"e9", b"_e{", b"}", b"_sc|", b"T", b"a",
            b"\xc3\xa9", b"\xff", b"\0", b"\x7f", b" ", b"\"", b"\\", b"{", b"name", b"quantile:", b"le:", b"__name__:"]


def test_random_datagrams_leave_the_sums_and_the_page_right(dir):
    """Half are bytes, half are made of the protocol's own words.  A Unix socket loses nothing."""
    r = random.Random(20240229)
    with Server("limits.max_series=5000", sockets=["unixgram://%s/dsd.sock" % dir]) as s:
        with s.sender(unix=True) as c:
            for i in range(6000):
                if i % 2:
                    c.send(bytes(r.randrange(256) for _ in range(r.randrange(200))))
                else:
                    c.send(b"".join(r.choice(ALPHABET) for _ in range(r.randrange(80))))
                c.send(b"sane:1|c")
                if i % 500 == 0:
                    s.scrape()
        page = s.scrape()
        assert page.value("sane") == 6000
        assert page.sum("statsd_datagrams_received_total") == 12000
        metrics_balance(page)


def test_label_values_of_every_kind_come_back_as_they_were_sent(server):
    values = ['quo"te', "back\\slash", "both\\\"", "ends in \\", "{braces}", "a=b", "é ü 中 🙂", "sp ace", "tab_", "n\\n"]
    for i, v in enumerate(values):
        server.send("hits:1|c|#i:%d,v:%s" % (i, v))
    page = server.scrape()
    for i, v in enumerate(values):
        assert page.value("hits", i=str(i), v=v) == 1, v


def test_control_bytes_never_reach_the_page(server):
    server.send(b"a\x01b:1|c|#k:v\x1b[31mred\x07")
    assert server.scrape().value("a_b", k="v_[31mred_") == 1


def test_one_name_of_two_types_breaks_no_page(server):
    server.send("x:1|c\nx:5|g\nx:7|ms", "y:1|g\ny:1|c", "t:1|ms\nt_sum:1|c\nt_count:1|g", "u_count:3|c\nu:1|ms")
    page = server.scrape()
    assert page.value("x") == 1
    assert page.value("y") == 1
    assert page.value("t_count") == 1
    assert page.value("u_count") == 3
    assert page.sum("statsd_type_conflicts_total") > 0
    metrics_balance(page)


def test_the_names_of_the_server_itself_are_not_for_strangers(server):
    before = server.scrape()
    server.send("statsd_datagrams_received_total:1000000|c\nstatsd_series:1|ms\nstatsd.build.info:1|g\nprocess_open_fds:77777|g")
    page = server.scrape()
    assert page.sum("statsd_datagrams_received_total") == before.sum("statsd_datagrams_received_total") + 1
    assert page.value("process_open_fds") < 77777


def test_series_above_the_limit_are_refused_and_counted(dir):
    with Server("limits.max_series=100", sockets=["unixgram://%s/dsd.sock" % dir]) as s:
        with s.sender(unix=True) as c:
            for i in range(300):
                c.send(b"n%d:1|c" % i)
            for i in range(300):
                c.send(b"n%d:1|c" % (i % 50))
        page = s.scrape()
        mine = [n for n in page.families if n.startswith("n") and n[1:].isdigit()]
        assert 0 < len(mine) <= 100
        assert page.sum("statsd_samples_refused_total") >= 200
        assert page.sum("statsd_series") <= 100
        assert page.value("n0") == 7         # old series go on
        assert metrics_balance(page) == 600


def test_the_largest_udp_datagram_is_read_whole(server):
    lines = b"\n".join(b"big%04d:1|c" % (i % 50) for i in range(5459))
    assert len(lines) <= 65507
    lines += b"x" * (65507 - len(lines) - 4) + b":1|c" if len(lines) < 65500 else b""
    with server.sender() as c:
        c.send(lines)
    page = server.wait_self("statsd_datagrams_received_total", 1)
    assert page.sum("statsd_bytes_received_total") == len(lines)
    assert page.value("big0001") == 110
    metrics_balance(page)


def test_a_truncated_datagram_gives_its_whole_lines_and_one_error(dir):
    """Over a Unix socket a datagram can be longer than the receive buffer."""
    with Server(sockets=["unixgram://%s/dsd.sock" % dir]) as s:
        with s.sender(unix=True) as c:
            c.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 400000)
            c.send(b"\n".join([b"cut:1|c"] * 12000))      # 8 bytes each: 96,000
        page = s.scrape()
        assert page.value("cut") == 65535 // 8
        assert page.value("statsd_samples_rejected_total", reason="truncated") == 1
        metrics_balance(page)


def test_overlong_lines_are_refused_alone(server):
    server.send(b"a:1|c\n" + b"x" * 9000 + b":1|c\nb:1|c")
    page = server.scrape()
    assert (page.value("a"), page.value("b")) == (1, 1)
    assert page.value("statsd_samples_rejected_total", reason="line_too_long") == 1


def test_broken_lines_do_not_flood_the_log(server):
    before = len(server.raw_log)
    for _ in range(20):
        server.send(*[b"broken" * 5] * 100)
        server.scrape()
    assert len(server.raw_log) - before < 100


def test_memory_stays_bounded_under_a_flood_of_new_names(dir):
    with Server("limits.max_series=20000", sockets=["unixgram://%s/dsd.sock" % dir]) as s:
        def flood(from_, to):
            with s.sender(unix=True) as c:
                for i in range(from_, to, 20):
                    c.send(b"\n".join(b"flood.%d:1|c|#a:b" % j for j in range(i, i + 20)))
            s.scrape()
        flood(0, 40000)
        full = harness.vm_rss(s.pid)
        flood(40000, 200000)
        assert harness.vm_rss(s.pid) < full + 32 * 1024 * 1024
        assert s.scrape().sum("statsd_series") <= 20000


def test_a_scraper_that_never_reads_holds_nobody_up(server):
    stuck = []
    for _ in range(5):
        c = socket.create_connection(server.http_addr().rsplit(":", 1))
        c.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        stuck.append(c)
    half = socket.create_connection(server.http_addr().rsplit(":", 1))
    half.sendall(b"GET /met")
    for i in range(1, 21):
        server.send("fresh:1|c")
        assert server.scrape().value("fresh") == i
    for c in stuck + [half]:
        c.close()


@pytest.mark.parametrize("request_", [b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
                                      b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 70000 + b"\r\n\r\n", b"POST /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                                      b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], ids=lambda r: repr(r[:16]))
def test_a_broken_http_request_hurts_nobody(server, request_):
    with socket.create_connection(server.http_addr().rsplit(":", 1)) as c:
        c.sendall(request_)
        c.settimeout(0.2)
        try:
            c.recv(1000)
        except OSError:
            pass
    server.send("alive:1|c")
    assert server.scrape().value("alive") == 1


def test_a_reader_of_the_log_that_stops_reading_does_not_stop_the_server():
    with Server(clean_exit=True) as s:
        s.process.stdout     # the harness reads; this server gets one who does not
        import subprocess
        p = subprocess.Popen(s.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=s.env)
        try:
            addr, seen = None, b""
            while addr is None:
                seen += p.stdout.readline()
                for line in seen.decode().split("\n"):
                    l = harness.log_line(line) if line else {}
                    if l.get("msg") == "listening" and l["proto"] == "http":
                        addr = l["addr"].split("://")[-1]
            for _ in range(300):
                p.send_signal(harness.signal.SIGUSR1)
            import urllib.request
            body = wait_for(lambda: urllib.request.urlopen("http://%s/metrics" % addr, timeout=10).read(), "a page")
            assert b"statsd_" in body
        finally:
            harness.stop(p)
            p.stdout.close()
