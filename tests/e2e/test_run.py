"""`make run`: the three lines it prints work, and INT or TERM ends everything, however it was started."""
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

SCRIPT = os.path.join(TOP, "tests", "support", "run.sh")
FREE = ["--set", "listen.socket=udp://127.0.0.1:0", "--set", "http.listen=127.0.0.1:0", "--set", "server.interval=500ms"]
REDIS_LINK = os.path.join(TOP, "build", "run", "redis.sock")


def ignore_int():
    """What a shell without job control does to a job in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def hear_int():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def children_of(parent):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                if int(f.read().rsplit(")", 1)[1].split()[1]) == parent:
                    found.append(int(pid))
        except OSError:
            continue
    return found


class Run:
    """The script, or (make=True) a make whose recipe it is, as in the Makefile."""

    def __init__(self, *words, start=hear_int, make=False):
        env = {**harness.clean_env(), "STATSD_BIN": harness.STATSD}
        command = [SCRIPT, *words]
        if make:
            command = ["make", "--no-print-directory", "-f", "-", "run"]
            text = "run:\n\t@exec env STATSD_BIN=%s %s %s\n" % (harness.STATSD, SCRIPT, " ".join(words))
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                                        start_new_session=True, text=True, preexec_fn=start)
        if make:
            self.process.stdin.write(text)
        self.process.stdin.close()
        self.make, self.lines = make, []
        self.reader = threading.Thread(target=lambda: self.lines.extend(iter(self.process.stdout.readline, "")), daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        everyone = self.everyone()
        try:
            harness.stop(self.process, signal.SIGTERM)
        finally:
            for pid in everyone:     # none is left unless the script failed
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.reader.join(10)

    def script(self):
        return (children_of(self.process.pid) if self.make else [self.process.pid])[0]

    def children(self):
        return children_of(self.script())

    def everyone(self):
        first = children_of(self.process.pid)
        return first + [pid for one in first for pid in children_of(one)]

    def tries(self):
        """The lines to try, when all is up."""
        wait_for(lambda: any("redis connected" in l for l in self.lines), "Redis", 30 * harness.SLOW)
        return wait_for(lambda: [l.strip() for l in self.lines if l.startswith("    ")][:3] or None, "the lines to try", 30 * harness.SLOW)

    def ended_in_order(self, everyone, status):
        assert self.process.wait(30 * harness.SLOW) == status
        self.reader.join(10)
        assert not any(os.path.exists("/proc/%d" % pid) for pid in everyone)
        assert any("msg=stopped" in l for l in self.lines)


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_the_three_lines_that_are_printed_work_and_ctrl_c_ends_all(sig):
    with Run(*FREE) as run:
        tries = run.tries()
        assert len(tries) == 3
        subprocess.run(["sh", "-c", tries[0]], check=True)
        got = subprocess.run(["sh", "-c", tries[1]], capture_output=True, text=True)
        assert got.stdout == "hello 1\n"
        in_redis = wait_for(lambda: subprocess.run(["sh", "-c", tries[2]], capture_output=True, text=True).stdout.strip(), "the value in Redis")
        assert re.fullmatch(r"1 \d+", in_redis)
        assert os.path.realpath(REDIS_LINK) in tries[2]     # what the README's commands read
        children = run.children()
        assert len(children) == 3          # Redis, the server, the log
        os.killpg(run.process.pid, sig)    # what a terminal does
        run.ended_in_order(children, 0)
        assert not os.path.lexists(REDIS_LINK)


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_a_script_ends_what_it_started_in_the_background(sig):
    with Run(*FREE, start=ignore_int) as run:
        run.tries()
        children = run.children()
        run.process.send_signal(sig)
        run.ended_in_order(children, 0)


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_a_make_that_gets_the_signal_alone_ends_all(sig):
    with Run(*FREE, make=True) as run:
        run.tries()
        everyone = run.everyone()
        run.process.send_signal(sig)
        run.ended_in_order(everyone, -sig)


def test_ctrl_c_of_a_script_ends_the_make_it_started_in_the_background():
    with Run(*FREE, start=ignore_int, make=True) as run:
        run.tries()
        everyone = run.everyone()
        told = [l for l in run.lines if "kill -INT %d" % run.script() in l]
        assert len(told) == 1              # make itself is deaf to INT, so whom to send it is told
        os.killpg(run.process.pid, signal.SIGINT)
        run.ended_in_order(everyone, 0)


def test_a_port_in_use_is_told_and_nothing_stays_behind():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.bind(("127.0.0.1", 0))
        port = u.getsockname()[1]
        with Run("--set", "listen.socket=udp://127.0.0.1:%d" % port, "--set", "http.listen=127.0.0.1:0") as run:
            assert run.process.wait(30 * harness.SLOW) == 1
            run.reader.join(10)
            assert re.search(r"%d.*(in use|another)" % port, "".join(run.lines), re.I)
            assert children_of(run.process.pid) == []
