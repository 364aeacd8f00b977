"""HTTPS by a web config: a real Prometheus, and Python's ssl as the client.  The program openssl makes the certificates."""
import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import time

import pytest

import harness
from certificates import context
from harness import Server, wait_for
from test_prometheus import Prometheus
from test_takeover import running

PASSWORD = "correct horse"
BCRYPT = "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"  # of it
CLOCK = os.sysconf("SC_CLK_TCK")


def web_config(dir, certs, tls={}, **more):
    """A file that says so: YAML takes JSON."""
    path = os.path.join(str(dir), "web.yml")
    pair = {"cert_file": certs.at("server.pem"), "key_file": certs.at("server.key")}
    with open(path + ".new", "w") as f:
        json.dump({"tls_server_config": {**pair, **tls}, **more}, f)
    os.rename(path + ".new", path)
    return "http.web_config=" + path


def of_clients(certs):
    return {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": certs.ca}


def to_clients(certs, name=None):
    pair = {"cert_file": certs.at(name + ".pem"), "key_file": certs.at(name + ".key")} if name else {}
    return {"scheme": "https", "tls_config": {"ca_file": certs.ca, **pair}}


@pytest.mark.parametrize("version", ["TLS12", "TLS13"])
def test_a_real_prometheus_scrapes_with_a_client_certificate(dir, certs, version):
    only = {"min_version": version, "max_version": version}
    with Server(web_config(dir, certs, {**of_clients(certs), **only})) as s, \
            Prometheus(dir, [s.http_addr()], how=to_clients(certs, "client")) as p:
        assert [l["addr"] for l in s.logged("listening") if l["proto"] == "https"] == [s.http_addr()]
        s.send("hits:3|c")
        wait_for(lambda: p.one("hits") == 3, "Prometheus to see the counter", 30 * harness.SLOW, every=0.1)
        s.tls = context(certs, "client")
        assert s.scrape().value("statsd_http_tls_handshakes_total", result="ok") >= 1
        for client in (None, "stranger"):
            s.tls = context(certs, client)
            with pytest.raises(OSError):
                s.get("/metrics")
        assert "the peer sent no certificate" in [l["error"] for l in s.logged("connection rejected")]


@pytest.mark.parametrize("version", ["TLS12", "TLS13"])
def test_a_real_prometheus_scrapes_with_a_password(dir, certs, version):
    config = web_config(dir, certs, {"min_version": version, "max_version": version}, basic_auth_users={"prom": BCRYPT})
    how = {**to_clients(certs), "basic_auth": {"username": "prom", "password": PASSWORD}}
    with Server(config) as s, Prometheus(dir, [s.http_addr()], how=how) as p:
        s.send("hits:3|c")
        wait_for(lambda: p.one("hits") == 3, "Prometheus to see the counter", 30 * harness.SLOW, every=0.1)
        s.tls = context(certs)
        status, headers, _ = s.get("/metrics")
        assert status == 401 and headers["WWW-Authenticate"].startswith("Basic ")


def served(s, certs):
    """The subject of the certificate that a new connection gets."""
    host, _, port = s.http_addr().rpartition(":")
    with socket.create_connection((host, int(port)), timeout=harness.PATIENCE) as plain, \
            context(certs).wrap_socket(plain, server_hostname="localhost") as c:
        return dict(pair[0] for pair in c.getpeercert()["subject"])["commonName"]


@pytest.mark.parametrize("how", ["by itself", "HUP"])
def test_a_renewed_certificate_is_served_and_a_scraper_keeps_its_connection(dir, certs, how):
    if not os.path.exists(certs.at("renewed.pem")):
        certs.signed("renewed")
    for end in (".pem", ".key"):
        os.link(certs.at("server" + end), os.path.join(dir, "now" + end))
    config = web_config(dir, certs, {"cert_file": "now.pem", "key_file": "now.key"})
    with Server(config, "http.timeout=1m") as s:
        s.tls = context(certs)
        kept = http.client.HTTPSConnection(s.http_addr(), context=s.tls, timeout=harness.PATIENCE)
        kept.request("GET", "/-/healthy")
        assert kept.getresponse().read() == b"statsd is healthy\n"
        was = kept.sock
        assert served(s, certs) == "server"
        for end in (".key", ".pem"):
            os.link(certs.at("renewed" + end), os.path.join(dir, "new" + end))
            os.rename(os.path.join(dir, "new" + end), os.path.join(dir, "now" + end))
        if how == "HUP":
            s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: served(s, certs) == "renewed", "the renewed certificate", every=0.1)
        kept.request("GET", "/-/healthy")
        assert kept.getresponse().read() == b"statsd is healthy\n" and kept.sock is was
        kept.close()


def test_a_web_config_that_breaks_leaves_the_old_one_in_force(dir, certs):
    config = web_config(dir, certs)
    with Server(config) as s:
        s.tls = context(certs)
        web_config(dir, certs, {"cert_file": "nothing.pem"})
        s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: s.logged("web config refused, the one before stays in force"), "the refusal")
        assert s.get("/-/healthy")[0] == 200
        web_config(dir, certs, http_server_config={"headers": {"X-Frame-Options": "deny"}})
        wait_for(lambda: s.get("/-/healthy")[1]["X-Frame-Options"] == "deny", "the new header", every=0.1)
        assert s.get("/nothing")[1]["X-Frame-Options"] == "deny"


def cpu_s(s):
    with open("/proc/%d/stat" % s.pid) as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK


def test_halves_of_hellos_cost_nothing_and_do_not_keep_scrapers_out(dir, certs):
    with Server(web_config(dir, certs), "http.timeout=1m", "limits.tls_handshakes_per_second=10000") as s, contextlib.ExitStack() as stack:
        s.tls = context(certs)
        host, _, port = s.http_addr().rpartition(":")
        for i in range(200):
            c = stack.enter_context(socket.create_connection((host, int(port)), source_address=("127.0.1.%d" % (i % 20 + 1), 0)))
            c.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        wait_for(lambda: s.scrape().value("statsd_http_connections") > 200, "all of them")
        before, began = cpu_s(s), time.monotonic()
        while time.monotonic() - began < 2:  # the time is what is measured
            assert s.get("/-/healthy")[0] == 200
            time.sleep(0.2)
        assert (cpu_s(s) - before) / (time.monotonic() - began) < 0.3


def test_what_is_not_tls_is_turned_away_with_a_reason(dir, certs):
    with Server(web_config(dir, certs)) as s:
        s.tls = context(certs)
        host, _, port = s.http_addr().rpartition(":")
        with socket.create_connection((host, int(port)), timeout=harness.PATIENCE) as c:
            c.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert not c.recv(100).startswith(b"HTTP")
        wait_for(lambda: s.scrape().value("statsd_http_tls_handshakes_total", result="plain_text") == 1, "the count")
        old = ssl.create_default_context(cafile=certs.ca)
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(OSError):
            s.get("/metrics", tls=old)
        wait_for(lambda: s.scrape().value("statsd_http_tls_handshakes_total", result="parameters") == 1, "the count")
        assert "plain text instead of TLS" in [l["error"] for l in s.logged("connection rejected")]


def test_who_is_not_in_the_networks_allowed_gets_no_answer(dir):
    with Server("http.allow=127.0.0.0/30,::1") as s:
        assert s.get("/-/healthy")[0] == 200
        host, _, port = s.http_addr().rpartition(":")
        for i in range(3):
            with socket.create_connection((host, int(port)), source_address=("127.0.0.9", 0), timeout=harness.PATIENCE) as c:
                with contextlib.suppress(OSError):
                    c.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                    assert c.recv(100) == b""
        wait_for(lambda: s.scrape().value("statsd_http_connections_refused_total", reason="network") == 3, "the count")
        assert len(s.logged("connection refused")) == 1


def test_another_server_takes_over_with_https(dir, certs):
    with running(dir, web_config(dir, certs)) as run:
        run.server.tls = context(certs)
        run.server.send("hits:1|c")
        run.server.wait_value("hits", 1)
        web_config(dir, certs, {"min_version": "TLS13"})
        run.over()
        run.server.tls = context(certs)
        run.server.wait_value("hits", 1)
        with pytest.raises(OSError):
            run.server.get("/metrics", tls=context(certs, version=ssl.TLSVersion.TLSv1_2))
