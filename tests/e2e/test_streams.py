"""Streams: connections to tcp:// and unix:// listeners of the real server, with both framings."""
import base64
import contextlib
import grp
import json
import os
import pwd
import resource
import select
import signal
import socket
import stat
import struct
import threading
import time

import pytest

from harness import PATIENCE, TOP, Server, metrics_balance, short_dir, stop, wait_for

TCP = "tcp://127.0.0.1:0"


def connect(server, proto="tcp", nth=0):
    where = server.address(proto, nth)
    if proto == "tcp":
        host, _, port = where.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(PATIENCE)
    s.connect("\0" + where[1:] if where.startswith("@") else where)
    return s


def frame(data):
    return struct.pack("<I", len(data)) + data


def reset(s):
    """Close with a RST, so that the peer sees an error."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def is_closed_by_peer(s):
    try:
        return s.recv(1) == b""
    except OSError:
        return True


@contextlib.contextmanager
def both(framing="", *settings, **kw):
    """A server with a TCP and a Unix listener; gives it, and the protos."""
    with short_dir() as d:
        query = ("?" + framing) if framing else ""
        with Server(*settings, sockets=[TCP + query, "unix://%s/s%s" % (d, query)], **kw) as server:
            yield server


def closed(server, reason, want=1, **labels):
    return wait_for(lambda: server.scrape().sum("statsd_stream_connections_closed_total", reason=reason, **labels) >= want or None,
                    "%d closed by %s" % (want, reason))


# --- the cases of the protocol, over real sockets

def stream_cases():
    with open(os.path.join(TOP, "tests", "conformance", "protocol.jsonl")) as f:
        for line in f:
            case = json.loads(line)
            if case.get("opts", {}).get("transport") in ("stream", "dsd-stream"):
                yield case


def send_case(s, case, by_byte):
    data = base64.b64decode(case["input_b64"]) if "input_b64" in case else case["input"].encode()
    pieces = [c.encode() for c in case["opts"].get("chunks", [])] or [data]
    if by_byte:
        pieces = [bytes([b]) for b in data]
    try:
        for p in pieces:
            s.sendall(p)
        s.shutdown(socket.SHUT_WR)
    except OSError:
        pass          # a bad frame closes, whatever comes behind it
    while not is_closed_by_peer(s):
        pass


@pytest.mark.parametrize("by_byte", [False, True], ids=["as_it_is_cut", "byte_by_byte"])
@pytest.mark.parametrize("proto", ["tcp", "unix"])
@pytest.mark.parametrize("case", list(stream_cases()), ids=lambda c: c["id"])
def test_stream_cases_of_the_protocol(case, proto, by_byte):
    framing = "framing=dsd" if case["opts"]["transport"] == "dsd-stream" else "framing=line"
    with both(framing) as server:
        with connect(server, proto) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            send_case(s, case, by_byte)
        page = server.scrape()
        for sample in case["samples"]:
            assert page.value(sample["name"]) == sample["values"][0]
        assert page.sum("statsd_samples_rejected_total") == case.get("errors", 0)
        assert page.sum("statsd_samples_aggregated_total") == len(case["samples"])
        metrics_balance(page)


# --- lines

@pytest.mark.parametrize("proto", ["tcp", "unix"])
def test_lines_may_be_cut_anywhere_and_a_last_one_counts_at_eof(proto):
    with both() as server:
        with connect(server, proto) as s:
            for piece in (b"par", b"t:1|c\npart:2|", b"c", b"\nwhole:1|c\nta", b"il:7|c"):
                s.sendall(piece)
            server.wait_value("part", 3)
            assert server.scrape().value("tail") is None
        server.wait_value("tail", 7)
        assert server.scrape().value("whole") == 1
        closed(server, "eof")
        assert server.scrape().sum("statsd_stream_lines_cut_total") == 0


@pytest.mark.parametrize("proto", ["tcp", "unix"])
def test_an_overlong_line_is_skipped_and_the_connection_goes_on(proto):
    with both() as server, connect(server, proto) as s:
        s.sendall(b"before:1|c\n" + b"x" * 300000 + b"\nafter:1|c\n" + b"y" * 20000 + b"\nend:1|c\n")
        server.wait_value("end", 1)
        page = server.scrape()
        assert page.value("before") == page.value("after") == 1
        assert page.sum("statsd_samples_rejected_total", reason="line_too_long") == 2
        assert page.sum("statsd_stream_connections") == 1


def test_a_reset_drops_the_unfinished_line_and_counts_it():
    with Server(sockets=[TCP]) as server:
        s = connect(server)
        s.sendall(b"whole:1|c\ncut:1|c")
        server.wait_value("whole", 1)
        reset(s)
        closed(server, "error")
        page = server.scrape()
        assert page.value("cut") is None
        assert page.sum("statsd_stream_lines_cut_total") == 1


# --- frames

@pytest.mark.parametrize("proto", ["tcp", "unix"])
def test_frames_are_datagrams_and_a_bad_one_closes(proto):
    with both("framing=dsd") as server:
        with connect(server, proto) as s:
            data = frame(b"a:1|c\nb:2|c") + frame(b"") + frame(b"a:1|c\n")
            for i in range(0, len(data), 3):
                s.sendall(data[i:i + 3])
            server.wait_value("a", 2)
            s.sendall(frame(b"x" * 65535) + frame(b"late:1|c") + struct.pack("<I", 65536) + b"never:1|c")
            wait_for(lambda: is_closed_by_peer(s) or None, "the server closes")
        page = server.wait_self("statsd_stream_connections_closed_total", 1)
        assert page.value("b") == 2 and page.value("late") == 1 and page.value("never") is None
        assert page.sum("statsd_stream_frames_received_total") == 4
        assert page.sum("statsd_samples_rejected_total", reason="bad_frame") == 1
        assert page.sum("statsd_stream_connections_closed_total", reason="bad_frame") == 1
        metrics_balance(page)


@pytest.mark.parametrize("framing, sent, they_send", [("line", frame(b"a:1|c"), "a length"), ("dsd", b"abc:1|c\n", "lines")])
def test_who_speaks_the_other_framing_is_told_once_how_to_set_it(framing, sent, they_send):
    with Server(sockets=[TCP + "?framing=" + framing]) as server:
        for _ in range(3):
            with connect(server) as s:
                s.sendall(sent)
                s.shutdown(socket.SHUT_WR)
                wait_for(lambda: is_closed_by_peer(s) or None, "the server closes")
        server.wait_self("statsd_stream_connections_closed_total", 3)
        hints = wait_for(lambda: server.logged("clients send the other framing"), "the log says it")
        assert len(hints) == 1
        assert hints[0]["they_send"].startswith(they_send) and "framing=dsd" in hints[0]["remedy"]
        assert hints[0]["listener"].startswith("tcp://127.0.0.1:")


@pytest.mark.parametrize("framing, data", [("line", b"\0\0\0\0\n"), ("line", b"abc:1|c\n"), ("dsd", frame(b"a:1|c")), ("dsd", frame(b"a" * 3000))])
def test_who_speaks_the_right_framing_is_told_nothing(framing, data):
    with Server(sockets=[TCP + "?framing=" + framing]) as server:
        with connect(server) as s:
            s.sendall(data)
        server.wait_self("statsd_stream_connections_closed_total", 1)
        assert server.logged("clients send the other framing") == []


# The first bytes of a ClientHello in a record of TLS 1.0, as clients of 1.2 and 1.3 send it.
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"r" * 32


@pytest.mark.parametrize("framing", ["line", "dsd"])
@pytest.mark.parametrize("proto, remedy", [("tcp", "tls_cert"), ("unix", "turn TLS off")])
def test_who_speaks_tls_to_a_listener_without_it_is_told_once(proto, remedy, framing):
    with both("framing=" + framing) as server:
        for _ in range(3):
            with connect(server, proto) as s:
                s.sendall(HELLO)
                s.shutdown(socket.SHUT_WR)
                wait_for(lambda: is_closed_by_peer(s) or None, "the server closes")
        server.wait_self("statsd_stream_connections_closed_total", 3)
        hints = wait_for(lambda: server.logged("clients speak TLS where the listener does not"), "the log says it")
        assert len(hints) == 1
        assert remedy in hints[0]["remedy"] and hints[0]["listener"].startswith(proto)
        assert server.logged("clients send the other framing") == []


@pytest.mark.parametrize("proto", ["tcp", "unix"])
def test_a_listener_has_its_own_sign_of_gauges_and_events_come_by_streams_too(proto):
    with both("gauge_sign=absolute&framing=dsd", "protocol.gauge_sign=delta") as server, connect(server, proto) as s:
        s.sendall(frame(b"g:7|g\ng:-5|g\n_e{1,1}:a|b\n_sc|disk|0\n") + frame(b"caf\xc3\xa9:1|c"))
        server.wait_value("g", -5)
        page = server.scrape()
        assert page.sum("statsd_events_total") == page.sum("statsd_service_checks_total") == 1
        assert page.sum("statsd_samples_rejected_total") == 0


# --- limits

@pytest.mark.parametrize("proto", ["tcp", "unix"])
def test_a_connection_beyond_the_limit_is_closed_at_once_and_its_place_is_free_again(proto):
    with both("max_connections=3", "server.workers=2") as server, contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(server, proto)) for _ in range(3)]
        for s in held:
            s.sendall(b"n:1|c\n")
        server.wait_value("n", 3)
        with connect(server, proto) as one_more:
            wait_for(lambda: is_closed_by_peer(one_more) or None, "it is refused")
        page = server.scrape()
        assert page.sum("statsd_stream_connections_refused_total", reason="limit") == 1
        assert page.sum("statsd_stream_connections") == 3
        held[0].close()
        wait_for(lambda: server.scrape().sum("statsd_stream_connections") == 2 or None, "one has gone")
        with connect(server, proto) as again:
            again.sendall(b"n:1|c\n")
            server.wait_value("n", 4)


def test_one_address_may_not_have_them_all():
    with Server("limits.max_connections_per_address=2", sockets=[TCP, "tcp://[::1]:0"]) as server:
        for nth in (0, 1):
            with contextlib.ExitStack() as stack:
                held = [stack.enter_context(connect(server, nth=nth)) for _ in range(2)]
                for s in held:
                    s.sendall(b"n:1|c\n")
                third = stack.enter_context(connect(server, nth=nth))
                wait_for(lambda: is_closed_by_peer(third) or None, "it is refused")
                if nth == 0:      # another address of the loopback
                    host, _, port = server.address("tcp").rpartition(":")
                    other = stack.enter_context(socket.create_connection((host, int(port)), source_address=("127.0.0.2", 0)))
                    other.sendall(b"other:1|c\n")
                    server.wait_value("other", 1)
        server.wait_value("n", 4)
        assert server.scrape().sum("statsd_stream_connections_refused_total", reason="per_address") == 2


def test_a_quiet_connection_is_closed_and_one_that_sends_is_not():
    with Server("listen.idle_timeout=400ms", sockets=[TCP, TCP + "?idle_timeout=0"]) as server:
        with connect(server) as quiet, connect(server) as busy, connect(server, nth=1) as never:
            quiet.sendall(b"unfinished:1|c")
            quiet.settimeout(0)
            n = 0
            while True:
                busy.sendall(b"busy:1|c\n")
                n += 1
                if select.select([quiet], [], [], 0.05)[0]:
                    break
            assert is_closed_by_peer(quiet)
            never.sendall(b"never:1|c\n")
            server.wait_value("busy", n)
            server.wait_value("never", 1)
            page = server.scrape()
            assert page.sum("statsd_stream_connections_closed_total", reason="idle") == 1
            assert page.sum("statsd_stream_lines_cut_total") == 1 and page.value("unfinished") is None


def test_without_descriptors_connections_wait_and_the_server_rests():
    soft = 64
    with Server("http.max_connections=4", sockets=[TCP]) as server, contextlib.ExitStack() as stack:
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, soft))
        held = [stack.enter_context(connect(server)) for _ in range(soft + 10)]
        wait_for(lambda: server.logged("cannot accept connections, they wait") or None, "it is logged")

        def cpu():
            with open("/proc/%d/stat" % server.pid) as f:
                fields = f.read().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])

        before = cpu()
        time.sleep(1)         # a time to be measured
        assert cpu() - before < 30
        assert len(server.logged("cannot accept connections, they wait")) == 1
        for s in held[:30]:
            s.close()
        for s in held[30:]:
            s.sendall(b"n:1|c\n")
        server.wait_value("n", soft - 20)


def test_under_a_low_limit_of_open_files_streams_get_what_http_leaves():
    server = Server("http.max_connections=64", sockets=[TCP])
    server.command = ["prlimit", "--nofile=300:300"] + server.command
    with server, contextlib.ExitStack() as stack:
        told = server.logged("the limit on open files is too low")[0]
        may = int(told["stream_connections"])
        assert told["http_connections"] == "64" and 0 < may < 300
        held = [stack.enter_context(connect(server)) for _ in range(400)]
        wait_for(lambda: server.scrape().sum("statsd_stream_connections_refused_total", reason="limit") == 400 - may or None, "the rest is refused")
        assert server.scrape().sum("statsd_stream_connections") == may
        assert server.logged("cannot accept connections, they wait") == []
        assert sum(is_closed_by_peer(s) for s in held if select.select([s], [], [], 0)[0]) == 400 - may


# --- many connections

@pytest.mark.parametrize("proto", ["tcp", "unix"])
def test_connections_come_and_go_and_no_line_is_lost(proto):
    with both("", "server.workers=3") as server:
        done = []

        def client(k):
            for i in range(125):
                with connect(server, proto) as s:
                    s.sendall(b"come:1|c\ngo:%d|c\nlast:1|c" % i)
                done.append(1)
        threads = [threading.Thread(target=client, args=(k,)) for k in range(8)]
        for t in threads:
            t.start()
        while any(t.is_alive() for t in threads):
            server.scrape()
        for t in threads:
            t.join()
        assert len(done) == 1000
        closed(server, "eof", 1000)
        page = server.scrape()
        assert page.value("come") == page.value("last") == 1000
        assert page.value("go") == 8 * sum(range(125))
        assert page.sum("statsd_stream_connections") == 0
        assert page.sum("statsd_stream_connections_accepted_total") == 1000
        per_worker = [page.sum("statsd_stream_bytes_received_total", worker=str(w)) for w in range(3)]
        assert min(per_worker) > sum(per_worker) / 6, per_worker


def test_open_connections_are_spread_evenly_over_the_workers():
    with Server("server.workers=3", sockets=[TCP]) as server, contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(server)) for _ in range(30)]
        for s in held:
            s.sendall(b"spread:1|c\n")
        server.wait_value("spread", 30)
        page = server.scrape()
        assert [page.sum("statsd_stream_bytes_received_total", worker=str(w)) for w in range(3)] == [110] * 3


@pytest.mark.parametrize("proto", ["tcp", "unix"])
def test_a_scrape_shows_what_was_sent_before_it_on_new_connections_too(proto):
    with both("", "server.workers=2", interval="10s") as server, contextlib.ExitStack() as stack:
        for n in range(1, 40):
            s = stack.enter_context(connect(server, proto))
            s.sendall(b"fresh:1|c\n")
            assert server.scrape().value("fresh") == n


def test_a_slow_peer_delays_no_scrape():
    with Server(sockets=[TCP], interval="10s") as server, contextlib.ExitStack() as stack:
        for _ in range(20):
            slow = stack.enter_context(connect(server))
            slow.sendall(b"half a li")
        begin = time.monotonic()
        for _ in range(10):
            server.scrape()
        assert time.monotonic() - begin < PATIENCE / 2


def test_what_a_line_is_refused_for_shows_who_sent_it():
    with both() as server:
        with connect(server) as s:
            me = "%s:%d" % s.getsockname()[:2]
            s.sendall(b"good:1|c\nbad:x|c\n")
            line = wait_for(lambda: server.logged("rejected") or None, "it is logged")[0]
            assert line["line"] == "bad:x|c" and line["from"] == me and line["listener"].startswith("tcp://")
        with connect(server, "unix") as s:
            s.sendall(b"no_colon\n")
            wait_for(lambda: len(server.logged("rejected")) > 1 or None, "it is logged")
            line = server.logged("rejected")[1]
            assert line["from"] == "pid:%d" % os.getpid() and line["listener"].startswith("unix://")


# --- the end

@pytest.mark.parametrize("proto", ["tcp", "unix"])
def test_a_stop_reads_what_the_kernel_holds_of_every_connection(proto, tmp_path):
    with both("", "server.workers=2", clean_exit=False) as server, contextlib.ExitStack() as stack:
        os.kill(server.pid, signal.SIGSTOP)
        held = [stack.enter_context(connect(server, proto)) for _ in range(50)]
        for i, s in enumerate(held):
            s.sendall(b"x:1|c\n" * 100 + b"x:1|c")
            if i % 2 == 0:
                s.shutdown(socket.SHUT_WR)         # a clean end: its last line counts
        os.kill(server.pid, signal.SIGTERM)
        os.kill(server.pid, signal.SIGCONT)
        assert server.process.wait(PATIENCE) == 0
        server.reader.join(PATIENCE)
        summary = server.logged("stopped")[0]
        assert summary["samples_aggregated"] == str(50 * 100 + 25)


def test_a_stop_under_load_ends(tmp_path):
    with both("", clean_exit=False) as server:
        over = threading.Event()

        def client(proto):
            while not over.is_set():
                try:
                    with connect(server, proto) as s:
                        while not over.is_set():
                            s.sendall(b"load:1|c\n" * 5000)
                except OSError:
                    if server.process.poll() is not None:
                        return
        threads = [threading.Thread(target=client, args=(p,)) for p in ("tcp", "unix", "unix")]
        for t in threads:
            t.start()
        server.wait_self("load", 10000)
        begin = time.monotonic()
        assert stop(server.process) == 0
        assert time.monotonic() - begin < PATIENCE / 2
        over.set()
        for t in threads:
            t.join()


def test_a_reload_leaves_connections_alone():
    with both() as server, connect(server) as tcp, connect(server, "unix") as unix:
        for n in (2, 4, 6):
            for s in (tcp, unix):
                s.sendall(b"n:1|c\nhalf:1")
            server.wait_value("n", n)
            os.kill(server.pid, signal.SIGHUP)
            wait_for(lambda: len(server.logged("reloaded")) == n / 2 or None, "reloaded")
            for s in (tcp, unix):
                s.sendall(b"|c\n")
            server.wait_value("half", n)


# --- files of Unix sockets

def test_mode_and_owner_of_the_file():
    me, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    with short_dir() as d:
        sockets = ["unix://%s/a?mode=0640&owner=%s:%s" % (d, me, group), "unixgram://%s/b?mode=0600&owner=%d" % (d, os.getuid())]
        with Server(sockets=sockets):
            for name, mode in (("a", 0o640), ("b", 0o600)):
                st = os.stat(os.path.join(d, name))
                assert stat.S_IMODE(st.st_mode) == mode and st.st_uid == os.getuid() and st.st_gid == os.getgid()
        assert os.listdir(d) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_file_is_given_to_its_owner():
    with short_dir() as d:
        with Server(sockets=["unix://%s/a?owner=65534:7" % d]):
            st = os.stat(os.path.join(d, "a"))
            assert (st.st_uid, st.st_gid) == (65534, 7)


def test_a_file_that_was_left_behind_is_replaced_and_one_in_use_is_not():
    with short_dir() as d:
        path = os.path.join(d, "s")
        left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        left.bind(path)
        left.listen()
        with Server(sockets=["unix://" + path], wait=False, clean_exit=False) as server:
            assert server.process.wait(PATIENCE) != 0
        assert "another server listens there" in server.output()
        left.close()
        with Server(sockets=["unixstream://" + path]) as server, connect(server, "unix") as s:
            s.sendall(b"here:1|c\n")
            server.wait_value("here", 1)
        assert not os.path.exists(path)


def test_an_abstract_name_has_no_file():
    name = "statsd-test-streams-%d" % os.getpid()
    with Server(sockets=["unixstream://@%s?framing=dsd" % name]) as server, connect(server, "unix") as s:
        assert server.address("unix") == "@" + name
        s.sendall(frame(b"abstract:1|c"))
        server.wait_value("abstract", 1)


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
def test_a_socket_whose_file_is_lost_is_bound_again_and_its_connections_go_on(replaced):
    with short_dir() as d:
        path = os.path.join(d, "s")
        with Server(sockets=["unix://" + path]) as server, connect(server, "unix") as old:
            old.sendall(b"n:1|c\n")
            server.wait_value("n", 1)
            os.unlink(path)
            if replaced:
                other = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                other.bind(path)
                other.close()
            wait_for(lambda: server.logged("unix socket bound again") or None, "bound again")
            with connect(server, "unix") as new:
                new.sendall(b"n:1|c\n")
                old.sendall(b"n:1|c\n")
                server.wait_value("n", 3)


def test_listening_tells_the_real_port_and_a_port_is_not_shared():
    with Server(sockets=["tcp://localhost:0", "udp://127.0.0.1:0"]) as server:
        host, _, port = server.address("tcp").rpartition(":")
        assert host == "127.0.0.1" and int(port) > 0
        with Server(sockets=["tcp://127.0.0.1:" + port], wait=False, clean_exit=False) as second:
            assert second.process.wait(PATIENCE) != 0
        assert "another server has this port" in second.output()


def test_one_port_may_be_for_every_address_and_for_one():
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    with Server(sockets=["tcp://[::]:%d" % port, "tcp://127.0.0.1:%d" % port]) as server:
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(b"which:1|c\n")
            server.wait_value("which", 1)
