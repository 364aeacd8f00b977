"""Sockets: who may listen where, and what becomes of a socket while the server runs."""
import contextlib
import socket
import subprocess

import pytest

import harness
from harness import Server, log_line, wait_for


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("0.0.0.0", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def starting(*urls):
    """One server for each URL, all begun before any is waited for."""
    command = [*harness.ASLR_OFF, harness.STATSD, "--set", "http.listen=127.0.0.1:0", "--set", "server.workers=3", "--set"]
    servers = [subprocess.Popen([*command, "listen.socket=" + url], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, env=harness.clean_env(), text=True) for url in urls]
    try:
        yield servers
    finally:
        for s in servers:
            harness.stop(s)
            s.stdout.close()


def ready_or_error(server):
    """None once the server is ready, or the error that it ended with."""
    for line in server.stdout:
        said = log_line(line)
        if said.get("msg") == "ready":
            return None
        if said.get("msg") == "cannot listen":
            assert server.wait(harness.PATIENCE) == 1
            return said["error"]
    raise AssertionError("neither ready nor an error")


@pytest.mark.parametrize("one, other", [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("0.0.0.0", "[::]"), ("[::]", "127.0.0.1"),
                                        ("localhost", "localhost")])
def test_of_two_servers_started_at_once_exactly_one_refuses_and_says_why(one, other):
    for _ in range(10):
        port = free_udp_port()
        with starting("udp://%s:%d" % (one, port), "udp://%s:%d" % (other, port)) as servers:
            errors = [e for e in map(ready_or_error, servers) if e]
            assert len(errors) == 1
            assert ":%d: " % port in errors[0] and "another server has this port: stop it, or choose another port" in errors[0]


def test_gauges_of_one_sender_keep_their_order_when_spread_by_payload():
    """A gauge set to 0 and then lowered, in two datagrams: a name's datagrams are one worker's, whatever the value is."""
    with Server("server.workers=2", sockets=["udp://127.0.0.1:0?spread=payload"]) as s, s.sender() as c:
        for i in range(500):
            c.send(b"neg_%d:0|g" % i)
            c.send(b"neg_%d:-5|g" % i)
            if i % 100 == 99:
                s.wait_self("statsd_datagrams_received_total", 2 * (i + 1))
        page = s.scrape()
        assert [i for i in range(500) if page.value("neg_%d" % i) != -5] == []
        assert min(page.all("statsd_socket_datagrams_received_total").values()) > 300


def test_localhost_is_both_loopbacks_each_with_its_log_line_and_its_numbers():
    """Clients resolve localhost to ::1 first, and UDP tells nobody that nothing listens there."""
    with Server("server.workers=2", sockets=["udp://localhost:0"]) as s:
        wait_for(lambda: s.logged("ready"), "ready")
        (v4, port), (v6, same) = s.udp(0), s.udp(1)
        assert (v4, v6) == ("127.0.0.1", "::1") and port == same
        names = ["udp://127.0.0.1:%d" % port, "udp://[::1]:%d" % port]
        for to, n in ((0, 10), (1, 20)):
            for _ in range(n):
                s.send("hello:1|c", nth=to)
        page = s.scrape()
        assert page.value("hello") == 30
        for name, n in zip(names, (10, 20)):
            assert sum(page.value("statsd_socket_datagrams_received_total", socket=name, worker=str(w)) for w in (0, 1)) == n
            assert sum(page.value("statsd_udp_kernel_drops_total", socket=name, worker=str(w)) for w in (0, 1)) == 0
            assert page.value("statsd_socket_receive_buffer_bytes", socket=name) > 0


def test_a_port_taken_on_one_loopback_is_refused_for_localhost():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        other.bind(("::1", 0))
        port = other.getsockname()[1]
        with starting("udp://localhost:%d" % port) as servers:
            error = ready_or_error(servers[0])
            assert "udp://[::1]:%d" % port in error and "say 127.0.0.1 for localhost" in error
