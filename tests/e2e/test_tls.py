"""TLS on tcp://: Python's ssl is the client, the program openssl makes the certificates."""
import contextlib
import os
import random
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

import harness
from certificates import context, openssl
from harness import Server, wait_for

CLOCK = os.sysconf("SC_CLK_TCK")


def where(server, nth=0):
    host, _, port = server.address("tcp", nth).rpartition(":")
    return host.strip("[]"), int(port)


def plain(server, nth=0):
    """Without Nagle's delay: lines right behind the handshake would wait for our kernel's ACK, up to 40 ms."""
    s = socket.create_connection(where(server, nth), timeout=harness.PATIENCE)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def connect(server, ctx, nth=0):
    return ctx.wrap_socket(plain(server, nth), server_hostname="localhost")


def cpu_s(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK


def handshakes(page, result):
    return page.sum("statsd_tls_handshakes_total", result=result)


def rejected(server):
    """The first line of the log about it."""
    return wait_for(lambda: server.logged("connection rejected"), "the log of it")[0]


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_client_has_sent_is_on_the_next_page(certs, version):
    with Server(sockets=[certs.url()]) as s:
        line = [l for l in s.logged("listening") if l["proto"] == "tcp"][0]
        assert (line["proto"], line["tls"]) == ("tcp", "true")
        with connect(s, context(certs, version=version)) as c:
            assert c.version() == version.name.replace("v1_", "v1.")
            for i in range(1, 200):
                c.sendall(b"hits:1|c\n")
                assert s.scrape().value("hits") == i
        page = s.scrape()
        assert handshakes(page, "ok") == 1 and handshakes(page, "failed") == 0
        assert 29 * 86400 < page.sum("statsd_tls_certificate_expiry_timestamp_seconds") - time.time() <= 30 * 86400


def test_lines_cut_anywhere_and_records_of_any_size_are_counted_exactly(certs):
    rng = random.Random(7)
    text = b"".join(b"name_%d:1|c\n" % rng.randrange(50) for _ in range(40000))
    want = {}
    for line in text.split(b"\n")[:-1]:
        name = line.split(b":")[0].decode()
        want[name] = want.get(name, 0) + 1
    with Server(sockets=[certs.url()]) as s, connect(s, context(certs)) as c:
        at = 0
        while at < len(text):
            n = rng.choice([1, 2, 5, 17, 100, 5000, 16384, 16385, 60000])
            c.sendall(text[at:at + n])
            at += n
        page = s.wait_self("statsd_stream_bytes_received_total", len(text))     # the last bytes may be in the sender's kernel queue
        assert {n: page.value(n) for n in want} == want
        assert page.sum("statsd_stream_bytes_received_total") == len(text)


class Wire:
    """TLS by hand, so that its records can be sent in pieces."""

    def __init__(self, server, ctx):
        self.socket = plain(server)
        self.inside, self.outside = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = ctx.wrap_bio(self.inside, self.outside, server_hostname="localhost")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def step(self, what, *args):
        """What is to be sent then."""
        try:
            what(*args)
        except ssl.SSLWantReadError:
            pass
        return self.outside.read()

    def shake_hands(self):
        while True:
            try:
                self.tls.do_handshake()
                self.socket.sendall(self.outside.read())
                return
            except ssl.SSLWantReadError:
                self.socket.sendall(self.outside.read())
                self.inside.write(self.socket.recv(65536))


def test_frames_come_through_tls_as_lines_do(certs):
    with Server(sockets=[certs.url(more="&framing=dsd")]) as s, connect(s, context(certs)) as c:
        for i in range(1, 50):
            text = b"\n".join([b"hits:1|c"] * i)
            c.sendall(len(text).to_bytes(4, "little") + text)
        page = s.scrape()
        assert page.value("hits") == 49 * 50 / 2
        assert page.sum("statsd_stream_frames_received_total") == 49


def test_localhost_is_two_listeners_with_one_certificate(certs):
    with Server(sockets=[certs.url().replace("127.0.0.1", "localhost")]) as s:
        wait_for(lambda: s.address("tcp", 1), "the second one")
        for nth in (0, 1):
            with connect(s, context(certs), nth) as c:
                c.sendall(b"hits:1|c\n")
                assert s.scrape().value("hits") == nth + 1
        assert handshakes(s.scrape(), "ok") == 2


def test_half_a_record_is_no_line_yet(certs):
    with Server(sockets=[certs.url()]) as s, Wire(s, context(certs)) as w:
        w.shake_hands()
        record = w.step(w.tls.write, b"hits:1|c\n")
        for i in range(len(record)):
            if i in (1, 5, len(record) // 2, len(record) - 1):
                assert s.scrape().value("hits") is None
            w.socket.sendall(record[i:i + 1])
        assert s.scrape().value("hits") == 1


def test_a_client_that_leaves_without_a_goodbye_loses_no_whole_line(certs):
    with Server(sockets=[certs.url()]) as s:
        w = Wire(s, context(certs))
        w.shake_hands()
        w.socket.sendall(w.step(w.tls.write, b"whole:1|c\nhalf:1|c"))
        w.socket.close()
        with connect(s, context(certs)) as c:
            c.sendall(b"said:1|c\nlast:1|c")
            c.unwrap().close()
        wait_for(lambda: s.scrape().sum("statsd_stream_connections") == 0, "no connections")
        page = s.scrape()
        # A line whose end may be missing is not guessed; with the goodbye, it is known to be whole.
        assert [page.value(n) for n in ("whole", "half", "said", "last")] == [1, None, 1, 1]
        assert page.sum("statsd_stream_lines_cut_total") == 1
        assert page.sum("statsd_stream_connections_closed_total", reason="eof") == 2


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("who, error", [(None, "the peer sent no certificate"), ("client", None),
                                        ("stranger", "the peer's certificate is signed by no known CA")])
def test_with_a_client_ca_only_its_clients_come_in(certs, version, who, error):
    with Server(sockets=[certs.url(more="&tls_client_ca=" + certs.ca)]) as s:
        ctx = context(certs, client=who, version=version)
        if error is None:
            with connect(s, ctx) as c:
                c.sendall(b"hits:1|c\n")
                assert s.scrape().value("hits") == 1
            return
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with connect(s, ctx) as c:
                c.sendall(b"hits:1|c\n")
                c.recv(1)               # in TLS 1.3 the client hears of it only now
                raise ConnectionError("closed")
        line = rejected(s)
        assert line["error"] == error and line["from"].startswith("127.0.0.1:")
        page = s.scrape()
        assert page.value("hits") is None
        assert handshakes(page, "failed") == 1
        assert page.sum("statsd_stream_connections_closed_total", reason="tls") == 1


def test_plain_text_on_the_tls_port_is_refused_and_logged_a_few_times_a_minute(certs):
    with Server(sockets=[certs.url()]) as s:
        for _ in range(50):
            with plain(s) as c:
                c.sendall(b"hits:1|c\n")
                with contextlib.suppress(ConnectionResetError):     # we close with its bytes unread, at times
                    assert c.recv(100) == b""
        page = wait_for(lambda: (lambda p: p if handshakes(p, "failed") == 50 else None)(s.scrape()), "50 failed")
        assert page.value("hits") is None and page.sum("statsd_stream_bytes_received_total") == 0
        assert rejected(s)["error"] == "plain text instead of TLS"
        assert len(s.logged("connection rejected")) <= 3


def test_a_check_of_the_port_is_no_failed_handshake(certs):
    with Server(sockets=[certs.url()]) as s:
        plain(s).close()
        wait_for(lambda: s.scrape().sum("statsd_stream_connections_closed_total", reason="eof") == 1, "the end of it")
        assert handshakes(s.scrape(), "failed") == 0 and s.logged("connection rejected") == []


@pytest.mark.alone
def test_a_handshake_has_five_seconds_however_it_drips(certs):
    with Server(sockets=[certs.url(), "udp://127.0.0.1:0"]) as s, Wire(s, context(certs)) as w, plain(s) as silent:
        began = time.monotonic()
        hello = w.step(w.tls.do_handshake)
        ended = []

        def drip():
            try:
                for i in range(len(hello)):
                    w.socket.sendall(hello[i:i + 1])
                    time.sleep(0.1)
            except OSError:
                ended.append(time.monotonic() - began)
        t = threading.Thread(target=drip)
        t.start()
        # Meanwhile nobody waits for it.
        while time.monotonic() - began < 3:
            sent = time.monotonic()
            s.send("hits:1|c")
            s.scrape()
            assert time.monotonic() - sent < 0.5 * harness.SLOW
        t.join(30 * harness.SLOW)
        assert 4.5 < ended[0] < 7 * harness.SLOW
        assert silent.recv(1) == b""
        page = s.scrape()
        assert handshakes(page, "timeout") == 2
        assert rejected(s)["error"] == "no handshake within 5 s"


@pytest.mark.alone
def test_half_a_hello_costs_no_cpu(certs):
    with Server(sockets=[certs.url()]) as s:
        some = [Wire(s, context(certs)) for _ in range(50)]
        for w in some:
            w.socket.sendall(w.step(w.tls.do_handshake)[:11])
        with some[0].socket as gone:
            gone.shutdown(socket.SHUT_WR)
        wait_for(lambda: s.scrape().sum("statsd_stream_connections") == 49, "the half-closed one to go")
        before = cpu_s(s.pid)
        time.sleep(2)
        assert cpu_s(s.pid) - before < 0.2 * harness.SLOW
        for w in some:
            w.socket.close()


def renew(certs, live, name):
    """Put the certificate `name` in place of the live one, as the renewing programs do: each file by rename."""
    for ending in (".pem", ".key"):
        with open(certs.at(name + ending)) as f:
            text = f.read()
        with open(certs.at("new"), "w") as f:
            f.write(text)
        os.rename(certs.at("new"), certs.at(live + ending))


def test_a_renewed_certificate_is_for_new_connections_and_old_ones_go_on(certs):
    renew(certs, "live", "server")
    certs.self_signed("second")
    with Server(sockets=[certs.url("live")]) as s, connect(s, context(certs)) as old:
        old.sendall(b"hits:1|c\n")
        half = Wire(s, context(certs))
        half.socket.sendall(half.step(half.tls.do_handshake))
        half.inside.write(half.socket.recv(65536))
        renew(certs, "live", "second")
        wait_for(lambda: s.logged("certificate loaded"), "the new certificate")
        with connect(s, context(certs, ca=certs.at("second.pem"))) as new:
            new.sendall(b"hits:1|c\n")
            old.sendall(b"hits:1|c\n")
            half.shake_hands()
            half.socket.sendall(half.step(half.tls.write, b"hits:1|c\n"))
            page = s.scrape()
            assert page.value("hits") == 4
            assert page.sum("statsd_tls_reloads_total", result="ok") == 1
        half.socket.close()


@pytest.mark.parametrize("by", ["HUP", "/-/reload"])
def test_a_reload_loads_certificates_and_a_wrong_one_leaves_the_old(certs, by):
    renew(certs, "live", "server")

    def reload(n):
        if by == "HUP":
            os.kill(s.pid, signal.SIGHUP)
        else:
            s.get("/-/reload", method="POST")
        wait_for(lambda: len(s.logged("reloaded")) == n, "reload %d" % n)
    with Server("http.lifecycle=on", sockets=[certs.url("live")]) as s:
        with open(certs.at("live.key"), "w") as f:
            f.write("nothing")
        reload(1)       # is logged after it
        error = s.logged("certificate not loaded, the old one stays")[0]["error"]
        assert error.startswith(certs.at("live.key") + ": holds no key in PEM form")
        with connect(s, context(certs)) as c:
            c.sendall(b"hits:1|c\n")
            assert s.scrape().value("hits") == 1
        renew(certs, "live", "stranger")
        reload(2)
        connect(s, context(certs, ca=certs.at("stranger.pem"))).close()
        page = s.scrape()
        assert page.sum("statsd_tls_reloads_total", result="failed") >= 1
        assert page.sum("statsd_tls_reloads_total", result="ok") >= 1


def test_two_hundred_connections_over_two_workers_are_counted_exactly(certs):
    with Server("server.workers=2", sockets=[certs.url(), "udp://127.0.0.1:0"]) as s:
        ctx = context(certs)
        errors = []

        def client(some):
            try:
                for i in some:
                    with connect(s, ctx) as c:
                        for k in range(50):
                            c.sendall(b"all:1|c\nof_%d:1|c\n" % i)
                        if i % 2:
                            c.unwrap()
            except Exception as e:  # told by the main thread
                errors.append(e)
        threads = [threading.Thread(target=client, args=(range(t, 200, 8),)) for t in range(8)]
        for t in threads:
            t.start()
        while any(t.is_alive() for t in threads):
            s.scrape()
            time.sleep(0.05)
        assert errors == []
        page = s.scrape()
        assert page.value("all") == 200 * 50
        assert [i for i in range(200) if page.value("of_%d" % i) != 50] == []
        assert handshakes(page, "ok") == 200


@pytest.mark.alone
def test_more_handshakes_than_the_limit_wait_for_the_next_second(certs):
    with Server("limits.tls_handshakes_per_second=5", sockets=[certs.url()]) as s:
        ctx = context(certs)
        began = time.monotonic()
        some = [plain(s) for _ in range(16)]
        took = []
        for c in some:
            with ctx.wrap_socket(c, server_hostname="localhost") as t:
                t.sendall(b"hits:1|c\n")
                took.append(time.monotonic() - began)
        assert took[15] >= 2.5
        before = cpu_s(s.pid)
        page = s.scrape()
        assert page.value("hits") == 16 and page.sum("statsd_tls_handshake_pauses_total") >= 3
        assert cpu_s(s.pid) - before < 0.5 * harness.SLOW


def test_a_stop_reads_what_tls_connections_have_sent(certs):
    with Server(sockets=[certs.url()], clean_exit=False) as s, connect(s, context(certs)) as c, plain(s):
        c.sendall(b"hits:1|c\n" * 1000)
        assert harness.stop(s.process) == 0
        assert c.recv(1) == b""          # a goodbye, not a cut
        s.reader.join(5)
        assert s.logged("stopped")[0]["samples_aggregated"] == "1000"


@pytest.mark.parametrize("url, says", [
    ("tcp://127.0.0.1:0?tls_cert={server}.pem", "tls_cert needs tls_key, too"),
    ("tcp://127.0.0.1:0?tls_key={server}.key", "tls_key needs tls_cert, too"),
    ("tcp://127.0.0.1:0?tls_client_ca={ca}.pem", "tls_client_ca needs tls_cert and tls_key, too"),
    ("unix:///tmp/x.sock?tls_cert={server}.pem&tls_key={server}.key", "tls_cert is for tcp:// only"),
    ("udp://127.0.0.1:0?tls_cert={server}.pem&tls_key={server}.key", "tls_cert is for tcp:// only"),
    ("tcp://127.0.0.1:0?tls_cert={server}.pem&tls_key={client}.key", "client.key: is not the key of the certificate"),
    ("tcp://127.0.0.1:0?tls_cert={server}.pem&tls_key={server}.none", "server.none: cannot be read: No such file or directory"),
    ("tcp://127.0.0.1:0?tls_cert={server}.pem&tls_key={server}.key&tls_client_ca={ca}.key", "ca.key: holds no certificate in PEM form"),
])
def test_mistakes_are_found_by_check_and_at_the_start(certs, url, says):
    url = url.format(server=certs.at("server"), client=certs.at("client"), ca=certs.at("ca"))
    checked = harness.run("check", "--set", "listen.socket=" + url)
    assert checked.returncode == 2 and says in (checked.stdout + checked.stderr).decode()
    started = harness.run("--set", "listen.socket=" + url, "--set", "http.listen=")
    assert started.returncode in (1, 2) and says in (started.stdout + started.stderr).decode()


def test_check_shows_tls_and_warns_of_an_expired_certificate_and_an_open_key(certs):
    certs.signed("old")
    openssl("x509", "-req", "-in", certs.at("old.csr"), "-CA", certs.ca, "-CAkey", certs.at("ca.key"), "-days", "0", "-out", certs.at("old.pem"))
    os.chmod(certs.at("old.key"), 0o644)
    def check():
        checked = harness.run("check", "--set", "listen.socket=" + certs.url("old"))
        assert checked.returncode == 0, checked.stderr
        text = checked.stdout.decode()
        assert "tls_cert=" + certs.at("old.pem") in text
        return "old.pem: the certificate expired at" in text and "old.key: every user may read or change the key" in text
    wait_for(check, "both warnings")     # it expires within a second


def test_a_relative_path_is_relative_to_the_working_directory(certs):
    got = subprocess.run([*harness.ASLR_OFF, harness.STATSD, "check", "--set",
                          "listen.socket=tcp://127.0.0.1:0?tls_cert=server.pem&tls_key=server.key"], cwd=certs.path, capture_output=True,
                         env=harness.clean_env(), timeout=60)
    assert got.returncode == 0, got.stderr
