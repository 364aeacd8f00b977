"""A real server with a million counters: its stop, its start from the file, and another one that takes over from it."""

import contextlib
import os
import pathlib
import re
import signal
import statistics
import tempfile
import threading
import time
import urllib.error
import urllib.request

import harness as h

GOAL_S = 2    # to write, and to read


class Life:
    """One process after another on the same ports, folder and control socket; each with its log."""

    def __init__(self, build, folder, series):
        first = h.Server(build)
        self.port, self.http, self.folder, self.n = first.port, first.http, folder, 0
        settings = [f"server.state_dir={folder}", "server.state_interval=0", f"server.control_socket={folder}/control", f"limits.max_series={2 * series}"]
        self.command = first.command + [a for o in settings for a in ("--set", o)]

    def start(self, *more):
        """It has both cores: two processes share the machine in a takeover."""
        self.n += 1
        self.log = pathlib.Path(self.folder, f"log.{self.n}")
        stack = contextlib.ExitStack()
        stack.child = stack.enter_context(h.process([*self.command, *more], f"{h.SENDER_CORE},{h.RECEIVER_CORE}", log=self.log))
        return stack

    def get(self, path):
        """(status, seconds)"""
        begun = time.monotonic()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=60) as answer:
                status = answer.status
                answer.read()
        except urllib.error.HTTPError as e:
            status = e.code
        except OSError:
            status = None
        return status, time.monotonic() - begun

    def until_ready(self, path="/-/ready"):
        until = time.monotonic() + 60
        while self.get(path)[0] != 200:
            if time.monotonic() > until:
                raise RuntimeError(f"the server does not answer {path}:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.002)

    def logged(self, message, key, log=None):
        line = next(l for l in (log or self.log).read_text().splitlines() if f'msg="{message}"' in l)
        return int(re.search(rf" {key}=(\d+)", line).group(1))


def wait_end(child):
    status = child.wait(60)
    if status != 0:
        raise RuntimeError(f"the server ended with status {status}")


def stop(life, process):
    """returns  seconds from TERM to its end, of these the writing, bytes"""
    begun = time.monotonic()
    process.child.send_signal(signal.SIGTERM)
    wait_end(process.child)
    took = time.monotonic() - begun
    process.close()
    return took, life.logged("state saved", "took_ms") / 1000, life.logged("state saved", "bytes")


def start(life):
    """returns  the process, seconds until it is ready, of these the reading"""
    begun = time.monotonic()
    process = life.start()
    life.until_ready()
    took = time.monotonic() - begun
    return process, took, life.logged("saved state loaded", "took_ms") / 1000


class Asks(threading.Thread):
    """Small requests one after the other, each over a new connection: the longest answer is what a client sees of a pause."""

    def __init__(self, life):
        super().__init__(daemon=True)
        self.life, self.longest, self.failed, self.over = life, 0, 0, False

    def run(self):
        while not self.over:
            status, took = self.life.get("/-/healthy")
            self.longest, self.failed = max(self.longest, took), self.failed + (status != 200)
            time.sleep(0.005)


def take_over(life, old):
    """returns  the new process, seconds from its start to the end of the old one, of these the pause, the longest answer of HTTP, requests
    that failed"""
    log, asks = life.log, Asks(life)
    asks.start()
    begun = time.monotonic()
    new = life.start("--takeover")
    wait_end(old.child)
    took = time.monotonic() - begun
    old.close()
    life.until_ready()
    asks.over = True
    asks.join()
    return new, took, life.logged("another server has taken over", "after_ms", log) / 1000, asks.longest, asks.failed


def figures(values):
    return f"{h.number(statistics.median(values))} ({h.number(min(values))} to {h.number(max(values))})"


def restarts(build, quick):
    series, rounds = (100_000, 2) if quick else (1_000_000, 5)
    h.say(f"restarts of {series:,} counters")
    found = {name: [] for name in ("end", "write", "ready", "read", "takeover", "pause", "answer")}
    failed = 0
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        life = Life(build, folder, series)
        now = stack.enter_context(life.start())
        life.until_ready()
        h.load(build, life.port, "--types", "c", "--series", series, "--pool-lines", series, "--rate", "400k", "--duration",
               f"{series // 400_000 + 3}s", metrics=f"http://127.0.0.1:{life.http}/metrics")
        for _ in range(rounds):
            end, write, size = stop(life, now)
            now, ready, read = start(life)
            stack.enter_context(now)
            now, takeover, pause, answer, wrong = take_over(life, now)
            stack.enter_context(now)
            failed += wrong
            for name, value in zip(found, (end, write, ready, read, takeover, pause, answer)):
                found[name].append(value)
        lines = life.logged("saved state loaded", "lines", pathlib.Path(folder, f"log.{life.n - 1}"))
    return text_of(lines, size, rounds, found, failed)


def text_of(lines, size, rounds, found, failed):
    def row(what, name, goal=None):
        median = statistics.median(found[name])
        return [what, figures(found[name]), "" if goal is None else f"at most {goal}: {'met' if median <= goal else 'MISSED'}"]
    rows = [row("stop: TERM to the end of the process", "end"), row(".. of these, writing", "write", GOAL_S),
            row("start: until `/-/ready` answers", "ready"), row(".. of these, reading and loading", "read", GOAL_S),
            row("takeover: start of the new process to the end of the old one", "takeover"), row(".. of these, nobody reads", "pause"),
            row(".. longest answer of HTTP", "answer")]
    text = (f"## Restarts\n\n{lines:,} lines, a state of {size / 1e6:.0f} MB ({size / lines:.0f} bytes each), both cores. Seconds, medians of {rounds} "
            f"(least to most). Of the requests during takeovers {failed} failed.\n\n")
    return text + h.table(["what", "seconds", "goal"], rows)
