"""A gauge's changes count in the order in which they arrived: over spellings, workers, sockets and batches."""
import json

import pytest

from harness import Server, run


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


@pytest.mark.parametrize("between", [0, 1, 253, 254, 255, 256, 400, 511, 1000])
def test_explain_and_the_server_agree_however_many_lines_stand_between(server, between):
    lines = ["g:7|g|#k:"] + ["c%d:1|c" % i for i in range(between)] + ["g:9|g"]
    datagram = "\n".join(lines).encode()
    server.sender().send(datagram)
    shown = json.loads(run("explain", "--json", stdin=datagram).stdout)["exposition"].split("\n")
    assert server.scrape().value("g") == 9
    assert "g 9" in shown
