"""Sockets: who may listen where, and what becomes of a socket while the server runs."""
import contextlib
import os
import socket
import subprocess
import time

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


# --- a Unix socket whose file is lost

def said(server, msg, n=1):
    return wait_for(lambda: server.logged(msg)[n - 1:n], "%d x %r in the log" % (n, msg))[0]


def unix_client(path):
    c = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    c.connect(path)
    return c


def test_a_unix_socket_whose_file_was_removed_is_bound_again_within_a_second(dir):
    path = dir + "/dsd.sock"
    with Server(sockets=["unixgram://%s?mode=0640" % path]) as s:
        with unix_client(path) as early:
            for n in range(1, 6):
                fds = s.scrape().value("process_open_fds")
                os.unlink(path)
                removed = time.monotonic()
                line = said(s, "unix socket bound again", n)
                assert time.monotonic() - removed < 1 * harness.SLOW
                assert (line["level"], line["path"], line["happened"]) == ("warn", path, "its file was removed")
                assert os.stat(path).st_mode & 0o777 == 0o640
                s.send("hello:1|c", unix=True)
                if n == 1:
                    early.send(b"hello:1|c")     # it knows nothing of the file
                page = s.scrape()
                assert page.value("hello") == n + 1
                assert page.value("statsd_unix_sockets_bound_again_total") == n
                assert page.value("statsd_socket_datagrams_received_total", socket="unixgram://" + path, worker="0") == n + 1
            assert page.value("process_open_fds") <= fds + 1
            with pytest.raises(OSError):         # its socket is closed by now, and it is told
                early.send(b"hello:1|c")
    assert not os.path.exists(path)


def test_no_datagram_that_was_taken_is_lost_while_the_file_is_removed_again_and_again(dir):
    path = dir + "/dsd.sock"
    with Server(sockets=["unixgram://" + path]) as s:
        sent, n, end = 0, 0, time.monotonic() + 30 * harness.SLOW
        client = unix_client(path)
        while len(s.logged("unix socket bound again")) < 4:
            assert time.monotonic() < end
            if len(s.logged("unix socket bound again")) == n:
                os.unlink(path)
                n += 1
            try:
                client.send(b"hello:1|c")
                sent += 1
            except OSError:
                client.close()
                with contextlib.suppress(OSError):
                    client = unix_client(path)
        client.close()
        assert s.scrape().value("hello") == sent > 1000


def test_a_unix_socket_that_another_program_took_over_is_left_to_it_until_it_ends(dir):
    path = dir + "/dsd.sock"
    with Server(sockets=["unixgram://" + path]) as s, unix_client(path) as early:
        os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.bind(path)
            line = said(s, "unix socket lost, trying again")
            assert (line["path"], line["happened"]) == (path, "its file was replaced")
            assert "another server listens there: stop it, or choose another path" in line["error"]
            with unix_client(path) as c:
                c.send(b"not:1|c")
            assert other.recv(100) == b"not:1|c"
            early.send(b"hello:1|c")
            assert s.scrape().value("hello") == 1
        said(s, "unix socket bound again")        # its file is stale now
        s.send("hello:1|c", unix=True)
        assert s.scrape().value("hello") == 2
        assert len(s.logged("unix socket lost, trying again")) == 1


def no_socket(path):
    with open(path, "w") as f:
        f.write("a file")


@pytest.mark.parametrize("put, take, error", [
    (no_socket, os.unlink, "a file that is no socket is there"),
    (os.mkdir, os.rmdir, "a file that is no socket is there"),
    (lambda path: os.rmdir(os.path.dirname(path)), lambda path: os.mkdir(os.path.dirname(path)), "the directory does not exist"),
])
def test_what_stands_in_the_way_of_a_unix_socket_is_told_and_bound_again_when_it_is_gone(dir, put, take, error):
    os.mkdir(dir + "/d")
    path = dir + "/d/dsd.sock"
    with Server(sockets=["unixgram://" + path]) as s:
        os.unlink(path)
        put(path)
        assert error in said(s, "unix socket lost, trying again")["error"]
        take(path)
        said(s, "unix socket bound again")
        s.send("hello:1|c", unix=True)
        assert s.scrape().value("hello") == 1


def test_a_unix_socket_that_was_moved_away_and_back_is_the_same_one(dir):
    path = dir + "/dsd.sock"
    with Server(sockets=["unixgram://" + path]) as s:
        os.rename(path, path + ".away")
        no_socket(path)
        said(s, "unix socket lost, trying again")
        os.rename(path + ".away", path)
        assert said(s, "unix socket is back")["path"] == path
        os.rename(path, path + ".away")
        os.symlink(path + ".away", path)          # a link to it is as good
        s.send("hello:1|c", unix=True)
        assert s.scrape().value("hello") == 1
        os.unlink(path)
        os.rename(path + ".away", path)


def test_a_stop_right_after_a_unix_socket_was_lost_reads_what_was_sent(dir):
    path = dir + "/dsd.sock"
    with Server(sockets=["unixgram://" + path]) as s:
        with unix_client(path) as early:
            os.unlink(path)
            said(s, "unix socket bound again")
            early.send(b"hello:1|c")
            s.send("hello:1|c", unix=True)
        harness.stop(s.process)
        s.clean_exit = False
        wait_for(lambda: s.logged("stopped"), "the last line")
        assert s.logged("stopped")[0]["samples_aggregated"] == "2"
    assert not os.path.exists(path)
