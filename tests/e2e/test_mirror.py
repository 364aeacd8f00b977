"""A copy of what comes in for another server (docs/mirror.md): whole sums of a share, nobody held up, no circle."""
import contextlib
import os
import signal
import socket
import time

import pytest

from harness import SLOW, Server, run, wait_for

SERIES = 200


def line(i, value):
    """The tags of a series in one of its spellings."""
    tags = ["a:%d" % (i % 7), "b:x"]
    return "m.%d:%d|c|#%s" % (i, value, ",".join(tags if value % 2 else reversed(tags)))


def staging(dir, *settings, **more):
    return Server(*settings, sockets=["unixgram://%s/staging.sock" % dir, "tcp://127.0.0.1:0", "unix://%s/stream.sock" % dir, "udp://127.0.0.1:0"], **more)


def targets(other, dir):
    host, port = other.udp()
    return {"unixgram": "unixgram://%s/staging.sock" % dir, "unix": "unix://%s/stream.sock" % dir,
            "tcp": "tcp://" + other.address("tcp"), "udp": "udp://%s:%d" % (host, port)}


def production(dir, to, *settings, **more):
    return Server("mirror.to=" + to, *settings, sockets=["unixgram://%s/own.sock" % dir], **more)


def state(server):
    page = server.scrape()
    return next(s for s in ("off", "connecting", "on", "unreachable", "loop") if page.value("statsd_mirror_state", state=s) == 1)


def wait_state(server, want):
    wait_for(lambda: state(server) == want, "the mirror is " + want, every=0.05)


def counters(page):
    return {(i, l): page.value("m_%d" % i, **l_of(l)) for i, l in ((i, str(i % 7)) for i in range(SERIES))
            if page.value("m_%d" % i, **l_of(l)) is not None}


def l_of(a):
    return {"a": a, "b": "x"}


def feed(server, rounds, datagram=20):
    with server.sender(unix=True) as s:  # a Unix socket's sender waits: nothing is lost
        for n in range(rounds):
            for at in range(0, SERIES, datagram):
                s.send("\n".join(line(i, n + i) for i in range(at, at + datagram)).encode())
    return {(i, str(i % 7)): sum(n + i for n in range(rounds)) for i in range(SERIES)}


@pytest.mark.parametrize("kind", ["unixgram", "udp", "tcp", "unix"])
def test_a_tenth_by_series_has_the_whole_sums_of_its_series(dir, kind):
    with staging(dir) as other, production(dir, targets(other, dir)[kind], "mirror.share=10%") as own:
        wait_state(own, "on")
        sums = feed(own, 100 if kind == "udp" else 1000)
        own.wait_self("statsd_lines_received_total", SERIES * (100 if kind == "udp" else 1000))
        here = own.scrape()
        assert counters(here) == sums
        wait_for(lambda: other.scrape().sum("statsd_samples_aggregated_total") % 100 == 0 and counters(other.scrape()), "staging has some")
        wait_for(lambda: all(sums[k] == v for k, v in counters(other.scrape()).items()), "whole sums", every=0.05)
        there = counters(other.scrape())
        assert SERIES * 0.04 < len(there) < SERIES * 0.18
        page = own.scrape()
        assert page.sum("statsd_mirror_dropped_total") == 0
        assert page.value("statsd_mirror_lines_total") >= len(there)
        marks = other.scrape().value("statsd_samples_dropped_total", reason="mark")
        assert marks >= 1 and other.scrape().value("statsd_mirror_marks_total") >= marks


def test_by_datagram_every_fourth_goes_as_it_came(dir):
    with staging(dir) as other, production(dir, targets(other, dir)["unixgram"], "mirror.share=0.25", "mirror.by=datagram") as own:
        wait_state(own, "on")
        datagrams = ["d%d:1|c\nbroken\n_e{1,1}:t|x" % i for i in range(400)]
        own.send(*datagrams, unix=True)
        page = other.wait_self("statsd_events_total", 100)
        assert page.sum("statsd_events_total") == 100
        assert page.sum("statsd_samples_rejected_total") == 100
        assert [i for i in range(400) if page.value("d%d" % i) == 1] == list(range(3, 400, 4))


@pytest.mark.parametrize("kind", ["unixgram", "tcp", "unix"])
def test_a_frozen_staging_server_holds_nobody_up(dir, kind):
    with staging(dir) as other, production(dir, targets(other, dir)[kind], "mirror.by=datagram") as own:
        wait_state(own, "on")
        os.kill(other.pid, signal.SIGSTOP)
        with own.sender(unix=True) as s:
            for _ in range(600):
                s.send(b"\n".join(b"frozen:1|c|#tag:%030d" % i for i in range(500)))
        page = own.wait_self("statsd_lines_received_total", 300_000)
        assert page.value("statsd_samples_aggregated_total") == 300_000
        own.wait_self("statsd_mirror_dropped_total", 1)
        os.kill(other.pid, signal.SIGCONT)
        before = other.scrape().sum("statsd_lines_received_total")
        own.send("after:1|c", unix=True)
        wait_for(lambda: own.send("after:1|c", unix=True) or other.scrape().value("after"), "it goes on", every=0.05)
        page = other.scrape()
        assert page.sum("statsd_samples_rejected_total") == 0 and page.sum("statsd_lines_received_total") > before


def test_a_stop_does_not_wait_for_a_frozen_target(dir):
    with staging(dir) as other:
        with production(dir, targets(other, dir)["tcp"], "mirror.by=datagram") as own:
            wait_state(own, "on")
            os.kill(other.pid, signal.SIGSTOP)
            with own.sender(unix=True) as s:
                for _ in range(1500):
                    s.send(b"x:1|c\n" * 2000)
            own.wait_self("statsd_mirror_dropped_total", 1)
            began = time.monotonic()
        assert time.monotonic() - began < 8 * SLOW
        os.kill(other.pid, signal.SIGCONT)


@pytest.mark.parametrize("end", ["stop", "reload"])
def test_a_reader_that_was_frozen_reads_whole_lines_to_the_end(dir, end):
    config = dir + "/statsd.conf"
    with open(config, "w") as f:
        f.write("[mirror]\nto = unix://%s/raw.sock\nby = datagram\n" % dir)
    line = b"orders.total:1000|c|@0.001|#where:somewhere"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(dir + "/raw.sock")
        listener.listen()
        listener.settimeout(10 * SLOW)
        with Server(sockets=["unixgram://%s/own.sock" % dir], config=config) as own:
            reader = listener.accept()[0]
            wait_state(own, "on")
            with own.sender(unix=True) as s:
                for _ in range(1500):
                    s.send(b"\n".join([line] * 150))
            own.wait_self("statsd_mirror_dropped_total", 1)
            if end == "reload":
                with open(config, "w") as f:
                    f.write("[mirror]\nto =\n")
                own.process.send_signal(signal.SIGHUP)
                wait_state(own, "off")
        with reader:
            reader.settimeout(10 * SLOW)
            got = b"".join(iter(lambda: reader.recv(65536), b""))
    lines = [l for l in got.split(b"\n") if not l.startswith(b"statsd.mirror.mark.")]
    assert lines.pop() == b"" and set(lines) == {line}


def test_a_target_that_comes_late_or_again_is_found(dir):
    with production(dir, "unixgram://%s/staging.sock" % dir) as own:
        own.send("early:1|c", unix=True)
        own.wait_self("statsd_mirror_dropped_total", 1)
        assert state(own) == "unreachable"
        for _ in range(2):
            with staging(dir) as other:
                wait_for(lambda: own.send("late:1|c", unix=True) or other.scrape().value("late"), "it is found", every=0.05)
            wait_for(lambda: own.send("lost:1|c", unix=True) or state(own) == "unreachable", "it is gone", every=0.05)


# listen.socket, mirror.to
OWN = [
    ("udp://127.0.0.1:18125", "udp://127.0.0.1:18125"),
    ("udp://0.0.0.0:18125", "udp://127.0.0.9:18125"),
    ("udp://*:18125", "127.0.0.1:18125"),
    ("udp://[::]:18125", "udp://127.0.0.1:18125"),
    ("udp://127.0.0.1:18125", "udp://0.0.0.0:18125"),
    ("udp://127.0.0.1:18125", "udp://[::ffff:127.0.0.1]:18125"),
    ("udp://localhost:18125", "udp://[::1]:18125"),
    ("tcp://127.0.0.1:18125", "tcp://127.0.0.1:18125?framing=line"),
    ("unixgram:///tmp/no-such-folder/a.sock", "unixgram:///tmp/no-such-folder/a.sock"),
    ("unixgram://@abstract", "unixgram://@abstract"),
]


@pytest.mark.plain
@pytest.mark.parametrize("socket_,to", OWN)
def test_an_own_socket_is_no_target(socket_, to):
    r = run("check", "--set", "listen.socket=" + socket_, "--set", "mirror.to=" + to)
    assert r.returncode == 2, r.stdout
    assert b"mirror.to" in r.stdout + r.stderr and b"would mirror to itself" in r.stdout + r.stderr


@pytest.mark.plain
@pytest.mark.parametrize("socket_,to", [("udp://127.0.0.1:18125", "udp://127.0.0.2:18125"), ("udp://127.0.0.1:18125", "tcp://127.0.0.1:18125"),
                                        ("udp://0.0.0.0:18125", "udp://192.0.2.7:18125"), ("udp://*:18125", "udp://staging.example:18125"),
                                        ("unixgram://@a", "unixgram://@b")])
def test_another_server_is_one(socket_, to):
    r = run("check", "--set", "listen.socket=" + socket_, "--set", "mirror.to=" + to)
    assert r.returncode == 0, (r.stdout, r.stderr)


@pytest.mark.plain
@pytest.mark.parametrize("option,why", [("to=http://a:1", b"no address to send to"), ("to=udp://a", b"no address to send to"), ("share=1.5", b"out of range"),
                                        ("share=110%", b"out of range"), ("share=ten", b"not a number"), ("by=name", b"by")])
def test_a_mistake_in_the_options_is_told(option, why):
    r = run("check", "--set", "mirror." + option)
    assert r.returncode == 2 and why in r.stdout + r.stderr, (r.stdout, r.stderr)


def test_a_symlink_to_an_own_socket_is_no_target(dir):
    os.symlink(dir + "/own.sock", dir + "/link.sock")
    with production(dir, "unixgram://%s/link.sock" % dir) as own:
        wait_state(own, "loop")
        assert own.logged("mirror.to is this server itself: nothing is mirrored")


@contextlib.contextmanager
def ring(dir, n):
    """n servers, each of which mirrors to the next one, the last to the first."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Server("mirror.to=unixgram://%s/%d.sock" % (dir, (i + 1) % n), "mirror.share=%s" % share, "mirror.by=" + by,
                                          sockets=["unixgram://%s/%d.sock" % (dir, i)]))
               for i, (share, by) in enumerate((("0.5", "series"), ("0.01", "datagram"), ("0", "series"))[:n])]


@pytest.mark.parametrize("n", [2, 3])
def test_a_circle_is_broken_whatever_the_shares_are(dir, n):
    with ring(dir, n) as servers:
        wait_for(lambda: any(s.logged("the mirror's own lines came back: it is stopped") for s in servers), "somebody notices", every=0.05)
        first = next(s for s in servers if s.logged("the mirror's own lines came back: it is stopped"))
        wait_state(first, "loop")
        assert first.scrape().value("statsd_mirror_loops_total") >= 1
        # A mark that came back to its sender was another's at each server on its way.
        wait_for(lambda: sum(s.scrape().value("statsd_mirror_marks_total") for s in servers) >= n - 1, "marks of others", every=0.05)
        first.send("here:1|c", unix=True)
        first.wait_value("here", 1)


def test_a_reload_turns_it_on_and_off_and_elsewhere(dir):
    config = dir + "/statsd.conf"

    def told(to, share="1"):
        with open(config, "w") as f:
            f.write("[mirror]\nto = %s\nshare = %s\n" % (to, share))

    told("")
    with staging(dir) as other, Server(sockets=["unixgram://%s/own.sock" % dir], config=config) as own:
        assert state(own) == "off"
        own.send("before:1|c", unix=True)
        own.wait_value("before", 1)
        for kind in ("unixgram", "tcp"):
            told(targets(other, dir)[kind])
            own.process.send_signal(signal.SIGHUP)
            wait_for(lambda: [l for l in own.logged("mirroring") if kind in l["to"]], "it mirrors", every=0.05)
            wait_for(lambda: own.send("%s:1|c" % kind, unix=True) or other.scrape().value(kind), kind, every=0.05)
        told("unixgram://%s/own.sock" % dir)
        own.process.send_signal(signal.SIGHUP)
        wait_for(lambda: own.logged("reload refused"), "the reload is refused")
        assert "would mirror to itself" in own.logged("reload refused")[0]["error"]
        told("")
        own.process.send_signal(signal.SIGHUP)
        wait_state(own, "off")
        lines = own.scrape().value("statsd_mirror_lines_total")
        own.send("late:1|c", unix=True)
        own.wait_value("late", 1)
        assert own.scrape().value("statsd_mirror_lines_total") == lines and other.scrape().value("before") is None
