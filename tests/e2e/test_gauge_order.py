"""A gauge's changes count in the order in which they arrived: over spellings, workers, sockets and batches."""
import json

import pytest

from harness import Server, run

pytestmark = pytest.mark.answers


def test_two_senders_and_two_workers_make_one_order():
    with Server("server.workers=2", interval="10s") as s:
        senders = [s.sender() for _ in range(16)]
        for n in range(56):
            one, other = senders[n % 16], senders[(n * 7 + 3) % 16]
            for sender, line in ((one, "g%d:+1|g"), (other, "g%d:5|g"), (one, "g%d:+1|g")):
                sender.send((line % n).encode())
            assert s.scrape().value("g%d" % n) == 6, n


def test_a_udp_and_a_unix_socket_make_one_order(dir):
    sockets = ("udp://127.0.0.1:0", "unixgram://%s/s" % dir)
    with Server("server.workers=1", sockets=sockets, interval="10s") as s:
        udp, unix = s.sender(), s.sender(nth=0, unix=True)
        for n in range(56):
            one, other = (udp, unix) if n % 2 else (unix, udp)
            for sender, line in ((one, "g%d:+1|g"), (other, "g%d:5|g"), (one, "g%d:+1|g"), (other, "g%d:-3|g")):
                sender.send((line % n).encode())
            assert s.scrape().value("g%d" % n) == 3, n


@pytest.mark.parametrize("one,other,line,rules", [
    ("x.y", "x-y", "x_y", ""),
    ("x:%s|#k.s:v", "x:%s|#k-s:v", "x{k_s=\"v\"}", ""),
    ("a.one", "a.two", "n", "mappings:\n- {match: a.*, name: n}\n"),
], ids=["names", "tags", "a rule"])
@pytest.mark.parametrize("steps,want", [
    ("A6 B0.5 A+1", 1.5), ("A+1 B5 A+1", 6), ("A6 A+1 B5 A+2 B+3 A-1", 9), ("A1 B+1 A+1 B+1", 4), ("B+1 A6 B+1 B+1 A-2", 6), ("A+1 B+1 A+1", 3),
])
def test_names_that_share_a_line_make_one_order(tmp_path, one, other, line, rules, steps, want):
    """One worker and one socket, whatever the order in which their pages are merged."""
    (tmp_path / "mapping.yml").write_text(rules)
    forms = {"A": one, "B": other}
    sent = []
    for name, value in ((s[0], s[1:] + "|g") for s in steps.split()):
        sent.append(forms[name] % value if "%s" in forms[name] else "%s:%s" % (forms[name], value))
    setting = "prometheus.mapping=%s" % (tmp_path / "mapping.yml")
    for order in (["z:1|c"], [one + ":0|g" if "%s" not in one else one % "0|g"], [other + ":0|g" if "%s" not in other else other % "0|g"]):
        with Server("server.workers=1", setting, interval="10s") as s:
            s.sender().send("\n".join(order + sent).encode())
            shown = s.wait_self("statsd_samples_aggregated_total", len(order + sent))
            assert "%s %g" % (line, want) in shown.lines()


@pytest.mark.parametrize("between", [0, 1, 253, 254, 255, 256, 400, 511, 1000])
def test_explain_and_the_server_agree_however_many_lines_stand_between(server, between):
    lines = ["g:7|g|#k:"] + ["c%d:1|c" % i for i in range(between)] + ["g:9|g"]
    datagram = "\n".join(lines).encode()
    server.sender().send(datagram)
    shown = json.loads(run("explain", "--json", stdin=datagram).stdout)["exposition"].split("\n")
    assert server.scrape().value("g") == 9
    assert "g 9" in shown
