"""`make run`, without make: the two lines it prints work, and Ctrl-C ends everything."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import threading

import pytest

import harness
from harness import TOP, wait_for


class Run:
    def __init__(self, *words):
        env = {**harness.clean_env(), "STATSD_BIN": harness.STATSD}
        self.process = subprocess.Popen([os.path.join(TOP, "tests", "support", "run.sh"), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=env, start_new_session=True, text=True,
                                        # A shell cannot trap what was ignored when it began, and a background job ignores SIGINT.
                                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(iter(self.process.stdout.readline, "")), daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        children = self.children()
        try:
            harness.stop(self.process, signal.SIGINT)
        finally:
            for pid in children:     # none is left unless the script failed
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.reader.join(10)

    def children(self):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/stat" % pid) as f:
                    parent = int(f.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if parent == self.process.pid:
                found.append(int(pid))
        return found


FREE = ["--set", "listen.socket=udp://127.0.0.1:0", "--set", "http.listen=127.0.0.1:0"]


@pytest.mark.skipif(not os.path.exists(os.path.join(TOP, "statsd.conf.example")), reason="no example config")
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_the_two_lines_that_are_printed_work_and_ctrl_c_ends_all(sig):
    with Run(*FREE) as run:
        tries = wait_for(lambda: [l.strip() for l in run.lines if l.startswith("    ")][:2] or None, "the two lines", 30 * harness.SLOW)
        assert len(tries) == 2
        subprocess.run(["sh", "-c", tries[0]], check=True)
        got = subprocess.run(["sh", "-c", tries[1]], capture_output=True, text=True)
        assert got.stdout == "hello 1\n"
        wait_for(lambda: any("redis connected" in l for l in run.lines), "Redis")
        children = run.children()
        assert len(children) == 3          # Redis, the server, the log
        os.killpg(run.process.pid, sig)    # what a terminal does
        assert run.process.wait(30) == 0
        run.reader.join(10)
        assert not any(os.path.exists("/proc/%d" % c) for c in children)
        assert any("msg=stopped" in l for l in run.lines)


def test_a_port_in_use_is_told_and_nothing_stays_behind():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.bind(("127.0.0.1", 0))
        port = u.getsockname()[1]
        with Run("--set", "listen.socket=udp://127.0.0.1:%d" % port, "--set", "http.listen=127.0.0.1:0") as run:
            assert run.process.wait(30 * harness.SLOW) == 1
            run.reader.join(10)
            assert re.search(r"%d.*(in use|another)" % port, "".join(run.lines), re.I)
            assert run.children() == []
