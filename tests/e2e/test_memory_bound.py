"""What `statsd check` prints as the most memory of series holds for a server that is full of them."""
import re
import time

import pytest

import harness
from harness import Server, run, wait_for

N = 4000
TEXT = 128   # bytes of name and tags, as aggregate/memory.h takes them
PACK = 60    # lines a datagram
LIMITS = ["limits.max_series=%d" % N, "server.workers=1", "aggregate.summary_max_age=5s"]
# Tolerance, for what does not grow with the series, and is not in the empty server: the end of the last chunk of births (2 MiB), the
# pieces of a page that a scrape has under way (1 MiB), and what malloc keeps of both.
FIXED = 4 << 20

TWO_DECADES = ":".join("%.4g" % (10 * 100 ** (i / 24)) for i in range(25))
KINDS = {
    "counters": ["1|c"],
    "gauges": ["1|g", "+1|g", "-2|g"],
    "timers": [TWO_DECADES + "|ms|@0.001"] * 6,   # counts past 255; one more than the window has ages
    "histograms": [TWO_DECADES + "|ms|@0.001"],
    "sets": ["m%d|s" % i for i in range(8)],
}


def series(i):
    """Nothing of it is shared; all of it is escaped, and two keys become one on /metrics, so that the label text is kept as well."""
    name = ("n.%d." % i).ljust(32, "-")
    tags = ["%s:%s" % (key, ('"%d' % i).ljust(12, '"')) for key in ("a.b", "a_b", "c-d")]
    text = "%s|#%s" % (name, ",".join(tags))
    tags.append("z:" + '"' * (TEXT - len(text) - 3))
    return name, ",".join(tags)


def bytes_of(words):
    return float(words[0]) * {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[words[1]]


def bound(*sets):
    out = run("check", *[w for s in sets for w in ("--set", s)]).stdout.decode()
    part = {what: bytes_of(line.split()[:2]) for line in out.splitlines() for what in ("series, all", "more, if all") if what in line}
    assert len(part) == 2, out
    return part["series, all"], part["more, if all"]


def peak(pid):
    return int(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/%d/status" % pid).read()).group(1)) << 10


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.skipif(harness.SLOW > 1, reason="a sanitizer takes memory of its own")
def test_a_server_full_of_the_largest_series_stays_within_what_check_says(dir, kind):
    sets = LIMITS + (["prometheus.observer_type=histogram"] if kind == "histograms" else [])
    base, more = bound(*sets)
    most = base + (more if kind not in ("counters", "gauges") else 0)
    texts = [series(i) for i in range(N + N // 10)]   # a tenth is refused
    with Server(*sets, sockets=["unixgram://%s/dsd.sock" % dir]) as s:
        s.scrape()
        empty = peak(s.pid)
        with s.sender(unix=True) as c:
            for n, value in enumerate(KINDS[kind]):
                begun = time.monotonic()
                for i in range(0, len(texts), PACK):
                    lines = ["%s:%s|#%s" % (name, value, tags) for name, tags in texts[i:i + PACK]]
                    for part in (lines[k:k + 10] for k in range(0, len(lines), 10)):
                        c.send("\n".join(part).encode())
                page = s.scrape()
                if kind == "timers" and n < len(KINDS[kind]) - 1:   # each in an age of its own
                    time.sleep(max(0, begun + 1 - time.monotonic()))
        assert page.sum("statsd_series") == N
        assert page.value("statsd_samples_refused_total") > 0
        grown = peak(s.pid) - empty
    print("%s: %.0f bytes a series, at most %.0f" % (kind, grown / N, most / N))
    assert grown <= most + FIXED


def takeover_bound(*sets):
    """Bytes of lines without a series, and of the state in a takeover."""
    out = run("check", *[w for s in sets for w in ("--set", s)]).stdout.decode()

    def of(what):
        return bytes_of(next(line for line in out.splitlines() if what in line).split()[:2])
    return of("lines of the last process"), of("during a takeover") - 2 * of("the process altogether")


@pytest.mark.parametrize("kind", ["counters", "timers", "sets"])
@pytest.mark.skipif(harness.SLOW > 1, reason="a sanitizer takes memory of its own")
def test_a_takeover_of_a_full_server_stays_within_what_check_says(dir, kind):
    """The next one has all lines without a series, then with one each; the state is beside both."""
    sets = [*LIMITS, "server.control_socket=%s/control" % dir]
    base, more = bound(*sets)
    restored, state = takeover_bound(*sets)
    most = base + restored + (more if kind != "counters" else 0)
    texts = [series(i) for i in range(N)]
    sockets = ["unixgram://%s/dsd.sock" % dir]

    def fill(s):
        with s.sender(unix=True) as c:
            for name, tags in texts:
                c.send(("%s:%s|#%s" % (name, KINDS[kind][0], tags)).encode())
        s.scrape()
    with Server(*sets, sockets=sockets) as s:
        empty = peak(s.pid)
    with Server(*sets, sockets=sockets, clean_exit=False) as old:
        fill(old)
        new = Server(*sets, sockets=sockets)
        new.command.append("--takeover")
        with new:
            wait_for(lambda: new.logged("took over from the server that ran"), "the takeover")
            assert old.process.wait(harness.PATIENCE) == 0
            taken = float(old.logged("paused for another server")[0]["state_bytes"])
            loaded = peak(new.pid) - empty
            fill(new)
            page = new.wait_value("statsd_restored_lines", 0) and new.scrape()
            filled = peak(new.pid) - empty
    assert page.sum("statsd_series") == N
    print("%s: %.0f bytes a series loaded, %.0f filled, at most %.0f; in the state %.0f, at most %.0f"
          % (kind, loaded / N, filled / N, most / N, taken / N, state / N))
    assert loaded <= restored + FIXED and filled <= most + FIXED
    assert taken <= state and abs(state - restored) < 1 << 20   # each is printed with one digit
