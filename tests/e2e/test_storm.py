"""A storm of new names beside known ones, with the receive buffer as it is by default: nothing is lost."""
import json
import os
import subprocess
import urllib.request

import pytest

import exposition
from harness import BENCH, SLOW, Server, metrics_balance, wait_for

pytestmark = pytest.mark.skipif(not os.path.exists(BENCH), reason="statsd-bench is not built (make bench-build), or this is a sanitizer")


def own_metrics(server):
    """The server's own, which come first: a page of a million series is not read to its end."""
    with urllib.request.urlopen(f"http://{server.http_addr()}/metrics", timeout=60 * SLOW) as reply:
        head = reply.read(200_000).decode().rsplit("\n", 1)[0]
    own = ("statsd_", "# HELP statsd_", "# TYPE statsd_")
    return exposition.parse("".join(line + "\n" for line in head.split("\n") if line.startswith(own)))


def load(directory, name, to, series, rate, seconds):
    """Start statsd-bench; returns (process, its report's path)."""
    report = os.path.join(directory, name + ".json")
    return subprocess.Popen([BENCH, "--to", to, "--prefix", name + ".", "--series", str(series), "--rate", str(rate),
                             "--duration", f"{seconds}s", "--quiet", "--json", report],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True), report


def sent_lines(process, report, patience):
    _, errors = process.communicate(timeout=patience)
    assert os.path.exists(report), errors
    with open(report) as f:
        sent = json.load(f)["sent"]
    assert sent["failed_lines"] == 0 and sent["lines"] > 0
    return sent["lines"]


# new names, in so many seconds, beside so many lines a second of 10,000 known names
@pytest.mark.parametrize("new, seconds, known_rate", [
    (100_000, 1, 100_000),
    pytest.param(1_000_000, 10, 500_000, marks=pytest.mark.long),
])
def test_new_names_and_known_ones_lose_nothing(dir, new, seconds, known_rate):
    seconds = int(seconds * SLOW)
    with Server("limits.max_series=3000000") as s:
        udp = next(l for l in s.logged("listening") if l["proto"] == "udp")
        to = f"udp://{udp['addr']}"
        known = load(dir, "known", to, 10_000, known_rate / SLOW, seconds + 2)
        wait_for(lambda: own_metrics(s).sum("statsd_series") >= 9_000, "the known names")
        storm = load(dir, "storm", to, new, new / seconds, seconds)
        sent = sum(sent_lines(*one, patience=(60 + seconds) * SLOW) for one in (storm, known))
        wait_for(lambda: own_metrics(s).sum("statsd_samples_read_total") >= sent or own_metrics(s).sum("statsd_udp_kernel_drops_total") > 0,
                 "all lines to be read", 60 * SLOW, every=0.5)
        page = own_metrics(s)
        print(f"{sent:,} lines sent, {page.sum('statsd_series'):,.0f} series")
        assert page.sum("statsd_udp_kernel_drops_total") == 0
        assert metrics_balance(page) == page.sum("statsd_samples_aggregated_total") == sent
        assert page.sum("statsd_series") >= 0.99 * new
