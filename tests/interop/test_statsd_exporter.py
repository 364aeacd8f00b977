"""The same mapping file and the same lines to statsd_exporter and to us: the same /metrics, but for what docs/migrating.md lists.

statsd_exporter is the newest version that the Go proxy gives, built once into build/peers; without Go, or without it, all of this is
skipped.  Our config is what `statsd convert` makes of its flags.  Lines go over a Unix socket, where neither can lose any.
"""
import contextlib
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

import exposition
import harness
from harness import SLOW, TOP, Server, run, wait_for
from random_metrics import END, END_NAME, Lines, Rules

MODULE = "github.com/prometheus/statsd_exporter@latest"
PLACE = os.path.join(TOP, "build", "peers")        # where `make bench-peers` has it, too
LINES = 50000
SEEDS = range(200 if harness.LONG else 20)
OWN = ("statsd_", "process_", "go_", "promhttp_")


@pytest.fixture(scope="module")
def exporter():
    """The path of the program."""
    path = os.path.join(PLACE, "statsd_exporter")
    if not os.path.exists(path):
        if not shutil.which("go"):
            pytest.skip("statsd_exporter: go is not installed")
        got = subprocess.run(["go", "install", MODULE], cwd="/", env={**os.environ, "GOBIN": PLACE}, capture_output=True, text=True, timeout=600)
        if got.returncode != 0:
            pytest.skip("statsd_exporter: %s" % (got.stderr.strip().split("\n")[-1] or "go install failed"))
    return path


# --- the two servers

class Exporter:
    """statsd_exporter with a mapping file, on a Unix socket."""

    def __init__(self, path, dir, mapping):
        self.path, self.dir, self.mapping = path, dir, mapping
        self.socket = os.path.join(dir, "there.sock")

    def flags(self):
        return ["--statsd.listen-udp=", "--statsd.listen-tcp=", "--statsd.listen-unixgram=" + self.socket, "--statsd.mapping-config=" + self.mapping]

    def __enter__(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.http = "127.0.0.1:%d" % s.getsockname()[1]
        self.log = open(os.path.join(self.dir, "there.log"), "w+")
        self.process = subprocess.Popen([self.path, *self.flags(), "--web.listen-address=" + self.http], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        try:
            wait_for(self.answers, "statsd_exporter to answer", 20 * SLOW)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        harness.stop(self.process)
        self.log.close()

    def answers(self):
        assert self.process.poll() is None, open(self.log.name).read()[-2000:]
        with contextlib.suppress(OSError):
            return os.path.exists(self.socket) and self.page()

    def page(self):
        try:
            with urllib.request.urlopen("http://%s/metrics" % self.http, timeout=30) as r:
                return r.read().decode()
        except urllib.error.HTTPError as e:
            raise AssertionError("statsd_exporter: %s" % e.read().decode()[:2000])


class Side:
    """A page as {family: Shown}, without what a server says of itself."""

    def __init__(self, text):
        self.families = {}
        current = None
        for line in text.split("\n"):
            if line.startswith("# HELP "):
                name, _, rest = line[7:].partition(" ")
                current = self.families.setdefault(name, Shown(rest))
            elif line.startswith("# TYPE "):
                current.type = line.split(" ")[3]
            elif line:
                current.add(*exposition.sample(line))
        self.own = {n: f for n, f in self.families.items() if n.startswith(OWN)}
        self.families = {n: f for n, f in self.families.items() if n not in self.own}

    def total(self, name):
        return sum(sum(v) for v in self.own[name].samples.values()) if name in self.own else 0


class Shown:
    """samples: (name, labels) -> its values; more than one where labels differ by an empty one alone."""

    def __init__(self, help_text):
        self.help, self.type, self.samples = help_text, None, {}

    def add(self, name, labels, value):
        self.samples.setdefault((name, labels), []).append(value)


@contextlib.contextmanager
def pair(exporter, dir, mapping_text):
    """Both servers, and the path of our socket."""
    mapping = os.path.join(dir, "mapping.yml")
    with open(mapping, "w", encoding="utf-8") as f:
        f.write(mapping_text)
    there = Exporter(exporter, dir, mapping)
    config = os.path.join(dir, "statsd.conf")
    ours = os.path.join(dir, "here.sock")
    with open(config, "wb") as f:
        told = run("convert", "statsd_exporter", "--", *there.flags())
        assert told.returncode == 0, told.stderr
        f.write(told.stdout)
    with there, Server("server.workers=1", config=config, sockets=["unixgram://" + ours]) as here:
        yield there, here, ours


def both(exporter, dir, mapping_text, lines):
    """The two pages after all of the lines: (there, here)."""
    with pair(exporter, dir, mapping_text) as (there, here, ours):
        for path in (there.socket, ours):
            send(path, lines)
        wait_for(lambda: "\n%s 1\n" % END_NAME in there.page(), "statsd_exporter to have taken all", 60 * SLOW)
        here.wait_value(END_NAME, 1)
        exposition.parse(here.page())
        pages = Side(there.page()), Side(here.page().decode())
    taken_whole(pages, lines)
    return pages


def send(path, lines):
    """Each datagram waits for room: over a Unix socket nothing is lost."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(path)
        for at in range(0, len(lines), 20):
            s.send("\n".join(lines[at:at + 20]).encode())
        s.send((END + ":1|c").encode())


def taken_whole(pages, lines):
    there, here = pages
    n = sum(1 for line in lines if line) + 1
    assert there.total("statsd_exporter_lines_total") >= n, "statsd_exporter did not take every line"
    assert here.total("statsd_lines_received_total") == n


# --- what may differ, one rule each

def close(a, b):
    return a == b or abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def compare(there, here):
    """Every difference that no rule below allows, as text."""
    out = []
    for name in sorted(set(there.families) | set(here.families)):
        a, b = there.families.get(name), here.families.get(name)
        hidden = hidden_there(there, name)
        if a is None and hidden:
            continue
        if a is None or b is None:
            shown = a or b
            out.append("%s (%s) is %s only: %s" % (name, shown.type, "there" if a else "here", sorted(shown.samples)[:3]))
            continue
        if a.type != b.type:
            out.append("%s is a %s there, a %s here" % (name, a.type, b.type))
            continue
        if not same_help(a.help, b.help):
            out.append("%s: help %r there, %r here" % (name, a.help, b.help))
        out += ["%s: there %r, here %r" % (text(key), x, y) for key, x, y in differing(a, b) if x or not hidden]
    return out


def text(key):
    name, labels = key
    return name + ("{%s}" % ",".join('%s="%s"' % kv for kv in labels) if labels else "")


def same_help(there, here):
    """Rule: where the mapping has no help each server says its own."""
    return there == here or (there, here) == ("Metric autogenerated by statsd_exporter.", "Metric received by statsd.")


def hidden_there(there, name):
    """Rule: there whatever is no counter lets no new series be called as it is with `_sum`, `_count` or `_bucket` behind; here only
    timers do, of what they show."""
    stems = [name[:-len(s)] for s in ("_sum", "_count", "_bucket") if name.endswith(s)]
    return any(s in there.families and there.families[s].type != "counter" for s in stems)


def differing(a, b):
    for key in sorted(set(a.samples) | set(b.samples)):
        x, y = a.samples.get(key), b.samples.get(key)
        if x is None or y is None:
            yield key, x, y
        elif dict(key[1]).get("quantile") is not None and a.type == "summary":
            if not quantile_is_near(a, key, y[0]):
                yield key, x, y
        elif not same_value(a.type, x, y[0]):
            yield key, x, y


def same_value(kind, there, here):
    """Rules: an empty label is as good as none, so what is two series there is one here, and adds up; of a gauge it is one register.
    A sum is of n observations there and weighted here, so its last digits are its own."""
    if len(there) > 1:
        return kind == "gauge" or close(sum(there), here)
    return close(there[0], here)


def quantile_is_near(a, key, here):
    """Rule: both are estimates: here within 1.1 % of the value, there within the error that the mapping allows of the rank.  So ours
    lies between their neighbours in rank, where a series has enough samples for that to say something; and both know none or some."""
    name, labels = key
    rest = tuple(kv for kv in labels if kv[0] != "quantile")
    mine = float(dict(labels)["quantile"])
    if (here != here) != (a.samples[key][0] != a.samples[key][0]):
        return False
    if a.samples[name + "_count", rest][0] < 500 or len(a.samples[key]) > 1:
        return True
    ladder = sorted((float(dict(ls)["quantile"]), v[0]) for (n, ls), v in a.samples.items()
                    if n == name and tuple(kv for kv in ls if kv[0] != "quantile") == rest)
    at = [q for q, _ in ladder].index(mine)
    low = ladder[at - 1][1] if at > 0 else float("-inf")
    high = ladder[at + 1][1] if at + 1 < len(ladder) else float("inf")
    return low - 0.011 * abs(low) <= here <= high + 0.011 * abs(high)


# --- what is listed, each by itself: so we know when statsd_exporter changes

def glob(match, name, more=""):
    return "- {match: '%s', name: '%s'%s}\n" % (match, name, more)


# What docs/migrating.md lists: mapping, lines, then what is there and what is here; a sample of one side alone is not on the other.
LISTED = {
    "the beginning of an earlier rule": (glob("a.b.c", "long") + glob("a.b", "short"), ["a.b:1|c"], {"a_b": 1}, {"short": 1}),
    "the beginning of an earlier rule, with a wildcard": (glob("a.*.c", "long") + glob("a.*", "short"), ["a.b:1|c"], {"a_b": 1}, {"short": 1}),
    "the same match twice": (glob("a.*", "one") + glob("a.b", "two") + glob("a.*", "three"), ["a.b:1|c"], {"two": 1}, {"one": 1}),
    "two captures side by side": (glob("a.*.*", "n_$1$2"), ["a.b.c:1|c"], {"n_": 1}, {"n_bc": 1}),
    "a percent sign": (glob("a.*", "n", ", labels: {key: '100%!$1'}"), ["a.b:1|c"], {'n{key="100%!!(string=b)%!s(MISSING)"}': 1}, {'n{key="100%!b"}': 1}),
    "a star in a name": (glob("a.*", "n", ", labels: {key: $1}"), ["a.*:1|c"], {"n": 1}, {'n{key="*"}': 1}),
    "a letter that is not ASCII behind a reference": (
        glob("^a.(.)$", "n", ", match_type: regex, labels: {key: $1\u00e9}"), ["a.b:1|c"], {"n": 1}, {'n{key="b\u00e9"}': 1}),
    "names that Prometheus makes itself": ("", ["up:1|g"], {"up": 1}, {}),
    "without ordering, a way back": (
        glob("a.*.c.d", "one") + glob("a.b", "two") + glob("*.*.*", "three"), ["a.x.y:1|c"], {"a_x_y": 1}, {"three": 1}),
    "a gauge, and a name with _count behind": ("", ["a:1|g", "a.count:1|c"], {"a": 1}, {"a": 1, "a_count": 1}),
    "a summary, and a name with _bucket behind": ("", ["a:1|h", "a.bucket:1|c"], {}, {"a_bucket": 1}),
    "a sample rate that is not 1 by a whole number": ("", ["a:1|h|@0.3"], {"a_count": 3}, {"a_count": 1 / 0.3}),
    "a sample rate above 1": ("", ["a:1|c|@2"], {"a": 0.5}, {}),
    "a sample rate that is no number": ("", ["a:1|c|@x"], {"a": 1}, {}),
    "a packed counter": ("", ["a:1:2|c"], {}, {"a": 3}),
    "a bad value among packed ones": ("", ["a:1:x|h"], {"a_count": 1}, {}),
    "a set": ("", ["a:x|s"], {}, {"a": 1}),
    "a tag without a value": ("", ["a:1|c|#bare"], {"a": 1}, {'a{bare="true"}': 1}),
    "a negative timing": ("", ["a:-1000|ms"], {"a_sum": -1}, {}),
    "a value that is no number": ("", ["a:NaN|g"], {"a": float("nan")}, {}),
    "a hexadecimal value": ("", ["a:0x1p4|g"], {"a": 16}, {}),
    "a container id without tags": ("", ["a:1|c|c:abc"], {}, {'a{container_id="abc"}': 1}),
    "a field that only DogStatsD clients send": ("", ["a:1|c|e:x"], {}, {"a": 1}),
    "an empty field": ("", ["a:1|c|"], {}, {"a": 1}),
    "blanks around a line": ("", [" a:1|c "], {}, {"a": 1}),
    "an event": ("", ["_e{1,1}:5|c"], {"_e_1": 5}, {}),
    "a control byte in a name": (glob("a_b", "n"), ["a\x01b:1|c"], {"a_b": 1}, {"n": 1}),
}
UNORDERED = ("without ordering, a way back",)


@pytest.mark.parametrize("what", LISTED)
def test_what_is_listed_as_different_is_so(exporter, dir, what):
    rules, lines, *want = LISTED[what]
    mapping = "defaults: {glob_disable_ordering: %s}\nmappings:\n%s%s" % (str(what in UNORDERED).lower(), glob(END, END_NAME), rules)
    for side, wanted in zip(both(exporter, dir, mapping, lines), want):
        got = {text(key): repr(sum(values)) for f in side.families.values() for key, values in f.samples.items()}
        for name in {name for samples in want for name in samples}:
            assert got.get(name) == (repr(float(wanted[name])) if name in wanted else None), got


# --- the run

@pytest.mark.parametrize("seed", SEEDS)
def test_random_mappings_and_lines_show_the_same_there_and_here(exporter, dir, seed):
    rules, lines = Rules(seed), Lines(seed)
    there, here = both(exporter, dir, rules.mapping, [lines.line() for _ in range(LINES)])
    wrong = compare(there, here)
    if wrong:
        print(rules.mapping)
    assert len(there.families) > 1
    assert not wrong, "%d differences:\n%s" % (len(wrong), "\n".join(wrong[:40]))


def test_a_ttl_ends_series_there_and_here(exporter, dir):
    mapping = "mappings:\n" + glob(END, END_NAME) + glob("a.*", "short", ", ttl: 2s, labels: {part: $1}")
    with pair(exporter, dir, mapping) as (there, here, ours):
        # One side after the other: while one is watched to its end, the other's series would end unseen.
        for path, page in ((there.socket, there.page), (ours, lambda: here.page().decode())):
            for n in (3, 4):        # born again it begins anew
                send(path, ["a.b:%d|c" % n, "long:1|c"])
                wait_for(lambda: '\nshort{part="b"} %d\n' % n in page(), "the series", 30 * SLOW)
                wait_for(lambda: '\nshort{part="b"} ' not in page(), "its end", 30 * SLOW)
                assert "\nlong " in page()
