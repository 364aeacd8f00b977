"""statsd ready: what a container's health check runs, against the server and against what is none."""
import contextlib
import os
import re
import socket
import subprocess
import threading
import time

import pytest

import harness
from harness import STATSD, Server, clean_env, run, wait_for
from test_live_client import fake
from test_web_config_tls import BCRYPT, PASSWORD, web_config

pytestmark = pytest.mark.command


def port_of(server):
    return server.http_addr().rpartition(":")[2]


def test_a_server_that_runs_is_ready_and_one_that_is_stopped_is_not():
    with Server() as s:
        url = "http://" + s.http_addr()
        for words, env in ((["--from", url], {}), (["--from", url + "/"], {}), ([], {"STATSD_URL": url}),
                           (["--set", "http.listen=" + s.http_addr()], {}), ([], {"STATSD_HTTP_LISTEN": s.http_addr()}),
                           (["--from", "http://localhost:" + port_of(s)], {})):
            r = run("ready", *words, env=env)
            assert (r.returncode, r.stdout, r.stderr) == (0, b"statsd is ready\n", b""), (words, env, r)
    r = run("ready", "--from", url)
    assert (r.returncode, r.stdout, r.stderr) == (1, b"", b"statsd: %s: Connection refused\n" % url.encode()), r


@pytest.mark.parametrize("every, loopback", [("0.0.0.0:%d", "127.0.0.1"), ("[::]:%d", "[::1]")])
def test_a_server_that_listens_everywhere_is_asked_by_loopback(every, loopback, dir):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        listen = every % s.getsockname()[1]
    config = os.path.join(dir, "statsd.conf")
    with open(config, "w") as f:
        f.write("[http]\nlisten = %s\n" % listen)
    r = run("ready", "-c", config)
    assert r.returncode == 1 and r.stderr.startswith(b"statsd: http://" + loopback.encode()), r
    with Server("http.listen=" + listen):
        r = run("ready", "-c", config)
        assert (r.returncode, r.stdout) == (0, b"statsd is ready\n"), r


def test_https_of_the_config_and_users_from_the_url(dir, certs):
    config = web_config(dir, certs)
    with Server(config) as s:
        r = run("ready", "--set", config, "--set", "http.listen=" + s.http_addr())
        assert (r.returncode, r.stdout) == (0, b"statsd is ready\n"), r
    plain = os.path.join(dir, "users.yml")
    with open(plain, "w") as f:
        f.write("basic_auth_users:\n  prom: %s\n" % BCRYPT)
    with Server("http.web_config=%s" % plain) as s:
        r = run("ready", "--from", "http://" + s.http_addr())
        assert r.returncode == 1 and b"answers 401: a user and a password are needed; set STATSD_URL" in r.stderr, r
        r = run("ready", env={"STATSD_URL": "http://prom:%s@%s" % (PASSWORD.replace(" ", "%20"), s.http_addr())})
        assert (r.returncode, r.stdout) == (0, b"statsd is ready\n"), r


@pytest.mark.parametrize("status, body, said", [
    (503, b"statsd is starting or stopping\n", b"answers 503: statsd is starting or stopping\n"),
    (404, b"", b"answers 404\n"),
    (500, b"\x1b[2J\x07\nmore", b"answers 500: \\x1b[2J\\x07\n"),
])
def test_another_answer_than_200_is_not_ready(status, body, said):
    with fake(lambda _: (status, body)) as url:
        r = run("ready", "--from", url)
    assert r.returncode == 1 and r.stdout == b"" and r.stderr.endswith(said), r


@contextlib.contextmanager
def server_that(answer):
    """answer(connection) for whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        def accept():
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=answer, args=(s.accept()[0],), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        yield "http://127.0.0.1:%d" % s.getsockname()[1]


def says(*pieces, every=0.0, ends=True):
    def answer(connection):
        with contextlib.suppress(OSError):
            connection.recv(4096)
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(every)
            if ends:
                connection.close()
            else:
                connection.recv(1)
    return answer


@pytest.mark.parametrize("name, answer, said", [
    ("closes at once", says(), b"this is not HTTP; is it the address of http.listen?"),
    ("speaks another protocol", says(b"220 mail\r\n\r\n"), b"this is not HTTP"),
    ("has a head that is cut", says(b"HTTP/1.1 2\r\n\r\n"), b"this is not HTTP"),
    ("has no end of its head", says(b"HTTP/1.1 200 OK\r\n"), b"this is not HTTP"),
    ("says too much", says(b"x" * 100000), b"this is not HTTP"),
], ids=lambda x: x.replace(" ", "_") if isinstance(x, str) else "")
def test_a_server_that(name, answer, said):
    with server_that(answer) as url:
        r = run("ready", "--from", url, timeout=20)
    assert r.returncode == 1 and r.stdout == b"" and said in r.stderr, r


def test_a_server_that_does_not_answer_is_given_three_seconds_by_each_way_of_asking():
    """One that says nothing, one that says a byte now and then, and with a password (libcurl)."""
    with server_that(says(ends=False)) as silent, server_that(says(*[b"H"] * 100, every=0.2)) as slow:
        asked = [(url, subprocess.Popen([STATSD, "ready", "--from", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_env()))
                 for url in (silent, slow, silent.replace("http://", "http://me:secret@"))]
        began = time.monotonic()
        for url, process in asked:
            out, err = process.communicate(timeout=30)
            assert process.returncode == 1 and out == b"" and re.search(b"timed out|no answer within 3 s", err), (url, err)
            assert b"secret" not in err
        assert 2 < time.monotonic() - began < 3 + 3 * harness.SLOW


@pytest.mark.parametrize("words, said", [
    (["--set", "http.listen="], b"http.listen is empty: there is no HTTP server to ask"),
    (["--set", "http.listen=127.0.0.1:0"], b"http.listen has port 0: give the one that the log says by --from"),
    (["--set", "http.listen=nowhere"], b"1 mistake in the config"),
    (["--from", "127.0.0.1:9102"], b"is no URL such as"),
    (["--json"], b"ready does not take --json"),
    (["127.0.0.1:9102"], b"ready takes no arguments"),
])
def test_a_mistake_of_who_asks_is_told(words, said):
    r = run("ready", *words)
    assert r.returncode == 2 and r.stdout == b"" and said in r.stderr, r


def test_a_server_that_stops_is_not_ready():
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a Redis that never answers, which a stop waits for
        redis = "redis.url=redis://127.0.0.1:%d" % silent.getsockname()[1]
        with Server(redis, "server.drain_timeout=30s", clean_exit=False) as s:
            s.send("hits:1|c")
            wait_for(lambda: b"\nhits 1\n" in s.page(), "the sample")
            s.process.terminate()
            wait_for(lambda: s.logged("stopping"), "the stop to begin")
            r = run("ready", "--from", "http://" + s.http_addr())
            print(r)
            assert r.returncode == 1 and b"answers 503: statsd is starting or stopping" in r.stderr, r
            assert s.process.poll() is None
            s.process.terminate()  # the second one ends the waiting
