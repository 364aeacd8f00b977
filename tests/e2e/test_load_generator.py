"""statsd-bench and the server agree on every line, by whatever transport it is sent."""
import json
import os
import subprocess

import pytest

from harness import BENCH, SLOW, Server, stop, wait_for

pytestmark = [pytest.mark.plain, pytest.mark.skipif(not os.path.exists(BENCH), reason="statsd-bench is not built (make bench-build)")]

# socket, options of the load
TRANSPORTS = {
    "udp": ("udp://127.0.0.1:0?rcvbuf=16MiB", []),
    "unixgram": ("unixgram://{dir}/d", []),
    "tcp": ("tcp://127.0.0.1:0", []),
    "tcp, many connections": ("tcp://127.0.0.1:0", ["--connections", "50", "--threads", "2"]),
    "tcp, a write a line": ("tcp://127.0.0.1:0", ["--payload", "0", "--batch", "1"]),
    "tcp, as much as it takes": ("tcp://127.0.0.1:0", ["--rate", "max", "--connections", "3"]),
    "tcp, frames": ("tcp://127.0.0.1:0?framing=dsd", ["--framing", "dsd"]),
    "unix": ("unix://{dir}/s", ["--connections", "5"]),
    "unix, long buffers": ("unix://{dir}/s", ["--payload", "128KiB", "--rate", "max"]),
    "unix, frames": ("unix://{dir}/s?framing=dsd", ["--connections", "5", "--framing", "dsd"]),
    "unixstream, frames by the address": ("unixstream://{dir}/s?framing=dsd", ["--rate", "max", "--payload", "65535"]),
}


def bench(server, directory, to, *options):
    """returns  (exit status, the report as JSON, as text)"""
    report = os.path.join(directory, "report.json")
    done = subprocess.run([BENCH, "--to", to, "--metrics", f"http://{server.http_addr()}/metrics", "--series", "500", "--duration", "500ms",
                           "--quiet", "--json", report, *options], capture_output=True, text=True, timeout=60 * SLOW)
    assert os.path.exists(report), done.stderr
    with open(report) as f:
        return done.returncode, json.load(f), done.stdout


def address(server, url):
    if "127.0.0.1:0" not in url:
        return url
    logged = next(l for l in server.logged("listening") if l["proto"] in ("udp", "tcp"))
    return f"{logged['proto']}://{logged['addr']}"


@pytest.mark.parametrize("name", TRANSPORTS)
def test_each_line_that_was_sent_is_received(name, dir):
    url, options = TRANSPORTS[name]
    url = url.replace("{dir}", str(dir))
    with Server(sockets=[url]) as s:
        status, report, text = bench(s, dir, address(s, url), *options)
        sent, server = report["sent"], report["server"]
        assert status == 0, text
        assert sent["lines"] > 0 and sent["failed_lines"] == 0
        assert server["samples_aggregated"] == sent["lines"], text
        assert report["loss"]["part"] == 0
        assert (sent["connections"] > 0) == (name not in ("udp", "unixgram"))
        if sent["connections"] > 0:
            assert server["received_lines"] == sent["lines"] and report["loss"]["elsewhere_lines"] == 0
            assert sent["reconnects"] == 0 and sent["unfinished_connections"] == 0
            assert "lines add up, samples add up" in text


@pytest.mark.alone      # the server has to be gone before the load is over
@pytest.mark.parametrize("scheme", ["tcp", "unix"])
def test_a_server_that_stops_in_the_middle_is_told(scheme, dir):
    url = "tcp://127.0.0.1:0" if scheme == "tcp" else f"unix://{dir}/s"
    report = os.path.join(dir, "report.json")
    with Server(sockets=[url], clean_exit=False) as s:
        load = subprocess.Popen([BENCH, "--to", address(s, url), "--rate", "20k", "--duration", "2s", "--connections", "7", "--quiet", "--json", report],
                                stdout=subprocess.PIPE, text=True)
        wait_for(lambda: s.scrape().sum("statsd_samples_read_total") > 1000, "some of the load")
        assert stop(s.process) == 0
        text, _ = load.communicate(timeout=60 * SLOW)
        wait_for(lambda: s.logged("stopped"), "its last line")
        read = int(s.logged("stopped")[0]["samples_read"])
    with open(report) as f:
        sent = json.load(f)["sent"]
    assert load.returncode == 1 and "nobody listens at" in text
    assert 0 < read <= sent["lines"] and sent["failed_lines"] > 0
    assert sent["connections"] == 7 and sent["unfinished_connections"] == 7
