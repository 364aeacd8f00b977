"""statsd replay: what a capture file holds arrives again, all of it, when it is due."""
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from harness import SLOW, STATSD, Server, clean_env, run, short_dir, wait_for
from pcap_files import NS, SLL2, USER0, counters, fragments, ip4, udp4, write, write_ng

NOW = 1_700_000_000 * NS


def replay(*words, status=0, stdin=b""):
    """The sums of a replay, and what it said."""
    done = run("replay", "--json", *words, stdin=stdin)
    err = done.stderr.decode()
    assert done.returncode == status, err + done.stdout.decode()
    return json.loads(done.stdout) if done.stdout else None, err


class Receiver:
    """A socket of UDP with a large queue, that keeps what comes."""

    def __enter__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5 * SLOW)
        self.url = "udp://127.0.0.1:%d" % self.socket.getsockname()[1]
        return self

    def __exit__(self, *_):
        self.socket.close()

    def take(self, n):
        got = [self.socket.recv(65536) for _ in range(n)]
        self.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            self.socket.recv(65536)
        self.socket.settimeout(5 * SLOW)
        return got


def total(server):
    return sum(
        float(l.rsplit(" ", 1)[1]) for l in server.page().decode().splitlines() if l.startswith("replay_c"))


TRANSPORTS = {
    "udp": "udp://127.0.0.1:0",
    "unixgram": "unixgram://{dir}/d",
    "tcp": "tcp://127.0.0.1:0",
    "tcp, frames": "tcp://127.0.0.1:0?framing=dsd",
    "unix": "unix://{dir}/s",
}


@pytest.mark.plain
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_at_max_all_lines_arrive_by_every_transport(tmp_path, transport):
    file = counters(tmp_path / "f.pcap", 100_000)
    with short_dir() as dir:
        url = TRANSPORTS[transport].format(dir=dir)
        with Server(sockets=[url]) as s:
            address = s.address(url.split(":")[0])
            to = url if dir in url else url.replace("127.0.0.1:0", address)
            sums, err = replay("--to", to, "--speed", "max", file)
            assert (sums["packets"], sums["datagrams"], sums["lines"]) == (5000, 5000, 100_000)
            assert sums["receiver_dropped"] in (0, None) and sums["late_s"] is None
            wait_for(lambda: total(s) == 100_000, "all lines")
            assert err.startswith("statsd: to " + to.split("?")[0])


def test_at_its_own_pace_a_file_takes_its_time_and_all_arrives(tmp_path):
    file = counters(tmp_path / "f.pcap", 100_000, seconds=2)
    with Server() as s:
        sums, err = replay("--to", "udp://%s:%d" % s.udp(), file)
        wait_for(lambda: total(s) == 100_000, "all lines")
        assert 1.9 < sums["seconds"] < 2.5 * SLOW and sums["late_s"] < SLOW
        assert " lag " in err and " %\n" in err


def test_speed_rate_and_time_bound_how_long_it_takes(tmp_path):
    file = counters(tmp_path / "f.pcap", 2000, seconds=3)
    with Receiver() as r:
        fast, _ = replay("--to", r.url, "--speed", "10", file)
        assert fast["datagrams"] == 100 and 0.28 < fast["seconds"] < SLOW
        paced, _ = replay("--to", r.url, "--rate", "5000", file)
        assert paced["lines"] == 2000 and 0.35 < paced["seconds"] < SLOW
        timed, _ = replay("--to", r.url, "--for", "300ms", "--loop", "forever", file)
        assert 5 <= timed["datagrams"] <= 14 and timed["loops"] == 0
        few, _ = replay("--to", r.url, "--speed", "max", "--loop", "forever", "--limit", "250", file)
        assert few["datagrams"] == 250 and few["loops"] == 2


@pytest.mark.plain
def test_a_rate_takes_datagrams_of_more_lines_than_are_ever_due(tmp_path):
    big = b"\n".join(b"big:%d|c" % i for i in range(200))
    file = write(tmp_path / "f", [(NOW + i, udp4(datagram)) for i, datagram in enumerate((big, b"small:1|c", big, b"small:2|c"))])
    with Receiver() as r:
        sums, _ = replay("--to", r.url, "--rate", "1000", file)
        assert r.take(4) == [big, b"small:1|c", big, b"small:2|c"]
        assert sums["lines"] == 402 and sums["seconds"] > 0.35  # the last one is due when those before it were


def test_loops_and_several_files_follow_each_other(tmp_path):
    a = write(tmp_path / "a", [(NOW, udp4(b"a:1|c")), (NOW + 100_000_000, udp4(b"a:2|c"))])
    b = write(tmp_path / "b", [(NOW - 9 * NS, udp4(b"b:1|c"))])
    with Receiver() as r:
        sums, _ = replay("--to", r.url, "--loop", "2", a, b)
        assert r.take(6) == [b"a:1|c", b"a:2|c", b"b:1|c"] * 2
        assert sums["loops"] == 2 and sums["squeezed"] == 0 and 0.19 < sums["seconds"] < SLOW


def test_timestamps_move_along_unless_they_are_to_stay(tmp_path):
    at = NOW // NS
    file = write(tmp_path / "f", [(NOW, udp4(b"a:1|c|T%d\nb:1|g" % at)), (NOW + NS // 10, udp4(b"a:T1|s|T%d" % (at - 60)))])
    with Receiver() as r:
        sums, _ = replay("--to", r.url, file)
        first, second = r.take(2)
        moved = int(first.split(b"|T")[1].split(b"\n")[0])
        assert abs(moved - time.time()) < 3 * SLOW and first == b"a:1|c|T%d\nb:1|g" % moved
        assert second == b"a:T1|s|T%d" % (moved - 60) and sums["shifted"] == 2
        sums, _ = replay("--to", r.url, "--keep-timestamps", file)
        assert r.take(2)[1] == b"a:T1|s|T%d" % (at - 60) and sums["shifted"] == 0


def test_steps_of_the_clock_take_no_time(tmp_path):
    file = write(tmp_path / "f", [(NOW, udp4(b"a:1|c")), (NOW + 7200 * NS, udp4(b"b:1|c")), (NOW, udp4(b"c:1|c"))])
    with Receiver() as r:
        sums, _ = replay("--to", r.url, file)
        assert r.take(3) == [b"a:1|c", b"b:1|c", b"c:1|c"] and sums["squeezed"] == 2 and sums["seconds"] < SLOW


def test_fragments_are_put_together_and_what_is_skipped_has_a_reason(tmp_path):
    large = b"\n".join(b"large.%d:1|c" % i for i in range(500))
    one, lost = fragments(large, id=1), fragments(large, id=2)
    half = udp4(b"half.a.line:123|c")
    packets = [one[2], one[0], *one[3:], one[1], *lost[1:], ip4(b"\0" * 20, protocol=6), ip4(b"\0" * 20, protocol=1),
               udp4(b"x:1|c", port=53), udp4(b""), b"\x70" + b"\0" * 30, b"\x44" + b"\0" * 30, udp4(b"y:1|c\n")]
    file = write(tmp_path / "f", [(NOW, p) for p in packets] + [(NOW, half[:-4], len(half))])
    with Receiver() as r:
        sums, _ = replay("--to", r.url, file)
        assert r.take(2) == [large, b"y:1|c\n"] and sums["lines"] == 501
        assert sums["skipped"] == {"tcp": 1, "other_protocol": 1, "other_port": 1, "empty": 1, "not_ip": 1, "malformed": 1, "truncated": 1}
        assert sums["incomplete"] == 1 and sums["fragments"] == len(one) + len(lost) - 1
        assert replay("--to", r.url, "--truncated", file)[0]["datagrams"] == 3
        assert r.take(3)[2] == b"half.a.line:1"
        assert replay("--to", r.url, "--port", "53", file)[0]["lines"] == 1 and r.take(1) == [b"x:1|c"]
        assert replay("--to", r.url, "--filter", "udp port 53", file)[0]["packets"] == 1 and r.take(1) == [b"x:1|c"]
        text = run("replay", "--to", r.url, file)
        assert b"ip[6:2]" in text.stdout and b"lengths contradict" in text.stdout


def sll2(packet, outgoing):
    return struct.pack(">HHIHBB8s", 0x0800, 0, 2, 1, 4 if outgoing else 0, 6, b"") + packet


def test_a_capture_of_all_interfaces_counts_each_datagram_once(tmp_path):
    came, left = sll2(udp4(b"came:1|c"), False), sll2(udp4(b"left:1|c"), True)
    both = write(tmp_path / "both", [(NOW, left), (NOW, came)], SLL2)
    client = write(tmp_path / "client", [(NOW, left), (NOW, left)], SLL2)
    with Receiver() as r:
        sums, _ = replay("--to", r.url, both)
        assert r.take(1) == [b"came:1|c"] and sums["skipped"] == {"outgoing": 1}
        assert replay("--to", r.url, "--outgoing", both)[0]["datagrams"] == 2 and len(r.take(2)) == 2
        assert replay("--to", r.url, client)[0]["datagrams"] == 2 and len(r.take(2)) == 2


def test_what_the_server_captured_is_taken_whatever_its_port(tmp_path):
    about = udp4(b"statsd-capture 1 socket=0 url=unixgram:///run/s", port=9)
    file = write(tmp_path / "f", [(NOW, about), (NOW, udp4(b"a:1|c", port=1))])
    with Receiver() as r:
        assert replay("--to", r.url, file)[0]["skipped"] == {"description": 1} and r.take(1) == [b"a:1|c"]
        assert replay("--to", r.url, "--port", "8125", file, status=1)[0]["skipped"] == {"description": 1, "other_port": 1}


def test_a_file_that_ends_within_a_packet_is_replayed_as_far_as_it_goes(tmp_path):
    file = counters(tmp_path / "f", 100)
    os.truncate(file, os.path.getsize(file) - 5)
    with Receiver() as r:
        sums, err = replay("--to", r.url, "--speed", "max", file)
        assert sums["datagrams"] == 4 and sums["damaged_files"] == 1 and len(r.take(4)) == 4
        assert "warning" in err and "truncated" in err


def test_standard_input_is_a_file_too(tmp_path):
    with open(counters(tmp_path / "f", 100), "rb") as f, Receiver() as r:
        assert replay("--to", r.url, "--speed", "max", "-", stdin=f.read())[0]["lines"] == 100
        assert len(r.take(5)) == 5


@pytest.mark.parametrize("endian, resolution", [("<", 6), (">", 9)])
def test_a_pcapng_file_is_played_at_its_pace(tmp_path, endian, resolution):
    packets = [(NOW + i * NS // 10, udp4(b"ng.%d:1|c" % i)) for i in range(4)]
    file = write_ng(tmp_path / "f", packets, endian=endian, resolution=resolution)
    with Receiver() as r:
        sums, _ = replay("--to", r.url, file)
        assert r.take(4) == [b"ng.%d:1|c" % i for i in range(4)] and 0.29 < sums["seconds"] < SLOW


class Play:
    """A replay that is under way."""

    def __init__(self, *words, **more):
        self.process = subprocess.Popen([STATSD, "replay", "--json", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_env(), **more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def interrupt(self, status=0):
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=10 * SLOW)
        assert self.process.returncode == status, err
        sums = json.loads(out)
        assert sums["interrupted"] is True and sums["damaged_files"] == 0 and b"warning" not in err
        return sums


def test_a_pipe_is_played_as_it_fills_and_ctrl_c_ends_the_wait(tmp_path):
    with open(counters(tmp_path / "f", 60), "rb") as f:
        data = f.read()
    with Receiver() as r, Play("--to", r.url, "-", stdin=subprocess.PIPE) as p:
        p.process.stdin.write(data[:-10])
        p.process.stdin.flush()
        assert len([r.socket.recv(65536) for _ in range(2)]) == 2
        assert p.interrupt()["datagrams"] == 2


def test_a_pipe_that_is_long_in_coming_is_not_late(tmp_path):
    with open(counters(tmp_path / "f", 60, seconds=0.2), "rb") as f, Receiver() as r, Play("--to", r.url, "-", stdin=subprocess.PIPE) as p:
        wait_for(lambda: b"to udp" in p.process.stderr.readline(), "its first line")
        time.sleep(0.6 * SLOW)
        out, _ = p.process.communicate(f.read(), timeout=10 * SLOW)
        assert json.loads(out)["datagrams"] == 3 and json.loads(out)["late_s"] < 0.4 * SLOW


def test_a_fifo_that_nobody_writes_to_is_waited_for(tmp_path):
    fifo = str(tmp_path / "fifo")
    os.mkfifo(fifo)
    with open(counters(tmp_path / "f", 100), "rb") as f, Receiver() as r:
        with Play("--to", r.url, fifo) as p:
            wait_for(lambda: b"to udp" in p.process.stderr.readline(), "its first line")
            assert p.interrupt(status=1)["packets"] == 0
        with Play("--to", r.url, "--speed", "max", fifo) as p:
            with open(fifo, "wb") as to:
                to.write(f.read())
            assert p.process.wait(10 * SLOW) == 0 and len(r.take(5)) == 5


def test_a_loop_over_one_packet_is_no_flood(tmp_path):
    file = write(tmp_path / "f", [(NOW, udp4(b"a:1|c"))])
    with Receiver() as r:
        sums, _ = replay("--to", r.url, "--loop", "forever", "--speed", "4", "--for", "900ms", file)
        assert 2 <= sums["datagrams"] <= 4


def test_a_loop_over_nothing_ends(tmp_path):
    file = write(tmp_path / "f", [(NOW, udp4(b"a:1|c", port=53))])
    assert replay("--loop", "forever", file, status=1)[0]["skipped"] == {"other_port": 1}


def test_a_limit_is_kept_where_the_receiver_is_slow(tmp_path):
    file = counters(tmp_path / "f", 2000, per=1)
    with short_dir() as dir, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(dir + "/s")
        with Play("--to", "unixgram://%s/s" % dir, "--speed", "max", "--limit", "1000", file) as p:
            wait_for(lambda: b"to unixgram" in p.process.stderr.readline(), "its first line")
            time.sleep(0.4 * SLOW)  # longer than a send waits
            s.settimeout(5 * SLOW)
            for _ in range(1000):
                s.recv(65536)
            out, _ = p.process.communicate(timeout=10 * SLOW)
            sums = json.loads(out)
            assert (sums["datagrams"], sums["refused"]) == (1000, 0) and sums["pauses"] > 0


def test_a_server_that_closes_its_stream_is_connected_to_again_and_each_loss_is_counted(tmp_path):
    file = counters(tmp_path / "f", 2000, per=1, seconds=1)
    got = []
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(10 * SLOW)

        def serve():
            first, _ = s.accept()
            got.append(first.recv(10))
            first.close()
            second, _ = s.accept()
            with second:
                while data := second.recv(65536):
                    got.append(data)

        t = threading.Thread(target=serve)
        t.start()
        sums, _ = replay("--to", "tcp://127.0.0.1:%d" % s.getsockname()[1], file)
        t.join()
        assert sums["reconnects"] == 1 and sums["datagrams"] + sums["refused"] == 2000
        assert 1900 < b"".join(got[1:]).count(b"\n") <= sums["lines"]


def test_fragments_that_were_captured_in_part_are_told_so(tmp_path):
    first, *rest = fragments(b"x" * 4000)
    file = write(tmp_path / "f", [(NOW, first[:100], len(first))] + [(NOW, p) for p in rest])
    assert replay("--dry-run", file, status=1)[0]["skipped"] == {"truncated": 1, "repeated": 2}


def test_packets_that_a_card_cut_up_later_are_counted_but_not_those_of_the_loopback(tmp_path):
    file = write(tmp_path / "f", [(NOW, udp4(b"x" * n, to=to)) for to in [(10, 0, 0, 1), (127, 0, 0, 1)] for n in (1472, 1473)])
    assert replay("--dry-run", file)[0]["large"] == 1


def test_a_dry_run_counts_and_sends_nothing(tmp_path):
    file = counters(tmp_path / "f", 1000, seconds=3600)
    with Receiver() as r:
        sums, err = replay("--to", r.url, "--dry-run", file)
        assert sums["lines"] == 1000 and sums["sent"] is False and "nothing is sent" in err and r.take(0) == []


def test_what_cannot_be_read_is_told_with_a_way_out(tmp_path):
    user = write(tmp_path / "user", [(NOW, b"x")], USER0)
    text, empty, packed, nothing = tmp_path / "text", tmp_path / "empty", tmp_path / "f.gz", tmp_path / "none"
    text.write_text("a:1|c\n" * 100)
    empty.write_bytes(b"")
    packed.write_bytes(b"\x1f\x8b\x08" + b"\0" * 40)
    good = counters(tmp_path / "good", 20)
    for words, status, told in [([user], 1, "USER0 (147"), ([str(text)], 1, "unknown file format"), ([str(empty)], 1, "truncated"),
                                ([str(packed)], 1, "zcat"), ([str(nothing)], 1, "No such file"), ([], 2, "tcpdump -w"),
                                ([good, "--filter", "udp prot 8125"], 1, "--filter udp prot 8125: "),
                                ([good, "--to", "http://x"], 2, "unixgram:///PATH"), ([good, "--speed", "0.01"], 2, "0.1 to 1000"),
                                ([good, "--speed", "2", "--rate", "5"], 2, "two paces"), ([good, "--loop", "0"], 2, "from 1 to"),
                                ([good, "--for", "30"], 2, "has no unit"), ([good, "--port", "70000"], 2, "65535"),
                                (["-", "--loop", "2"], 2, "read once"), ([good, "--to", "tcp://127.0.0.1:1"], 1, "Connection refused")]:
        done = run("replay", *words)
        assert done.returncode == status and told in done.stderr.decode(), (words, done)


def test_a_port_where_nobody_listens_is_told(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    sums, _ = replay("--to", "udp://127.0.0.1:%d" % port, counters(tmp_path / "f", 20), status=1)
    assert sums["unreachable"] == 1 and sums["error"] == "Connection refused"


def test_a_reader_that_was_frozen_reads_whole_lines_to_the_end(tmp_path):
    file = counters(tmp_path / "f", 20_000)  # more at once than a socket takes
    with short_dir() as dir, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(dir + "/s")
        listener.listen()
        with Play("--to", "unix://%s/s" % dir, "--speed", "max", "--loop", "forever", "--for", "300ms", file) as p, listener.accept()[0] as reader:
            ended = select.poll()
            ended.register(reader, select.POLLRDHUP)
            assert ended.poll(10000 * SLOW), "it never ends"
            got = b"".join(iter(lambda: reader.recv(65536), b""))
            reader.close()
            out, _ = p.process.communicate(timeout=10 * SLOW)
            sums = json.loads(out)
            assert got.endswith(b"|c\n") and len(got) == sums["bytes"] and got.count(b"\n") == sums["lines"]


def test_ctrl_c_ends_it_with_the_sums(tmp_path):
    file = counters(tmp_path / "f", 1000, seconds=3600)
    with Receiver() as r, Play("--to", r.url, file) as p:
        assert r.socket.recv(65536).startswith(b"replay.c0")
        assert p.interrupt()["datagrams"] == 1


def test_what_a_server_captured_of_every_transport_adds_up_the_same_when_it_is_replayed(tmp_path):
    """Values differ, so that a datagram that is lost or sent twice is seen in the sums."""
    lines = ["replay_c%d:%d|c\nreplay_t:%d|ms|@0.5" % (i % 7, i, i) for i in range(300)]

    def sums(s):
        return sorted(l for l in s.page().decode().splitlines() if re.match(r"replay_(c\d|t_(sum|count))\b", l))

    def all_in(s):
        wait_for(lambda: s.scrape().sum("statsd_lines_received_total") == 600, "all lines")
        return sums(s)

    with short_dir() as dir:
        os.mkdir(dir + "/pcap")
        sockets = [u.format(dir=dir) for u in ("udp://127.0.0.1:0", "unixgram://{dir}/d", "tcp://127.0.0.1:0", "unix://{dir}/s")]
        with Server("capture.dir=" + dir + "/pcap", "capture.start=on", sockets=sockets) as s:
            host, port = s.address("udp").rsplit(":", 1)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unixgram, \
                    socket.socket(socket.AF_INET) as tcp, socket.socket(socket.AF_UNIX) as unix:
                udp.connect((host, int(port)))
                unixgram.connect(dir + "/d")
                tcp.connect(("127.0.0.1", int(s.address("tcp").rsplit(":", 1)[1])))
                unix.connect(dir + "/s")
                for i, line in enumerate(lines):
                    (udp, unixgram, tcp, unix)[i % 4].sendall(line.encode() + b"\n")
            before = all_in(s)
        assert len(before) == 9
        with Server() as s:
            files = [os.path.join(dir, "pcap", f) for f in sorted(os.listdir(dir + "/pcap"))]
            done, _ = replay("--to", "udp://%s:%d" % s.udp(), "--speed", "max", *files)
            assert done["lines"] == 600 and all_in(s) == before


@pytest.mark.plain
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("tcpdump"), reason="capturing needs root and tcpdump")
@pytest.mark.parametrize("interface", ["lo", "any"])
def test_what_tcpdump_captured_on_loopback_arrives_again(tmp_path, interface):
    file = str(tmp_path / "t.pcap")
    with Server() as s:
        port = s.udp()[1]
        p = subprocess.Popen(["tcpdump", "-i", interface, "-U", "-B", "8192", "-w", file, "udp port %d" % port], stderr=subprocess.PIPE)
        try:
            told = p.stderr.readline()
            while b"listening on" not in told:
                if not told:
                    pytest.skip("tcpdump may not capture here")
                told = p.stderr.readline()
            for i in range(50):
                s.send(*["\n".join("replay.c%d:2|c" % k for k in range(20))] * 20)
                wait_for(lambda: total(s) == (i + 1) * 800, "the lines that are captured")
            wait_for(lambda: len(pcap_packets(file)) >= 1000, "all packets in the file")
        finally:
            p.send_signal(signal.SIGINT)
            p.communicate(timeout=10 * SLOW)
        sums, _ = replay("--to", "udp://127.0.0.1:%d" % port, "--port", str(port), "--speed", "max", file)
        assert (sums["datagrams"], sums["lines"]) == (1000, 20_000)
        wait_for(lambda: total(s) == 80_000, "the same lines again")


def pcap_packets(path):
    """Lengths of the packets of a file in tcpdump's usual format, as far as it is written."""
    found, at = [], 24
    with open(path, "rb") as f:
        data = f.read()
    while at + 16 <= len(data):
        n = struct.unpack_from("<I", data, at + 8)[0]
        at += 16 + n
        found += [n] if at <= len(data) else []
    return found
