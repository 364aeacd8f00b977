"""Captures: what comes in, into pcap files that tcpdump reads; begun by configuration or POST /api/v1/capture, and bounded."""
import json
import os
import re
import signal
import socket
import stat
import subprocess

import pytest

from harness import STATSD, Server, clean_env, short_dir, wait_for
from test_takeover import running

PATH = "/api/v1/capture"
NAME = re.compile(r"statsd-\d{8}T\d{6}\.\d{3}Z\.pcap")
HEAD = re.compile(r"(\d+\.\d+) IP6? .*?(\S+) > (\S+): ")


@pytest.fixture
def folder():
    with short_dir() as d:
        yield d


def server(folder, *settings, **kwargs):
    return Server("capture.dir=" + folder, "http.lifecycle=on", *settings, **kwargs)


def ask(s, query="", method="POST", status=200):
    got, _, body = s.get(PATH + query, method=method)
    assert got == status, body
    return json.loads(body)


def shown(s):
    return ask(s, method="GET")


def wait_state(s, state):
    return wait_for(lambda: (v := shown(s))["state"] == state and v, "a capture that is " + state)


def end(s):
    assert ask(s, "?state=off")["state"] == "stopping"
    return wait_state(s, "off")


def files(folder):
    return sorted(os.listdir(folder))


def payload(packet):
    return packet[28:] if packet[0] >> 4 == 4 else packet[48:]


def by_tcpdump(path, *words):
    """[(from, to, payload)] as tcpdump has them; it must have nothing to say against the file."""
    with open(path, "rb") as f:
        p = subprocess.run(["tcpdump", "-nn", "-tt", "-x", "-r", "-", *words], stdin=f, capture_output=True, text=True)
    assert p.returncode == 0 and "link-type RAW" in p.stderr and len(p.stderr.splitlines()) == 1, p.stderr
    found = []
    for line in p.stdout.splitlines():
        if line.startswith("\t"):
            found[-1][2].append(line.split(":", 1)[1])
        else:
            m = HEAD.match(line)
            found.append((m.group(2), m.group(3), []))
    return [(a, b, payload(bytes.fromhex("".join(x).replace(" ", "")))) for a, b, x in found]


def packets(folder):
    """Those of all files, without the descriptions that each begins with."""
    all_of = [p for f in files(folder) for p in by_tcpdump(os.path.join(folder, f))]
    return [p for p in all_of if p[1] != "127.0.0.1.9"]


def wait_packets(s, n):
    return wait_for(lambda: (v := shown(s))["packets"] >= n and v, "%d packets" % n)


def test_each_transport_is_captured_as_its_sender_sent_it(folder):
    with short_dir() as d:
        sockets = ["udp://127.0.0.1:0", "udp://[::1]:0", "unixgram://%s/g" % d, "tcp://127.0.0.1:0"]
        with server(folder, sockets=sockets) as s:
            assert ask(s, "?state=on")["state"] == "on"
            with s.sender(0) as v4, s.sender(1) as v6, s.sender(unix=True) as unix:
                v4.send(b"v4:1|c\nmore:2|ms")
                v6.send(b"v6:1|c")
                unix.send(b"unix:1|c")
                host, _, port = s.address("tcp").rpartition(":")
                with socket.create_connection((host, int(port))) as tcp:
                    tcp.sendall(b"tcp:1|c\n")
                    client = "127.0.0.3.%d" % tcp.getsockname()[1]
                    wait_packets(s, 4)
                wanted = [("127.0.0.1.%d" % v4.getsockname()[1], "127.0.0.1.%d" % s.udp()[1], b"v4:1|c\nmore:2|ms"),
                          ("::1.%d" % v6.getsockname()[1], "::1.%d" % s.udp(1)[1], b"v6:1|c"),
                          ("127.0.0.2.%d" % (os.getpid() & 0xffff or 1), "127.0.0.2.3", b"unix:1|c"),
                          (client, "127.0.0.3.4", b"tcp:1|c")]
            end(s)
            got = [(a, b, p.rstrip(b"\n")) for a, b, p in packets(folder)]
            assert sorted(got) == sorted(wanted)
            about = [p[2].decode() for p in by_tcpdump(os.path.join(folder, files(folder)[0]), "port", "9")]
            assert about == ["statsd-capture 1 socket=%d url=%s" % (i, u) for i, u in enumerate(
                ["udp://127.0.0.1:%d" % s.udp()[1], "udp://[::1]:%d" % s.udp(1)[1], sockets[2], "tcp://%s" % s.address("tcp")])]
            page = s.scrape()
            assert page.sum("statsd_capture_packets_total") == 4 and page.value("statsd_capture_on") == 0
            assert page.value("statsd_capture_ends_total", reason="asked") == 1


def test_a_file_is_its_owners_alone_and_is_named_when_it_is_whole(folder):
    with server(folder) as s:
        name = ask(s, "?state=on")["file"]
        assert NAME.fullmatch(name) and files(folder) == [name + ".part"]
        s.send("a:1|c")
        end(s)
        assert files(folder) == [name]
        assert stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) == 0o600


def test_it_begins_with_the_server_and_a_stop_finishes_its_file(folder):
    with server(folder, "capture.start=on") as s:
        assert shown(s)["state"] == "on"
        s.send("a:1|c", "b:2|c")
    assert [p[2] for p in packets(folder)] == [b"a:1|c", b"b:2|c"]
    assert s.logged("capture ended")[0]["reason"] == "shutdown"


@pytest.mark.plain
def test_a_share_is_that_of_the_datagrams(folder):
    with server(folder) as s:
        assert ask(s, "?state=on&share=0.25")["share"] == 0.25
        s.send(*["n%d:1|c" % i for i in range(400)])
        s.wait_self("statsd_datagrams_received_total", 400)
        assert end(s)["packets"] == 100
    assert len(packets(folder)) == 100


@pytest.mark.plain
def test_files_rotate_and_the_oldest_goes(folder):
    with server(folder, "capture.max_file_bytes=1MiB", "capture.max_files=3", "capture.max_bytes=0") as s:
        ask(s, "?state=on")
        text = ("x" * 8000).encode()
        with s.sender() as to:
            for i in range(700):                                            # 5.6 MB
                to.send(b"n%d:1|c\n" % i + text)
                if i % 50 == 0:
                    wait_packets(s, i + 1)
        wait_packets(s, 700)
        end(s)
    left = files(folder)
    assert len(left) == 3 and all(NAME.fullmatch(f) for f in left)
    assert all(os.path.getsize(os.path.join(folder, f)) <= 1 << 20 for f in left)
    numbers = [int(re.match(rb"n(\d+)", p[2]).group(1)) for p in packets(folder)]
    assert numbers == list(range(numbers[0], 700))                          # the last ones, without a hole


def test_it_stops_at_max_bytes_and_when_its_time_is_over(folder):
    with server(folder) as s:
        ask(s, "?state=on&max_bytes=1KiB")
        s.send(*["a%d:1|c" % i for i in range(100)])
        v = wait_state(s, "stopped")
        assert "max_bytes" in v["why"] and 0 < v["packets"] < 100 and v["bytes"] <= 1024 and v["dropped"] == 0
        ask(s, "?state=on&seconds=1")
        assert shown(s)["until_s"] is not None
        wait_state(s, "off")
        page = s.scrape()
        assert page.value("statsd_capture_ends_total", reason="max_bytes") == page.value("statsd_capture_ends_total", reason="time") == 1


def test_what_is_asked_for_is_checked(folder):
    with server(folder, "capture.share=0.5", "capture.max_bytes=1MiB") as s:
        for query, status, word in [("", 400, "state"), ("?state=maybe", 400, "on or off"), ("?state=on&seconds=0", 400, "seconds"),
                                    ("?state=on&share=2", 400, "share"), ("?state=on&share=0.6", 409, "capture.share"),
                                    ("?state=on&max_bytes=2MiB", 409, "capture.max_bytes"), ("?state=on&dir=/tmp", 400, "dir")]:
            assert word in json.dumps(ask(s, query, status=status)), query
        ask(s, "?state=on")
        assert "state=off" in ask(s, "?state=on", status=409)["error"]
        end(s)
        assert ask(s, "?state=off")["state"] == "off"


def test_without_lifecycle_or_a_folder_it_is_refused(folder):
    with Server("capture.dir=" + folder) as s:
        assert "http.lifecycle" in ask(s, "?state=on", status=403)["error"]
        assert shown(s)["state"] == "off" and files(folder) == []
    with Server("http.lifecycle=on") as s:
        assert "capture.dir" in ask(s, "?state=on", status=409)["error"]


@pytest.mark.plain
def test_one_that_does_not_begin_leaves_what_is_shown_of_the_last_one(folder):
    inner = os.path.join(folder, "inner")
    os.mkdir(inner)
    with server(inner) as s:
        ask(s, "?state=on&share=0.5&seconds=3600")
        last = end(s)
        for f in files(inner):
            os.unlink(os.path.join(inner, f))
        os.rmdir(inner)
        assert "No such file" in ask(s, "?state=on&share=0.25", status=409)["error"]
        assert shown(s) == last and last["share"] == 0.5 and last["until_s"]
        assert "No such file" in s.logged("cannot capture")[0]["error"]
        page = s.scrape()
        assert page.value("statsd_capture_on") == 0 and page.value("statsd_capture_ends_total", reason="error") == 0


def test_a_folder_that_cannot_be_used_is_said_at_the_start(folder):
    none = os.path.join(folder, "none")
    sets = ["--set", "http.listen=", "--set", "listen.socket=udp://127.0.0.1:0"]
    p = subprocess.run([STATSD, *sets, "--set", "capture.dir=" + none], capture_output=True, text=True, env=clean_env())
    assert p.returncode == 1 and "cannot use capture.dir" in p.stdout and "make the folder" in p.stdout
    p = subprocess.run([STATSD, "check", "--set", "capture.start=on"], capture_output=True, text=True, env=clean_env())
    assert p.returncode == 2 and "capture.dir" in p.stdout + p.stderr


def test_what_a_crash_leaves_is_read_and_named_by_the_next_capture(folder):
    with server(folder, "capture.start=on", clean_exit=False) as s:
        s.send("a:1|c")
        wait_packets(s, 1)
        name = shown(s)["file"]
        part = os.path.join(folder, name + ".part")
        wait_for(lambda: os.path.getsize(part) > 0, "the first second to be written")
        s.process.kill()
        s.process.wait()
    os.utime(part, (1000, 1000))
    with server(folder, "capture.start=on") as s:
        wait_for(lambda: name in files(folder), "its name")
    assert [p[2] for p in packets(folder)] == [b"a:1|c"]


def test_each_socket_of_several_workers_is_told_from_the_others(folder):
    sockets = ["udp://127.0.0.1:0", "udp://127.0.0.1:0", "unixgram://%s/g" % folder, "tcp://127.0.0.1:0"]
    with short_dir() as d, server(d, "server.workers=3", sockets=sockets) as s:
        ask(s, "?state=on")
        ports = {s.udp(i)[1]: b"n%d:1|c" % i for i in (0, 1)}
        for i in (0, 1):
            for _ in range(20):                                     # a socket each: workers share them by the sender
                with s.sender(i) as to:
                    to.send(b"n%d:1|c" % i)
        s.send(*["unix:1|c"] * 20, unix=True)
        for _ in range(20):
            host, _, port = s.address("tcp").rpartition(":")
            with socket.create_connection((host, int(port))) as tcp:
                tcp.sendall(b"tcp:1|c\n")
        wait_packets(s, 80)
        assert end(s)["dropped"] == 0
        wanted = {**{"127.0.0.1.%d" % p: text for p, text in ports.items()}, "127.0.0.2.3": b"unix:1|c", "127.0.0.3.4": b"tcp:1|c"}
        got = [(b, p.rstrip(b"\n")) for _, b, p in packets(d)]
        assert sorted(got) == sorted(20 * list(wanted.items()))


@pytest.mark.plain
def test_a_reload_and_a_takeover_lose_no_packet_and_leave_no_half_file(folder):
    os.mkdir(folder + "/capture")
    with short_dir() as other, Server(sockets=["unixgram://%s/to.sock" % other]) as staging, \
            running(folder, "capture.dir=%s/capture" % folder, "capture.start=on", "mirror.to=unixgram://%s/to.sock" % other) as run:
        def send(name):
            run.server.send(*["%s.%d:1|c" % (name, i) for i in range(50)], unix=True)
            run.server.wait_value(name + "_49", 1)
        wait_for(lambda: run.server.scrape().value("statsd_mirror_state", state="on") == 1, "the mirror")
        send("before")
        run.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: run.server.logged("reloaded"), "the reload")
        send("reloaded")
        run.over()
        wait_for(lambda: run.server.scrape().value("statsd_mirror_state", state="on") == 1, "the new one's mirror")
        send("after")
        for name in ("before", "reloaded", "after"):
            wait_for(lambda: staging.scrape().value(name + "_49") == 1, name + " at the other server")
    assert [f.endswith(".pcap") for f in files(folder + "/capture")] == [True, True]
    assert [p[2].decode() for p in packets(folder + "/capture")] == [
        "%s.%d:1|c" % (name, i) for name in ("before", "reloaded", "after") for i in range(50)]
