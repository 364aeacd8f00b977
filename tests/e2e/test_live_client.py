"""statsd top and statsd tail as clients: HTTPS, passwords, servers that refuse, servers that mean harm."""
import contextlib
import http.server
import json
import os
import subprocess
import threading
import time

import pytest

import harness
from harness import STATSD, Server, clean_env, run, wait_for
from test_live import terminal
from test_web_config_tls import BCRYPT, PASSWORD, web_config

pytestmark = pytest.mark.plain


class Answers(http.server.BaseHTTPRequestHandler):
    """What server.answer says of a path: (status, body, headers), or a function that takes over."""

    def do_GET(self):
        got = self.server.answer(self.path)
        if callable(got):
            return got(self)
        status, body, *headers = got
        self.send_response(status)
        for name, value in [("Content-Length", str(len(body))), *headers]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def fake(answer):
    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    s.daemon_threads = True
    s.answer = answer
    thread = threading.Thread(target=s.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield "http://127.0.0.1:%d" % s.server_port
    finally:
        s.shutdown()
        thread.join()
        s.server_close()


@pytest.mark.parametrize("status, body, headers, said", [
    (301, b"", [("Location", "https://there/")], b"give that one as --from"),
    (401, b"who are you\n", [], b"answers 401: who are you; give the user and the password in the URL"),
    (403, b'{"error": "http.show_lines is off"}', [], b"answers 403: http.show_lines is off"),
    (404, b"not found\nmore", [], b"answers 404: not found; it has no such API: an older statsd"),
    (421, b'{"error": "a host that is none of ours"}', [], b"answers 421: a host that is none of ours; ask by its address, or"),
    (500, b"\x1b[2J\x07", [], b"answers 500: \\x1b[2J\\x07"),
])
def test_who_is_refused_is_told_what_to_do(status, body, headers, said):
    with fake(lambda _: (status, body, *headers)) as url:
        for words in (["tail"], ["top", "--once"], ["top", "--json"]):
            r = run(*words, "--from", url, timeout=20)
            assert r.returncode == 1 and said in r.stderr and r.stdout == b"", r


EVIL = "\x1b[2J\x9b31m\u202e\x7fx"


def evil(path):
    top = {"top": [{"name": EVIL, "samples_per_second": -1e300, "error": 1e300, "series": 1e300}], "share": 0.5}
    answers = {"status": {"version": EVIL, "uptime_s": -1e300, "series": 1e300, "redis": {"state": EVIL, "lag_s": 1e300}},
               "conservation": {"at_s": 1, "lines": {"received": 1e300}}, "top": top}
    what = path.split("?")[0].split("/")[-1]
    if what == "tail":
        event = json.dumps({"line": EVIL, "at_s": 1}, ensure_ascii=False)
        return 200, ("event: line\ndata: %s\n\nevent: skipped\ndata: {\"lines\": \"\x1b\"}\n\n" % json.dumps({"line": EVIL})).encode() + event.encode()
    return 200, json.dumps(answers[what], ensure_ascii=False).encode()


@pytest.mark.parametrize("words", [["top", "--once"], ["top", "--json"], ["tail", "-n", "1"], ["tail", "--json", "-n", "1"]], ids=" ".join)
def test_a_server_cannot_steer_the_terminal(words):
    with fake(evil) as url:
        r = run(*words, "--from", url, env={"LC_ALL": "C.UTF-8"}, timeout=20)
    assert r.returncode == 0 and len(r.stdout) > 10, r
    text = r.stdout.decode()
    assert not [c for c in text if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160 or c == "\u202e")], text


def test_what_is_no_json_is_said_to_be_none():
    with fake(lambda _: (200, b"<html>\x1b</html>")) as url:
        for words in (["top", "--once"], ["top", "--json"]):
            r = run(*words, "--from", url, timeout=20)
            assert r.returncode == 1 and b"this is not statsd's API" in r.stderr and r.stdout == b"", r


def test_https_a_password_and_netrc(dir, certs):
    config = web_config(dir, certs, basic_auth_users={"prom": BCRYPT})
    netrc = os.path.join(str(dir), ".netrc")
    home = {"HOME": str(dir)}
    with Server(config) as s:
        host = "https://" + s.http_addr()
        secret = "https://prom:%s@%s" % (PASSWORD.replace(" ", "%20"), s.http_addr())
        ca = ["--ca", certs.ca]

        def top(*words, **env):
            return run("top", "--json", *words, env={**home, **env}, timeout=20)
        r = top("--from", host)
        assert r.returncode == 1 and b"certificate" in r.stderr, r
        r = top("--from", host, *ca)
        assert r.returncode == 1 and b"answers 401" in r.stderr and b"~/.netrc" in r.stderr, r
        assert top("--from", secret, *ca).returncode == 0
        assert top("--from", secret, "--insecure").returncode == 0
        assert top(*ca, STATSD_URL=secret).returncode == 0
        r = top("--from", secret.replace("%20", "+"), *ca)
        assert r.returncode == 1 and b"correct" not in r.stderr and b"https://127.0.0.1" in r.stderr, r
        with open(netrc, "w") as f:
            f.write('machine 127.0.0.1 login prom password "%s"\n' % PASSWORD)
        assert top("--from", host, *ca).returncode == 0


def test_libcurl_is_loaded_by_who_needs_it_and_named_where_it_is_missing(dir):
    for name in ("libcurl-gnutls.so.4", "libcurl.so.4"):
        open(os.path.join(str(dir), name), "w").close()
    r = run("tail", "--from", "http://127.0.0.1:1", env={"LD_LIBRARY_PATH": str(dir)})
    assert r.returncode == 1 and b"the Debian package is libcurl3-gnutls" in r.stderr, r
    with Server() as s:
        assert s.get("/api/v1/status")[0] == 200
        with open("/proc/%d/maps" % s.pid) as maps:
            assert "libcurl" not in maps.read()


def quiet(seconds):
    """A stream with nothing in it but its heartbeat, and a line at last."""
    def answer(h):
        h.send_response(200)
        h.send_header("Content-Type", "text/event-stream")
        h.end_headers()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            h.wfile.write(b": \n\n")
            h.wfile.flush()
            time.sleep(5)
        h.wfile.write(b'event: line\ndata: {"line": "at.last:1|c"}\n\n')
    return lambda _: answer


@pytest.mark.skipif(not harness.LONG, reason="SLOW=1 runs the long tests")
def test_a_heartbeat_keeps_a_quiet_tail():
    with fake(quiet(32)) as url:
        r = run("tail", "-n", "1", "--from", url, timeout=60)
        assert (r.returncode, r.stdout, r.stderr) == (0, b"at.last:1|c\n", b""), r


def test_top_without_colours_outlives_a_storm_of_resizes_and_escapes():
    with fake(evil) as url, terminal("LC_ALL=C.UTF-8 NO_COLOR=1 %s top --from %s" % (STATSD, url)) as t:
        t.wait("by samples", "\\x1b[2J")
        for i in range(40):
            t.call("resize-window", "-t", "t", "-x", str(3 + i * 37 % 150), "-y", str(2 + i * 13 % 50))
        t.call("resize-window", "-t", "t", "-x", "80", "-y", "24")
        t.wait("by samples", "q quit", "\\x1b[2J")
        t.keys("q")
        wait_for(lambda: t.call("has-session", "-t", "t").returncode != 0, "top to end", patience=5)


def test_top_ends_with_its_terminal_even_where_the_hang_up_is_ignored():
    with fake(evil) as url:
        ours, theirs = os.openpty()
        env = {**clean_env(), "TERM": "xterm"}
        # A terminal that is not its controlling one sends it no SIGHUP.
        top = subprocess.Popen([STATSD, "top", "--from", url], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, env=env)
        os.close(theirs)
        try:
            assert os.read(ours, 1000)
            os.close(ours)
            top.wait(timeout=10)
        finally:
            top.kill()
            top.wait()
