"""The command line, the config file, the environment: what they do and what they say when they are wrong."""
import fcntl
import json
import os
import pty
import re
import socket
import struct
import subprocess
import termios

import pytest

import harness
from harness import TOP, Server, run


def test_version_names_the_program_and_the_commit():
    got = run("--version")
    assert got.returncode == 0
    assert re.match(rb"statsd \d+\.\d+\.\d+ ", got.stdout), got.stdout


def test_help_names_every_command():
    got = run("--help")
    assert got.returncode == 0
    for word in (b"check", b"explain", b"describe", b"convert", b"--set", b"--version"):
        assert word in got.stdout


def on_terminal(columns, *words):
    """The command's output on a terminal of that width."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    p = subprocess.Popen([harness.STATSD, *words], stdin=subprocess.DEVNULL, stdout=its, env=harness.clean_env())
    os.close(its)
    out = b""
    try:
        while chunk := os.read(ours, 65536):
            out += chunk
    except OSError:   # the terminal's last user has left
        pass
    os.close(ours)
    assert p.wait(20) == 0
    return out.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("words", [["--help"], ["describe", "options"], ["describe", "metrics"]], ids=" ".join)
def test_lines_are_as_wide_as_the_terminal(words):
    widths = [max(map(len, on_terminal(columns, *words).split("\n"))) for columns in (60, 90)]
    assert 40 < widths[0] <= 60 < widths[1] <= 90


def test_the_example_of_the_help_works_as_it_stands(server):
    text = run("--help").stdout.decode()
    start, *lines = re.search(r"^Example\n((?:  .*\n)+)", text, re.M).group(1).split("\n")[:-1]
    assert start.strip() == "statsd &"
    script = "\n".join(lines).replace("127.0.0.1/8125", "127.0.0.1/%d" % server.udp()[1]).replace("127.0.0.1:9102", server.http_addr())
    harness.wait_for(lambda: 'orders{region="eu"}' in subprocess.run(["bash", "-c", script], capture_output=True, text=True).stdout,
                     "the metric on the page")


def test_every_path_in_the_help_is_served(server):
    text = run("--help").stdout.decode()
    tried = set()
    http = text.split("\nHTTP\n")[1].split("\n\n")[0]
    for method, first, second in re.findall(r"^  (GET|POST) (/\S*?),? ?(/-/\S+)?(?:  |$)", http, re.M):
        for path in filter(None, (first, second)):
            assert server.get(path, method)[0] == (403 if method == "POST" else 200), (method, path)
            tried.add(path)
    assert tried == {"/", "/metrics", "/-/healthy", "/-/ready", "/-/reload", "/-/quit"}


@pytest.mark.parametrize("words", [["--nonsense"], ["nonsense"], ["-c"], ["--set"], ["--set", "novalue"]], ids=" ".join)
def test_a_wrong_command_line_is_status_2_with_a_hint(words):
    got = run(*words)
    assert got.returncode == 2
    assert got.stdout == b""
    assert got.stderr.strip()


FIVE = """[server]
interval = 10 parsecs
wrokers = 2

[listen]
socket = tpc://127.0.0.1:8125

[limits]
max_tags = 0

[redis]
url = http://example/
"""


@pytest.mark.parametrize("command", [[], ["check"]], ids=["run", "check"])
def test_five_mistakes_are_told_at_once_with_their_lines(dir, command):
    path = os.path.join(dir, "statsd.conf")
    with open(path, "w") as f:
        f.write(FIVE)
    got = run(*command, "-c", path)
    told = got.stderr.decode() + got.stdout.decode()
    assert got.returncode == 2
    for line, word in ((2, "interval"), (3, "workers"), (6, "socket"), (9, "max_tags"), (12, "url")):
        assert any("%s:%d" % (path, line) in l and word in l for l in told.split("\n")), (line, word, told)


def test_mistakes_in_flags_and_environment_are_told_too():
    got = run("check", "--set", "server.interval=soon", env={"STATSD_LIMITS_MAX_SERIES": "many"})
    assert got.returncode == 2
    told = got.stderr.decode()
    assert "server.interval" in told and "STATSD_LIMITS_MAX_SERIES" in told


def test_a_config_file_that_is_not_there_is_status_2():
    got = run("-c", "/nonexistent/statsd.conf")
    assert got.returncode == 2
    assert b"/nonexistent/statsd.conf" in got.stderr


def test_flag_before_environment_before_file_before_default(dir):
    path = os.path.join(dir, "statsd.conf")
    with open(path, "w") as f:
        f.write("[limits]\nmax_series = 111\nmax_tags = 11\nmax_name = 77\n")
    got = run("check", "-c", path, "--set", "limits.max_series=333", env={"STATSD_LIMITS_MAX_SERIES": "222", "STATSD_LIMITS_MAX_TAGS": "22"})
    assert got.returncode == 0, got.stderr
    out = got.stdout.decode()
    for want in ("limits.max_series = 333", "limits.max_tags = 22", "limits.max_name = 77"):
        assert want in out, out


def test_the_environment_alone_configures_a_server(dir):
    env = {"STATSD_LISTEN_SOCKET": "udp://127.0.0.1:0 unixgram://%s/x.sock" % dir, "STATSD_HTTP_LISTEN": "127.0.0.1:0", "STATSD_PROMETHEUS_SUFFIXES": "on"}
    with Server(env=env) as s:
        pass
    s = Server(env=env)
    s.command, s.n_sockets = [*harness.ASLR_OFF, harness.STATSD], 2
    with s:
        s.send("hello:1|c", unix=True)
        s.send("hello:1|c")
        assert s.scrape().value("hello_total") == 2


def test_check_opens_no_port(dir):
    """With every port taken, check has nothing to say against it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u, socket.socket() as t:
        u.bind(("127.0.0.1", 0))
        t.bind(("127.0.0.1", 0))
        t.listen()
        got = run("check", "--set", "listen.socket=udp://127.0.0.1:%d" % u.getsockname()[1], "--set", "http.listen=127.0.0.1:%d" % t.getsockname()[1],
                  "--set", "redis.url=unix:///nonexistent.sock")
    assert got.returncode == 0, got.stderr
    assert b"ok" in got.stdout


def test_check_prints_the_memory_bound():
    small = run("check", "--set", "limits.max_series=1000").stdout.decode()
    large = run("check", "--set", "limits.max_series=1000000").stdout.decode()
    assert re.search(r"\d+(\.\d+)? (KiB|MiB|GiB)", small)
    assert small != large


def test_the_example_config_is_right():
    got = run("check", "-c", os.path.join(TOP, "statsd.conf.example"))
    assert got.returncode == 0, got.stderr.decode()


def test_the_example_config_speaks_of_every_option():
    text = open(os.path.join(TOP, "statsd.conf.example")).read()
    options = re.findall(r"^\| `([a-z_]+)\.([a-z0-9_]+)`", run("describe", "options", "--markdown").stdout.decode(), re.M)
    assert len(options) > 20
    for section, key in options:
        part = text.split("[%s]" % section, 1)[1].split("\n[", 1)[0]
        assert re.search(r"^[;# ]*%s *=" % key, part, re.M), (section, key)


@pytest.mark.parametrize("table", ["options", "metrics", "reasons", "syscalls"])
def test_describe_prints_the_tables_behind_the_docs(table):
    plain, markdown = run("describe", table), run("describe", table, "--markdown")
    assert plain.returncode == markdown.returncode == 0
    assert len(plain.stdout.splitlines()) >= 15
    assert markdown.stdout.startswith(b"|")


def test_every_self_metric_that_is_described_is_on_the_page_and_the_other_way(dir, redis):
    described = set(re.findall(r"^\| `([a-z_]+)", run("describe", "metrics", "--markdown").stdout.decode(), re.M))
    with Server(redis.url) as s:
        s.send("broken")
        page = s.scrape()
    shown = {n for n in page.families if n.startswith(("statsd_", "process_"))}
    assert shown == described


IN_USE = re.compile("in use|another process", re.I)


def test_a_port_in_use_is_status_1_and_says_what_to_do():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.bind(("127.0.0.1", 0))
        port = u.getsockname()[1]
        got = run("--set", "listen.socket=udp://127.0.0.1:%d" % port, "--set", "http.listen=127.0.0.1:0")
    told = (got.stdout + got.stderr).decode()
    assert got.returncode == 1
    assert str(port) in told and IN_USE.search(told)


def test_an_http_port_in_use_is_status_1_and_says_what_to_do():
    with socket.socket() as t:
        t.bind(("127.0.0.1", 0))
        t.listen()
        port = t.getsockname()[1]
        got = run("--set", "listen.socket=udp://127.0.0.1:0", "--set", "http.listen=127.0.0.1:%d" % port)
    told = (got.stdout + got.stderr).decode()
    assert got.returncode == 1
    assert str(port) in told and IN_USE.search(told)


def test_a_unix_socket_that_another_server_serves_is_not_taken(dir):
    url = "unixgram://%s/dsd.sock" % dir
    with Server(sockets=[url]) as s:
        got = run("--set", "listen.socket=" + url, "--set", "http.listen=127.0.0.1:0")
        assert got.returncode == 1
        s.send("still:1|c", unix=True)
        assert s.scrape().value("still") == 1


def test_a_unix_socket_that_a_dead_server_left_is_taken(dir):
    url = "unixgram://%s/dsd.sock" % dir
    with Server(sockets=[url], clean_exit=False) as s:
        s.process.kill()
        s.process.wait()
    with Server(sockets=[url]) as s:
        s.send("again:1|c", unix=True)
        assert s.scrape().value("again") == 1


def test_the_mode_of_a_unix_socket_is_as_asked(dir):
    with Server(sockets=["unixgram://%s/dsd.sock?mode=0600" % dir]):
        assert os.stat(dir + "/dsd.sock").st_mode & 0o777 == 0o600


def test_json_logs_are_json_line_by_line(dir):
    with Server("server.log_format=json", "redis.url=unix://%s/none.sock" % dir) as s:
        s.send("broken\xff\x1b[31m" * 3)
        s.scrape()
    assert len(s.raw_log) >= 3
    for line in s.raw_log:
        entry = json.loads(line)
        assert {"ts", "level", "msg"} <= set(entry)


def test_a_password_is_never_shown(dir):
    with Server("redis.url=redis://user:s3cretword@127.0.0.1:1/0") as s:
        harness.wait_for(lambda: [l for l in s.log if "redis" in l.get("msg", "")], "a line about Redis")
        page = s.page()
    check = run("check", "--set", "redis.url=redis://user:s3cretword@127.0.0.1:1/0")
    broken = run("check", "--set", "redis.url=redis://user:s3cretword@127.0.0.1:port/0")
    told = "\n".join(s.raw_log) + page.decode() + (check.stdout + check.stderr + broken.stdout + broken.stderr).decode()
    assert "s3cretword" not in told


def test_usr1_logs_a_summary(server):
    server.send("hello:1|c")
    server.scrape()
    before = len(server.log)
    server.process.send_signal(harness.signal.SIGUSR1)
    line = harness.wait_for(lambda: [l for l in server.log[before:] if "summary" in l.get("msg", "")], "a summary in the log")[0]
    assert any("datagrams" in k for k in line), line


def test_the_log_tells_what_was_bound_and_the_buffer_obtained(server):
    line = [l for l in server.logged("listening") if l["proto"] == "udp"][0]
    assert any("buf" in k for k in line), line


@pytest.mark.parametrize("sig", [harness.signal.SIGTERM, harness.signal.SIGINT])
def test_a_signal_ends_the_server_with_status_0(sig):
    with Server(clean_exit=False) as s:
        assert harness.stop(s.process, sig) == 0


def catches(pid, sig):
    """Whether the process has a handler of its own for this signal (proc(5), SigCgt)."""
    with open("/proc/%d/status" % pid) as status:
        mask = next(line.split()[1] for line in status if line.startswith("SigCgt:"))
    return int(mask, 16) >> (sig - 1) & 1


def test_a_full_disk_under_the_log_is_no_end():
    with open("/dev/full", "w") as full:
        p = subprocess.Popen([*harness.ASLR_OFF, harness.STATSD, "--set", "listen.socket=udp://127.0.0.1:0", "--set", "http.listen=127.0.0.1:0"],
                             stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.DEVNULL, env=harness.clean_env())
        try:
            harness.wait_for(lambda: p.poll() is not None or catches(p.pid, harness.signal.SIGTERM), "its hold of TERM")
            assert p.poll() is None
        finally:
            assert harness.stop(p) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_server_on_the_same_port_is_refused(workers):
    """SO_REUSEPORT would let it take half of the datagrams in silence."""
    with Server("server.workers=%d" % workers) as s:
        got = run("--set", "listen.socket=udp://127.0.0.1:%d" % s.udp()[1], "--set", "http.listen=127.0.0.1:0", "--set", "server.workers=%d" % workers,
                  timeout=20)
        assert got.returncode == 1


def hup(server):
    before = len(server.log)
    server.process.send_signal(harness.signal.SIGHUP)
    harness.wait_for(lambda: len(server.log) > before, "a word about the config")
    return before


def test_hup_reads_the_config_again(dir):
    path = os.path.join(dir, "statsd.conf")
    with open(path, "w") as f:
        f.write("[server]\nlog_format = logfmt\n[limits]\nmax_tags = 100\n")
    with Server(config=path) as s:
        with open(path, "w") as f:
            f.write("[server]\nlog_format = json\n[limits]\nmax_tags = 50\n")
        before = hup(s)
        harness.wait_for(lambda: any("max_tags" in l for l in s.raw_log[before:]), "what needs a restart")
        s.process.send_signal(harness.signal.SIGUSR1)
        harness.wait_for(lambda: s.raw_log[-1].startswith("{"), "the new format of the log")
        s.send("still:1|c")
        assert s.scrape().value("still") == 1


def test_hup_with_a_broken_config_changes_nothing_and_says_why(dir):
    path = os.path.join(dir, "statsd.conf")
    with open(path, "w") as f:
        f.write("[server]\nlog_format = logfmt\n")
    with Server(config=path) as s:
        with open(path, "w") as f:
            f.write("[server]\nlog_format = json\nwrokers = 3\n")
        before = hup(s)
        harness.wait_for(lambda: any("wrokers" in l for l in s.raw_log[before:]), "the mistake")
        assert not s.raw_log[-1].startswith("{")
        s.send("still:1|c")
        assert s.scrape().value("still") == 1


def test_hup_without_a_config_file_is_no_end(server):
    server.process.send_signal(harness.signal.SIGHUP)
    server.send("still:1|c")
    assert server.scrape().value("still") == 1
