"""protocol.cpu: the server by each variant of its parser."""
import platform

import pytest

from harness import Server, wait_for

VARIANTS = ["avx512", "avx2", "sse2", "portable", "neon"]
LINES = [f"hits:{i}|c|#k:v{i % 7}\nhits:1:2:3|c|@0.5|#long:{'x' * 100},u:\u00e9\r\n" for i in range(100)]


@pytest.mark.parametrize("cpu", ["auto", *VARIANTS])
def test_sums_are_exact_and_the_log_says_which_one_it_is(cpu):
    with Server(f"protocol.cpu={cpu}", wait=False, clean_exit=False) as s:
        wait_for(lambda: s.logged("ready") and s.address("udp") and s.http_addr() or s.logged("cannot start"), "ready, or an error")
        for error in s.logged("cannot start"):
            assert cpu != "auto" and "protocol.cpu" in error["error"]
            pytest.skip(f"this CPU has no {cpu}")
        name = s.logged("ready")[0]["cpu"]
        assert name == cpu or cpu == "auto" and name in VARIANTS
        for lines in LINES:
            s.send(lines)
        s.wait_value("hits", 1200, long="x" * 100, u="\u00e9")
        for k in range(7):
            s.wait_value("hits", sum(i for i in range(100) if i % 7 == k), k=f"v{k}")


def test_a_variant_of_another_kind_of_cpu_ends_the_start():
    other = "neon" if platform.machine() == "x86_64" else "avx2"
    with Server(f"protocol.cpu={other}", wait=False, clean_exit=False) as s:
        assert s.process.wait(10) == 1
        wait_for(lambda: s.logged("cannot start"), "an error")
        assert not s.logged("ready")
