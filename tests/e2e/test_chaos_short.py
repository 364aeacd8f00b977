"""The chaos (tests/chaos/): what it judges by, its proxy, and some of its scenarios."""
import contextlib
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest

import harness
from harness import SLOW, TOP, wait_for

CHAOS = os.path.join(TOP, "tests", "chaos")
sys.path.append(CHAOS)

import drawn  # noqa: E402
import judge  # noqa: E402
import proxy  # noqa: E402
import sent  # noqa: E402
import upsets  # noqa: E402
from cluster import free_ports  # noqa: E402

SHORT = "slots-move", "master-killed-replica-behind"       # `make nightly` has them all
if harness.LONG:
    SHORT += "clients-killed", "server-restarted-redis-away", "server-taken-over", "spool-overflows"


# --- what is judged by

class Told:
    """A server that was told some of each kind of line."""
    name = "c1"

    def __init__(self, seed):
        self.sent, lines = sent.Sent(), sent.Lines(self.name, seed)
        for _ in range(100):
            self.sent.add(lines.block(20, ordered=True))


def in_redis(fleet):
    """The totals as they have to be."""
    sums, totals = sum((i.sent.now() for i in fleet), judge.collections.Counter()), {}
    for (kind, series), v in sums.items():
        if kind in "cr":
            totals[judge.FIELD[kind] + series] = str(v)
        elif kind == "n":
            totals["h|" + series] = float(v), float(sums["s", series])
    for i in fleet:
        totals.update({"g|" + series: str(v) for series, v in i.sent.levels.items()})
    return totals


KINDS = {"counter": "c|chaos.c", "timer": "h|chaos.t", "a changed gauge": "g|chaos.r", "a gauge that was set": "g|chaos.l"}


def more(value, by):
    return (value[0], value[1] + by) if isinstance(value, tuple) else str(float(value) + by)


def test_totals_that_are_what_was_sent_are_right():
    fleet = [Told(1), Told(2)]
    assert judge.Judge(None, fleet).wrong_totals(in_redis(fleet)) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by", [1, -1])
def test_one_unit_more_or_less_than_was_sent_is_seen(kind, by):
    fleet = [Told(1), Told(2)]
    totals = in_redis(fleet)
    field = next(f for f in totals if f.startswith(KINDS[kind]))
    totals[field] = more(totals[field], by)
    assert len(judge.Judge(None, fleet).wrong_totals(totals)) == 1
    del totals[field]
    assert judge.Judge(None, fleet).wrong_totals(totals)


def test_what_may_be_missing_may_be_missing_and_no_more_and_once():
    fleet = [Told(1)]
    totals, j = in_redis(fleet), judge.Judge(None, fleet)
    field = next(f for f in totals if f.startswith("c|"))
    j.allow({("c", field[2:]): 5})
    totals[field] = more(totals[field], -6)
    assert len(j.wrong_totals(totals)) == 1
    totals[field] = more(totals[field], 1)
    assert j.wrong_totals(totals) == []
    assert j._take_for_lost(totals) == 5
    j.may_lack.clear()
    assert j.wrong_totals(totals) == []
    totals[field] = more(totals[field], 1)
    assert len(j.wrong_totals(totals)) == 1, "what was given up came back"


def test_what_was_sent_since_a_moment_is_never_too_little():
    s, lines = sent.Sent(), sent.Lines("c1", 1)
    s.add(lines.block(20, True))
    before = s.now()
    moment = sent.time.monotonic()
    s.add(lines.block(20, True))
    late = s.now()
    late.subtract(before)
    since = s.since(moment)
    assert all(since[k] >= v for k, v in late.items())
    assert s.since(sent.time.monotonic() - 1000) == s.now()


def test_an_increase_is_drawn_as_prometheus_does_it():
    d, key = drawn.Drawn(None), ("chaos_c_1", ())
    for value in (10, 25, 25, 20, 26):
        d.take({key: value, ("chaos_l_1", ()): value, ("chaos_t_1_sum", ()): value})
    assert (d.increase[key], d.falls, len(d.increase)) == (10 + 15 + 20 + 6, 1, 1)
    assert d.unlike({key: 51}) == [] and d.unlike({key: 26}) == [(key, 51, 26)]
    d.take({key: 27})
    assert d.unlike({key: 27}) == []


def test_a_seed_draws_the_same_schedule_and_another_one_another():
    drawn = [list(itertools.islice(upsets.schedule(seed), 30)) for seed in ("7", "7", "8")]
    assert drawn[0] == drawn[1] != drawn[2]
    assert {name for (name, _), _ in itertools.islice(upsets.schedule("7"), 400)} == {*upsets.SCENARIOS} - {"nothing"}


# --- its proxy

@contextlib.contextmanager
def echo():
    """(port) of one that sends back what it gets."""
    def serve():
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=back, args=(s,), daemon=True).start()

    def back(s):
        with s, contextlib.suppress(OSError):
            while data := s.recv(65536):
                s.sendall(data)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


class Network:
    """A proxy before one who sends back."""

    def __init__(self, stack):
        front = free_ports(1)
        self.address, self.stack = ("127.0.0.1", front[0]), stack
        self.proxy = stack.enter_context(proxy.Proxy(front, [stack.enter_context(echo())], 1))

    def connect(self, who):
        s = self.stack.enter_context(socket.create_connection(self.address, timeout=10 * SLOW))
        s.sendall(b"*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$9\r\nstatsd-%s\r\n" % who)
        return s

    def known(self, who):
        """A connection whose first words have come back."""
        s = self.connect(who)
        assert s.recv(1) == b"*"
        return s


@pytest.fixture
def network():
    with contextlib.ExitStack() as stack:
        yield Network(stack)


def ends(s):
    """Whether the connection ends, rather than that nothing comes."""
    try:
        s.sendall(b"?")
        while s.recv(1000):
            pass
        return True
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_a_cut_pair_loses_its_connections_and_gets_no_new_ones_and_no_other_pair_does(network):
    mine, other = network.known(b"c1"), network.known(b"c2")
    network.proxy.set("c1", 0, cut=True)
    assert ends(mine) and ends(network.connect(b"c1"))
    other.settimeout(0.3)
    assert not ends(other)
    network.proxy.heal()
    network.known(b"c1")


def test_a_pair_that_is_held_gets_what_was_sent_once_it_goes_on(network):
    s = network.known(b"c1")
    s.recv(1000)
    network.proxy.set("c1", 0, held=True)
    s.sendall(b"late")
    s.settimeout(0.3)
    with pytest.raises(TimeoutError):
        s.recv(4)
    network.proxy.set("c1", 0, held=False)
    s.settimeout(10 * SLOW)
    assert s.recv(4) == b"late"


def test_an_answer_is_lost_with_its_connection(network):
    network.proxy.set("c1", 0, loses=1.0)
    assert ends(network.connect(b"c1"))


# --- the whole

def chaos(*words, **env):
    return [sys.executable, os.path.join(CHAOS, "chaos.py"), *words], {**os.environ, "STATSD_BIN": harness.STATSD, **env}


@pytest.mark.parametrize("words,why", [(("soon",), "a time is a number and s, m or h"), (("--only", "rain"), "rain: there is nothing, ")])
def test_words_that_are_none_are_told(words, why):
    command, env = chaos(*words)
    got = subprocess.run(command, capture_output=True, text=True, env=env)
    assert got.returncode != 0 and why in got.stderr


def parent_of(pid):
    with contextlib.suppress(OSError), open("/proc/%d/stat" % pid) as f:
        return int(f.read().rpartition(")")[2].split()[1])
    return None


def children(pid):
    return [p for p in map(int, filter(str.isdigit, os.listdir("/proc"))) if parent_of(p) == pid]


def is_there(pid):
    return os.path.exists("/proc/%d" % pid)


def test_it_leaves_no_process_behind_when_it_is_ended(tmp_path):
    command, env = chaos("1m", OUT=str(tmp_path))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as p:
        seen = []
        try:
            for line in p.stdout:
                seen.append(line)
                if "servers are up" in line:
                    break
            assert "servers are up" in seen[-1], seen
            started = children(p.pid)
            assert len(started) >= 9
        finally:
            p.send_signal(signal.SIGTERM)
            p.communicate(timeout=60 * SLOW)
        assert p.returncode != 0
    wait_for(lambda: not any(map(is_there, started)), "its processes to end")


def test_some_of_its_scenarios_are_exact(tmp_path):
    command, env = chaos("--only", ",".join(SHORT), RATE="500", OUT=str(tmp_path))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as p:
        try:
            out, err = p.communicate(timeout=300 * SLOW)
        except BaseException:
            p.send_signal(signal.SIGTERM)       # not KILL: it ends its own processes
            p.communicate(timeout=60 * SLOW)
            raise
    assert p.returncode == 0, out[-6000:] + err[-2000:]
    assert re.search(r"^chaos: ok: %d scenarios" % len(SHORT), out, re.M)
    table = (tmp_path / "table.txt").read_text().splitlines()
    assert [row.split()[0] for row in table] == ["scenario", *SHORT]
